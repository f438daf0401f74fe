/*
 * Page tables, case by case: the ends of address spaces, the largest leaves, what is found out
 * about damaged tables, tables that others made.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/event.h"
#include "quire/pte.h"
#include "quire/table.h"
#include "tests/support/arena.h"
#include "tests/support/formats.h"
#include "tests/support/unit.h"

enum { RW = QUIRE_READ | QUIRE_WRITE, KIB4 = 4096, MIB2 = 1 << 21, GIB = 1 << 30 };

/* A table in its own memory, and a batch. */
struct bench {
    struct arena arena;
    struct quire_table table;
    struct quire_batch batch;
    struct {
        unsigned taken, freed;
    } events;
};

static void count_event(void *context, const struct quire_event *event)
{
    struct bench *bench = ((struct arena *)context)->context;

    bench->events.taken += event->kind == QUIRE_EVENT_TABLE_TAKEN;
    bench->events.freed += event->kind == QUIRE_EVENT_TABLE_FREED;
}

static void begin(struct bench *bench, const struct quire_format *format, uint32_t frames)
{
    memset(bench, 0, sizeof(*bench));
    arena_init(&bench->arena, ARENA_DIRECT, 0, frames, quire_format_page_shift(format));
    bench->arena.lowest = 1;
    bench->arena.context = bench;
    bench->arena.host.event = count_event;
    check(quire_table_create(&bench->table, format, &bench->arena.host, 7) == QUIRE_OK);
    quire_batch_begin(&bench->batch, &bench->arena.host);
}

static void end(struct bench *bench)
{
    quire_batch_commit(&bench->batch);
    check(quire_table_validate(&bench->table, NULL) == QUIRE_OK);
    check(bench->events.taken - bench->events.freed == bench->table.tables);
    quire_table_destroy(&bench->table);
    check(bench->events.taken == bench->events.freed);
    check(bench->arena.in_use == 0);
    arena_free(&bench->arena);
}

static enum quire_status map(struct bench *bench, uint64_t va, uint64_t pa, uint64_t bytes)
{
    const struct quire_mapping mapping = {
        .va = quire_va_at(va), .pa = quire_pa_at(pa), .bytes = bytes, .attributes = RW};

    return quire_table_map(&bench->table, NULL, &mapping, NULL);
}

static enum quire_status unmap(struct bench *bench, uint64_t va, uint64_t bytes)
{
    enum quire_status status =
        quire_table_unmap(&bench->table, &bench->batch, quire_va_at(va), bytes, NULL);

    quire_batch_commit(&bench->batch);
    check(quire_table_validate(&bench->table, NULL) == QUIRE_OK);
    return status;
}

static void leads_to(const struct bench *bench, uint64_t va, uint64_t pa, unsigned level)
{
    struct quire_mmu mmu = quire_table_mmu(&bench->table);
    struct quire_walk walk;
    enum quire_status status = quire_walk(&mmu, quire_va_at(va), 0, &walk);

    checkf(status == QUIRE_OK && walk.pa.at == pa && walk.level == level,
           "%#llx: status %d, %#llx, level %u", (unsigned long long)va, status,
           (unsigned long long)walk.pa.at, walk.level);
}

static void not_mapped(const struct bench *bench, uint64_t va)
{
    struct quire_leaf leaf;

    check(quire_table_query(&bench->table, quire_va_at(va), &leaf) == QUIRE_NOT_FOUND);
}

static void count_leaf(void *context, const struct quire_leaf *leaf)
{
    (*(uint64_t *)context)++;
    check(leaf->bytes != 0);
}

