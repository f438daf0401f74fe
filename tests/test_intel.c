/*
 * Entries and translations worked out by hand from the Intel Software Developer's Manual, volume
 * 3A, chapter 4 (paging): the tables of 4.3 for i386 (4-4: PDE of a 4 MiB page, 4-5: PDE of a
 * table, 4-6: PTE) and of 4.5 for x86-64 (4-15: PML4E, 4-16 and 4-17: PDPTE, 4-18 and 4-19: PDE,
 * 4-20: PTE), the access rights of 4.6 and the accessed and dirty flags of 4.8.
 */
#include <string.h>

#include "quire/formats.h"
#include "quire/pte.h"
#include "quire/walk.h"
#include "tests/support/arena.h"
#include "tests/support/unit.h"

enum {
    R = QUIRE_READ,
    W = QUIRE_WRITE,
    X = QUIRE_EXECUTE,
    U = QUIRE_USER,
    A = QUIRE_ACCESSED,
    D = QUIRE_DIRTY,
    G = QUIRE_GLOBAL,
    WT = QUIRE_TYPE_WRITE_THROUGH,
    UCW = QUIRE_TYPE_UNCACHED_WEAK,
    UC = QUIRE_TYPE_UNCACHED
};

static const struct quire_format *const i386 = &quire_format_i386;
static const struct quire_format *const x86_64 = &quire_format_x86_64;

/* ---- entries --------------------------------------------------------------------------------- */

struct entry_vector {
    unsigned level;
    enum quire_pte_kind kind;
    uint64_t address;
    unsigned attributes;
    uint64_t entry;
};

static void build_and_read(const struct quire_format *format, const struct entry_vector *v)
{
    uint64_t built = v->kind == QUIRE_PTE_TABLE
                         ? quire_pte_table(format, v->level, quire_pa_at(v->address))
                         : quire_pte_leaf(format, v->level, quire_pa_at(v->address), v->attributes);

    checkf(built == v->entry, "%s: built %#llx instead of %#llx", format->name,
           (unsigned long long)built, (unsigned long long)v->entry);
    check(quire_pte_kind(format, v->level, v->entry) == v->kind);
    check(!quire_pte_reserved(format, v->level, v->kind, v->entry));
    check(quire_pte_address(format, v->level, v->kind, v->entry).at == v->address);
    if (v->kind == QUIRE_PTE_LEAF) {
        check(quire_pte_attributes(format, v->entry) == v->attributes);
    }
}

static void test_i386_entries(void **state)
{
    static const struct entry_vector vectors[] = {
        /* Table 4-6: bit 0 P, 1 R/W, 2 U/S, 3 PWT, 4 PCD, 5 A, 6 D, 7 PAT, 8 G, 31:12 address */
        {2, QUIRE_PTE_LEAF, 0x00000000, R | X, 0x00000001},
        {2, QUIRE_PTE_LEAF, 0x12345000, R | X | W, 0x12345003},
        {2, QUIRE_PTE_LEAF, 0xfffff000, R | X | U, 0xfffff005},
        {2, QUIRE_PTE_LEAF, 0x00100000, R | X | W | U | WT, 0x0010000f},
        {2, QUIRE_PTE_LEAF, 0x00100000, R | X | W | UCW, 0x00100013},
        {2, QUIRE_PTE_LEAF, 0xfee00000, R | X | W | UC, 0xfee0001b},
        {2, QUIRE_PTE_LEAF, 0xabcde000, R | X | W | U | A | D, 0xabcde067},
        {2, QUIRE_PTE_LEAF, 0xc0000000, R | X | W | A | D | G, 0xc0000163},
        /* Table 4-5: the directory entry of a table; rights are the union of what lies below */
        {1, QUIRE_PTE_TABLE, 0x00000000, 0, 0x00000007},
        {1, QUIRE_PTE_TABLE, 0x80001000, 0, 0x80001007},
        {1, QUIRE_PTE_TABLE, 0xfffff000, 0, 0xfffff007},
        /* Table 4-4: bit 7 PS = 1, 8 G, 12 PAT, 20:13 address bits 39:32, 21 zero, 31:22 address */
        {1, QUIRE_PTE_LEAF, 0x00400000, R | X, 0x00400081},
        {1, QUIRE_PTE_LEAF, 0xffc00000, R | X | W | U | A | D | G, 0xffc001e7},
        {1, QUIRE_PTE_LEAF, UINT64_C(0x100000000), R | X | W, 0x00002083},
        {1, QUIRE_PTE_LEAF, UINT64_C(0xab40400000), R | X | W | U, 0x40556087},
        {1, QUIRE_PTE_LEAF, UINT64_C(0xffffc00000), R | X, 0xffdfe081},
        {1, QUIRE_PTE_LEAF, 0xf0000000, R | X | W | UC | A | D, 0xf00000fb},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        build_and_read(i386, &vectors[i]);
    }
}

