/*
 * Computed sizes against real page tables: the same ranges are mapped, and the tables counted. And
 * the size of supplements against counting one page after the other.
 */
#include "tools/quire/table_size.h"

#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "quire/table.h"
#include "tests/support/arena.h"
#include "tests/support/formats.h"
#include "tests/support/unit.h"
#include "tools/quire/supplement_size.h"

enum { RANGES_MAX = 8, FRAMES = 1500 };

/* Disjoint ranges, with a page between each two, in order of address. */
struct ranges {
    struct address_range range[2 * RANGES_MAX]; /* room to cut each in two */
    size_t count;
};

static uint64_t largest_leaf(const struct quire_format *format)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        if (format->level[level - 1].leaf) {
            return quire_format_span(format, level);
        }
    }
    return 0;
}

static bool can_map(const struct quire_format *format, uint64_t pa)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        if (format->level[level - 1].leaf && !quire_pte_fits(format, level, quire_pa_at(pa))) {
            return false;
        }
    }
    return true;
}

/* A few pages here, many there; often up to a boundary where an upper entry ends. */
static struct ranges some_ranges(const struct quire_format *format, struct prng *prng)
{
    uint64_t page = quire_format_page_bytes(format);
    uint64_t pages = quire_ones(format->va_bits) / page + 1;
    uint64_t at = prng_below(prng, pages < 3000 ? pages : 3000);
    struct ranges ranges = {.count = 0};
    size_t want = 1 + prng_below(prng, RANGES_MAX);

    while (ranges.count < want && at < pages) {
        uint64_t length = 1 + prng_below(prng, prng_one_in(prng, 3) ? 3000 : 20);
        unsigned level = 1 + (unsigned)prng_below(prng, format->levels);
        uint64_t span = quire_format_span(format, level) / page;

        if (prng_one_in(prng, 2) && span < 3000) {
            at = (at + span - 1) / span * span;
        }
        if (at >= pages) {
            break;
        }
        length = length < pages - at ? length : pages - at;
        ranges.range[ranges.count++] = (struct address_range){at * page, (at + length) * page - 1};
        at += length + 1 + prng_below(prng, prng_one_in(prng, 3) ? 5000 : 5);
    }
    return ranges;
}

/* Maps them all; false if a table cannot be made of this (a format's own limits, frames). */
static bool map_all(struct quire_table *table, const struct ranges *ranges, enum leaf_use leaves,
                    uint64_t base)
{
    const struct quire_format *format = table->format;
    uint64_t largest = largest_leaf(format);

    for (size_t i = 0; i < ranges->count; i++) {
        uint64_t first = ranges->range[i].first;
        uint64_t length = ranges->range[i].last - first + 1;

        /* In pieces of the largest leaf, each to the same physical place: alignment is that of the
         * virtual address, and no physical address is too wide. */
        while (length > 0) {
            uint64_t offset = first & (largest - 1);
            uint64_t piece = largest - offset < length ? largest - offset : length;
            struct quire_mapping mapping = {
                .va = quire_va_at(first),
                .pa = quire_pa_at(base + offset),
                .bytes = piece,
                .attributes = QUIRE_RIGHTS,
                .existing = QUIRE_EXISTING_FAIL,
                .largest_leaf = leaves == LEAVES_SMALL ? quire_format_page_bytes(format) : 0,
            };
            if (quire_table_map(table, NULL, &mapping, NULL) != QUIRE_OK) {
                return false;
            }
            first += piece;
            length -= piece;
        }
    }
    return true;
}

/* Cuts a range in two, which touch or overlap. */
static void cut(struct ranges *ranges, size_t i, uint64_t page, struct prng *prng)
{
    struct address_range *range = &ranges->range[i];
    uint64_t at = range->first + prng_below(prng, range->last - range->first + 1);

    if (prng_one_in(prng, 2)) {
        at -= at % page;
    }
    if (at <= range->first) {
        return;
    }
    ranges->range[ranges->count++] = (struct address_range){at, range->last};
    range->last = prng_one_in(prng, 2) ? at - 1 : at + prng_below(prng, range->last - at + 1);
}

/* The same ranges in another order, some cut, and not at pages. */
static void disguise(struct ranges *ranges, uint64_t page, struct prng *prng)
{
    size_t count = ranges->count;

    for (size_t i = 0; i < count; i++) {
        struct address_range *range = &ranges->range[i];
        uint64_t into = prng_below(prng, page);

        if (prng_one_in(prng, 2)) {
            cut(ranges, i, page, prng);
        }
        range->first += into < range->last - range->first ? into : 0;
    }
    for (size_t i = ranges->count; i > 1; i--) {
        size_t j = prng_below(prng, i);
        struct address_range swap = ranges->range[i - 1];
        ranges->range[i - 1] = ranges->range[j];
        ranges->range[j] = swap;
    }
}

