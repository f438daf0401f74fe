/*
 * hostile: bad deeds, each done by a child of its own. A deed comes back, if the kernel lets it,
 * and says whether it was refused as it should be.
 */
#ifndef SUPPORT_HOSTILE_H
#define SUPPORT_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
    KILLED,    /* by the kernel; it must not come back */
    REFUSED,   /* it comes back, and says that it was refused */
    HARMLESS,  /* it comes back, and found nothing wrong */
    FORBIDDEN, /* killed, if the machine can forbid it; this one may not be able to */
    OUTCOMES
};

struct deed {
    const char *name;
    enum outcome outcome;
    bool (*act)(uintptr_t argument); /* false: it was not refused, or did harm */
    uintptr_t argument;
};

/* Instructions, from support/hostile_machine.c; and system calls, from support/hostile_calls.c. */
extern const struct deed machine_deeds[];
extern const struct deed call_deeds[];
extern const size_t machine_deeds_count, call_deeds_count;

/* Pages that may be read, written and (where the machine forbids it else) executed. */
void *hostile_pages(size_t pages);

#endif