static void test_x86_64_entries(void **state)
{
    static const struct entry_vector vectors[] = {
        /* Table 4-20: as on i386, address 51:12, 63 XD */
        {4, QUIRE_PTE_LEAF, 0, R | X, 1},
        {4, QUIRE_PTE_LEAF, 0x1000, R | X | W | U, 0x1007},
        {4, QUIRE_PTE_LEAF, 0x1000, R, UINT64_C(0x8000000000001001)},
        {4, QUIRE_PTE_LEAF, UINT64_C(0x000ffffffffff000), R | W | U | A | D | G,
         UINT64_C(0x800ffffffffff167)},
        {4, QUIRE_PTE_LEAF, UINT64_C(0x123456789a000), R | X | UC, UINT64_C(0x123456789a019)},
        /* Table 4-19: 7 PS, 12 PAT, 20:13 zero, address 51:21 */
        {3, QUIRE_PTE_LEAF, 0x200000, R | X | W, 0x200083},
        {3, QUIRE_PTE_LEAF, UINT64_C(0x000fffffffe00000), R | W | A | D,
         UINT64_C(0x800fffffffe000e3)},
        /* Table 4-17: 7 PS, 12 PAT, 29:13 zero, address 51:30 */
        {2, QUIRE_PTE_LEAF, 0x40000000, R | X, 0x40000081},
        {2, QUIRE_PTE_LEAF, UINT64_C(0x000fffffc0000000), R | X | W | U | G | WT,
         UINT64_C(0x000fffffc000018f)},
        /* Tables 4-15, 4-16, 4-18: pointers */
        {1, QUIRE_PTE_TABLE, 0x1000, 0, 0x1007},
        {2, QUIRE_PTE_TABLE, UINT64_C(0x000ffffffffff000), 0, UINT64_C(0x000ffffffffff007)},
        {3, QUIRE_PTE_TABLE, UINT64_C(0x0000800000000000), 0, UINT64_C(0x0000800000000007)},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        build_and_read(x86_64, &vectors[i]);
    }
}

/* Which single bits, added to a sound entry, must the MMU refuse? */
static void reserved_bits(const struct quire_format *format, unsigned level, uint64_t entry,
                          uint64_t expected)
{
    for (unsigned bit = 0; bit < 8U * format->pte_bytes; bit++) {
        uint64_t with = entry | UINT64_C(1) << bit;
        enum quire_pte_kind kind = quire_pte_kind(format, level, with);
        bool refused = kind != QUIRE_PTE_ABSENT && quire_pte_reserved(format, level, kind, with);
        checkf(refused == ((expected >> bit & 1) != 0), "%s, level %u, entry %#llx, bit %u",
               format->name, level, (unsigned long long)entry, bit);
    }
}

