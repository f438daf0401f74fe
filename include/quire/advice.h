/*
 * Advice: what a program says about its use of memory, and what the core says to its host.
 *
 * None of this changes what a program can see. Reading ahead works in two steps, as the core
 * neither waits nor has requests of its own: a fault that read a page from a device says in its
 * request which pages are likely to be wanted next (ahead, ahead_bytes); the host prefetches them
 * with a request of its own, now, later, or not at all.
 *
 *     status = quire_space_fault(space, va, access, &request);
 *     if (status == QUIRE_OK && request.ahead_bytes != 0) {
 *         done = 0;
 *         status = quire_space_prefetch(space, request.ahead, request.ahead_bytes, &done, &other);
 *     }
 *
 * The window follows what Linux does for files (mm/readahead.c): it opens when a fault follows the
 * one before it, doubles each time, and closes when one does not.
 */
#ifndef QUIRE_ADVICE_H
#define QUIRE_ADVICE_H

#include "quire/space.h"

enum { QUIRE_AHEAD_FIRST = 4, QUIRE_AHEAD_MOST = 32 }; /* pages */

/* Gives advice for a range that regions cover without holes (else QUIRE_NOT_FOUND); they are cut
 * where needed (QUIRE_NO_MEMORY: nothing changed). Statuses for bad ranges as for page tables;
 * QUIRE_INVALID, too: some of it is not paged. To say that a range is not needed any more:
 * quire_space_discard(). */
enum quire_status quire_space_advise(struct quire_space *space, quire_va va, uint64_t bytes,
                                     enum quire_advice advice);

/*
 * Brings in those pages of the range that would have to be read from a device, one after the other,
 * from byte *done on (0 at first). QUIRE_OK: all are in; QUIRE_PENDING: one is being read, or one
 * written out to make room: call quire_space_resume(request) when it is ready, then this again with
 * the same *done; anything else: the page at *done could not be had, which does no harm. Evicts
 * pages, as faults do. Pages in holes and in regions that allow no access are passed over.
 */
enum quire_status quire_space_prefetch(struct quire_space *space, quire_va va, uint64_t bytes,
                                       uint64_t *done, struct quire_request *request);

#endif