static uint64_t leaves(const struct bench *bench, uint64_t va, uint64_t bytes)
{
    uint64_t count = 0;
    const struct quire_visitor visitor = {count_leaf, &count};

    check(quire_table_visit(&bench->table, quire_va_at(va), bytes, &visitor) == QUIRE_OK);
    return count;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* One GiB page; a hole of one small page in it: 511 leaves of 2 MiB and 511 of 4 KiB are left. */
static void test_gigabyte_leaf_is_split_as_little_as_possible(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, &quire_format_x86_64, 64);
    check(map(&b, GIB, 4ULL * GIB, GIB) == QUIRE_OK);
    check(b.table.tables == 2 && leaves(&b, GIB, GIB) == 1);
    leads_to(&b, GIB + 0x12345678, 4ULL * GIB + 0x12345678, 2);

    check(unmap(&b, GIB + 5 * MIB2 + 7 * KIB4, KIB4) == QUIRE_OK);
    check(b.table.tables == 4 && leaves(&b, GIB, GIB) == 511 + 511);
    not_mapped(&b, GIB + 5 * MIB2 + 7 * KIB4);
    leads_to(&b, GIB + 5 * MIB2 + 8 * KIB4 + 1, 4ULL * GIB + 5 * MIB2 + 8 * KIB4 + 1, 4);
    leads_to(&b, GIB + 6 * MIB2, 4ULL * GIB + 6 * MIB2, 3);

    check(unmap(&b, GIB, GIB) == QUIRE_OK);
    check(b.table.tables == 1 && b.table.table_bytes == KIB4);
    end(&b);
}

/* From 4 KiB before a GiB to 4 KiB behind the next: small, 2 MiB, 1 GiB, 2 MiB, small. */
static void test_largest_leaves_in_the_middle(void **state)
{
    const uint64_t head = MIB2 + KIB4;
    struct bench b;

    (void)state;
    begin(&b, &quire_format_x86_64, 64);
    check(map(&b, GIB - head, 8ULL * GIB - head, head + GIB + head) == QUIRE_OK);
    check(leaves(&b, 0, 4ULL * GIB) == 1 + 1 + 1 + 1 + 1);
    check(b.table.tables == 2 + 2 + 2);
    leads_to(&b, GIB - head, 8ULL * GIB - head, 4);
    leads_to(&b, GIB - MIB2, 8ULL * GIB - MIB2, 3);
    leads_to(&b, GIB, 8ULL * GIB, 2);
    leads_to(&b, 2ULL * GIB, 9ULL * GIB, 3);
    leads_to(&b, 2ULL * GIB + MIB2, 9ULL * GIB + MIB2, 4);
    end(&b);
}

/* A physical address that is only 2 MiB aligned; a limit on the size of leaves. */
static void test_alignment_and_limit_decide(void **state)
{
    struct quire_mapping mapping = {.va = {GIB}, .pa = {GIB}, .bytes = GIB, .attributes = RW};
    struct bench b;
    uint64_t mapped;

    (void)state;
    begin(&b, &quire_format_x86_64, 600);
    check(map(&b, 0, MIB2, GIB) == QUIRE_OK);
    check(leaves(&b, 0, GIB) == 512);
    mapping.largest_leaf = GIB - 1;
    check(quire_table_map(&b.table, NULL, &mapping, &mapped) == QUIRE_OK && mapped == GIB);
    check(leaves(&b, GIB, GIB) == 512);
    mapping.va.at = 2ULL * GIB;
    mapping.largest_leaf = KIB4;
    check(quire_table_map(&b.table, NULL, &mapping, &mapped) == QUIRE_OK && mapped == GIB);
    check(leaves(&b, 2ULL * GIB, GIB) == 262144);
    check(b.table.tables == 1 + 1 + 3 + 512);
    end(&b);
}

/* All of the lower half with the largest leaves, and gone again. */
static void test_half_the_address_space(void **state)
{
    const uint64_t half = UINT64_C(1) << 47;
    struct bench b;

    (void)state;
    begin(&b, &quire_format_x86_64, 300);
    check(map(&b, 0, 0, half) == QUIRE_OK);
    check(b.table.tables == 257);
    leads_to(&b, half - 1, half - 1, 2);
    check(map(&b, 0 - half, 0, half) == QUIRE_NO_MEMORY); /* 300 frames are not enough for both */
    check(b.table.tables == 257);
    check(unmap(&b, 0, half) == QUIRE_OK);
    check(b.table.tables == 1);
    end(&b);
}