static void test_reserved_bits(void **state)
{
    struct quire_format narrow = quire_format_x86_64;
    struct quire_format pse = quire_format_i386;
    uint64_t above_40 = QUIRE_MASK(51, 40);

    (void)state;
    reserved_bits(i386, 2, 0x00000001, 0);        /* 4-6: none (7 is PAT) */
    reserved_bits(i386, 1, 0x00000001, 0);        /* 4-5: 7 makes it a 4 MiB page */
    reserved_bits(i386, 1, 0x00000081, 1U << 21); /* 4-4, with 40 physical address bits */
    check(quire_format_limit_pa(&pse, 36) == QUIRE_OK);
    reserved_bits(&pse, 1, 0x00000081, UINT32_C(0x3e0000)); /* 36 bits: 21:17 */
    check(quire_format_limit_pa(&pse, 32) == QUIRE_OK);
    reserved_bits(&pse, 1, 0x00000081, UINT32_C(0x3fe000)); /* no PSE-36: 21:13 */

    reserved_bits(x86_64, 1, 1, 0x80);                     /* 4-15: PS */
    reserved_bits(x86_64, 2, 1, 0);                        /* 4-16 */
    reserved_bits(x86_64, 2, 0x81, UINT64_C(0x3fffe000));  /* 4-17: 29:13 */
    reserved_bits(x86_64, 3, 1, 0);                        /* 4-18 */
    reserved_bits(x86_64, 3, 0x81, UINT64_C(0x001fe000));  /* 4-19: 20:13 */
    reserved_bits(x86_64, 4, 1, 0);                        /* 4-20 */
    check(quire_format_limit_pa(&narrow, 40) == QUIRE_OK); /* MAXPHYADDR 40: 51:40 too */
    reserved_bits(&narrow, 1, 1, above_40 | 0x80);
    reserved_bits(&narrow, 2, 1, above_40);
    reserved_bits(&narrow, 2, 0x81, above_40 | UINT64_C(0x3fffe000));
    reserved_bits(&narrow, 3, 1, above_40);
    reserved_bits(&narrow, 3, 0x81, above_40 | UINT64_C(0x001fe000));
    reserved_bits(&narrow, 4, 1, above_40);
}

/* ---- translations ---------------------------------------------------------------------------- */

/* A machine with 64 KiB of memory; the root is at 0x1000. */
struct machine {
    struct arena arena;
    struct quire_mmu mmu;
};

static void machine_begin(struct machine *m, const struct quire_format *format)
{
    arena_init(&m->arena, ARENA_DIRECT, 0, 16, 12);
    memset(m->arena.ram, 0, m->arena.bytes);
    m->mmu.format = format;
    m->mmu.memory = &m->arena.host.memory;
    m->mmu.root = quire_pa_at(0x1000);
}

static void put(struct machine *m, uint64_t at, uint64_t entry)
{
    arena_poke(&m->arena, at, m->mmu.format->pte_bytes, false, entry);
}

static uint64_t get(struct machine *m, uint64_t at)
{
    uint64_t entry = 0;

    check(arena_peek(&m->arena, at, m->mmu.format->pte_bytes, false, &entry));
    return entry;
}

static void leads_to(struct machine *m, uint64_t va, unsigned access, uint64_t pa,
                     uint64_t page_bytes)
{
    struct quire_walk walk;

    checkf(quire_walk(&m->mmu, quire_va_at(va), access, &walk) == QUIRE_OK && walk.pa.at == pa &&
               walk.page_bytes == page_bytes,
           "%#llx, access %#x: reason %d, %#llx", (unsigned long long)va, access, walk.reason,
           (unsigned long long)walk.pa.at);
}

static void faults(struct machine *m, uint64_t va, unsigned access, enum quire_reason reason,
                   unsigned level, uint32_t index)
{
    struct quire_walk walk;

    checkf(quire_walk(&m->mmu, quire_va_at(va), access, &walk) == QUIRE_FAULT &&
               walk.reason == reason && walk.level == level && walk.index == index,
           "%#llx, access %#x: reason %d at level %u, entry %u", (unsigned long long)va, access,
           walk.reason, walk.level, walk.index);
}

