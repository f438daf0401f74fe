/*
 * Page tables that inherit: one kernel's tables, seen through the roots of many, and changed in one
 * place. By hand on i386 and x86-64; at random, against a flat model, on every format.
 *
 *     kernel    [ pinned | free to change ... ]    <- the model of these pages is everybody's
 *     table 0   [ inherited                   | its own ... ]
 *     table 1   [ inherited                   | its own ... ]
 */
#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "quire/table.h"
#include "tests/support/arena.h"
#include "tests/support/dies.h"
#include "tests/support/formats.h"
#include "tests/support/model_walk.h"
#include "tests/support/unit.h"

enum {
    RW = QUIRE_READ | QUIRE_WRITE,
    MARKS = QUIRE_ACCESSED | QUIRE_DIRTY,
    PAGE = 4096,
    MIB = 1 << 20,
    HEIRS = 3
};
/* x86-64: what a root entry spans, and the upper half */
static const uint64_t GIB = 1 << 30, ENTRY = UINT64_C(1) << 39;
static const uint64_t UPPER = UINT64_C(0xffff800000000000);

/* ---- a kernel's table and its heirs ---------------------------------------------------------- */

struct house {
    struct arena arena;
    struct quire_batch batch;
    struct quire_table kernel, heir[HEIRS];
};

static enum quire_status map(struct house *house, struct quire_table *table, uint64_t va,
                             uint64_t pa, uint64_t bytes, uint64_t largest)
{
    const struct quire_mapping mapping = {.va = quire_va_at(va),
                                          .pa = quire_pa_at(pa),
                                          .bytes = bytes,
                                          .attributes = RW,
                                          .existing = QUIRE_EXISTING_REPLACE,
                                          .largest_leaf = largest};
    enum quire_status status = quire_table_map(table, &house->batch, &mapping, NULL);

    quire_batch_commit(&house->batch);
    return status;
}

static void open_house(struct house *house, const struct quire_format *format)
{
    memset(house, 0, sizeof(*house));
    arena_init(&house->arena, ARENA_DIRECT, 0, model_table_frames(format, 512),
               quire_format_page_shift(format));
    house->arena.lowest = 1;
    quire_batch_begin(&house->batch, &house->arena.host);
    check(quire_table_create(&house->kernel, format, &house->arena.host, 0) == QUIRE_OK);
    for (unsigned i = 0; i < HEIRS; i++) {
        check(quire_table_create(&house->heir[i], format, &house->arena.host, (uint16_t)(i + 1)) ==
              QUIRE_OK);
    }
}

static void validate_all(const struct house *house)
{
    check(quire_table_validate(&house->kernel, NULL) == QUIRE_OK);
    for (unsigned i = 0; i < HEIRS; i++) {
        check(quire_table_validate(&house->heir[i], NULL) == QUIRE_OK);
    }
}

/* One heir after the other goes; each time the kernel's table is whole, and nothing else is left in
 * the end. */
static void close_house(struct house *house)
{
    uint64_t tables = house->kernel.tables;

    validate_all(house);
    for (unsigned i = 0; i < HEIRS; i++) {
        uint32_t in_use = house->arena.in_use;
        uint64_t own = house->heir[i].tables;

        quire_table_destroy(&house->heir[i]);
        check(house->arena.in_use == in_use - own);
        check(quire_table_validate(&house->kernel, NULL) == QUIRE_OK);
    }
    check(house->kernel.tables == tables && house->arena.in_use == tables);
    quire_table_destroy(&house->kernel);
    check(house->arena.in_use == 0);
    arena_free(&house->arena);
}

static enum quire_status inherit(struct house *house, unsigned heir, uint64_t va, uint64_t bytes)
{
    return quire_table_inherit(&house->heir[heir], &house->kernel, quire_va_at(va), bytes);
}

static void inherit_all(struct house *house, uint64_t va, uint64_t bytes)
{
    for (unsigned i = 0; i < HEIRS; i++) {
        uint64_t allocs = house->arena.allocs;

        check(inherit(house, i, va, bytes) == QUIRE_OK);
        check(house->arena.allocs == allocs);
    }
    validate_all(house);
}

/* The table shows `pa` at va, by a leaf of that level; level 0: nothing. */
static void sees(const struct quire_table *table, uint64_t va, uint64_t pa, unsigned level)
{
    struct quire_mmu mmu = quire_table_mmu(table);
    struct quire_leaf leaf;
    struct quire_walk walk;
    enum quire_status status = quire_walk(&mmu, quire_va_at(va), QUIRE_WRITE, &walk);

    checkf((status == QUIRE_OK) == (level != 0), "%#llx", (unsigned long long)va);
    check((quire_table_query(table, quire_va_at(va), &leaf) == QUIRE_OK) == (level != 0));
    checkf(level == 0 || (walk.pa.at == pa && walk.level == level && leaf.level == level),
           "%#llx: %#llx by level %u", (unsigned long long)va, (unsigned long long)walk.pa.at,
           walk.level);
}

