/*
 * Formats bit by bit: every bit of every entry of every format is decoded as its descriptor says
 * and built as it is decoded; unsound descriptors are refused, each with a reason.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/format.h"
#include "quire/pte.h"
#include "tests/support/formats.h"
#include "tests/support/model_walk.h"
#include "tests/support/unit.h"

enum { RANDOM_FORMATS = 40 * EFFORT, ATTRIBUTES = 512, DAMAGED = 50000 * EFFORT };

static unsigned pte_bits(const struct quire_format *format)
{
    return 8U * format->pte_bytes;
}

static uint64_t entry_mask(const struct quire_format *format)
{
    return UINT64_MAX >> (64 - pte_bits(format));
}

/* Runs a check on all formats that there are, and on random ones. */
static void on_all_formats(void (*with)(const struct quire_format *format, struct prng *prng))
{
    struct prng prng = prng_new(21);

    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        with(test_formats[i], &prng);
    }
    for (unsigned i = 0; i < RANDOM_FORMATS; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        with(&format, &prng);
    }
}

/* ---- taking apart ---------------------------------------------------------------------------- */

static void same_decoding(const struct quire_format *format, unsigned level, uint64_t entry)
{
    struct model_entry is = model_decode(format, level, entry);
    enum quire_pte_kind kind = quire_pte_kind(format, level, entry);
    bool reserved = kind != QUIRE_PTE_ABSENT && quire_pte_reserved(format, level, kind, entry);

    if (is.kind == MODEL_ABSENT) {
        check(kind == QUIRE_PTE_ABSENT);
        return;
    }
    checkf(kind != QUIRE_PTE_ABSENT && reserved == (is.kind == MODEL_RESERVED) &&
               quire_pte_rights(format, kind, entry) == is.rights,
           "%s, level %u, entry %#llx: kind %d, reserved %d", format->name, level,
           (unsigned long long)entry, kind, reserved);
    if (is.kind == MODEL_RESERVED) {
        return;
    }
    check((kind == QUIRE_PTE_TABLE) == (is.kind == MODEL_TABLE));
    checkf(quire_pte_address(format, level, kind, entry).at == is.address,
           "%s, level %u, entry %#llx", format->name, level, (unsigned long long)entry);
    if (kind == QUIRE_PTE_LEAF) {
        checkf(quire_pte_marks(format, entry) == is.marks &&
                   quire_pte_attributes(format, entry) == (is.rights | is.marks),
               "%s, level %u, entry %#llx: marks %#x instead of %#x", format->name, level,
               (unsigned long long)entry, quire_pte_marks(format, entry), is.marks);
    }
}

/* All entries of one and two bytes; of wider ones all single and double flips of several. */
static void decode_every_bit(const struct quire_format *format, struct prng *prng)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        const struct quire_level *l = &format->level[level - 1];
        uint64_t bases[] = {
            0, UINT64_MAX, l->as_leaf.set, l->as_table.set, format->empty, prng_next(prng)};

        if (pte_bits(format) <= 8 || (pte_bits(format) == 16 && prng_one_in(prng, 4))) {
            for (uint64_t entry = 0; entry <= entry_mask(format); entry++) {
                same_decoding(format, level, entry);
            }
            continue;
        }
        for (unsigned b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
            for (unsigned i = 0; i < pte_bits(format); i++) {
                for (unsigned k = 0; k <= i; k++) { /* i == k: one bit only */
                    uint64_t flip = UINT64_C(1) << i | UINT64_C(1) << k;
                    same_decoding(format, level, (bases[b] ^ flip) & entry_mask(format));
                }
            }
        }
    }
}

static void test_every_bit_is_decoded(void **state)
{
    (void)state;
    on_all_formats(decode_every_bit);
}

/* ---- building -------------------------------------------------------------------------------- */

/* Bits of a leaf that attributes may touch. */
static uint64_t attribute_bits(const struct quire_format *format)
{
    const struct quire_attribute_bits *leaf = &format->leaf;

    return leaf->read.mask | leaf->write.mask | leaf->execute.mask | leaf->user.mask |
           leaf->accessed.mask | leaf->dirty.mask | leaf->global.mask | format->type_mask;
}

