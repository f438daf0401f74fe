/*
 * ends [rounds]: processes that end, or become other programs, while pages of theirs are on their
 * way to the disk.
 *
 * Two children use more memory than there is all the time, and so take pages from the others, which
 * live for a moment only.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/pattern.h"
#include "system.h"

enum { HOGS = 2, SHORT = 8, SHORT_PAGES = 12 };

static uint32_t *take(uint32_t pages)
{
    intptr_t at = system_mmap((size_t)pages * PAGE, QUIRE_READ | QUIRE_WRITE);

    if (system_failed(at)) {
        printf("ends: no %u pages\n", pages);
        system_exit(1);
    }
    return (uint32_t *)at;
}

static void fill(uint32_t *memory, uint32_t pages, uint32_t key)
{
    for (uint32_t page = 0; page < pages; page++) {
        pattern_fill(memory + (size_t)page * PAGE_WORDS, key + page);
    }
}

static void check(const uint32_t *memory, uint32_t pages, uint32_t key)
{
    for (uint32_t page = 0; page < pages; page++) {
        if (pattern_wrong(memory + (size_t)page * PAGE_WORDS, key + page) != PAGE_WORDS) {
            printf("ends: page %u of %u is wrong\n", page, pages);
            system_exit(1);
        }
    }
}

static _Noreturn void be_hog(uint32_t pages, uint32_t rounds)
{
    uint32_t *memory = take(pages);

    for (uint32_t round = 0; round < rounds; round++) {
        fill(memory, pages, round);
        check(memory, pages, round);
    }
    system_exit(0);
}

static _Noreturn void be_short(uint32_t number)
{
    uint32_t *memory = take(SHORT_PAGES);

    fill(memory, SHORT_PAGES, number);
    for (uint32_t turn = 0; turn < number * 7 % 64; turn++) {
        system_yield();
    }
    if (number % 2 == 0) {
        system_exec("ends leaf");
        system_exit(2);
    }
    system_exit(0);
}

static int reap(uint32_t children)
{
    int failures = 0;

    while (children-- != 0) {
        int32_t status = -1;

        if (system_failed(system_wait(&status)) || status != 0) {
            printf("ends: status %d\n", (int)status);
            failures++;
        }
    }
    return failures;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 20;
    struct memory_statistics m;
    int failures = 0;

    if (rounds == 0) {
        return 0;
    }
    system_memory(&m);
    for (uint32_t n = 0; n < HOGS; n++) {
        if (system_fork() == 0) {
            be_hog(m.frames - 2048, rounds / 5);
        }
    }
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t made = 0;

        for (uint32_t n = 0; n < SHORT; n++) {
            intptr_t number = system_fork();

            if (number == 0) {
                be_short(round * SHORT + n);
            }
            made += !system_failed(number);
        }
        failures += reap(made);
    }
    failures += reap(HOGS);
    printf("ends: %d failures\n", failures);
    return failures != 0;
}
