/* Events in words. */
#include "quire/event.h"

const char *quire_event_text(enum quire_event_kind kind)
{
    static const char *const text[QUIRE_EVENTS] = {
        [QUIRE_EVENT_TLB_HIT] = "tlb-hit",
        [QUIRE_EVENT_TLB_MISS] = "tlb-miss",
        [QUIRE_EVENT_WALK_STEP] = "walk-step",
        [QUIRE_EVENT_TLB_FLUSH] = "tlb-flush",
        [QUIRE_EVENT_FAULT] = "fault",
        [QUIRE_EVENT_ZERO_FILL] = "zero-fill",
        [QUIRE_EVENT_FILE_READ] = "file-read",
        [QUIRE_EVENT_SWAP_IN] = "swap-in",
        [QUIRE_EVENT_MAP] = "map",
        [QUIRE_EVENT_UPGRADE] = "upgrade",
        [QUIRE_EVENT_COPY] = "copy",
        [QUIRE_EVENT_FILE_WRITE] = "file-write",
        [QUIRE_EVENT_VICTIM] = "victim",
        [QUIRE_EVENT_SWAP_OUT] = "swap-out",
        [QUIRE_EVENT_DROP] = "drop",
        [QUIRE_EVENT_KILL] = "kill",
        [QUIRE_EVENT_TABLE_TAKEN] = "table-taken",
        [QUIRE_EVENT_TABLE_FREED] = "table-freed",
    };

    return (unsigned)kind < QUIRE_EVENTS ? text[kind] : "unknown event";
}