/* ---- ends ------------------------------------------------------------------------------------ */

struct corner {
    const struct quire_format *format;
    uint64_t va; /* of a page at an end */
};

static void test_first_and_last_pages(void **state)
{
    static const struct corner corners[] = {
        {&quire_format_x86_64, 0},
        {&quire_format_x86_64, UINT64_C(0x00007ffffffff000)},
        {&quire_format_x86_64, UINT64_C(0xffff800000000000)},
        {&quire_format_x86_64, UINT64_C(0xfffffffffffff000)},
        {&quire_format_i386, 0},
        {&quire_format_i386, UINT64_C(0xfffff000)},
        {&full_64, 0},
        {&full_64, UINT64_C(0x7ffffffffffff000)},
        {&full_64, UINT64_C(0x8000000000000000)},
        {&full_64, UINT64_C(0xfffffffffffff000)},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(corners) / sizeof(corners[0]); i++) {
        const struct quire_format *format = corners[i].format;
        struct bench b;
        uint64_t va = corners[i].va, changed;

        begin(&b, format, 64);
        check(map(&b, va, 0x5000, KIB4) == QUIRE_OK);
        check(b.table.tables == format->levels);
        leads_to(&b, va + 0xfff, 0x5fff, format->levels);
        check(leaves(&b, va, KIB4) == 1);
        check(quire_table_protect(&b.table, &b.batch, quire_va_at(va), KIB4, QUIRE_READ,
                                  &changed) == QUIRE_OK &&
              changed == KIB4);
        check(quire_table_harvest(&b.table, &b.batch, quire_va_at(va), KIB4, QUIRE_MARKS, NULL) ==
              QUIRE_OK);
        check(unmap(&b, va, KIB4) == QUIRE_OK);
        check(b.table.tables == 1);
        end(&b);
    }
}

/* The whole upper half of all 64 bits: its end cannot even be written as an address. */
static void test_up_to_the_very_end(void **state)
{
    const uint64_t half = UINT64_C(1) << 63;
    struct bench b;

    (void)state;
    begin(&b, &full_64, 64);
    check(map(&b, 0 - UINT64_C(3) * KIB4, 0x10000, 3 * KIB4) == QUIRE_OK);
    check(map(&b, half, half, half - (UINT64_C(1) << 55)) == QUIRE_OK);
    check(leaves(&b, half, half) == 255 + 3);
    check(unmap(&b, half, half) == QUIRE_OK && b.table.tables == 1);
    end(&b);
}