/* The kernel and all its heirs do. */
static void all_see(const struct house *house, uint64_t va, uint64_t pa, unsigned level)
{
    sees(&house->kernel, va, pa, level);
    for (unsigned i = 0; i < HEIRS; i++) {
        sees(&house->heir[i], va, pa, level);
    }
}

/* i386: two page tables and a leaf of 4 MiB, then a window page that is put elsewhere. */
static void test_i386(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    check(map(&h, &h.kernel, PAGE, PAGE, 8 * MIB - PAGE, PAGE) == QUIRE_OK);
    check(map(&h, &h.kernel, 8 * MIB, 64 * MIB, 4 * MIB, 0) == QUIRE_OK);
    check(h.kernel.tables == 3);
    inherit_all(&h, 0, 12 * MIB);
    for (unsigned i = 0; i < HEIRS; i++) {
        check(h.heir[i].tables == 1 && h.heir[i].table_bytes == PAGE);
        check(map(&h, &h.heir[i], 12 * MIB, 0, PAGE, 0) == QUIRE_OK);
        check(h.heir[i].tables == 2);
    }
    all_see(&h, 0, 0, 0);
    all_see(&h, 8 * MIB - 4, 8 * MIB - 4, 2);
    all_see(&h, 12 * MIB - 4, 68 * MIB - 4, 1);
    sees(&h.kernel, 12 * MIB, 0, 0);
    close_house(&h);
}

static void test_changes_are_seen_at_once(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    check(map(&h, &h.kernel, PAGE, PAGE, 4 * MIB - PAGE, PAGE) == QUIRE_OK);
    inherit_all(&h, 0, 4 * MIB);
    for (uint64_t pa = 16 * MIB; pa < 16 * MIB + 8 * PAGE; pa += PAGE) {
        check(map(&h, &h.kernel, 5 * PAGE, pa, PAGE, 0) == QUIRE_OK);
        all_see(&h, 5 * PAGE + 8, pa + 8, 2);
    }
    check(quire_table_unmap(&h.kernel, &h.batch, quire_va_at(5 * PAGE), PAGE, NULL) == QUIRE_OK);
    quire_batch_commit(&h.batch);
    all_see(&h, 5 * PAGE, 0, 0);
    close_house(&h);
}

/* x86-64: one entry, another, and the whole upper half once all of its entries are there. */
static void test_x86_64(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_x86_64);
    check(map(&h, &h.kernel, UPPER, 0, 64 * GIB, 0) == QUIRE_OK);
    check(map(&h, &h.kernel, 0 - (uint64_t)PAGE, 3 * PAGE, PAGE, 0) == QUIRE_OK);
    check(inherit(&h, 0, UPPER, 256 * ENTRY) == QUIRE_NOT_FOUND);
    check(inherit(&h, 0, UPPER, ENTRY) == QUIRE_OK);
    check(inherit(&h, 1, 0 - ENTRY, ENTRY) == QUIRE_OK);
    for (uint64_t i = 1; i < 255; i++) {
        check(map(&h, &h.kernel, UPPER + i * ENTRY, 0, GIB, 0) == QUIRE_OK);
    }
    check(inherit(&h, 2, UPPER, 256 * ENTRY) == QUIRE_OK);
    for (unsigned i = 0; i < HEIRS; i++) {
        check(map(&h, &h.heir[i], PAGE, PAGE, PAGE, 0) == QUIRE_OK);
        check(h.heir[i].tables == 4);
    }
    sees(&h.heir[0], UPPER + 63 * GIB + 5, 63 * GIB + 5, 2);
    sees(&h.heir[0], 0 - (uint64_t)PAGE, 0, 0);
    sees(&h.heir[1], UPPER, 0, 0);
    sees(&h.heir[1], UINT64_MAX, 4 * PAGE - 1, 4);
    sees(&h.heir[2], UPPER + 63 * GIB + 5, 63 * GIB + 5, 2);
    sees(&h.heir[2], 0 - ENTRY - 1, 0, 0);
    sees(&h.heir[2], UPPER + 254 * ENTRY + 7, 7, 2);
    sees(&h.heir[2], UINT64_MAX, 4 * PAGE - 1, 4);
    close_house(&h);
}