static uint64_t pages_in(const struct ranges *ranges, uint64_t page)
{
    uint64_t pages = 0;

    for (size_t i = 0; i < ranges->count; i++) {
        pages += (ranges->range[i].last - ranges->range[i].first + 1) / page;
    }
    return pages;
}

/* Returns whether there was something to compare. */
static bool compare(const struct quire_format *format, enum leaf_use leaves, struct prng *prng)
{
    uint64_t page = quire_format_page_bytes(format);
    uint64_t base = can_map(format, largest_leaf(format)) ? largest_leaf(format) : 0;
    struct ranges ranges = some_ranges(format, prng);
    uint64_t pages = pages_in(&ranges, page);
    struct arena arena;
    struct quire_table table;
    struct table_size size;
    bool mapped = false;

    arena_init(&arena, ARENA_DIRECT, 0, FRAMES, quire_format_page_shift(format));
    if (quire_table_create(&table, format, &arena.host, 0) == QUIRE_OK) {
        mapped = map_all(&table, &ranges, leaves, base);
        disguise(&ranges, page, prng);
        check(table_size(format, ranges.range, ranges.count, leaves, 0, &size));
        if (mapped) {
            uint64_t tables = 0, bytes = 0;
            for (unsigned level = 1; level <= format->levels; level++) {
                tables += size.tables[level - 1];
                bytes += size.tables[level - 1] * quire_format_table_bytes(format, level);
            }
            checkf(tables == table.tables, "%s: computed %llu tables, there are %llu", format->name,
                   (unsigned long long)tables, (unsigned long long)table.tables);
            check(bytes == size.multilevel);
            check(size.pages == pages);
        }
        quire_table_destroy(&table);
    }
    arena_free(&arena);
    return mapped;
}

static void tables_are_as_many_as_computed(void **state)
{
    struct prng prng = prng_new(1);
    unsigned compared = 0;

    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < TEST_FORMATS; i++) {
            compared += compare(test_formats[i], LEAVES_SMALL, &prng);
            compared += compare(test_formats[i], LEAVES_LARGEST, &prng);
        }
    }
    for (unsigned i = 0; i < 200; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        compared += compare(&format, i % 2 ? LEAVES_SMALL : LEAVES_LARGEST, &prng);
    }
    checkf(compared > 500, "only %u could be compared", compared);
}

static struct table_size size_of(const struct quire_format *format, uint64_t first, uint64_t last,
                                 enum leaf_use leaves)
{
    struct address_range range = {first, last};
    struct table_size size;

    check(table_size(format, &range, 1, leaves, 0, &size));
    return size;
}

/* ---- the supplement -------------------------------------------------------------------------- */

/* Pages, and the nodes that they need, one page after the other. => ranges in order */
static struct supplement_size count_supplement(const struct quire_format *format,
                                               const struct ranges *ranges)
{
    unsigned shift = quire_format_page_shift(format), node_bits = shift - 2;
    unsigned vpn_bits = format->va_bits - shift;
    struct supplement_size size = {.levels = 1};
    uint64_t previous = 0;

    while (size.levels * node_bits < vpn_bits) {
        size.levels++;
    }
    size.nodes[0] = 1;
    for (size_t i = 0; i < ranges->count; i++) {
        for (uint64_t at = ranges->range[i].first; at < ranges->range[i].last;
             at += UINT64_C(1) << shift) {
            for (unsigned level = 1; level < size.levels; level++) {
                unsigned node_shift = shift + (size.levels - level) * node_bits;
                bool first = size.pages == 0 || at >> node_shift != previous >> node_shift;
                size.nodes[level] += first;
            }
            size.pages++;
            previous = at;
        }
    }
    for (unsigned level = 0; level < size.levels; level++) {
        size.radix += size.nodes[level] << shift;
    }
    return size;
}

/* Returns whether there was something to compare. */
static bool compare_supplement(const struct quire_format *format, struct prng *prng)
{
    struct ranges ranges = some_ranges(format, prng);
    struct supplement_size wanted, size;
    struct problem problem;
    unsigned vpn_bits = format->va_bits - quire_format_page_shift(format);

    if (vpn_bits > QUIRE_SUPPLEMENT_LEVELS_MAX * (quire_format_page_shift(format) - 2)) {
        check(!supplement_size(format, ranges.range, ranges.count, &size, &problem));
        return false;
    }
    wanted = count_supplement(format, &ranges);
    disguise(&ranges, quire_format_page_bytes(format), prng);
    checkf(supplement_size(format, ranges.range, ranges.count, &size, &problem), "%s",
           problem.text);
    checkf(size.pages == wanted.pages && size.levels == wanted.levels &&
               size.radix == wanted.radix &&
               memcmp(size.nodes, wanted.nodes, sizeof size.nodes) == 0,
           "%s: %llu bytes for %llu pages, expected %llu for %llu", format->name,
           (unsigned long long)size.radix, (unsigned long long)size.pages,
           (unsigned long long)wanted.radix, (unsigned long long)wanted.pages);
    check(size.linear == UINT64_C(4) << vpn_bits);
    check(size.hash == size.hash_entries * (vpn_bits <= 32 ? 8 : 12));
    check(size.hash_entries * 3 >= size.pages * 4);
    check(size.hash_entries == 16 || size.hash_entries * 3 < size.pages * 8);
    return true;
}

