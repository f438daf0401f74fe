/*
 * sort [MiB]: sorts more numbers than memory holds (without an argument twice as many), in place.
 *
 * Quicksort: it goes over its data from both ends, page after page, which is kind to swap; and what
 * is small enough to be in memory is sorted there before the next piece is looked at.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/pattern.h"
#include "system.h"

enum { SHORT = 16 };

/* The same for the same numbers in any order. */
struct checksum {
    uint32_t sum, mixed;
};

static struct checksum checksum_of(const uint32_t *number, size_t count)
{
    struct checksum checksum = {0};

    for (size_t i = 0; i < count; i++) {
        checksum.sum += number[i];
        checksum.mixed += pattern_mix(number[i]);
    }
    return checksum;
}

static void insert_all(uint32_t *number, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t n = number[i];
        size_t at = i;

        for (; at != 0 && number[at - 1] > n; at--) {
            number[at] = number[at - 1];
        }
        number[at] = n;
    }
}

static uint32_t median(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t low = a < b ? a : b, high = a < b ? b : a;

    return c < low ? low : c > high ? high : c;
}

/* Numbers below [answer] are at most those from it on; both parts have some. */
static size_t part(uint32_t *number, size_t count)
{
    uint32_t pivot = median(number[0], number[count / 2], number[count - 1]);
    size_t low = 0, high = count - 1;

    for (;; low++, high--) {
        while (number[low] < pivot) {
            low++;
        }
        while (number[high] > pivot) {
            high--;
        }
        if (low >= high) {
            return low > high ? low : high != 0 ? high : 1;
        }
        uint32_t n = number[low];
        number[low] = number[high];
        number[high] = n;
    }
}

/* The shorter part by recursion, which is thus never deep. */
static void sort(uint32_t *number, size_t count)
{
    while (count > SHORT) {
        size_t low = part(number, count);

        if (low < count - low) {
            sort(number, low);
            number += low;
            count -= low;
        } else {
            sort(number + low, count - low);
            count = low;
        }
    }
    insert_all(number, count);
}

static bool in_order(const uint32_t *number, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (number[i - 1] > number[i]) {
            printf("sort: wrong: %u before %u at %zu\n", number[i - 1], number[i], i);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct memory_statistics memory;
    struct checksum before, after;
    uint32_t mib, *number;
    size_t count;
    intptr_t at;

    system_memory(&memory);
    mib = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : memory.frames * 2 / (MIB / PAGE);
    count = (size_t)mib * (MIB / sizeof(*number));
    at = system_mmap((size_t)mib * MIB, QUIRE_READ | QUIRE_WRITE);
    if (system_failed(at)) {
        printf("sort: %u MiB: %d\n", mib, (int)at);
        return 1;
    }
    number = (void *)at;
    for (size_t i = 0; i < count; i++) {
        number[i] = pattern_mix((uint32_t)i + 1);
    }
    before = checksum_of(number, count);
    sort(number, count);
    after = checksum_of(number, count);
    if (after.sum != before.sum || after.mixed != before.mixed) {
        printf("sort: wrong: these are other numbers\n");
        return 1;
    }
    if (!in_order(number, count)) {
        return 1;
    }
    printf("sort: %u MiB of numbers in %u frames: in order, none lost\n", mib, memory.frames);
    return 0;
}