/* An heir's heir: what the one inherits, the other can have, too. */
static void test_in_turn(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    check(map(&h, &h.kernel, 0, 0, 4 * MIB, PAGE) == QUIRE_OK);
    check(inherit(&h, 1, 0, 4 * MIB) == QUIRE_OK);
    check(quire_table_inherit(&h.heir[0], &h.heir[1], quire_va_at(0), 4 * MIB) == QUIRE_OK);
    check(map(&h, &h.kernel, 9 * PAGE, 16 * MIB, PAGE, 0) == QUIRE_OK);
    sees(&h.heir[0], 9 * PAGE, 16 * MIB, 2);
    close_house(&h);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_statuses(void **state)
{
    static const struct {
        uint64_t va, bytes;
        enum quire_status status;
    } cases[] = {
        {0, 0, QUIRE_INVALID},
        {1, 4 * MIB, QUIRE_INVALID},
        {PAGE, 4 * MIB, QUIRE_INVALID},
        {0, 4 * MIB - PAGE, QUIRE_INVALID},
        {4 * MIB, 4 * MIB + PAGE, QUIRE_INVALID},
        {UINT64_MAX - 4 * MIB + 1, 8 * MIB, QUIRE_INVALID},
        {UINT64_C(1) << 32, 4 * MIB, QUIRE_OUT_OF_RANGE},
        {(UINT64_C(1) << 32) - 4 * MIB, 8 * MIB, QUIRE_OUT_OF_RANGE},
        {8 * MIB, 4 * MIB, QUIRE_NOT_FOUND},
        {4 * MIB, 8 * MIB, QUIRE_NOT_FOUND},
        {12 * MIB, 4 * MIB, QUIRE_EXISTS},
        {0, 16 * MIB, QUIRE_NOT_FOUND},
        {16 * MIB, 8 * MIB, QUIRE_EXISTS},
        {0, 8 * MIB, QUIRE_OK},
        {24 * MIB, 4 * MIB, QUIRE_INVALID}, /* it inherits already */
    };
    struct quire_format other = quire_format_i386;
    struct quire_table stranger;
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    check(map(&h, &h.kernel, 0, 0, 8 * MIB, 0) == QUIRE_OK);
    check(map(&h, &h.kernel, 12 * MIB, 0, 16 * MIB, 0) == QUIRE_OK);
    check(map(&h, &h.heir[0], 12 * MIB, 0, 4 * MIB, 0) == QUIRE_OK);     /* a leaf of its own */
    check(map(&h, &h.heir[0], 20 * MIB + PAGE, 0, PAGE, 0) == QUIRE_OK); /* a table */
    check(quire_table_create(&stranger, &other, &h.arena.host, 9) == QUIRE_OK);
    check(quire_table_inherit(&stranger, &h.kernel, quire_va_at(0), 4 * MIB) == QUIRE_INVALID);
    check(quire_table_inherit(&h.kernel, &h.kernel, quire_va_at(0), 4 * MIB) == QUIRE_EXISTS);
    quire_table_destroy(&stranger);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quire_table before = h.heir[0];
        unsigned char root[PAGE];
        enum quire_status status;

        memcpy(root, arena_at(&h.arena, before.root.at, PAGE), PAGE);
        status = inherit(&h, 0, cases[i].va, cases[i].bytes);
        checkf(status == cases[i].status, "case %u: %s", i, quire_status_text(status));
        check(status == QUIRE_OK || memcmp(&before, &h.heir[0], sizeof(before)) == 0);
        check(status == QUIRE_OK ||
              memcmp(root, arena_at(&h.arena, before.root.at, PAGE), PAGE) == 0);
        check(quire_table_validate(&h.heir[0], NULL) == QUIRE_OK);
    }
    close_house(&h);
}

static void hear_none(void *context, const struct quire_leaf *leaf)
{
    (void)context;
    check_failed(__FILE__, __LINE__, "nobody is told", "%#llx", (unsigned long long)leaf->va.at);
}

