/*
 * Every sequence of three operations (85,184 of them: the alphabet has 44; two where the machine is
 * slow) on a machine that is small enough: after each step the table is what the model says. On
 * others the last one is each third of the alphabet in turn, so that any two operations still
 * follow each other. Where a sequence goes on in several ways, what was there is put back, so that
 * each prefix is done once.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/formats.h"
#include "tests/support/rig.h"
#include "tests/support/unit.h"

enum {
    LENGTH = EFFORT == 4 ? 3 : 2,
    THIRD = EFFORT == 4 ? 3 : 1,
    FRAMES = 16,
    PAGES_MAX = 64,
    ALPHABET_MAX = 64
};

/* All that an operation can change. */
struct saved {
    unsigned char ram[FRAMES * 64];
    uint8_t order_of[FRAMES];
    uint32_t in_use;
    struct quire_table table;
    struct quire_batch batch;
    bool open;
    struct rig_page page[PAGES_MAX];
    struct rig_cached cached[PAGES_MAX];
};

struct search {
    struct rig rig;
    struct arena arena;
    struct rig_op alphabet[ALPHABET_MAX];
    unsigned letters;
    struct saved saved[LENGTH];
    unsigned thin; /* of so many operations that could be the last, one is done */
    uint64_t prefixes, sequences;
};

static void save(const struct search *search, struct saved *saved)
{
    const struct rig *rig = &search->rig;

    memcpy(saved->ram, search->arena.ram, search->arena.bytes);
    memcpy(saved->order_of, search->arena.order_of, FRAMES);
    saved->in_use = search->arena.in_use;
    saved->table = rig->table;
    saved->batch = rig->batch;
    saved->open = rig->open;
    memcpy(saved->page, rig->page, rig->pages * sizeof(*rig->page));
    memcpy(saved->cached, rig->cached, rig->pages * sizeof(*rig->cached));
}

static void put_back(struct search *search, const struct saved *saved)
{
    struct rig *rig = &search->rig;

    memcpy(search->arena.ram, saved->ram, search->arena.bytes);
    memcpy(search->arena.order_of, saved->order_of, FRAMES);
    search->arena.in_use = saved->in_use;
    rig->table = saved->table;
    rig->batch = saved->batch;
    rig->open = saved->open;
    memcpy(rig->page, saved->page, rig->pages * sizeof(*rig->page));
    memcpy(rig->cached, saved->cached, rig->pages * sizeof(*rig->cached));
}

static struct rig_op *letter(struct search *search, enum rig_kind kind, unsigned first,
                             unsigned pages)
{
    struct rig_op *op = &search->alphabet[search->letters++];
    uint64_t page = quire_format_page_bytes(search->rig.format);

    memset(op, 0, sizeof(*op));
    op->kind = kind;
    op->va = search->rig.page[first].va;
    op->bytes = pages * page;
    return op;
}

/* Single pages, pieces that cross tables, whole large leaves, everything. */
static void make_alphabet(struct search *search, unsigned wide)
{
    const unsigned pages = search->rig.pages;
    const struct {
        unsigned first, pages;
    } ranges[] = {{0, 1},        {wide - 1, 2}, {wide, wide},   {wide + 1, 1},
                  {2, 2 * wide}, {0, pages},    {pages - 1, 1}, {pages - wide, wide}};
    uint64_t page = quire_format_page_bytes(search->rig.format);

    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        unsigned first = ranges[i].first, n = ranges[i].pages;
        struct rig_op *op = letter(search, RIG_MAP, first, n);

        op->existing = QUIRE_EXISTING_FAIL; /* straight: large leaves where there are any */
        op->pa = first * page;
        op->attributes = QUIRE_RIGHTS;
        op = letter(search, RIG_MAP, first, n);
        op->existing = QUIRE_EXISTING_KEEP; /* aligned as well, at the end of physical memory */
        op->pa = (UINT64_C(1) << search->rig.format->pa_bits) - (pages - first) * page;
        op->attributes = QUIRE_READ | QUIRE_GLOBAL;
        op = letter(search, RIG_MAP, first, n);
        op->existing = QUIRE_EXISTING_REPLACE; /* one page off: small leaves only */
        op->pa = (first + 1) * page;
        op->attributes = QUIRE_READ | QUIRE_WRITE | QUIRE_ACCESSED;
        op = letter(search, RIG_UNMAP, first, n);
        op->largest_leaf = i % 2;
        op = letter(search, RIG_PROTECT, first, n);
        op->attributes = QUIRE_READ;
    }
    letter(search, RIG_TOUCH, 0, 1)->attributes = QUIRE_WRITE;
    letter(search, RIG_TOUCH, wide + 1, 1)->attributes = QUIRE_READ;
    letter(search, RIG_HARVEST, 0, pages)->attributes = QUIRE_MARKS;
    letter(search, RIG_COMMIT, 0, 1);
}

/* Depth first; `depth` operations have been done. */
static void go_on(struct search *search, unsigned depth)
{
    unsigned first = 0, step = 1;

    if (depth == LENGTH) {
        search->sequences++;
        rig_commit(&search->rig);
        return;
    }
    if (depth == LENGTH - 1) {
        step = search->thin;
        first = (unsigned)(search->prefixes++ % step);
    }
    save(search, &search->saved[depth]);
    for (unsigned i = first; i < search->letters; i += step) {
        rig_apply(&search->rig, &search->alphabet[i]);
        rig_verify(&search->rig);
        go_on(search, depth + 1);
        put_back(search, &search->saved[depth]);
    }
}

/* `wide`: pages in one table of the last level. */
static void every_sequence(const struct quire_format *format, unsigned wide, unsigned thin)
{
    struct search *search = calloc(1, sizeof(*search));
    uint64_t all = 1;

    check(search != NULL);
    arena_init(&search->arena, ARENA_DIRECT, 0, FRAMES, quire_format_page_shift(format));
    search->arena.lowest = 1;
    check(rig_init(&search->rig, format, &search->arena, 3));
    check(search->rig.pages <= PAGES_MAX);
    make_alphabet(search, wide);
    search->thin = thin;
    go_on(search, 0);
    for (unsigned i = 0; i < LENGTH; i++) {
        all *= search->letters;
    }
    checkf(search->letters == 44 && search->sequences >= all / thin, "%llu sequences",
           (unsigned long long)search->sequences);
    rig_free(&search->rig);
    arena_free(&search->arena);
    free(search);
}

static void test_two_levels(void **state)
{
    (void)state;
    every_sequence(&tiny2, 4, THIRD);
}

static void test_two_levels_with_large_leaves(void **state)
{
    (void)state;
    every_sequence(&tiny2_large, 4, 1);
}

static void test_inverted(void **state)
{
    (void)state;
    every_sequence(&tiny_inverted, 4, THIRD);
}

static void test_four_levels(void **state)
{
    (void)state;
    every_sequence(&tiny_low, 2, THIRD);
}

/* Large leaves that cannot be split, and such that reach less far than small ones. */
static void test_uneven_reach(void **state)
{
    (void)state;
    every_sequence(&tiny_split, 4, THIRD);
    every_sequence(&tiny_narrow, 4, THIRD);
}

/* A leaf without rights would be a pointer. */
static void test_told_by_rights(void **state)
{
    (void)state;
    every_sequence(&tiny_rights, 4, THIRD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_levels),   cmocka_unit_test(test_two_levels_with_large_leaves),
        cmocka_unit_test(test_inverted),     cmocka_unit_test(test_four_levels),
        cmocka_unit_test(test_uneven_reach), cmocka_unit_test(test_told_by_rights),
    };

    return unit_run(tests);
}