/* 0x00c03abc = directory 3, table 3, offset 0xabc; and so on, by hand. */
static void test_i386_translations(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, i386);
    put(&m, 0x1000 + 3 * 4, 0x2007);
    put(&m, 0x2000 + 3 * 4, 0xdead7007);
    put(&m, 0x2000 + 4 * 4, 0xdead6);       /* P = 0, the rest is software's */
    put(&m, 0x1000 + 4 * 4, 0xffc00087);    /* 4 MiB at 0xffc00000 */
    put(&m, 0x1000 + 5 * 4, 0x00802087);    /* 4 MiB at 0x1_00800000 */
    put(&m, 0x1000 + 6 * 4, 0x00a00087);    /* bit 21: reserved */
    put(&m, 0x1000 + 7 * 4, 0x00801087);    /* bit 12: PAT, part of no address */
    put(&m, 0x1000 + 1023 * 4, 0xffdfe087); /* the last page of 1 TiB */

    leads_to(&m, 0x00c03abc, U | W, 0xdead7abc, 0x1000);
    faults(&m, 0x00c04000, 0, QUIRE_REASON_NOT_PRESENT, 2, 4);
    faults(&m, 0x00800000, 0, QUIRE_REASON_NOT_PRESENT, 1, 2);
    leads_to(&m, 0x0112345a, R, 0xffd2345a, 0x400000);
    leads_to(&m, 0x01400000, R, UINT64_C(0x100800000), 0x400000);
    leads_to(&m, 0x017fffff, R, UINT64_C(0x100bfffff), 0x400000);
    faults(&m, 0x01812345, R, QUIRE_REASON_RESERVED, 1, 6);
    leads_to(&m, 0x01c00010, R, 0x00800010, 0x400000);
    leads_to(&m, 0xffffffff, R, UINT64_C(0xffffffffff), 0x400000);
    faults(&m, UINT64_C(0x100000000), R, QUIRE_REASON_NONCANONICAL, 0, 0);
    arena_free(&m.arena);
}

/*
 * 0x0000_7fff_8060_3123: 47:39 = 255, 38:30 = 510, 29:21 = 3, 20:12 = 3, offset 0x123.
 */
static void test_x86_64_translations(void **state)
{
    const uint64_t va = UINT64_C(0x00007fff80603123);
    struct machine m;

    (void)state;
    machine_begin(&m, x86_64);
    put(&m, 0x1000 + 255 * 8, 0x2007);
    put(&m, 0x2000 + 510 * 8, 0x3007);
    put(&m, 0x3000 + 3 * 8, 0x4007);
    put(&m, 0x4000 + 3 * 8, UINT64_C(0x0000123456789007));
    leads_to(&m, va, U | W, UINT64_C(0x0000123456789123), 0x1000);
    leads_to(&m, va, U | X, UINT64_C(0x0000123456789123), 0x1000);

    put(&m, 0x3000 + 4 * 8, UINT64_C(0x00000fffffe00087)); /* 2 MiB */
    leads_to(&m, va + 0x200000, W, UINT64_C(0x00000fffffe03123), 0x200000);
    put(&m, 0x2000 + 511 * 8, UINT64_C(0x000fffffc0000087)); /* 1 GiB, the highest there is */
    leads_to(&m, UINT64_C(0x00007fffffffffff), 0, UINT64_C(0x000fffffffffffff), 0x40000000);

    put(&m, 0x1000 + 256 * 8, 0x2007); /* the first entry of the upper half */
    leads_to(&m, UINT64_C(0xffff807fc0000000), 0, UINT64_C(0x000fffffc0000000), 0x40000000);
    faults(&m, UINT64_C(0xffff800000000000), 0, QUIRE_REASON_NOT_PRESENT, 2, 0);
    put(&m, 0x1000 + 511 * 8, 0x2007);
    leads_to(&m, UINT64_C(0xffffffffffffffff), 0, UINT64_C(0x000fffffffffffff), 0x40000000);

    /* Bits 63:47 must be equal. */
    faults(&m, UINT64_C(0x0000800000000000), 0, QUIRE_REASON_NONCANONICAL, 0, 0);
    faults(&m, UINT64_C(0xffff7fffffffffff), 0, QUIRE_REASON_NONCANONICAL, 0, 0);
    faults(&m, UINT64_C(0x8000000000000000), 0, QUIRE_REASON_NONCANONICAL, 0, 0);
    faults(&m, va | UINT64_C(1) << 48, 0, QUIRE_REASON_NONCANONICAL, 0, 0);
    arena_free(&m.arena);
}