/* Whatever touches what is inherited; the second half of the range is the heir's own. */
static void change_nothing(struct house *h, quire_va va, uint64_t bytes)
{
    const struct quire_visitor nobody = {hear_none, NULL};
    struct quire_table *heir = &h->heir[0];
    struct quire_table before = *heir;
    unsigned char *copy = malloc(h->arena.bytes);
    uint64_t n = 0;

    check(copy != NULL);
    memcpy(copy, h->arena.ram, h->arena.bytes);
    for (unsigned existing = 0; existing < 3; existing++) {
        const struct quire_mapping mapping = {
            .va = va, .bytes = bytes, .attributes = RW, .existing = (enum quire_existing)existing};
        check(quire_table_map(heir, &h->batch, &mapping, &n) == QUIRE_EXISTS && n == 0);
    }
    check(quire_table_unmap(heir, &h->batch, va, bytes, &nobody) == QUIRE_INVALID);
    check(quire_table_protect(heir, &h->batch, va, bytes, QUIRE_READ, &n) == QUIRE_INVALID);
    check(n == 0);
    for (unsigned marks = 0; marks <= MARKS; marks += QUIRE_ACCESSED) {
        check(quire_table_harvest(heir, &h->batch, va, bytes, marks, &nobody) == QUIRE_INVALID);
    }
    check(h->batch.ranges == 0 && h->batch.frames == 0);
    check(memcmp(&before, heir, sizeof(before)) == 0);
    check(memcmp(copy, h->arena.ram, h->arena.bytes) == 0);
    free(copy);
}

static void count_leaf(void *context, const struct quire_leaf *leaf)
{
    check(leaf->bytes != 0);
    (*(unsigned *)context)++;
}

static void test_heirs_change_nothing(void **state)
{
    unsigned leaves = 0;
    const struct quire_visitor visitor = {count_leaf, &leaves};
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    check(map(&h, &h.kernel, 8 * MIB, 0, 4 * MIB, PAGE) == QUIRE_OK);
    check(map(&h, &h.kernel, 12 * MIB, 0, 4 * MIB, 0) == QUIRE_OK);
    inherit_all(&h, 8 * MIB, 8 * MIB);
    check(map(&h, &h.heir[0], 4 * MIB, 0, 4 * MIB, PAGE) == QUIRE_OK);
    check(map(&h, &h.heir[0], 16 * MIB, 0, 4 * MIB, PAGE) == QUIRE_OK);
    change_nothing(&h, quire_va_at(8 * MIB), PAGE);
    change_nothing(&h, quire_va_at(16 * MIB - PAGE), PAGE);
    change_nothing(&h, quire_va_at(8 * MIB - PAGE), 2 * PAGE);
    change_nothing(&h, quire_va_at(16 * MIB - PAGE), 2 * PAGE);
    change_nothing(&h, quire_va_at(8 * MIB), 8 * MIB);
    change_nothing(&h, quire_va_at(0), UINT64_C(1) << 32);

    /* It is all there to be looked at, and what lies beside it is free to be changed. */
    check(quire_table_visit(&h.heir[0], quire_va_at(0), UINT64_C(1) << 32, &visitor) == QUIRE_OK);
    check(leaves == 3 * 1024 + 1);
    check(quire_table_unmap(&h.heir[0], &h.batch, quire_va_at(0), 8 * MIB, NULL) == QUIRE_OK);
    check(quire_table_unmap(&h.heir[0], &h.batch, quire_va_at(16 * MIB), 4 * MIB, NULL) ==
          QUIRE_OK);
    quire_batch_commit(&h.batch);
    check(h.heir[0].tables == 1);
    close_house(&h);
}

/* A format without rights: there is nothing to protect, but the range is looked at. */
static void test_protecting_without_rights(void **state)
{
    const struct quire_format *format = &quire_format_ostep_multilevel;
    uint64_t span = quire_format_span(format, 1), changed;
    struct house h;

    (void)state;
    open_house(&h, format);
    check(map(&h, &h.kernel, 0, 0, span, 0) == QUIRE_OK);
    inherit_all(&h, 0, span);
    check(quire_table_protect(&h.heir[0], &h.batch, quire_va_at(0), span, 0, &changed) ==
          QUIRE_INVALID);
    check(quire_table_protect(&h.heir[0], &h.batch, quire_va_at(span), span, 0, &changed) ==
          QUIRE_OK);
    close_house(&h);
}

/* ---- marks, and what validate finds ---------------------------------------------------------- */

static void touch(const struct quire_table *table, uint64_t va, unsigned access)
{
    struct quire_mmu mmu = quire_table_mmu(table);
    struct quire_walk walk;

    check(quire_walk(&mmu, quire_va_at(va), access | QUIRE_ACCESSED, &walk) == QUIRE_OK);
}

static unsigned marks_at(const struct quire_table *table, uint64_t va)
{
    struct quire_leaf leaf;

    check(quire_table_query(table, quire_va_at(va), &leaf) == QUIRE_OK);
    return leaf.attributes & MARKS;
}

