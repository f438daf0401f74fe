/*
 * cost: how long the kernel takes for what it does most, by the processor's time stamp counter.
 * Under QEMU's -icount shift=0 that counts instructions, the same in every run; with swap=ram:N
 * nothing waits for a disk. Of several times, the one in the middle.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/pattern.h"
#include "system.h"

enum { PAGES = 101, FORK_PAGES = 1000, FORKS = 9, YIELDS = 200, CALLS_TIMED = 101 };
enum { READ_WRITE = QUIRE_READ | QUIRE_WRITE };

static uint64_t now(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void tell(const char *name, uint32_t *times, unsigned count)
{
    qsort(times, count, sizeof(*times), compare);
    printf("cost %s %u\n", name, times[count / 2]);
}

static volatile uint32_t *map(size_t pages)
{
    intptr_t at = system_mmap(pages * PAGE, READ_WRITE);

    if (system_failed(at)) {
        printf("cost: no memory: %d\n", (int)at);
        exit(1);
    }
    return (void *)at;
}

static void unmap(volatile uint32_t *at, size_t pages)
{
    system_munmap((void *)(uintptr_t)at, pages * PAGE);
}

static uint32_t time_touch(volatile uint32_t *word)
{
    uint64_t before = now();

    *word = 1;
    return (uint32_t)(now() - before);
}

static void touch(volatile uint32_t *page, size_t pages)
{
    for (size_t i = 0; i < pages; i++) {
        page[i * PAGE_WORDS] = (uint32_t)i + 1;
    }
}

static void time_calls(void)
{
    uint32_t times[CALLS_TIMED];

    for (unsigned i = 0; i < CALLS_TIMED; i++) {
        uint64_t before = now();

        system_call(CALLS, 0, 0, 0);
        times[i] = (uint32_t)(now() - before);
    }
    tell("system-call", times, CALLS_TIMED);
}

static void time_demand_zero(void)
{
    volatile uint32_t *page = map(PAGES + 1);
    uint32_t times[PAGES];

    *page = 1; /* there is a page table then */
    for (unsigned i = 0; i < PAGES; i++) {
        times[i] = time_touch(&page[(i + 1) * PAGE_WORDS]);
    }
    tell("demand-zero-fault", times, PAGES);
    unmap(page, PAGES + 1);
}

/* In the child, while the parent waits for it. */
static void time_copies(void)
{
    volatile uint32_t *page = map(PAGES);
    uint32_t times[PAGES];

    touch(page, PAGES);
    if (system_fork() == 0) {
        for (unsigned i = 0; i < PAGES; i++) {
            times[i] = time_touch(&page[i * PAGE_WORDS]);
        }
        tell("copy-on-write-fault", times, PAGES);
        system_exit(0);
    }
    system_wait(NULL);
    unmap(page, PAGES);
}

/* Fills memory until the first pages are swapped out, makes room, and has them come back. */
static void time_swap_in(void)
{
    struct memory_statistics before, after;
    uint32_t times[PAGES], extra, count = 0;
    volatile uint32_t *first, *rest;

    system_memory(&before);
    if (before.slots < 4 * PAGES) {
        printf("cost: too little swap to time it\n");
        return;
    }
    extra = before.frames_free - before.low_free;
    first = map(3 * PAGES);
    rest = map(extra);
    touch(first, 3 * PAGES);
    touch(rest, extra);
    unmap(rest, extra);
    for (unsigned i = 0; i < 3 * PAGES && count < PAGES; i++) {
        system_memory(&before);
        times[count] = time_touch(&first[i * PAGE_WORDS]);
        system_memory(&after);
        count += after.swapped_in == before.swapped_in + 1;
    }
    if (count == PAGES) {
        tell("swap-in-fault", times, PAGES);
    } else {
        printf("cost: only %u pages were swapped in\n", count);
    }
    unmap(first, 3 * PAGES);
}

static void time_forks(void)
{
    volatile uint32_t *page = map(FORK_PAGES);
    uint32_t times[FORKS];

    touch(page, FORK_PAGES);
    for (unsigned i = 0; i < FORKS; i++) {
        uint64_t before = now();

        if (system_fork() == 0) {
            system_exit(0);
        }
        times[i] = (uint32_t)(now() - before);
        system_wait(NULL);
    }
    tell("fork-of-1000-pages", times, FORKS);
    unmap(page, FORK_PAGES);
}

/* Two processes that do nothing but let the other go on. */
static void time_switches(void)
{
    uint32_t times[YIELDS];

    if (system_fork() == 0) {
        for (unsigned i = 0; i < YIELDS + 8; i++) {
            system_yield();
        }
        system_exit(0);
    }
    system_yield();
    for (unsigned i = 0; i < YIELDS; i++) {
        uint64_t before = now();

        system_yield();
        times[i] = (uint32_t)(now() - before) / 2;
    }
    system_wait(NULL);
    tell("context-switch", times, YIELDS);
}

int main(void)
{
    time_calls();
    time_demand_zero();
    time_copies();
    time_swap_in();
    time_forks();
    time_switches();
    return 0;
}
