/* Sizes of page tables in closed form. */
#include "table_size.h"

#include <stdlib.h>

#include "quire/pte.h"

/* A list of ranges that grows; sorted, not overlapping. */
struct list {
    struct address_range *range;
    size_t count, room;
};

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? SIZE_UNKNOWN : sum;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? SIZE_UNKNOWN : product;
}

static uint64_t translated_bits(const struct quire_format *format)
{
    return quire_ones(format->va_bits);
}

bool ranges_fit(const struct quire_format *format, const struct address_range *range, size_t ranges,
                size_t *at)
{
    uint64_t bits = translated_bits(format);

    for (size_t i = 0; i < ranges; i++) {
        quire_va first = quire_va_at(range[i].first);
        quire_va last = quire_va_at(range[i].last);

        /* Across the hole the first is below the middle of the address space, the last above. */
        if (!quire_va_valid(format, first) || !quire_va_valid(format, last) ||
            (first.at & ~bits) != (last.at & ~bits)) {
            *at = i;
            return false;
        }
    }
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct address_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

size_t ranges_tidy(const struct quire_format *format, struct address_range *range, size_t ranges)
{
    uint64_t offset = quire_format_page_bytes(format) - 1;
    uint64_t bits = translated_bits(format);
    size_t kept = 0;

    for (size_t i = 0; i < ranges; i++) {
        range[i].first = range[i].first & bits & ~offset;
        range[i].last = (range[i].last & bits) | offset;
    }
    qsort(range, ranges, sizeof *range, by_first);
    for (size_t i = 1; i < ranges; i++) {
        if (range[kept].last == UINT64_MAX || range[i].first <= range[kept].last + 1) {
            if (range[i].last > range[kept].last) {
                range[kept].last = range[i].last;
            }
        } else {
            range[++kept] = range[i];
        }
    }
    return ranges == 0 ? 0 : kept + 1;
}

static bool list_add(struct list *list, uint64_t first, uint64_t last)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 16 : list->room * 2;
        struct address_range *range = realloc(list->range, room * sizeof *range);
        if (range == NULL) {
            return false;
        }
        list->range = range;
        list->room = room;
    }
    list->range[list->count++] = (struct address_range){first, last};
    return true;
}

uint64_t ranges_touch(const struct address_range *range, size_t ranges, unsigned shift)
{
    uint64_t entries = 0;
    bool any = false;
    uint64_t previous = 0;

    for (size_t i = 0; i < ranges; i++) {
        uint64_t first = range[i].first >> shift;
        uint64_t last = range[i].last >> shift;

        entries = plus(entries, last - first + !(any && first == previous));
        previous = last;
        any = true;
    }
    return entries;
}

/* What remains of the ranges when every wholly covered entry of 1 << shift bytes is a leaf. */
static bool without_leaves(const struct list *list, unsigned shift, struct list *rest)
{
    uint64_t offset = quire_ones(shift);

    rest->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        uint64_t first = list->range[i].first;
        uint64_t last = list->range[i].last;
        uint64_t from = (first >> shift) + ((first & offset) != 0); /* entries wholly covered */
        uint64_t to = (last >> shift) + ((last & offset) == offset);

        if (from >= to) {
            if (!list_add(rest, first, last)) {
                return false;
            }
            continue;
        }
        if ((first & offset) != 0 && !list_add(rest, first, (from << shift) - 1)) {
            return false;
        }
        if ((last & offset) != offset && !list_add(rest, to << shift, last)) {
            return false;
        }
    }
    return true;
}

/* Counts the tables of each level, from the root down. */
static bool count_tables(const struct quire_format *format, struct list *list, enum leaf_use leaves,
                         struct table_size *size)
{
    struct list rest = {NULL, 0, 0};
    bool fine = true;

    size->tables[0] = 1;
    for (unsigned level = 1; level < format->levels && fine; level++) {
        const struct quire_level *l = quire_level_of(format, level);

        if (l->leaf && leaves == LEAVES_LARGEST) {
            struct list whole = *list;
            fine = without_leaves(&whole, l->shift, &rest);
            *list = rest;
            rest = whole;
        }
        size->tables[level] = ranges_touch(list->range, list->count, l->shift);
    }
    free(rest.range);
    return fine;
}

static uint64_t power_of_two_from(uint64_t n)
{
    uint64_t power = 1;

    while (power < n && power != 0) {
        power <<= 1;
    }
    return power;
}

bool table_size(const struct quire_format *format, struct address_range *range, size_t ranges,
                enum leaf_use leaves, uint64_t ram, struct table_size *size)
{
    unsigned shift = quire_format_page_shift(format);
    struct list list = {NULL, 0, 0};
    size_t count = ranges_tidy(format, range, ranges);
    bool fine = true;

    *size = (struct table_size){.pages = 0};
    for (size_t i = 0; i < count && fine; i++) {
        fine = list_add(&list, range[i].first, range[i].last);
    }
    size->pages = ranges_touch(range, count, shift);
    fine = fine && count_tables(format, &list, leaves, size);
    free(list.range);

    for (unsigned level = 1; level <= format->levels; level++) {
        size->multilevel = plus(size->multilevel, times(size->tables[level - 1],
                                                        quire_format_table_bytes(format, level)));
    }
    size->linear = times(quire_ones(format->va_bits - shift) + 1, format->pte_bytes);
    size->frames = ram != 0 ? ram >> shift : size->pages;
    size->inverted = times(size->frames, INVERTED_ENTRY);
    size->buckets = power_of_two_from(size->pages);
    size->hashed = plus(times(size->pages, HASHED_NODE), times(size->buckets, HASHED_BUCKET));
    return fine;
}