static void supplements_have_the_nodes_that_pages_need(void **state)
{
    struct prng prng = prng_new(3);
    unsigned compared = 0;

    (void)state;
    for (unsigned i = 0; i < 20 * TEST_FORMATS; i++) {
        compared += compare_supplement(test_formats[i % TEST_FORMATS], &prng);
    }
    for (unsigned i = 0; i < 200; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        compared += compare_supplement(&format, &prng);
    }
    checkf(compared > 100, "only %u could be compared", compared);
}

/* Seed 000's target: 8 bytes for a page of a process that uses its second levels, and one frame for
 * each that it begins. */
static void known_supplements(void **state)
{
    struct address_range all = {0, UINT32_MAX}, far[] = {{0, 0}, {0x7ffffffff000, 0x7ffffffff000}};
    struct supplement_size size;
    struct problem problem;

    (void)state;
    check(supplement_size(&quire_format_i386, &all, 1, &size, &problem));
    check(size.levels == 2 && size.nodes[0] == 1 && size.nodes[1] == 1 << 10);
    check(size.radix == (4 << 20) + 4096 && size.radix <= 8 * size.pages);
    check(size.hash_entries == 2 << 20 && size.hash == 16 << 20 && size.hash_growing == 24 << 20);
    check(size.linear == 4 << 20);

    check(supplement_size(&quire_format_x86_64, far, 2, &size, &problem));
    check(size.pages == 2 && size.levels == 4 && size.radix == 7 * 4096);
    check(size.hash == 16 * 12 && size.hash_growing == size.hash);
    check(supplement_hash_entries(12) == 16 && supplement_hash_entries(13) == 32);
}

/* ---- figures known from elsewhere, and the largest ------------------------------------------- */

static void known_sizes(void **state)
{
    struct table_size size;
    struct address_range seed[] = {{0x3f80, 0x3fff}, {0, 0x7f}, {0xc0, 0x13f}};

    (void)state;
    check(table_size(&quire_format_ostep14, seed, 3, LEAVES_SMALL, 0, &size)); /* seed 003 */
    check(size.linear == 1024 && size.multilevel == 192 && size.pages == 6);

    size = size_of(&quire_format_i386, 0, UINT32_MAX, LEAVES_SMALL);
    check(size.linear == 4 << 20 && size.multilevel == (4 << 20) + 4096);
    size = size_of(&quire_format_i386, 0, UINT32_MAX, LEAVES_LARGEST);
    check(size.multilevel == 4096);

    size = size_of(&quire_format_x86_64, 0, 0x7fffffffffff, LEAVES_LARGEST);
    check(size.linear == UINT64_C(1) << 39 && size.multilevel == 257 * 4096);
    size = size_of(&quire_format_x86_64, 0xffff800000000000, UINT64_MAX, LEAVES_SMALL);
    check(size.multilevel == (UINT64_C(1) << 38) + (UINT64_C(1) << 29) + (1 << 20) + 4096);
}

/* All 64 bits, and what no longer fits into 64 bits. */
static void the_largest_sizes(void **state)
{
    struct table_size size = size_of(&full_64, 0, UINT64_MAX, LEAVES_SMALL);
    unsigned shift = quire_format_page_shift(&full_64);

    (void)state;
    check(size.pages == UINT64_C(1) << (64 - shift));
    check(size.linear == size.pages * full_64.pte_bytes);
    check(size.multilevel > size.linear && size.multilevel != SIZE_UNKNOWN);

    size = size_of(&full_64, UINT64_MAX, UINT64_MAX, LEAVES_SMALL);
    check(size.pages == 1 && size.tables[full_64.levels - 1] == 1);
}

static void holes_are_refused(void **state)
{
    static const struct address_range across = {0x7ffffffff000, 0xffff800000000fff};
    static const struct address_range low = {0, 0x7fffffffffff},
                                      hole = {0x800000000000, 0x800000000fff};
    size_t at;

    (void)state;
    check(ranges_fit(&quire_format_x86_64, &low, 1, &at));
    check(!ranges_fit(&quire_format_x86_64, &across, 1, &at));
    check(!ranges_fit(&quire_format_x86_64, &hole, 1, &at));
    check(ranges_fit(&quire_format_i386, &(struct address_range){0, UINT32_MAX}, 1, &at));
    check(!ranges_fit(&quire_format_i386, &low, 1, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_as_many_as_computed),
        cmocka_unit_test(supplements_have_the_nodes_that_pages_need),
        cmocka_unit_test(known_supplements),
        cmocka_unit_test(known_sizes),
        cmocka_unit_test(the_largest_sizes),
        cmocka_unit_test(holes_are_refused),
    };
    return unit_run(tests);
}
