/*
 * hog [MiB]: uses more memory than there is (without an argument three times as much), and looks at
 * every byte of it.
 *
 * Each round goes over all pages in another order. In each page it finds what the round before has
 * left there, and leaves something else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/pattern.h"
#include "system.h"

/* Orders: permutations of the numbers below a power of two, of which `mask` is the last. */
static uint32_t forwards(uint32_t n, uint32_t mask)
{
    return n & mask;
}

static uint32_t strides(uint32_t n, uint32_t mask)
{
    return n * 97 & mask;
}

static uint32_t scattered(uint32_t n, uint32_t mask)
{
    uint32_t x = (n * UINT32_C(0x9e3779b1) + 12345) & mask;

    x ^= x >> 5;
    return x * UINT32_C(0x85ebca6b) & mask;
}

static uint32_t (*const orders[])(uint32_t n, uint32_t mask) = {forwards, strides, scattered};
enum { ROUNDS = sizeof(orders) / sizeof(orders[0]) };

struct hog {
    uint32_t *memory;
    uint32_t pages, mask;
};

static uint32_t key_of(uint32_t page, uint32_t round)
{
    return page * ROUNDS + round;
}

/* Before the first round there are zeros. */
static bool check_page(const struct hog *hog, uint32_t page, uint32_t round)
{
    const uint32_t *at = hog->memory + (size_t)page * PAGE_WORDS;
    uint32_t wrong = 0;

    if (round != 0) {
        wrong = pattern_wrong(at, key_of(page, round - 1));
    } else {
        while (wrong < PAGE_WORDS && at[wrong] == 0) {
            wrong++;
        }
    }
    if (wrong != PAGE_WORDS) {
        printf("hog: wrong in round %u at %p, word %u of page %u: 0x%08x\n", round,
               (const void *)(at + wrong), wrong, page, at[wrong]);
    }
    return wrong == PAGE_WORDS;
}

static bool play(const struct hog *hog, uint32_t round)
{
    for (uint32_t n = 0; n <= hog->mask; n++) {
        uint32_t page = orders[round % ROUNDS](n, hog->mask);

        if (page >= hog->pages) {
            continue;
        }
        if (!check_page(hog, page, round)) {
            return false;
        }
        if (round < ROUNDS) {
            pattern_fill(hog->memory + (size_t)page * PAGE_WORDS, key_of(page, round));
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct memory_statistics memory;
    struct hog hog;
    intptr_t at;

    system_memory(&memory);
    hog.pages = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) * (MIB / PAGE) : memory.frames * 3;
    for (hog.mask = 1; hog.mask < hog.pages - 1; hog.mask = hog.mask << 1 | 1) {
    }
    at = system_mmap((size_t)hog.pages * PAGE, QUIRE_READ | QUIRE_WRITE);
    if (system_failed(at)) {
        printf("hog: %u pages: %d\n", hog.pages, (int)at);
        return 1;
    }
    hog.memory = (void *)at;
    for (uint32_t round = 0; round <= ROUNDS; round++) { /* the last one only looks */
        if (!play(&hog, round)) {
            return 1;
        }
        system_stop("round");
    }
    printf("hog: %u MiB in %u frames: %u rounds, every byte right\n", hog.pages / (MIB / PAGE),
           memory.frames, (unsigned)ROUNDS);
    return 0;
}