static void test_ranges_that_are_refused(void **state)
{
    static const struct {
        uint64_t va, bytes;
        enum quire_status status;
    } ranges[] = {
        {0, 0, QUIRE_INVALID},
        {1, KIB4, QUIRE_INVALID},
        {KIB4 - 1, KIB4, QUIRE_INVALID},
        {0, KIB4 + 1, QUIRE_INVALID},
        {0, 1, QUIRE_INVALID},
        {UINT64_C(0xfffffffffffff000), 2 * KIB4, QUIRE_INVALID}, /* wraps */
        {UINT64_C(0x0000800000000000), KIB4, QUIRE_OUT_OF_RANGE},
        {UINT64_C(0x00007ffffffff000), 2 * KIB4, QUIRE_OUT_OF_RANGE},
        {UINT64_C(0xffff7ffffffff000), 2 * KIB4, QUIRE_OUT_OF_RANGE},
        {UINT64_C(0x00007ffffffff000), UINT64_C(0xffff000000002000), QUIRE_OUT_OF_RANGE},
        {0, UINT64_C(0xfffffffffffff000), QUIRE_OUT_OF_RANGE},
    };
    struct quire_visitor nobody = {count_leaf, NULL};
    struct bench b;

    (void)state;
    begin(&b, &quire_format_x86_64, 64);
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        quire_va va = quire_va_at(ranges[i].va);
        uint64_t bytes = ranges[i].bytes, changed;
        check(map(&b, va.at, 0, bytes) == ranges[i].status);
        check(quire_table_unmap(&b.table, &b.batch, va, bytes, NULL) == ranges[i].status);
        check(quire_table_protect(&b.table, &b.batch, va, bytes, 0, &changed) == ranges[i].status);
        check(quire_table_harvest(&b.table, &b.batch, va, bytes, QUIRE_DIRTY, NULL) ==
              ranges[i].status);
        check(quire_table_visit(&b.table, va, bytes, &nobody) == ranges[i].status);
    }
    check(map(&b, 0, 1, KIB4) == QUIRE_INVALID);
    check(map(&b, 0, UINT64_C(1) << 52, KIB4) == QUIRE_OUT_OF_RANGE);
    check(map(&b, 0, (UINT64_C(1) << 52) - KIB4, 2 * KIB4) == QUIRE_OUT_OF_RANGE);
    check(map(&b, 0, (UINT64_C(1) << 52) - KIB4, KIB4) == QUIRE_OK);
    check(b.arena.flushes == 0 && b.table.tables == 4);
    end(&b);
}

/* Unmapping and protecting terabytes of nothing takes no time: it goes by tables, not by pages. */
static void test_nothing_is_quick(void **state)
{
    const uint64_t half = UINT64_C(1) << 63;
    struct bench b;
    uint64_t changed = 1;

    (void)state;
    begin(&b, &full_64, 64);
    check(map(&b, half + 0x123456789000, 0, KIB4) == QUIRE_OK);
    check(quire_table_protect(&b.table, &b.batch, quire_va_at(KIB4), half - KIB4, 0, &changed) ==
              QUIRE_OK &&
          changed == 0);
    check(unmap(&b, KIB4, half + 0x123456788000 - KIB4) == QUIRE_OK);
    check(b.table.tables == 6);
    check(unmap(&b, KIB4, 0 - UINT64_C(2) * KIB4) == QUIRE_OK);
    check(b.table.tables == 1);
    end(&b);
}

/* ---- frames that cannot be pointed to -------------------------------------------------------- */

static void test_table_frame_out_of_reach(void **state)
{
    struct arena arena;
    struct quire_table table;
    struct quire_mapping mapping = {.va = {0x40}, .pa = {0x30}, .bytes = 0x10};

    (void)state;
    /* tiny_zero: a table in frame 0 would read as "absent" */
    arena_init(&arena, ARENA_DIRECT, 0, 2, 4);
    arena.lowest = 1;
    check(quire_table_create(&table, &tiny_zero, &arena.host, 0) == QUIRE_OK);
    arena.lowest = 0;
    check(quire_table_map(&table, NULL, &mapping, NULL) == QUIRE_OUT_OF_RANGE);
    check(arena.in_use == 1 && table.tables == 1);
    quire_table_destroy(&table);
    arena_free(&arena);

    /* tiny2: four bits of frame number, memory from frame 15 on */
    arena_init(&arena, ARENA_DIRECT, 0xf0, 2, 4);
    arena.order_of[0] = 1; /* taken: only frame 16 is left */
    check(quire_table_create(&table, &tiny2, &arena.host, 0) == QUIRE_OUT_OF_RANGE);
    check(arena.in_use == 0);
    arena.order_of[0] = 0;
    arena.order_of[1] = 1;
    check(quire_table_create(&table, &tiny2, &arena.host, 0) == QUIRE_OK);
    arena.order_of[1] = 0;
    check(quire_table_map(&table, NULL, &mapping, NULL) == QUIRE_OUT_OF_RANGE);
    check(arena.in_use == 1 && table.tables == 1);
    quire_table_destroy(&table);
    arena_free(&arena);
}

