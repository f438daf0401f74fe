/*
 * Several processors, each a thread, in shared and separate address spaces of one system that takes
 * POSIX mutexes as its locks. Under ThreadSanitizer this finds what is touched without them.
 *
 * A processor does an instruction (walk the page table, load or store) under a mutex of its own. A
 * TLB flush waits for each processor's mutex in turn: afterwards no instruction is under way that
 * began before it, which is what a flush with interrupts to all processors promises. Walks are not
 * cached, so there is nothing else to flush.
 *
 * Every thread has one byte of each page to itself, and knows what it stored there last. In the
 * space that all of them share, and in a file that all have mapped, they meet on the same pages.
 */
#ifndef THREADS_PROCESSORS_H
#define THREADS_PROCESSORS_H

#include <stdint.h>

enum { PROCESSORS = 4 };

/* A machine with so many processors, each of which will do so many random things; `limit`: how many
 * pages may be resident at once. There is one such machine at a time. */
void processors_open(unsigned cpus, unsigned steps, uint32_t limit);

/* Lets them run until all are done; how many loads and stores that were. */
uint64_t processors_run(void);

/* Pages that have been evicted. */
uint64_t processors_evictions(void);

/* Checks that everything is sound and nothing is lost. */
void processors_close(void);

#endif
