/*
 * One entry, taken apart and built: the only place that knows how a descriptor is applied to a PTE.
 *
 * Entries are unsigned integers, built whole and stored once. `level` counts from 1, the root.
 * All functions are pure and callable from any context; with a constant descriptor the compiler
 * folds each to a few instructions.
 */
#ifndef QUIRE_PTE_H
#define QUIRE_PTE_H

#include "quire/format.h"

enum quire_pte_kind { QUIRE_PTE_ABSENT, QUIRE_PTE_TABLE, QUIRE_PTE_LEAF };

#define QUIRE_INLINE static inline __attribute__((always_inline))

QUIRE_INLINE bool quire_bits_hold(struct quire_bits bits, uint64_t entry)
{
    return (entry & bits.mask) == bits.value;
}

/* The same for conditions that may be left out: without bits it never holds. */
QUIRE_INLINE bool quire_bits_match(struct quire_bits bits, uint64_t entry)
{
    return bits.mask != 0 && quire_bits_hold(bits, entry);
}

/* `entry` with the condition made true (on) or false. A format without the bit stays as it is. */
QUIRE_INLINE uint64_t quire_bits_put(struct quire_bits bits, uint64_t entry, unsigned on)
{
    uint64_t value = on ? bits.value : ~bits.value;

    return entry ^ ((entry ^ value) & bits.mask);
}

QUIRE_INLINE uint64_t quire_ones(unsigned bits)
{
    return bits == 0 ? 0 : UINT64_MAX >> (64 - bits);
}

QUIRE_INLINE const struct quire_level *quire_level_of(const struct quire_format *format,
                                                      unsigned level)
{
    return &format->level[level - 1];
}

/* ABSENT, TABLE or LEAF. What a level that cannot be a leaf holds besides pointers is reported as
 * LEAF and fails quire_pte_reserved(). */
QUIRE_INLINE enum quire_pte_kind quire_pte_kind(const struct quire_format *format, unsigned level,
                                                uint64_t entry)
{
    if (quire_bits_hold(format->absent, entry)) {
        return QUIRE_PTE_ABSENT;
    }
    if (level < format->levels && quire_bits_hold(quire_level_of(format, level)->table, entry)) {
        return QUIRE_PTE_TABLE;
    }
    return QUIRE_PTE_LEAF;
}

QUIRE_INLINE const struct quire_entry_layout *quire_pte_layout(const struct quire_format *format,
                                                               unsigned level,
                                                               enum quire_pte_kind kind)
{
    const struct quire_level *l = quire_level_of(format, level);

    return kind == QUIRE_PTE_TABLE ? &l->as_table : &l->as_leaf;
}

QUIRE_INLINE uint64_t quire_layout_address(const struct quire_entry_layout *layout, uint64_t entry)
{
    uint64_t address = 0;

    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        struct quire_field f = layout->address[i];
        address |= (entry >> f.pte_bit & quire_ones(f.bits)) << f.pa_bit;
    }
    return address;
}

QUIRE_INLINE uint64_t quire_layout_with_address(const struct quire_entry_layout *layout,
                                                uint64_t address)
{
    uint64_t entry = 0;

    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        struct quire_field f = layout->address[i];
        entry |= (address >> f.pa_bit & quire_ones(f.bits)) << f.pte_bit;
    }
    return entry;
}

/* The address in a present entry: of the next table (TABLE) or of the page (LEAF). */
QUIRE_INLINE quire_pa quire_pte_address(const struct quire_format *format, unsigned level,
                                        enum quire_pte_kind kind, uint64_t entry)
{
    return quire_pa_at(quire_layout_address(quire_pte_layout(format, level, kind), entry));
}

/* Does a leaf combine rights that none may have together? */
QUIRE_INLINE bool quire_pte_refused(const struct quire_format *format, uint64_t entry)
{
    return quire_bits_match(format->refused[0], entry) ||
           quire_bits_match(format->refused[1], entry);
}

/* Does a present entry set a reserved bit, combine what is refused, or map memory at a level that
 * cannot? */
QUIRE_INLINE bool quire_pte_reserved(const struct quire_format *format, unsigned level,
                                     enum quire_pte_kind kind, uint64_t entry)
{
    if (kind == QUIRE_PTE_LEAF &&
        ((level < format->levels && !quire_level_of(format, level)->leaf) ||
         quire_pte_refused(format, entry))) {
        return true;
    }
    return (entry & quire_pte_layout(format, level, kind)->reserved) != 0;
}

