/*
 * A kernel with one fault, to see whether tests find it: of the flushes that programs cause, the
 * n-th does not happen (skip-flush=N).
 */
#include "kernel.h"

static uint32_t left;

static void flush_but_one(void *context, const struct quire_flush *flush)
{
    if (current != &idle && left != 0 && --left == 0) {
        say("a flush is left out");
        return;
    }
    port_flush(context, flush);
}

bool flush_skip(uint32_t n)
{
    left = n;
    host.tlb_flush = flush_but_one;
    return true;
}