static void test_page_that_would_read_as_absent(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, &quire_format_ptsim, 8);
    check(map(&b, 0x100, 0, 0x100) == QUIRE_OUT_OF_RANGE);
    check(map(&b, 0x100, 0, 0x300) == QUIRE_OUT_OF_RANGE);
    not_mapped(&b, 0x200);
    check(map(&b, 0x100, 0x100, 0x300) == QUIRE_OK);
    end(&b);

    begin(&b, &tiny_marked, 8); /* frame 0x5a, in the middle of the range */
    check(map(&b, 0x80, 0x580, 0x60) == QUIRE_OUT_OF_RANGE);
    not_mapped(&b, 0x80);
    check(map(&b, 0x80, 0x5b0, 0x60) == QUIRE_OK);
    end(&b);
}

/* i386: a 4 MiB page above 4 GiB (PSE-36) cannot be said in small pages. */
static void test_leaf_that_cannot_be_split(void **state)
{
    const uint64_t mib4 = UINT64_C(4) << 20, far = UINT64_C(0x100000000);
    struct quire_mapping mapping = {
        .va = {mib4}, .pa = {0x1000}, .bytes = mib4, .existing = QUIRE_EXISTING_REPLACE};
    struct bench b;
    uint64_t n;

    (void)state;
    begin(&b, &quire_format_i386, 8);
    check(map(&b, mib4, far, mib4) == QUIRE_OK);
    check(unmap(&b, mib4, KIB4) == QUIRE_OUT_OF_RANGE);
    check(quire_table_protect(&b.table, &b.batch, quire_va_at(mib4 + KIB4), KIB4, QUIRE_READ, &n) ==
          QUIRE_OUT_OF_RANGE);
    leads_to(&b, mib4 + 5, far + 5, 1);
    check(map(&b, 0, far, KIB4) == QUIRE_OUT_OF_RANGE);
    check(map(&b, 0, far + mib4 - KIB4, mib4) == QUIRE_OUT_OF_RANGE);

    mapping.bytes = KIB4; /* part of it cannot be replaced, all of it can: by small pages too */
    check(quire_table_map(&b.table, &b.batch, &mapping, &n) == QUIRE_OUT_OF_RANGE);
    mapping.bytes = mib4;
    check(quire_table_map(&b.table, &b.batch, &mapping, &n) == QUIRE_OK && n == mib4);
    leads_to(&b, mib4 + 5, 0x1005, 2);
    check(b.table.tables == 2);
    end(&b);
}

/* ---- software's bits ------------------------------------------------------------------------- */

static uint64_t entry_place(const struct bench *b, uint64_t va)
{
    struct quire_mmu mmu = quire_table_mmu(&b->table);
    struct quire_walk walk;

    quire_walk(&mmu, quire_va_at(va), 0, &walk);
    return walk.entry_at.at;
}

/* A payload in an absent entry counts as nothing mapped, and is nobody else's to throw away. */
/* Large leaves reach 0x200, small ones all of memory: a run that begins below goes on in those. */
static void test_run_that_outgrows_large_leaves(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, &tiny_narrow, 16);
    check(map(&b, 0x40, 0x1c0, 0x80) == QUIRE_OK);
    leads_to(&b, 0x40, 0x1c0, 1);
    leads_to(&b, 0x80, 0x200, 2);
    leads_to(&b, 0xb0, 0x230, 2);
    check(b.table.tables == 2);
    check(unmap(&b, 0x40, 0x80) == QUIRE_OK);
    end(&b);
}