/* Rights that this entry leaves: QUIRE_READ ... QUIRE_USER. The effective rights of a translation
 * are the AND over all its entries. */
QUIRE_INLINE unsigned quire_pte_rights(const struct quire_format *format, enum quire_pte_kind kind,
                                       uint64_t entry)
{
    const struct quire_attribute_bits *bits =
        kind == QUIRE_PTE_TABLE ? &format->table : &format->leaf;

    return (quire_bits_hold(bits->read, entry) ? QUIRE_READ : 0U) |
           (quire_bits_hold(bits->write, entry) ? QUIRE_WRITE : 0U) |
           (quire_bits_hold(bits->execute, entry) ? QUIRE_EXECUTE : 0U) |
           (quire_bits_hold(bits->user, entry) ? QUIRE_USER : 0U);
}

/* Accessed, dirty, global and memory type of a leaf. */
QUIRE_INLINE unsigned quire_pte_marks(const struct quire_format *format, uint64_t entry)
{
    const struct quire_attribute_bits *bits = &format->leaf;
    unsigned marks = (quire_bits_hold(bits->accessed, entry) ? QUIRE_ACCESSED : 0U) |
                     (quire_bits_hold(bits->dirty, entry) ? QUIRE_DIRTY : 0U) |
                     (quire_bits_hold(bits->global, entry) ? QUIRE_GLOBAL : 0U);

    for (unsigned type = 0; type < QUIRE_TYPES_OF_MEMORY && format->type_mask != 0; type++) {
        if ((entry & format->type_mask) == format->type[type]) {
            return marks | type << QUIRE_TYPE_SHIFT;
        }
    }
    return marks;
}

/* All attributes of a leaf: rights and marks. */
static inline unsigned quire_pte_attributes(const struct quire_format *format, uint64_t entry)
{
    return quire_pte_rights(format, QUIRE_PTE_LEAF, entry) | quire_pte_marks(format, entry);
}

/* Does an address survive being stored in a leaf of `level`? False: misaligned or too wide. */
bool quire_pte_fits(const struct quire_format *format, unsigned level, quire_pa pa);

/* A leaf that maps `pa` with `attributes`. Rights that the format cannot withhold are granted, and
 * reading where the others would be refused without it; marks it does not have are dropped.
 * => quire_pte_fits() */
uint64_t quire_pte_leaf(const struct quire_format *format, unsigned level, quire_pa pa,
                        unsigned attributes);

/* The same leaf with other attributes. */
uint64_t quire_pte_with_attributes(const struct quire_format *format, uint64_t leaf,
                                   unsigned attributes);

/* A pointer to the table at `pa` that restricts nothing. */
uint64_t quire_pte_table(const struct quire_format *format, unsigned level, quire_pa pa);

/* A not-present entry that carries `payload` in the bits the MMU ignores, and back.
 * False: it does not fit, or would read as present. */
bool quire_pte_soft(const struct quire_format *format, uint64_t payload, uint64_t *entry);
uint64_t quire_pte_soft_payload(const struct quire_format *format, uint64_t entry);

/* The index of `va` in its table of `level`. */
QUIRE_INLINE uint32_t quire_va_index(const struct quire_format *format, unsigned level, quire_va va)
{
    const struct quire_level *l = quire_level_of(format, level);

    return (uint32_t)(va.at >> l->shift & quire_ones(l->bits));
}

/* Can the MMU translate this address at all? (canonical form) */
QUIRE_INLINE bool quire_va_valid(const struct quire_format *format, quire_va va)
{
    if (format->va_bits == 64) {
        return true;
    }
    if (format->canonical == QUIRE_SIGN_EXTENDED) {
        uint64_t sign = va.at >> (format->va_bits - 1);
        return sign == 0 || sign == UINT64_MAX >> (format->va_bits - 1);
    }
    return va.at >> format->va_bits == 0;
}

/* Reads and writes one entry at `where` in the format's byte order, as one access where the
 * machine can (an MMU may look at any moment). A target that must split 8 bytes stores the half
 * with the absent bit last when making an entry present. */
uint64_t quire_pte_load(const struct quire_format *format, const void *where);
void quire_pte_store(const struct quire_format *format, void *where, uint64_t entry);

#endif
