/* TLB batches: gather what changed, flush once, then free. */
#include "quire/tlb.h"

#include "host_inline.h"

enum { QUIRE_BATCH_OPEN = 0x6f70656e };

static void check_closed(const struct quire_batch *batch)
{
#ifdef QUIRE_DEBUG
    if (batch->open == QUIRE_BATCH_OPEN && (batch->ranges != 0 || batch->frames != 0)) {
        __builtin_trap(); /* a batch with work in it was begun again: its flush would be lost */
    }
#else
    (void)batch;
#endif
}

void quire_batch_begin(struct quire_batch *batch, const struct quire_host *host)
{
    check_closed(batch);
    batch->host = host;
    batch->ranges = 0;
    batch->frames = 0;
    batch->tables = false;
    batch->open = 0;
}

/* Does `next` go on where `last` ends, so that one range can say both? */
static bool continues(const struct quire_flush_range *last, const struct quire_flush_range *next)
{
    return last->va.at + last->bytes == next->va.at && last->asid == next->asid &&
           last->page_shift == next->page_shift && last->global == next->global;
}

void quire_batch_add(struct quire_batch *batch, const struct quire_flush_range *range)
{
    if (batch->ranges != 0 && continues(&batch->range[batch->ranges - 1], range)) {
        batch->range[batch->ranges - 1].bytes += range->bytes;
        return;
    }
    if (batch->ranges == QUIRE_BATCH_RANGES) {
        quire_batch_commit(batch);
    }
    batch->range[batch->ranges++] = *range;
    batch->open = QUIRE_BATCH_OPEN;
}

static void add_frame(struct quire_batch *batch, quire_pa pa, unsigned order, bool is_table)
{
    if (batch->frames == QUIRE_BATCH_FRAMES) {
        quire_batch_commit(batch);
    }
    batch->frame[batch->frames].pa = pa;
    batch->frame[batch->frames].order = (uint8_t)order;
    batch->frame[batch->frames].is_table = is_table;
    batch->frames++;
    batch->open = QUIRE_BATCH_OPEN;
}

void quire_batch_free_table(struct quire_batch *batch, const struct quire_host *host,
                            unsigned order, quire_pa pa)
{
    batch->tables = true;
    if (host == batch->host) {
        add_frame(batch, pa, order, true);
    } else {
        quire_batch_commit(batch);
        host_free_table(host, order, pa);
    }
}

void quire_batch_free_frame(struct quire_batch *batch, quire_pa pa)
{
    add_frame(batch, pa, 0, false);
}

void quire_batch_commit(struct quire_batch *batch)
{
    const struct quire_host *host = batch->host;

    if (batch->ranges != 0 || batch->tables) {
        struct quire_flush flush = {batch->range, batch->ranges, batch->tables, false, false};
        host->tlb_flush(host->context, &flush);
        for (unsigned i = 0; i < batch->ranges && host->event != NULL; i++) {
            host_event(host, &(struct quire_event){.kind = QUIRE_EVENT_TLB_FLUSH,
                                                   .asid = batch->range[i].asid,
                                                   .va = batch->range[i].va,
                                                   .value = batch->range[i].bytes});
        }
    }
    for (unsigned i = 0; i < batch->frames; i++) {
        if (batch->frame[i].is_table) {
            host_free_table(host, batch->frame[i].order, batch->frame[i].pa);
        } else {
            quire_frames_unref(host->frames,
                               quire_pa_pfn(batch->frame[i].pa, host->frames->page_shift));
        }
    }
    batch->ranges = 0;
    batch->frames = 0;
    batch->tables = false;
    batch->open = 0;
}
