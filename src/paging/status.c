/* Statuses in words. */
#include "quire/status.h"

const char *quire_status_text(enum quire_status status)
{
    static const char *const text[QUIRE_STATUSES] = {
        [QUIRE_OK] = "ok",
        [QUIRE_PENDING] = "waiting for I/O",
        [QUIRE_BUSY] = "page in transit",
        [QUIRE_FAULT] = "fault",
        [QUIRE_NO_MEMORY] = "no free frame",
        [QUIRE_NO_SPACE] = "no space left",
        [QUIRE_EXISTS] = "already mapped",
        [QUIRE_NOT_FOUND] = "not mapped",
        [QUIRE_INVALID] = "invalid argument",
        [QUIRE_OUT_OF_RANGE] = "out of range",
        [QUIRE_IO_ERROR] = "I/O error",
        [QUIRE_CORRUPT] = "inconsistent state",
    };

    return (unsigned)status < QUIRE_STATUSES ? text[status] : "unknown status";
}
