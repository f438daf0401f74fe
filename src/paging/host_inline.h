/* The host's hooks, with the bundled frame allocator standing in where it is set. */
#ifndef QUIRE_PAGING_HOST_INLINE_H
#define QUIRE_PAGING_HOST_INLINE_H

#include "quire/event.h"
#include "quire/frames.h"
#include "quire/host.h"

static inline void host_event(const struct quire_host *host, const struct quire_event *event)
{
    if (host->event != NULL) {
        host->event(host->context, event);
    }
}

static inline enum quire_status host_alloc_table(const struct quire_host *host, unsigned order,
                                                 quire_pa *pa)
{
    enum quire_status status;
    quire_pfn pfn;

    if (host->alloc_table != NULL) {
        return host->alloc_table(host->context, order, pa);
    }
    status = quire_frames_alloc(host->frames, order, &pfn);
    if (status == QUIRE_OK) {
        *pa = quire_pfn_pa(pfn, host->frames->page_shift);
    }
    return status;
}

static inline void host_free_table(const struct quire_host *host, unsigned order, quire_pa pa)
{
    if (host->alloc_table != NULL) {
        host->free_table(host->context, order, pa);
        return;
    }
    quire_frames_free(host->frames, quire_pa_pfn(pa, host->frames->page_shift), order);
}

#endif
