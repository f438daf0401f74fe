/*
 * tlb [unmap|protect|fork|evict]: is a translation ever used that should have been forgotten?
 *
 * What is changed is touched before, so that the processor knows it, and after, at once, so that
 * nothing else makes the processor forget: as the timer may, but not at another time in another run
 * under QEMU's -icount. A kernel that leaves out a flush is caught here.
 *
 *   unmap    a page is given back, and its frame taken for another: what does its address show?
 *            and is the process killed that touches it, or the last of some?
 *   protect  a page, or the last of some, may not be written any more: is it?
 *   fork     a page is the child's, too: does the child see what its parent writes then?
 *   evict    pages are swapped out as their turn comes: what do they show? (with swap=ram:N, N as
 *            large as what is left: a disk has the processor do something else meanwhile, and
 *            forget)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pattern.h"
#include "system.h"

enum { TIMES = 8, STALE = 77, FEW = 16, KNOWN = 24, READ_WRITE = QUIRE_READ | QUIRE_WRITE };

static volatile uint32_t *map(size_t pages)
{
    intptr_t at = system_mmap(pages * PAGE, READ_WRITE);

    if (system_failed(at)) {
        printf("tlb: no memory: %d\n", (int)at);
        exit(2);
    }
    return (void *)at;
}

static void unmap(volatile uint32_t *at, size_t pages)
{
    if (system_munmap((void *)(uintptr_t)at, pages * PAGE) != 0) {
        printf("tlb: a page cannot be given back\n");
        exit(2);
    }
}

/* In a child, which is to be killed in it. False: it was not. */
static bool killed_in(void (*what)(size_t pages), size_t pages)
{
    intptr_t child = system_fork();
    int32_t status = 0;

    if (child == 0) {
        what(pages);
        system_exit(STALE);
    }
    return system_wait(&status) == child && status == STATUS_KILLED;
}

/* With one page, with a few, and with more than a kernel forgets one by one: what is touched is the
 * last one. */
static bool always_killed_in(void (*what)(size_t pages))
{
    return killed_in(what, 1) && killed_in(what, 3) && killed_in(what, 70);
}

/* All of them known to the processor; where the last one is. */
static volatile uint32_t *touch(volatile uint32_t *at, size_t pages)
{
    for (size_t page = 0; page < pages; page++) {
        at[page * PAGE_WORDS] = 1;
    }
    return at + (pages - 1) * PAGE_WORDS;
}

/* ---- what is unmapped ------------------------------------------------------------------------ */

static void use_after_unmap(size_t pages)
{
    volatile uint32_t *at = map(pages), *last = touch(at, pages);

    unmap(at, pages);
    *last = 2;
}

/* The frame of a page that was given back is the next that is taken. */
static bool test_unmap(void)
{
    for (unsigned i = 0; i < TIMES; i++) {
        volatile uint32_t *first = map(1), *again;

        *first = 1;
        unmap(first, 1);
        again = map(2);
        again[PAGE_WORDS] = 2;
        if (again == first && *first != 0) {
            return false;
        }
        unmap(again, 2);
    }
    return always_killed_in(use_after_unmap);
}

/* ---- what is protected ----------------------------------------------------------------------- */

static void write_after_protect(size_t pages)
{
    volatile uint32_t *at = map(pages), *last = touch(at, pages);

    system_mprotect((void *)(uintptr_t)at, pages * PAGE, QUIRE_READ);
    *last = 2;
}

static void read_after_protect(size_t pages)
{
    volatile uint32_t *at = map(pages), *last = touch(at, pages);

    system_mprotect((void *)(uintptr_t)at, pages * PAGE, 0);
    (void)*last;
}

static bool test_protect(void)
{
    return always_killed_in(write_after_protect) && always_killed_in(read_after_protect);
}

/* ---- what is shared -------------------------------------------------------------------------- */

static bool fork_once(volatile uint32_t *page, uint32_t n)
{
    int32_t status = 0;
    intptr_t child;

    *page = n;
    child = system_fork();
    if (child == 0) {
        system_exit(*page == n ? 0 : STALE);
    }
    *page = n + 1;
    return system_wait(&status) == child && status == 0;
}

static bool test_fork(void)
{
    volatile uint32_t *page = map(1);
    bool right = true;

    for (uint32_t i = 0; i < TIMES && right; i++) {
        right = fork_once(page, 2 * i);
    }
    unmap(page, 1);
    return right;
}

/* ---- what is evicted ------------------------------------------------------------------------- */

static bool is_right(const volatile uint32_t *page, uint32_t n)
{
    return page[n * PAGE_WORDS] == pattern_mix(n + 1);
}

/* A few more pages than there is room for, one after the other; and after each of them a few that
 * the processor always knows: until they are evicted, as all are at some time. */
static bool test_evict(void)
{
    struct memory_statistics memory;
    volatile uint32_t *page;
    bool right = true;
    uint32_t pages;

    system_memory(&memory);
    pages = memory.frames_free - memory.low_free + FEW;
    page = map(pages);
    for (uint32_t i = 0; i < pages; i++) {
        page[i * PAGE_WORDS] = pattern_mix(i + 1);
    }
    for (uint32_t n = 0; n < 4 * pages && right; n++) {
        right = is_right(page, n % pages);
        for (uint32_t known = 0; known < KNOWN && right; known++) {
            right = is_right(page, known * (pages / KNOWN));
        }
    }
    unmap(page, pages);
    return right;
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool (*test)(void);
} parts[] = {
    {"unmap", test_unmap}, {"protect", test_protect}, {"fork", test_fork}, {"evict", test_evict}};

int main(int argc, char **argv)
{
    unsigned tested = 0;

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (argc > 1 && strcmp(argv[1], parts[i].name) != 0) {
            continue;
        }
        if (!parts[i].test()) {
            printf("tlb: %s: a stale translation was used\n", parts[i].name);
            return 1;
        }
        printf("tlb: %s: right\n", parts[i].name);
        tested++;
    }
    return tested != 0 ? 0 : 2;
}