static void build_leaf(const struct quire_format *format, unsigned level, uint64_t pa,
                       unsigned attributes)
{
    const struct quire_entry_layout *layout = &format->level[level - 1].as_leaf;
    uint64_t leaf = quire_pte_leaf(format, level, quire_pa_at(pa), attributes);
    struct model_entry is = model_decode(format, level, leaf);

    checkf(is.kind == MODEL_LEAF && is.address == pa &&
               (is.rights | is.marks) == model_granted(format, attributes),
           "%s, level %u: leaf %#llx for %#llx, %#x", format->name, level, (unsigned long long)leaf,
           (unsigned long long)pa, attributes);
    check((leaf & ~entry_mask(format)) == 0);
    check((leaf & ~attribute_bits(format)) == (layout->set | model_address_bits(layout, pa)));
}

static void build_every_leaf(const struct quire_format *format, struct prng *prng)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        if (!format->level[level - 1].leaf) {
            continue;
        }
        for (unsigned i = 0; i < 64; i++) {
            uint64_t one = UINT64_C(1) << i, any = prng_next(prng) & ~(one - 1);
            uint64_t tries[] = {0, one, UINT64_MAX << i, UINT64_MAX >> i, any};
            for (unsigned t = 0; t < sizeof(tries) / sizeof(tries[0]); t++) {
                bool fits = model_fits(format, level, MODEL_LEAF, tries[t]);
                checkf(quire_pte_fits(format, level, quire_pa_at(tries[t])) == fits,
                       "%s, level %u, address %#llx", format->name, level,
                       (unsigned long long)tries[t]);
                if (fits) {
                    build_leaf(format, level, tries[t], (unsigned)prng_below(prng, ATTRIBUTES));
                }
            }
        }
    }
}

static void test_every_address_bit_is_built(void **state)
{
    (void)state;
    on_all_formats(build_every_leaf);
}

/* An address that fits a leaf of this level. */
static uint64_t fitting_address(const struct quire_format *format, unsigned level,
                                struct prng *prng)
{
    for (unsigned tries = 0;; tries++) {
        const struct quire_level *l = &format->level[level - 1];
        uint64_t pa = model_address(&l->as_leaf, prng_next(prng));
        if (model_fits(format, level, MODEL_LEAF, pa)) {
            return pa;
        }
        checkf(tries < 100000, "%s: no address fits", format->name);
    }
}

static void build_every_attribute(const struct quire_format *format, struct prng *prng)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        uint64_t pa, other, changed;

        if (!format->level[level - 1].leaf) {
            continue;
        }
        pa = fitting_address(format, level, prng);
        for (unsigned attributes = 0; attributes < ATTRIBUTES; attributes++) {
            uint64_t noise = prng_next(prng) & format->ignored;
            build_leaf(format, level, pa, attributes);
            other = quire_pte_leaf(format, level, quire_pa_at(pa), ~attributes) | noise;
            changed = quire_pte_with_attributes(format, other, attributes);
            checkf(changed == (quire_pte_leaf(format, level, quire_pa_at(pa), attributes) | noise),
                   "%s, level %u, attributes %#x: %#llx", format->name, level, attributes,
                   (unsigned long long)changed);
        }
    }
}

static void test_every_attribute_is_built(void **state)
{
    (void)state;
    on_all_formats(build_every_attribute);
}

static void build_every_table(const struct quire_format *format, struct prng *prng)
{
    for (unsigned level = 1; level < format->levels; level++) {
        const struct quire_entry_layout *layout = &format->level[level - 1].as_table;
        for (unsigned i = 0; i < 64; i++) {
            uint64_t pa = model_address(layout, UINT64_C(1) << i | (i > 32 ? prng_next(prng) : 0));
            uint64_t entry;
            struct model_entry is;

            if (!model_fits(format, level, MODEL_TABLE, pa)) {
                continue;
            }
            entry = quire_pte_table(format, level, quire_pa_at(pa));
            is = model_decode(format, level, entry);
            checkf(is.kind == MODEL_TABLE && is.address == pa && is.rights == QUIRE_RIGHTS,
                   "%s, level %u: pointer %#llx to %#llx", format->name, level,
                   (unsigned long long)entry, (unsigned long long)pa);
        }
    }
}

static void test_table_pointers_restrict_nothing(void **state)
{
    (void)state;
    on_all_formats(build_every_table);
}

/* ---- not-present entries --------------------------------------------------------------------- */

