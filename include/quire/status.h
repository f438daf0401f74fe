/* What every fallible function of the core answers. */
#ifndef QUIRE_STATUS_H
#define QUIRE_STATUS_H

enum quire_status {
    QUIRE_OK = 0,
    QUIRE_PENDING,      /* I/O was started; the request that was passed in completes later */
    QUIRE_BUSY,         /* in transit for other requests: try again after that */
    QUIRE_FAULT,        /* the walk or the access stopped; the result says where and why */
    QUIRE_NO_MEMORY,    /* no frame (or table frame) could be had; nothing was changed */
    QUIRE_NO_SPACE,     /* no free swap slot, record or range of addresses */
    QUIRE_EXISTS,       /* something is mapped there already; nothing was changed */
    QUIRE_NOT_FOUND,    /* nothing is there */
    QUIRE_INVALID,      /* an argument breaks the function's stated contract */
    QUIRE_OUT_OF_RANGE, /* an address or number does not fit the format or the machine */
    QUIRE_IO_ERROR,     /* the device failed; no data was lost by the core */
    QUIRE_CORRUPT,      /* validate(): an invariant does not hold */
    QUIRE_STATUSES
};

/* A short English phrase such as "out of range"; never NULL. Any context. */
const char *quire_status_text(enum quire_status status);

#endif