static void test_x86_64_reserved_bits_fault(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, x86_64);
    put(&m, 0x1000, 0x2087); /* PS in a PML4E */
    faults(&m, 0, 0, QUIRE_REASON_RESERVED, 1, 0);
    put(&m, 0x1000, 0x2007);
    put(&m, 0x2000, UINT64_C(0x40002087)); /* 1 GiB page, bit 13 */
    faults(&m, 0, 0, QUIRE_REASON_RESERVED, 2, 0);
    put(&m, 0x2000, UINT64_C(0x40001087)); /* bit 12 is PAT */
    leads_to(&m, 0x123, 0, 0x40000123, 0x40000000);
    put(&m, 0x2000, 0x3007);
    put(&m, 0x3000, 0x202087); /* 2 MiB page, bit 13 */
    faults(&m, 0, 0, QUIRE_REASON_RESERVED, 3, 0);
    put(&m, 0x3000, 0x300087); /* bit 20 */
    faults(&m, 0, 0, QUIRE_REASON_RESERVED, 3, 0);
    put(&m, 0x3000, 0x4007);
    put(&m, 0x4000, UINT64_C(0x0008000000005007)); /* 52 bits: bit 51 is address */
    leads_to(&m, 0, 0, UINT64_C(0x0008000000005000), 0x1000);

    /* A reserved bit is a fault whatever the rights are; a missing entry below one of another
     * level's missing rights is "not present". */
    put(&m, 0x1000, 0x2001);
    put(&m, 0x3000, 0x300087);
    faults(&m, 0, U | W, QUIRE_REASON_RESERVED, 3, 0);
    put(&m, 0x3000, 0);
    faults(&m, 0, U | W, QUIRE_REASON_NOT_PRESENT, 3, 0);
    arena_free(&m.arena);
}

/* 4.6: a right is there when every entry of the walk grants it. All 2^8 combinations of R/W and U/S
 * over four levels. */
static void test_rights_combine_over_levels(void **state)
{
    static const uint64_t at[4] = {0x1000, 0x2000, 0x3000, 0x4000};
    struct machine m;

    (void)state;
    machine_begin(&m, x86_64);
    for (unsigned bits = 0; bits < 256; bits++) {
        unsigned first_ro = 0, first_kernel = 0;
        struct quire_walk walk;

        for (unsigned l = 0; l < 4; l++) {
            unsigned rw = bits >> 2 * l & 1, us = bits >> (2 * l + 1) & 1;
            put(&m, at[l], (l + 2) << 12 | 1 | rw << 1 | us << 2);
            first_ro = first_ro == 0 && !rw ? l + 1 : first_ro;
            first_kernel = first_kernel == 0 && !us ? l + 1 : first_kernel;
        }
        check(quire_walk(&m.mmu, quire_va_at(0), R | X, &walk) == QUIRE_OK);
        check(walk.attributes == (R | X | (first_ro ? 0U : W) | (first_kernel ? 0U : U)));
        if (first_ro != 0) {
            faults(&m, 0, W, QUIRE_REASON_WRITE, first_ro, 0);
        } else {
            leads_to(&m, 0, W, 0x5000, 0x1000);
        }
        if (first_kernel != 0) {
            faults(&m, 0, R | U, QUIRE_REASON_USER, first_kernel, 0);
        } else {
            leads_to(&m, 0, R | U, 0x5000, 0x1000);
        }
        if (first_ro == 0 && first_kernel == 0) {
            leads_to(&m, 0, W | U, 0x5000, 0x1000);
        } else if (first_kernel != 0 && (first_ro == 0 || first_kernel <= first_ro)) {
            faults(&m, 0, W | U, QUIRE_REASON_USER, first_kernel, 0);
        } else {
            faults(&m, 0, W | U, QUIRE_REASON_WRITE, first_ro, 0);
        }
    }
    arena_free(&m.arena);
}