static void carry_payloads(const struct quire_format *format, struct prng *prng)
{
    uint64_t most = format->soft.bits == 0 ? 0 : UINT64_MAX >> (64 - format->soft.bits);
    uint64_t entry;

    check(model_holds(format->absent, format->empty));
    for (unsigned i = 0; i < 500; i++) {
        uint64_t payload = i < 64 ? UINT64_C(1) << i : i < 300 ? i - 64 : prng_next(prng) >> i % 64;
        if (payload > most) {
            check(!quire_pte_soft(format, payload, &entry));
            continue;
        }
        checkf(quire_pte_soft(format, payload, &entry), "%s: payload %#llx", format->name,
               (unsigned long long)payload);
        check(model_holds(format->absent, entry) && (entry & ~entry_mask(format)) == 0);
        check(quire_pte_soft_payload(format, entry) == payload);
    }
}

static void test_absent_entries_carry_payloads(void **state)
{
    struct prng prng = prng_new(22);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        if (test_formats[i]->soft.bits != 0) {
            carry_payloads(test_formats[i], &prng);
        }
    }
    for (unsigned i = 0; i < RANDOM_FORMATS; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        if (format.soft.bits != 0) {
            carry_payloads(&format, &prng);
        }
    }
}

/* A payload that would make the entry present is refused. */
static void test_payload_may_not_make_it_present(void **state)
{
    struct quire_format format = tiny2;
    uint64_t entry;

    (void)state;
    format.soft.pte_bit = 0; /* over the present bit */
    format.soft.bits = 8;
    check(quire_pte_soft(&format, 0x54, &entry) && entry == 0x54);
    check(!quire_pte_soft(&format, 0x55, &entry));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void store_and_load(const struct quire_format *format, struct prng *prng)
{
    union {
        unsigned char bytes[32];
        uint64_t aligned;
    } memory;

    for (unsigned i = 0; i < 64; i++) {
        uint64_t entry = (UINT64_C(1) << i | (prng_next(prng) & prng_next(prng)));
        unsigned at = format->pte_bytes * (1 + (unsigned)prng_below(prng, 2));

        entry &= entry_mask(format);
        memset(memory.bytes, 0xa5, sizeof(memory.bytes));
        quire_pte_store(format, memory.bytes + at, entry);
        check(quire_pte_load(format, memory.bytes + at) == entry);
        for (unsigned b = 0; b < sizeof(memory.bytes); b++) {
            unsigned n = b - at; /* huge below `at` */
            unsigned shift = format->big_endian ? format->pte_bytes - 1 - n : n;
            unsigned expected = n < format->pte_bytes ? entry >> 8 * shift & 0xff : 0xa5;
            checkf(memory.bytes[b] == expected, "%s: byte %u of %#llx", format->name, n,
                   (unsigned long long)entry);
        }
    }
}

static void test_entries_in_memory(void **state)
{
    (void)state;
    on_all_formats(store_and_load);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void index_addresses(const struct quire_format *format, struct prng *prng)
{
    for (unsigned i = 0; i < 200; i++) {
        uint64_t va = i < 64 ? UINT64_C(1) << i : prng_next(prng), above;

        for (unsigned level = 1; level <= format->levels; level++) {
            const struct quire_level *l = &format->level[level - 1];
            check(quire_va_index(format, level, quire_va_at(va)) ==
                  (va >> l->shift) % (UINT64_C(1) << l->bits));
        }
        if (format->va_bits == 64) {
            check(quire_va_valid(format, quire_va_at(va)));
            continue;
        }
        above = UINT64_MAX << format->va_bits;
        va &= ~above;
        if (format->canonical == QUIRE_SIGN_EXTENDED && va >> (format->va_bits - 1)) {
            va |= above;
        }
        check(quire_va_valid(format, quire_va_at(va)));
        for (unsigned b = format->va_bits; b < 64; b++) {
            check(!quire_va_valid(format, quire_va_at(va ^ UINT64_C(1) << b)));
        }
        check(!quire_va_valid(format, quire_va_at(va ^ above)));
    }
}

static void test_virtual_addresses(void **state)
{
    (void)state;
    on_all_formats(index_addresses);
}

/* ---- unsound descriptors --------------------------------------------------------------------- */

static void sound(const struct quire_format *format, struct prng *prng)
{
    const char *why = "unset";

    (void)prng;
    checkf(quire_format_check(format, &why) == QUIRE_OK, "%s: %s", format->name, why);
    check(quire_format_check(format, NULL) == QUIRE_OK);
}

static void test_all_formats_are_sound(void **state)
{
    (void)state;
    on_all_formats(sound);
}

/* Each changes tiny2_large (tiny_split where two address fields are wanted) in one way that makes
 * no machine. */
#define BREAKS(name, ...) \
    static void name(struct quire_format *f) \
    { \
        __VA_ARGS__; \
    }

BREAKS(no_levels, f->levels = 0)
BREAKS(seven_levels, f->levels = 7)
BREAKS(entry_of_0, f->pte_bytes = 0)
BREAKS(entry_of_3, f->pte_bytes = 3)
BREAKS(entry_of_16, f->pte_bytes = 16)
BREAKS(va_too_wide, f->va_bits = 65)
BREAKS(va_of_0, f->va_bits = 0)
BREAKS(va_one_more, f->va_bits++)
BREAKS(va_one_less, f->va_bits--)
BREAKS(pa_too_wide, f->pa_bits = 65)
BREAKS(pa_of_0, f->pa_bits = 0)
BREAKS(tiny_page, f->level[1].shift = 2; f->level[1].bits = 4)
BREAKS(huge_page, f->level[1].shift = 31; f->level[0].shift = 33; f->va_bits = 35)
BREAKS(no_index, f->level[1].bits = 0; f->level[1].shift = 6)
BREAKS(gap_between_levels, f->level[0].shift++; f->level[0].bits--)
BREAKS(levels_overlap, f->level[1].bits++)
BREAKS(last_no_leaf, f->level[1].leaf = false)
BREAKS(empty_is_present, f->empty = 1)
BREAKS(empty_outside, f->empty = 0x10000)
BREAKS(nothing_absent, f->absent = (struct quire_bits)QUIRE_NEVER)
BREAKS(all_absent, f->absent = (struct quire_bits)QUIRE_ALWAYS)
BREAKS(absent_outside, f->absent.mask = 0x10000)
BREAKS(absent_value, f->absent.value = 2)
BREAKS(leaf_is_absent, f->level[1].as_leaf.set = 0)
BREAKS(table_is_absent, f->level[0].as_table.set = 0)
BREAKS(right_makes_absent, f->absent = (struct quire_bits)QUIRE_IF_SET(1); f->empty = 2)
BREAKS(soft_outside, f->soft.bits = 16)
BREAKS(ignored_outside, f->ignored = 0x10000)
BREAKS(ignored_is_right, f->ignored = 0x0002)
BREAKS(ignored_is_address, f->ignored = 0x1000)
BREAKS(ignored_is_set, f->ignored = 0x0001)
BREAKS(field_outside, f->level[1].as_leaf.address[0].bits = 7)
BREAKS(field_above_pa, f->pa_bits = 9)
BREAKS(field_above_64, f->level[1].as_leaf.address[0].pa_bit = 60; f->pa_bits = 64)
BREAKS(field_in_offset, f->level[1].as_leaf.address[0].pa_bit = 3)
BREAKS(field_above_shift, f->level[1].as_leaf.address[0].pa_bit = 5; f->pa_bits = 11)
BREAKS(large_in_offset, f->level[0].as_leaf.address[0].pa_bit = 5)
BREAKS(no_leaf_address, f->level[1].as_leaf.address[0].bits = 0)
BREAKS(no_table_address, f->level[0].as_table.address[0].bits = 0)
BREAKS(table_misaligned, f->level[0].as_table.address[0].pa_bit = 0)
BREAKS(fields_overlap, f->level[1].as_leaf.address[1] = (struct quire_field){15, 1, 9})
BREAKS(fields_say_same, f->level[0].as_leaf.address[1] = (struct quire_field){10, 1, 9};
       f->level[0].as_leaf.reserved = 0)
BREAKS(gap_in_address, f->level[0].as_leaf.address[1] = (struct quire_field){10, 1, 11};
       f->level[0].as_leaf.reserved = 0; f->pa_bits = 12)
BREAKS(set_outside, f->level[1].as_leaf.set |= 0x10000)
BREAKS(set_is_reserved, f->level[1].as_leaf.set |= 0x0080)
BREAKS(set_is_address, f->level[1].as_leaf.set |= 0x0400)
BREAKS(set_is_right, f->level[1].as_leaf.set |= 0x0002)
BREAKS(reserved_outside, f->level[1].as_leaf.reserved |= 0x10000)
BREAKS(reserved_is_address, f->level[1].as_leaf.reserved |= 0x0400)
BREAKS(reserved_is_right, f->level[1].as_leaf.reserved |= 0x0002)
BREAKS(reserved_is_type, f->level[1].as_leaf.reserved |= 0x0100)
BREAKS(reserved_is_table_right, f->level[0].as_table.reserved |= 0x0002)
BREAKS(reserved_is_table_address, f->level[0].as_table.reserved |= 0x0400)
BREAKS(right_outside, f->leaf.write = (struct quire_bits)QUIRE_IF_SET(16))
BREAKS(right_is_address, f->leaf.write = (struct quire_bits)QUIRE_IF_SET(12))
BREAKS(right_is_present, f->leaf.write = (struct quire_bits)QUIRE_IF_SET(0))
BREAKS(right_is_other, f->leaf.write = f->leaf.user)
BREAKS(mark_is_right, f->leaf.dirty = f->leaf.user)
BREAKS(right_never_holds, f->leaf.write.value = 4)
BREAKS(table_right_outside, f->table.write = (struct quire_bits)QUIRE_IF_SET(16))
BREAKS(table_right_is_address, f->table.write = (struct quire_bits)QUIRE_IF_SET(12))
BREAKS(table_right_is_other, f->table.write = f->table.user)
BREAKS(table_withholds_always, f->table.write = (struct quire_bits)QUIRE_NEVER)
BREAKS(type_outside, f->type_mask |= 0x10000)
BREAKS(type_is_right, f->type_mask |= 0x0002)
BREAKS(type_is_address, f->type_mask |= 0x0400)
BREAKS(type_value, f->type[1] = 0x0400)
BREAKS(asid_too_wide, f->asid_bits = 17)
BREAKS(pointer_never, f->level[0].table = (struct quire_bits)QUIRE_NEVER)
BREAKS(pointer_looks_like_leaf, f->level[0].as_table.set |= 0x0080)
BREAKS(leaf_looks_like_pointer, f->level[0].as_leaf.set &= ~UINT64_C(0x0080))
BREAKS(pointer_always, f->level[0].table = (struct quire_bits)QUIRE_ALWAYS)
BREAKS(pointer_outside, f->level[0].table = (struct quire_bits)QUIRE_IF_CLEAR(16))
BREAKS(right_makes_pointer, f->level[0].table = (struct quire_bits)QUIRE_IF_SET(1);
       f->level[0].as_leaf.set = 1)
BREAKS(address_makes_pointer, f->level[0].table = (struct quire_bits)QUIRE_IF_SET(12);
       f->level[0].as_leaf.set = 1)
BREAKS(refused_no_right, f->refused[0] = (struct quire_bits)QUIRE_IF_SET(4))
BREAKS(refused_value, f->refused[1] = (struct quire_bits){0x0002, 0x0004})
BREAKS(refused_with_read, f->refused[1] = (struct quire_bits)QUIRE_IF_SET(1))
BREAKS(pointer_is_global, f->table.global = (struct quire_bits)QUIRE_IF_CLEAR(6))
BREAKS(leaf_without_rights_is_pointer, *f = tiny_rights; f->refused[1].mask = 0)

static const struct {
    const char *name;
    void (*make)(struct quire_format *format);
} broken[] = {
#define BROKEN(name) \
    { \
#name, name \
    }
    BROKEN(no_levels),
    BROKEN(seven_levels),
    BROKEN(entry_of_0),
    BROKEN(entry_of_3),
    BROKEN(entry_of_16),
    BROKEN(va_too_wide),
    BROKEN(va_of_0),
    BROKEN(va_one_more),
    BROKEN(va_one_less),
    BROKEN(pa_too_wide),
    BROKEN(pa_of_0),
    BROKEN(tiny_page),
    BROKEN(huge_page),
    BROKEN(no_index),
    BROKEN(gap_between_levels),
    BROKEN(levels_overlap),
    BROKEN(last_no_leaf),
    BROKEN(empty_is_present),
    BROKEN(empty_outside),
    BROKEN(nothing_absent),
    BROKEN(all_absent),
    BROKEN(absent_outside),
    BROKEN(absent_value),
    BROKEN(leaf_is_absent),
    BROKEN(table_is_absent),
    BROKEN(right_makes_absent),
    BROKEN(soft_outside),
    BROKEN(ignored_outside),
    BROKEN(ignored_is_right),
    BROKEN(ignored_is_address),
    BROKEN(ignored_is_set),
    BROKEN(field_outside),
    BROKEN(field_above_pa),
    BROKEN(field_above_64),
    BROKEN(field_in_offset),
    BROKEN(field_above_shift),
    BROKEN(large_in_offset),
    BROKEN(no_leaf_address),
    BROKEN(no_table_address),
    BROKEN(table_misaligned),
    BROKEN(fields_overlap),
    BROKEN(fields_say_same),
    BROKEN(gap_in_address),
    BROKEN(set_outside),
    BROKEN(set_is_reserved),
    BROKEN(set_is_address),
    BROKEN(set_is_right),
    BROKEN(reserved_outside),
    BROKEN(reserved_is_address),
    BROKEN(reserved_is_right),
    BROKEN(reserved_is_type),
    BROKEN(reserved_is_table_right),
    BROKEN(reserved_is_table_address),
    BROKEN(right_outside),
    BROKEN(right_is_address),
    BROKEN(right_is_present),
    BROKEN(right_is_other),
    BROKEN(mark_is_right),
    BROKEN(right_never_holds),
    BROKEN(table_right_outside),
    BROKEN(table_right_is_address),
    BROKEN(table_right_is_other),
    BROKEN(table_withholds_always),
    BROKEN(type_outside),
    BROKEN(type_is_right),
    BROKEN(type_is_address),
    BROKEN(type_value),
    BROKEN(asid_too_wide),
    BROKEN(pointer_never),
    BROKEN(pointer_looks_like_leaf),
    BROKEN(leaf_looks_like_pointer),
    BROKEN(pointer_always),
    BROKEN(pointer_outside),
    BROKEN(right_makes_pointer),
    BROKEN(address_makes_pointer),
    BROKEN(refused_no_right),
    BROKEN(refused_value),
    BROKEN(refused_with_read),
    BROKEN(pointer_is_global),
    BROKEN(leaf_without_rights_is_pointer),
};

static void test_unsound_descriptors_are_refused(void **state)
{
    unsigned accepted = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct quire_format format = tiny2_large;
        const char *why = NULL;

        broken[i].make(&format);
        if (quire_format_check(&format, &why) == QUIRE_OK) {
            print_error("# accepted: %s\n", broken[i].name);
            accepted++;
            continue;
        }
        check(quire_format_check(&format, NULL) == QUIRE_INVALID);
        checkf(why != NULL && strlen(why) > 10, "%s: refused without a reason", broken[i].name);
    }
    checkf(accepted == 0, "%u unsound descriptors were accepted", accepted);
}

/* Whatever the descriptor, the check neither crashes nor runs away, and what it lets through can be
 * walked: flip random bits of sound ones. */
static void test_damaged_descriptors(void **state)
{
    struct prng prng = prng_new(23);

    (void)state;
    for (unsigned i = 0; i < DAMAGED; i++) {
        struct quire_format format = *test_formats[prng_below(&prng, TEST_FORMATS)];
        struct quire_format whole = format;
        unsigned char *bytes = (unsigned char *)&format;

        for (unsigned n = 1 + (unsigned)prng_below(&prng, 3); n > 0; n--) {
            bytes[prng_below(&prng, sizeof(format))] ^= (unsigned char)(1U << prng_below(&prng, 8));
        }
        format.name = whole.name;
        format.title = whole.title;
        format.code = NULL;
        memcpy(&format.big_endian, &whole.big_endian, sizeof(format.big_endian));
        memcpy(&format.canonical, &whole.canonical, sizeof(format.canonical));
        for (unsigned l = 0; l < QUIRE_LEVELS_MAX; l++) {
            memcpy(&format.level[l].leaf, &whole.level[l].leaf, sizeof(bool));
            format.level[l].name = whole.level[l].name;
        }
        if (quire_format_check(&format, NULL) == QUIRE_OK) {
            unsigned level = 1 + (unsigned)prng_below(&prng, format.levels);
            same_decoding(&format, level, prng_next(&prng) & entry_mask(&format));
            if (format.level[level - 1].leaf) {
                uint64_t pa = model_address(&format.level[level - 1].as_leaf, prng_next(&prng));
                if (quire_pte_fits(&format, level, quire_pa_at(pa))) {
                    unsigned attributes = (unsigned)prng_below(&prng, ATTRIBUTES);
                    uint64_t leaf = quire_pte_leaf(&format, level, quire_pa_at(pa), attributes);
                    check(model_decode(&format, level, leaf).kind == MODEL_LEAF);
                    check(model_decode(&format, level, leaf).address == pa);
                }
            }
        }
    }
}

/* ---- narrower machines ----------------------------------------------------------------------- */

/* Is entry bit `bit` a bit of an address at or above `pa_bits`? */
static bool above(const struct quire_entry_layout *layout, unsigned bit, unsigned pa_bits)
{
    uint64_t address = model_address(layout, UINT64_C(1) << bit);

    return pa_bits < 64 && address >> pa_bits != 0;
}

static void narrowed_layout(const struct quire_format *format, const struct quire_entry_layout *was,
                            const struct quire_entry_layout *is, unsigned pa_bits)
{
    for (unsigned bit = 0; bit < pte_bits(format); bit++) {
        uint64_t one = UINT64_C(1) << bit;
        bool gone = above(was, bit, pa_bits);
        check(((is->reserved & one) != 0) == (gone || (was->reserved & one) != 0));
        check(model_address(is, one) == (gone ? 0 : model_address(was, one)));
    }
    check(is->set == was->set);
}

static void narrow(const struct quire_format *format, struct prng *prng)
{
    (void)prng;
    for (unsigned pa_bits = 0; pa_bits <= 70; pa_bits++) {
        struct quire_format copy = *format;
        enum quire_status status = quire_format_limit_pa(&copy, pa_bits);
        const char *why;

        if (pa_bits <= quire_format_page_shift(format) || pa_bits > format->pa_bits) {
            check(status == QUIRE_OUT_OF_RANGE);
            check(memcmp(&copy, format, sizeof(copy)) == 0);
            continue;
        }
        check(status == QUIRE_OK && copy.pa_bits == pa_bits && copy.code == NULL);
        checkf(quire_format_check(&copy, &why) == QUIRE_OK, "%s narrowed to %u: %s", format->name,
               pa_bits, why);
        for (unsigned level = 1; level <= format->levels; level++) {
            const struct quire_level *was = &format->level[level - 1];
            const struct quire_level *is = &copy.level[level - 1];
            if (was->leaf) {
                narrowed_layout(format, &was->as_leaf, &is->as_leaf, pa_bits);
                check(!quire_pte_fits(&copy, level, quire_pa_at(UINT64_C(1) << (pa_bits % 64))) ||
                      pa_bits == 64);
            }
            if (level < format->levels) {
                narrowed_layout(format, &was->as_table, &is->as_table, pa_bits);
            }
        }
    }
}

static void test_narrower_machines(void **state)
{
    (void)state;
    on_all_formats(narrow);
}

static void test_linear_machines(void **state)
{
    struct quire_format format;

    (void)state;
    for (unsigned shift = 0; shift < 40; shift++) {
        for (unsigned va_bits = 0; va_bits < 70; va_bits++) {
            bool allowed = shift >= 3 && shift <= 30 && va_bits > shift && va_bits <= shift + 26;
            enum quire_status status = quire_format_ostep_linear_init(&format, va_bits, shift);
            uint64_t entry;

            check(status == (allowed ? QUIRE_OK : QUIRE_OUT_OF_RANGE));
            if (!allowed) {
                continue;
            }
            check(quire_format_check(&format, NULL) == QUIRE_OK);
            check(format.va_bits == va_bits && quire_format_page_shift(&format) == shift);
            check(quire_format_table_bytes(&format, 1) == UINT64_C(4) << (va_bits - shift));
            entry = quire_pte_leaf(&format, 1, quire_pa_at(UINT64_C(0x7ffffffe) << shift), 0);
            check(entry == UINT32_C(0xfffffffe));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit_is_decoded),
        cmocka_unit_test(test_every_address_bit_is_built),
        cmocka_unit_test(test_every_attribute_is_built),
        cmocka_unit_test(test_table_pointers_restrict_nothing),
        cmocka_unit_test(test_absent_entries_carry_payloads),
        cmocka_unit_test(test_payload_may_not_make_it_present),
        cmocka_unit_test(test_entries_in_memory),
        cmocka_unit_test(test_virtual_addresses),
        cmocka_unit_test(test_all_formats_are_sound),
        cmocka_unit_test(test_unsound_descriptors_are_refused),
        cmocka_unit_test(test_damaged_descriptors),
        cmocka_unit_test(test_narrower_machines),
        cmocka_unit_test(test_linear_machines),
    };

    return unit_run(tests);
}