/* The marks of a root entry are that root's; those further down are in tables that all share. */
static void test_marks(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    check(map(&h, &h.kernel, 0, 0, 4 * MIB, PAGE) == QUIRE_OK);
    check(map(&h, &h.kernel, 4 * MIB, 0, 4 * MIB, 0) == QUIRE_OK);
    inherit_all(&h, 0, 8 * MIB);
    touch(&h.heir[0], PAGE, QUIRE_WRITE);
    touch(&h.heir[1], 4 * MIB, QUIRE_WRITE);
    touch(&h.kernel, 4 * MIB, QUIRE_READ);
    validate_all(&h);
    check(marks_at(&h.kernel, PAGE) == MARKS && marks_at(&h.heir[2], PAGE) == MARKS);
    check(marks_at(&h.kernel, 4 * MIB) == QUIRE_ACCESSED && marks_at(&h.heir[2], 4 * MIB) == 0);
    check(marks_at(&h.heir[1], 4 * MIB) == MARKS);
    check(quire_table_harvest(&h.kernel, &h.batch, quire_va_at(0), 4 * MIB, MARKS, NULL) ==
          QUIRE_OK);
    quire_batch_commit(&h.batch);
    check(marks_at(&h.heir[0], PAGE) == 0);
    close_house(&h);
}

static void expect_corrupt(const struct quire_table *table, uint64_t where)
{
    quire_va at = {1};

    check(quire_table_validate(table, &at) == QUIRE_CORRUPT);
    checkf(at.at == where, "%#llx instead of %#llx", (unsigned long long)at.at,
           (unsigned long long)where);
}

static void set_entry(struct house *h, const struct quire_table *table, unsigned index,
                      uint64_t flip)
{
    uint64_t pa = table->root.at + index * 4, entry;

    check(arena_peek(&h->arena, pa, 4, false, &entry));
    arena_poke(&h->arena, pa, 4, false, entry ^ flip);
}

static void activate_nothing(void *context, quire_pa root, uint16_t asid)
{
    (void)context;
    (void)root;
    (void)asid;
}

static void activate(void *table)
{
    quire_table_activate(table);
}

static bool dies_if_activated(struct house *h)
{
    return dies(activate, &h->heir[0]);
}

/* Each bit of an inherited entry but its marks (5 and, in a leaf, 6). */
static void test_damage_is_found(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    h.arena.host.activate = activate_nothing;
    check(map(&h, &h.kernel, 4 * MIB, 0, 4 * MIB, PAGE) == QUIRE_OK);
    check(map(&h, &h.kernel, 8 * MIB, 0, 4 * MIB, 0) == QUIRE_OK);
    inherit_all(&h, 4 * MIB, 8 * MIB);
    for (unsigned index = 1; index <= 2; index++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            bool mark = bit == 5 || (bit == 6 && index == 2);

            set_entry(&h, &h.heir[0], index, UINT64_C(1) << bit);
            if (mark) {
                check(quire_table_validate(&h.heir[0], NULL) == QUIRE_OK);
            } else {
                expect_corrupt(&h.heir[0], index * UINT64_C(4) * MIB);
            }
            set_entry(&h, &h.heir[0], index, UINT64_C(1) << bit);
        }
    }
    validate_all(&h);
    check(!dies_if_activated(&h));
    close_house(&h);
}

/* The kernel breaks its word: its page table becomes empty, and goes, while others point to it. */
static void test_broken_word_is_found(void **state)
{
    struct house h;

    (void)state;
    open_house(&h, &quire_format_i386);
    h.arena.host.activate = activate_nothing;
    check(map(&h, &h.kernel, 4 * MIB, 0, 8 * MIB, PAGE) == QUIRE_OK);
    inherit_all(&h, 4 * MIB, 8 * MIB);
    check(quire_table_unmap(&h.kernel, &h.batch, quire_va_at(8 * MIB), 4 * MIB, NULL) == QUIRE_OK);
    quire_batch_commit(&h.batch);
    for (unsigned i = 0; i < HEIRS; i++) {
        expect_corrupt(&h.heir[i], 8 * MIB);
    }
#ifdef QUIRE_DEBUG
    check(dies_if_activated(&h));
#else
    check(!dies_if_activated(&h)); /* release builds do not spend time on it */
#endif
    set_entry(&h, &h.heir[0], 1, 2);
    expect_corrupt(&h.heir[0], 4 * MIB); /* the lowest */
    for (unsigned i = 0; i < HEIRS; i++) {
        quire_table_destroy(&h.heir[i]);
    }
    quire_table_destroy(&h.kernel);
    check(h.arena.in_use == 0);
    arena_free(&h.arena);
}

/* ---- at random ------------------------------------------------------------------------------- */

enum { PAGES_MOST = 1024, STEPS = 250 * EFFORT, RANDOM_FORMATS = 40 * EFFORT };

