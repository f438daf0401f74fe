/* Which pages a trace touches, as ranges of addresses. */
#ifndef QUIRE_TOOLS_TRACE_RANGES_H
#define QUIRE_TOOLS_TRACE_RANGES_H

#include "table_size.h"

/*
 * Reads the trace to its end (progress is shown) and answers the pages of 1 << page_shift bytes
 * that it touches: *ranges of them, at least one, each as long as can be, in order, for free().
 * False: *problem says why not.
 */
bool trace_ranges(const char *path, unsigned page_shift, struct address_range **range,
                  size_t *ranges, struct problem *problem);

#endif
