/*
 * One stream of events: everything worth seeing, in the order it happens.
 *
 * The core and the hosts tell one optional hook (quire_host.event). Counters, explanations,
 * pictures and a kernel's fault line all listen to this stream; none reaches into the core for its
 * own story. An event is only valid during the call.
 */
#ifndef QUIRE_EVENT_H
#define QUIRE_EVENT_H

#include "quire/types.h"

enum quire_event_kind {
    QUIRE_EVENT_TLB_HIT,    /* va, pfn                            (told by the machine) */
    QUIRE_EVENT_TLB_MISS,   /* va                                 (told by the machine) */
    QUIRE_EVENT_WALK_STEP,  /* va, level, pa = entry's place, value = entry  (machine) */
    QUIRE_EVENT_TLB_FLUSH,  /* va, value = bytes: one for each range of a batch */
    QUIRE_EVENT_FAULT,      /* va, value = access (enum quire_attribute) */
    QUIRE_EVENT_ZERO_FILL,  /* va, pfn: first touch, or a page known to be all zeros */
    QUIRE_EVENT_FILE_READ,  /* va, pfn, value = offset in the object */
    QUIRE_EVENT_SWAP_IN,    /* va, pfn, slot */
    QUIRE_EVENT_MAP,        /* va, pfn, value = attributes */
    QUIRE_EVENT_COPY,       /* va, pfn = the copy, value = frame copied from (copy-on-write) */
    QUIRE_EVENT_FILE_WRITE, /* va, pfn, value = offset: a shared page went back to its object */
    QUIRE_EVENT_UPGRADE,    /* va, pfn: write access given to a page that was mapped read-only */
    QUIRE_EVENT_VICTIM,     /* va, pfn: chosen by the replacement policy */
    QUIRE_EVENT_SWAP_OUT,   /* va, pfn, slot */
    QUIRE_EVENT_DROP,       /* va, pfn, value = enum quire_drop: evicted without I/O */
    QUIRE_EVENT_KILL,       /* va, value = enum quire_refusal: the access is refused */
    QUIRE_EVENT_TABLE_TAKEN,
    QUIRE_EVENT_TABLE_FREED, /* pa, value = bytes */
    QUIRE_EVENTS
};

/* Why a page could be evicted without writing it. */
enum quire_drop {
    QUIRE_DROP_ZERO,    /* it is all zeros (or was never written) */
    QUIRE_DROP_IN_FILE, /* it is as it was read from its object */
    QUIRE_DROP_IN_SWAP  /* its slot still holds the same contents */
};

struct quire_event {
    enum quire_event_kind kind;
    uint16_t asid;
    uint8_t level;
    quire_va va;
    quire_pa pa;
    quire_pfn pfn;
    quire_slot slot;
    uint64_t value;
};

/* A word for each kind, "swap-out"; never NULL. */
const char *quire_event_text(enum quire_event_kind kind);

#endif