/* Pages are numbered in order of address, over the hole if there is one. What is mapped where is
 * pa + 1, or 0. */
struct estate {
    const struct quire_format *format;
    struct prng *prng;
    struct house house;
    bool alive[HEIRS];
    uint32_t pages, entry; /* all there are; those of one root entry */
    uint32_t first, end;   /* inherited */
    uint64_t kernel[PAGES_MOST], own[HEIRS][PAGES_MOST];
    bool pinned[PAGES_MOST]; /* what keeps the kernel's root entries as they are */
};

static uint64_t va_of(const struct estate *e, uint32_t page)
{
    uint64_t at = (uint64_t)page << quire_format_page_shift(e->format);
    bool upper = e->format->canonical == QUIRE_SIGN_EXTENDED && page >= e->pages / 2;

    return upper && e->format->va_bits < 64 ? at | UINT64_MAX << e->format->va_bits : at;
}

/* Pages that can be in one range with this one, from it on. */
static uint32_t to_the_hole(const struct estate *e, uint32_t page)
{
    bool lower = e->format->canonical == QUIRE_SIGN_EXTENDED && page < e->pages / 2;

    return (lower ? e->pages / 2 : e->pages) - page;
}

static uint64_t random_pa(const struct estate *e)
{
    const struct quire_level *last = &e->format->level[e->format->levels - 1];
    uint64_t pa = prng_next(e->prng) >> (64 - e->format->pa_bits);
    uint64_t span =
        quire_format_span(e->format, 1 + (unsigned)prng_below(e->prng, e->format->levels));

    return model_address(&last->as_leaf, UINT64_MAX) & pa & ~(span - 1) & UINT64_MAX >> 1;
}

static uint64_t bytes_of(const struct estate *e, uint32_t pages)
{
    return (uint64_t)pages << quire_format_page_shift(e->format);
}

/* What each page of a table leads to. */
static uint64_t expected(const struct estate *e, unsigned heir, uint32_t page)
{
    bool inherited = page >= e->first && page < e->end;

    return heir == HEIRS || inherited ? e->kernel[page] : e->own[heir][page];
}

static void verify_table(const struct estate *e, unsigned heir, const struct quire_table *table)
{
    struct quire_mmu mmu = quire_table_mmu(table), kernel = quire_table_mmu(&e->house.kernel);
    quire_va at = {0};

    checkf(quire_table_validate(table, &at) == QUIRE_OK, "%s: %#llx", e->format->name,
           (unsigned long long)at.at);
    for (uint32_t page = 0; page < e->pages; page++) {
        uint64_t want = expected(e, heir, page);
        struct quire_walk walk, theirs;
        enum quire_status status = quire_walk(&mmu, quire_va_at(va_of(e, page)), 0, &walk);

        checkf(status == (want != 0 ? QUIRE_OK : QUIRE_FAULT) &&
                   (want == 0 || walk.pa.at == want - 1),
               "%s: table %u, page %u: %#llx instead of %#llx - 1", e->format->name, heir, page,
               (unsigned long long)walk.pa.at, (unsigned long long)want);
        if (want != 0 && page >= e->first && page < e->end) {
            check(quire_walk(&kernel, quire_va_at(va_of(e, page)), 0, &theirs) == QUIRE_OK);
            check(walk.page_bytes == theirs.page_bytes && walk.level == theirs.level);
            check(((walk.attributes ^ theirs.attributes) & ~(unsigned)MARKS) == 0);
        }
    }
}

static void verify(const struct estate *e)
{
    uint64_t bytes = e->house.kernel.table_bytes;

    verify_table(e, HEIRS, &e->house.kernel);
    for (unsigned i = 0; i < HEIRS; i++) {
        if (e->alive[i]) {
            verify_table(e, i, &e->house.heir[i]);
            bytes += e->house.heir[i].table_bytes;
        }
    }
    check((uint64_t)e->house.arena.in_use << quire_format_page_shift(e->format) == bytes);
    arena_settled(&e->house.arena);
}