static void test_payloads_of_absent_entries(void **state)
{
    const struct quire_format *format = &quire_format_x86_64;
    struct bench b;
    uint64_t payload, entry;

    (void)state;
    begin(&b, format, 16);
    check(map(&b, 0, 0x8000, 4 * KIB4) == QUIRE_OK);
    check(unmap(&b, KIB4, KIB4) == QUIRE_OK);
    check(quire_pte_soft(format, 0x1234, &payload));
    arena_poke(&b.arena, entry_place(&b, KIB4), 8, false, payload);

    check(unmap(&b, 0, KIB4) == QUIRE_OK && unmap(&b, 2 * KIB4, 2 * KIB4) == QUIRE_OK);
    check(arena_peek(&b.arena, entry_place(&b, KIB4), 8, false, &entry));
    checkf(entry == payload, "the table with the payload went: %#llx", (unsigned long long)entry);
    check(b.table.tables == 4);

    check(map(&b, 0, 0x8000, 4 * KIB4) == QUIRE_OK); /* over it */
    check(leaves(&b, 0, GIB) == 4);
    check(unmap(&b, 0, 4 * KIB4) == QUIRE_OK && b.table.tables == 1);
    end(&b);
}

/* Bits of a leaf that the MMU ignores stay through protecting, harvesting and splitting. */
static void test_ignored_bits_stay(void **state)
{
    struct bench b;
    uint64_t entry, changed;

    (void)state;
    begin(&b, &quire_format_x86_64, 16);
    check(map(&b, 0, 0, MIB2) == QUIRE_OK);
    arena_poke(&b.arena, entry_place(&b, 0), 8, false,
               0x83 | UINT64_C(0x0550000000000a00) | QUIRE_BIT(63) | 0x60);
    check(quire_table_protect(&b.table, &b.batch, quire_va_at(0), MIB2, QUIRE_READ, &changed) ==
          QUIRE_OK);
    check(quire_table_harvest(&b.table, &b.batch, quire_va_at(0), MIB2, QUIRE_DIRTY, NULL) ==
          QUIRE_OK);
    check(arena_peek(&b.arena, entry_place(&b, 0), 8, false, &entry));
    check(entry == (UINT64_C(0x8550000000000aa1)));
    check(unmap(&b, 0, KIB4) == QUIRE_OK);
    check(arena_peek(&b.arena, entry_place(&b, KIB4), 8, false, &entry));
    check(entry == (UINT64_C(0x8550000000001a21)));
    end(&b);
}

/* ---- marks ----------------------------------------------------------------------------------- */

struct seen {
    unsigned leaves, dirty;
};

static void note_dirty(void *context, const struct quire_leaf *leaf)
{
    struct seen *seen = context;

    seen->leaves++;
    seen->dirty += (leaf->attributes & QUIRE_DIRTY) != 0;
}