/* XD in any entry forbids fetching what lies below it; i386 has no such bit. */
static void test_execute_disable_at_each_level(void **state)
{
    static const uint64_t at[4] = {0x1000, 0x2000, 0x3000, 0x4000};
    struct machine m;

    (void)state;
    machine_begin(&m, x86_64);
    for (unsigned l = 0; l < 4; l++) {
        put(&m, at[l], (l + 2) << 12 | 7);
    }
    leads_to(&m, 0x456, X | U, 0x5456, 0x1000);
    for (unsigned l = 0; l < 4; l++) {
        put(&m, at[l], UINT64_C(1) << 63 | (l + 2) << 12 | 7);
        faults(&m, 0x456, X | U, QUIRE_REASON_EXECUTE, l + 1, 0);
        leads_to(&m, 0x456, W | U, 0x5456, 0x1000);
        put(&m, at[l], (l + 2) << 12 | 7);
    }
    arena_free(&m.arena);
}

/* 4.8: accessed in every entry that was used; dirty only in the leaf, only on a write. */
static void test_accessed_and_dirty(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, x86_64);
    put(&m, 0x1000, 0x2007);
    put(&m, 0x2000, 0x3007);
    put(&m, 0x3000, 0x4007);
    put(&m, 0x4000, 0x5005);
    put(&m, 0x4008, 0x6007);
    put(&m, 0x3008, 0x400087);

    leads_to(&m, 0, R, 0x5000, 0x1000); /* no A in the access: nothing is marked */
    check(get(&m, 0x1000) == 0x2007 && get(&m, 0x4000) == 0x5005);
    faults(&m, 0, W | A, QUIRE_REASON_WRITE, 4, 0); /* a fault marks nothing */
    faults(&m, 0x2000, R | A, QUIRE_REASON_NOT_PRESENT, 4, 2);
    check(get(&m, 0x1000) == 0x2007 && get(&m, 0x2000) == 0x3007 && get(&m, 0x3000) == 0x4007);
    check(get(&m, 0x4000) == 0x5005);

    leads_to(&m, 0, R | A, 0x5000, 0x1000);
    check(get(&m, 0x1000) == 0x2027 && get(&m, 0x2000) == 0x3027 && get(&m, 0x3000) == 0x4027);
    check(get(&m, 0x4000) == 0x5025 && get(&m, 0x4008) == 0x6007);
    leads_to(&m, 0x1000, W | A, 0x6000, 0x1000);
    check(get(&m, 0x4008) == 0x6067 && get(&m, 0x3000) == 0x4027 && get(&m, 0x1000) == 0x2027);
    leads_to(&m, 0x212345, W | A, 0x412345, 0x200000);
    check(get(&m, 0x3008) == 0x4000e7 && get(&m, 0x2000) == 0x3027);
    arena_free(&m.arena);

    machine_begin(&m, i386);
    put(&m, 0x1000, 0x2007);
    put(&m, 0x2000, 0x3007);
    put(&m, 0x1004, 0x00402087);
    leads_to(&m, 0x10, X | A, 0x3010, 0x1000);
    check(get(&m, 0x1000) == 0x2027 && get(&m, 0x2000) == 0x3027);
    leads_to(&m, 0x10, W | A, 0x3010, 0x1000);
    check(get(&m, 0x1000) == 0x2027 && get(&m, 0x2000) == 0x3067);
    leads_to(&m, 0x400000, W | A, UINT64_C(0x100400000), 0x400000);
    check(get(&m, 0x1004) == 0x004020e7);
    arena_free(&m.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i386_entries),
        cmocka_unit_test(test_x86_64_entries),
        cmocka_unit_test(test_reserved_bits),
        cmocka_unit_test(test_i386_translations),
        cmocka_unit_test(test_x86_64_translations),
        cmocka_unit_test(test_x86_64_reserved_bits_fault),
        cmocka_unit_test(test_rights_combine_over_levels),
        cmocka_unit_test(test_execute_disable_at_each_level),
        cmocka_unit_test(test_accessed_and_dirty),
    };

    return unit_run(tests);
}