/* Makes an heir that inherits; there may be no memory for it. */
static void be_born(struct estate *e, unsigned i)
{
    struct quire_table *heir = &e->house.heir[i];
    enum quire_status status = quire_table_create(heir, e->format, &e->house.arena.host,
                                                  (uint16_t)prng_below(e->prng, 16));

    check(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
    e->alive[i] = status == QUIRE_OK;
    if (e->alive[i]) {
        check(inherit(&e->house, i, va_of(e, e->first), bytes_of(e, e->end - e->first)) ==
              QUIRE_OK);
        memset(e->own[i], 0, sizeof(e->own[i]));
    }
}

/* Maps a page of the kernel's, or all of a root entry, that will stay. */
static bool pin(struct estate *e, uint32_t first, uint32_t pages)
{
    uint64_t largest = pages == 1 ? quire_format_page_bytes(e->format) : 0;

    for (unsigned attempt = 0; attempt < 200; attempt++) {
        uint64_t pa = random_pa(e) & ~(bytes_of(e, pages) - 1);
        if (map(&e->house, &e->house.kernel, va_of(e, first), pa, bytes_of(e, pages), largest) ==
            QUIRE_OK) {
            for (uint32_t i = 0; i < pages; i++) {
                e->kernel[first + i] = pa + bytes_of(e, i) + 1;
                e->pinned[first + i] = true;
            }
            return true;
        }
    }
    return false;
}

/* Root entries [first, end) of the kernel's: each a table that is kept by its first page, or a leaf
 * that stays. False: some could not be mapped. */
static bool settle(struct estate *e)
{
    uint32_t entries = e->pages / e->entry;
    uint32_t first = (uint32_t)prng_below(e->prng, entries);
    uint32_t most = to_the_hole(e, first * e->entry) / e->entry;

    e->first = first * e->entry;
    e->end = e->first + (1 + (uint32_t)prng_below(e->prng, most)) * e->entry;
    for (uint32_t page = e->first; page < e->end; page += e->entry) {
        bool leaf = e->format->level[0].leaf && prng_one_in(e->prng, 3);

        if (!pin(e, page, leaf ? e->entry : 1)) {
            return false;
        }
    }
    return true;
}

struct doing {
    unsigned heir; /* HEIRS: the kernel */
    uint32_t page, pages;
    bool touches; /* what is inherited, or what is pinned */
};

static struct doing random_doing(const struct estate *e)
{
    struct doing doing = {.heir = (unsigned)prng_below(e->prng, HEIRS + 1),
                          .page = (uint32_t)prng_below(e->prng, e->pages)};
    uint32_t most = to_the_hole(e, doing.page);

    doing.pages = 1 + (uint32_t)prng_below(e->prng, prng_one_in(e->prng, 2) && most > 4 ? 4 : most);
    for (uint32_t i = doing.page; i < doing.page + doing.pages; i++) {
        bool inherited = i >= e->first && i < e->end;
        doing.touches = doing.touches || (doing.heir == HEIRS ? e->pinned[i] : inherited);
    }
    return doing;
}

static void do_map(struct estate *e, const struct doing *d, struct quire_table *table,
                   uint64_t *model)
{
    const struct quire_mapping mapping = {.va = quire_va_at(va_of(e, d->page)),
                                          .pa = quire_pa_at(random_pa(e)),
                                          .bytes = bytes_of(e, d->pages),
                                          .attributes = (unsigned)prng_next(e->prng) & QUIRE_RIGHTS,
                                          .existing = (enum quire_existing)prng_below(e->prng, 3)};
    enum quire_status status = quire_table_map(table, &e->house.batch, &mapping, NULL);
    bool any = false;

    for (uint32_t i = 0; i < d->pages; i++) {
        any = any || model[d->page + i] != 0;
    }
    checkf(!d->touches || status == QUIRE_EXISTS, "%s: %s", e->format->name,
           quire_status_text(status));
    check(status != QUIRE_EXISTS || d->touches || (any && mapping.existing == 0));
    for (uint32_t i = 0; i < d->pages && status == QUIRE_OK; i++) {
        uint64_t *page = &model[d->page + i];
        bool keeps = *page != 0 && mapping.existing == QUIRE_EXISTING_KEEP;
        *page = keeps ? *page : mapping.pa.at + bytes_of(e, i) + 1;
    }
}

static void do_unmap(struct estate *e, const struct doing *d, struct quire_table *table,
                     uint64_t *model)
{
    enum quire_status status = quire_table_unmap(
        table, &e->house.batch, quire_va_at(va_of(e, d->page)), bytes_of(e, d->pages), NULL);

    check((status == QUIRE_INVALID) == d->touches);
    if (status == QUIRE_OK) {
        memset(&model[d->page], 0, d->pages * sizeof(model[0]));
    }
}

static void do_marks(struct estate *e, const struct doing *d, struct quire_table *table)
{
    quire_va va = quire_va_at(va_of(e, d->page));
    struct quire_mmu mmu = quire_table_mmu(table);
    unsigned attributes = (unsigned)prng_next(e->prng) & (QUIRE_RIGHTS | MARKS);
    struct quire_walk walk;
    enum quire_status status;

    (void)quire_walk(&mmu, va, (attributes & QUIRE_RIGHTS) | QUIRE_ACCESSED, &walk);
    status = prng_one_in(e->prng, 2)
                 ? quire_table_harvest(table, &e->house.batch, va, bytes_of(e, d->pages),
                                       attributes & MARKS, NULL)
                 : quire_table_protect(table, &e->house.batch, va, bytes_of(e, d->pages),
                                       attributes & QUIRE_RIGHTS, NULL);
    check((status == QUIRE_INVALID) == d->touches);
}

/* Returns whether something was done. */
static bool step(struct estate *e)
{
    struct doing d = random_doing(e);
    struct quire_table *table = d.heir < HEIRS ? &e->house.heir[d.heir] : &e->house.kernel;
    uint64_t *model = d.heir < HEIRS ? e->own[d.heir] : e->kernel;
    uint64_t what = prng_below(e->prng, 10);

    if (d.heir == HEIRS ? d.touches : !e->alive[d.heir]) {
        return false; /* the kernel keeps its word; the dead are silent */
    }
    if (d.heir < HEIRS && what == 0) {
        quire_table_destroy(table);
        e->alive[d.heir] = false;
        be_born(e, d.heir);
    } else if (what < 5) {
        do_map(e, &d, table, model);
    } else if (what < 7) {
        do_unmap(e, &d, table, model);
    } else {
        do_marks(e, &d, table);
    }
    quire_batch_commit(&e->house.batch);
    return true;
}

static void close_estate(struct estate *e)
{
    for (unsigned i = 0; i < HEIRS; i++) {
        if (e->alive[i]) {
            quire_table_destroy(&e->house.heir[i]);
            e->alive[i] = false;
            verify(e);
        }
    }
    quire_table_destroy(&e->house.kernel);
    check(e->house.arena.in_use == 0);
    arena_free(&e->house.arena);
}

/* Returns how many steps were done; 0: not a format for this. */
static unsigned random_steps(struct prng *prng, const struct quire_format *format,
                             enum arena_reach reach, uint32_t frames, unsigned steps)
{
    static struct estate e;
    unsigned shift = quire_format_page_shift(format), bits = format->va_bits - shift, done = 0;
    uint32_t most = model_table_frames(format, UINT32_C(1) << 24);

    if (bits > 10) {
        return 0;
    }
    memset(&e, 0, sizeof(e));
    e.format = format;
    e.prng = prng;
    e.pages = UINT32_C(1) << bits;
    e.entry = UINT32_C(1) << (format->level[0].shift - shift);
    arena_init(&e.house.arena, reach, 0, frames < most ? frames : most, shift);
    e.house.arena.lowest = 1;
    quire_batch_begin(&e.house.batch, &e.house.arena.host);
    if (quire_table_create(&e.house.kernel, format, &e.house.arena.host, 0) != QUIRE_OK) {
        arena_free(&e.house.arena);
        return 0;
    }
    if (settle(&e)) {
        for (unsigned i = 0; i < HEIRS; i++) {
            be_born(&e, i);
        }
        for (unsigned i = 0; i < steps; i++) {
            e.house.arena.refuse_in = prng_one_in(prng, 3) ? (int64_t)prng_below(prng, 4) : -1;
            if (step(&e)) {
                e.house.arena.refuse_in = -1;
                verify(&e);
                done++;
            }
        }
    }
    close_estate(&e);
    return done;
}

static void test_random_steps_on_every_format(void **state)
{
    struct prng prng = prng_new(61);
    unsigned formats = 0;

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        formats += random_steps(&prng, test_formats[i], ARENA_DIRECT, 300, STEPS) != 0;
        random_steps(&prng, test_formats[i], ARENA_WINDOWS, 300, 10);
        random_steps(&prng, test_formats[i], ARENA_MIXED, 300, 10);
    }
    checkf(formats >= 14, "%u", formats);
}

static void test_random_steps_on_random_formats(void **state)
{
    struct prng prng = prng_new(62);

    (void)state;
    for (unsigned i = 0; i < RANDOM_FORMATS; i++) {
        struct quire_format format;

        random_format(&prng, &format);
        random_steps(&prng, &format, ARENA_DIRECT, 20 + (uint32_t)prng_below(&prng, 400), 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i386),
        cmocka_unit_test(test_changes_are_seen_at_once),
        cmocka_unit_test(test_x86_64),
        cmocka_unit_test(test_in_turn),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_heirs_change_nothing),
        cmocka_unit_test(test_protecting_without_rights),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_broken_word_is_found),
        cmocka_unit_test(test_random_steps_on_every_format),
        cmocka_unit_test(test_random_steps_on_random_formats),
    };

    return unit_run(tests);
}
