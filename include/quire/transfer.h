/*
 * A transfer: one page between a frame and a device (swap or a file), now or later.
 *
 * A device is one function. It either does the transfer before it returns (QUIRE_OK, or
 * QUIRE_IO_ERROR with memory and device as they were), or returns QUIRE_PENDING, keeps the
 * transfer, and calls quire_transfer_done() once, from any context, when the page has moved. The
 * transfer belongs to whoever asked and stays in place until then.
 */
#ifndef QUIRE_TRANSFER_H
#define QUIRE_TRANSFER_H

#include "quire/status.h"
#include "quire/types.h"

enum quire_direction { QUIRE_TRANSFER_IN /* device to memory */, QUIRE_TRANSFER_OUT };

struct quire_transfer {
    enum quire_direction direction;
    uint64_t offset; /* on the device, in bytes; a multiple of `bytes` */
    quire_pa pa;     /* of the frame */
    void *where;     /* the frame, visible; NULL if the host has no direct map of it */
    uint64_t bytes;  /* one page */

    enum quire_status status;                      /* valid once done */
    void (*done)(struct quire_transfer *transfer); /* the asker's */
    struct quire_transfer *next;                   /* the device's, for its queue, */
    void *device;                                  /* and for itself */
};

struct quire_device {
    /* Context: inside a fault or an eviction, the system locked; must not call the core. */
    enum quire_status (*transfer)(void *context, struct quire_transfer *transfer);
    void *context;
};

/* The device's word that a pending transfer is over: QUIRE_OK or QUIRE_IO_ERROR. Any context. */
static inline void quire_transfer_done(struct quire_transfer *transfer, enum quire_status status)
{
    transfer->status = status;
    transfer->done(transfer);
}

#endif