/* Unmapping tells of the marks as they were in the end, also of entries the MMU marked late. */
static void test_unmap_tells_the_final_marks(void **state)
{
    struct quire_walk walk;
    struct seen seen = {0, 0};
    const struct quire_visitor visitor = {note_dirty, &seen};
    struct bench b;

    (void)state;
    for (unsigned concurrent = 0; concurrent < 2; concurrent++) {
        struct quire_mmu mmu;
        begin(&b, &quire_format_i386, 16);
        b.arena.host.concurrent_walks = concurrent;
        mmu = quire_table_mmu(&b.table);
        check(map(&b, 0, 0x100000, 16 * KIB4) == QUIRE_OK);
        for (unsigned i = 0; i < 16; i += 3) {
            check(quire_walk(&mmu, quire_va_at(i * KIB4), QUIRE_WRITE | QUIRE_ACCESSED, &walk) ==
                  QUIRE_OK);
        }
        memset(&seen, 0, sizeof(seen));
        check(quire_table_unmap(&b.table, &b.batch, quire_va_at(KIB4), 15 * KIB4, &visitor) ==
              QUIRE_OK);
        check(seen.leaves == 15 && seen.dirty == 5);
        end(&b);
    }
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Spoils the entry that translates `va` at `level` and looks whether that is found, and where. */
static void damage(struct bench *b, uint64_t table, uint32_t index, uint64_t entry, uint64_t where)
{
    uint64_t at = table + index * UINT64_C(8), was;
    quire_va found = {1};

    check(arena_peek(&b->arena, at, 8, false, &was));
    arena_poke(&b->arena, at, 8, false, entry);
    checkf(quire_table_validate(&b->table, &found) == QUIRE_CORRUPT, "%#llx -> %#llx",
           (unsigned long long)was, (unsigned long long)entry);
    checkf(found.at == where, "found at %#llx instead of %#llx", (unsigned long long)found.at,
           (unsigned long long)where);
    check(quire_table_validate(&b->table, NULL) == QUIRE_CORRUPT);
    arena_poke(&b->arena, at, 8, false, was);
}

static void test_damage_is_found(void **state)
{
    const uint64_t upper = UINT64_C(0xffff800000000000);
    struct quire_trace trace;
    struct quire_walk walk;
    struct quire_mmu mmu;
    struct bench b;
    uint64_t t[5], was;

    (void)state;
    begin(&b, &quire_format_x86_64, 32);
    mmu = quire_table_mmu(&b.table);
    check(map(&b, upper + GIB, 0x8000, 4 * KIB4) == QUIRE_OK);
    check(map(&b, upper + GIB + MIB2, 0, MIB2) == QUIRE_OK);
    check(map(&b, 0x5000, 0x8000, KIB4) == QUIRE_OK);
    check(quire_walk_traced(&mmu, quire_va_at(upper + GIB), 0, &walk, &trace) == QUIRE_OK);
    for (unsigned i = 1; i <= 4; i++) {
        t[i] = trace.step[i - 1].table.at;
    }
    damage(&b, t[1], 256, 0x2087, upper);                    /* PS in a PML4E */
    damage(&b, t[3], 1, 0x2087, upper + GIB + MIB2);         /* reserved in a 2 MiB PDE */
    damage(&b, t[3], 0, UINT64_C(0x100000007), upper + GIB); /* a table where no memory is */
    damage(&b, t[2], 5, UINT64_C(0x100000007), upper + 5ULL * GIB);
    damage(&b, t[2], 1, 0, upper);    /* nothing in the table */
    damage(&b, t[3], 7, t[4] | 7, 0); /* one table more than counted */
    damage(&b, t[3], 0, 0, 0);        /* one fewer */
    damage(&b, t[2], 1, t[1] | 7, 0); /* round in circles */
    /* Two at once: the first address is told, whichever table it is in. */
    check(arena_peek(&b.arena, t[3] + 8, 8, false, &was));
    arena_poke(&b.arena, t[3] + 8, 8, false, 0x2087);
    damage(&b, t[1], 3, 0x2087, UINT64_C(3) << 39);
    damage(&b, t[1], 300, 0x2087, upper + GIB + MIB2);
    arena_poke(&b.arena, t[3] + 8, 8, false, was);
    check(quire_table_validate(&b.table, NULL) == QUIRE_OK);

    b.table.tables++;
    check(quire_table_validate(&b.table, NULL) == QUIRE_CORRUPT);
    b.table.tables--;
    b.table.table_bytes -= KIB4;
    check(quire_table_validate(&b.table, NULL) == QUIRE_CORRUPT);
    b.table.table_bytes += KIB4;

    /* An empty table that is not the root. */
    for (unsigned i = 0; i < 4; i++) {
        arena_poke(&b.arena, t[4] + i * 8, 8, false, 0);
    }
    check(quire_table_validate(&b.table, NULL) == QUIRE_CORRUPT);
    arena_poke(&b.arena, t[4], 8, false, 0x8003);
    check(quire_table_validate(&b.table, NULL) == QUIRE_OK);
    end(&b);
}

/* Operations on a table that leads out of memory say so, and do not crash. */
static void test_operations_on_a_damaged_table(void **state)
{
    struct quire_visitor nobody = {count_leaf, NULL};
    struct bench b;
    uint64_t was, n;

    (void)state;
    begin(&b, &quire_format_x86_64, 32);
    check(map(&b, 0, 0x8000, KIB4) == QUIRE_OK);
    check(arena_peek(&b.arena, b.table.root.at, 8, false, &was));
    arena_poke(&b.arena, b.table.root.at, 8, false, UINT64_C(0x7000000007));
    check(map(&b, KIB4, 0, KIB4) == QUIRE_CORRUPT);
    check(quire_table_unmap(&b.table, &b.batch, quire_va_at(0), KIB4, NULL) == QUIRE_CORRUPT);
    check(quire_table_protect(&b.table, &b.batch, quire_va_at(0), KIB4, 0, &n) == QUIRE_CORRUPT);
    check(quire_table_visit(&b.table, quire_va_at(0), KIB4, &nobody) == QUIRE_CORRUPT);
    check(quire_table_harvest(&b.table, &b.batch, quire_va_at(0), KIB4, QUIRE_DIRTY, NULL) ==
          QUIRE_CORRUPT);
    arena_poke(&b.arena, b.table.root.at, 8, false, was);
    end(&b);
}

/* ---- adopting, activating -------------------------------------------------------------------- */

static void test_adopting(void **state)
{
    struct quire_table other;
    struct bench b;

    (void)state;
    begin(&b, &quire_format_x86_64, 64);
    check(map(&b, 0, 0, GIB - KIB4) == QUIRE_OK);
    check(map(&b, UINT64_C(0xffff800000000000), 0, KIB4) == QUIRE_OK);
    check(quire_table_adopt(&other, &quire_format_x86_64, &b.arena.host, 9, b.table.root) ==
          QUIRE_OK);
    check(other.tables == b.table.tables && other.table_bytes == b.table.table_bytes);
    check(other.asid == 9 && other.root.at == b.table.root.at);
    check(quire_table_validate(&other, NULL) == QUIRE_OK);
    check(quire_table_adopt(&other, &quire_format_x86_64, &b.arena.host, 9,
                            quire_pa_at(UINT64_C(0x123456000))) == QUIRE_OUT_OF_RANGE);
    arena_poke(&b.arena, b.table.root.at + 8, 8, false, UINT64_C(0x7000000007));
    check(quire_table_adopt(&other, &quire_format_x86_64, &b.arena.host, 9, b.table.root) ==
          QUIRE_CORRUPT);
    arena_poke(&b.arena, b.table.root.at + 8, 8, false, 0);
    end(&b);
}

static struct {
    uint64_t root;
    unsigned asid, calls;
} activated;

static void activate(void *context, quire_pa root, uint16_t asid)
{
    check(context != NULL);
    activated.root = root.at;
    activated.asid = asid;
    activated.calls++;
}

static void test_activating(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, &quire_format_i386, 8);
    b.arena.host.activate = activate;
    quire_table_activate(&b.table);
    check(activated.calls == 1 && activated.asid == 7 && activated.root == b.table.root.at);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gigabyte_leaf_is_split_as_little_as_possible),
        cmocka_unit_test(test_largest_leaves_in_the_middle),
        cmocka_unit_test(test_alignment_and_limit_decide),
        cmocka_unit_test(test_half_the_address_space),
        cmocka_unit_test(test_first_and_last_pages),
        cmocka_unit_test(test_up_to_the_very_end),
        cmocka_unit_test(test_ranges_that_are_refused),
        cmocka_unit_test(test_nothing_is_quick),
        cmocka_unit_test(test_table_frame_out_of_reach),
        cmocka_unit_test(test_page_that_would_read_as_absent),
        cmocka_unit_test(test_leaf_that_cannot_be_split),
        cmocka_unit_test(test_run_that_outgrows_large_leaves),
        cmocka_unit_test(test_payloads_of_absent_entries),
        cmocka_unit_test(test_ignored_bits_stay),
        cmocka_unit_test(test_unmap_tells_the_final_marks),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_operations_on_a_damaged_table),
        cmocka_unit_test(test_adopting),
        cmocka_unit_test(test_activating),
    };

    return unit_run(tests);
}
