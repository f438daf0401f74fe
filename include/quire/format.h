/*
 * A paging format is data: one descriptor says all that an MMU's manual says in a chapter.
 *
 *   level 1 (root)      level 2                 last level          memory
 *   +-------+           +-------+               +-------+
 *   | entry |--table--> | entry |--table--> ... | entry |--leaf-->  page
 *   +-------+           +-------+               +-------+
 *                           |
 *                           +--leaf--> large page   (where the level allows it)
 *
 * Levels are counted from the root, as the walk meets them: level 1 is the first entry read.
 * Nothing in the core knows a list of formats; yours can stand in your own file
 * (docs/formats.md builds one). quire_format_check() tells what a descriptor got wrong.
 */
#ifndef QUIRE_FORMAT_H
#define QUIRE_FORMAT_H

#include "quire/status.h"
#include "quire/types.h"

enum { QUIRE_LEVELS_MAX = 6, QUIRE_ADDRESS_FIELDS = 2, QUIRE_REFUSED = 2 };

/* A condition on an entry: it holds when (entry & mask) == value. */
struct quire_bits {
    uint64_t mask, value;
};

#define QUIRE_BIT(n) (UINT64_C(1) << (n))
#define QUIRE_MASK(high, low) ((UINT64_MAX >> (63 - (high))) & (UINT64_MAX << (low)))

/* The usual conditions. ALWAYS: the format has no such bit and behaves as if it were on; a zeroed
 * descriptor field means this. NEVER: it has no such bit and behaves as if it were off. */
#define QUIRE_IF_SET(n) \
    { \
        QUIRE_BIT(n), QUIRE_BIT(n) \
    }
#define QUIRE_IF_CLEAR(n) \
    { \
        QUIRE_BIT(n), 0 \
    }
#define QUIRE_ALWAYS \
    { \
        0, 0 \
    }
#define QUIRE_NEVER \
    { \
        0, 1 \
    }

/* Entry bits [pte_bit, pte_bit + bits) hold address bits [pa_bit, pa_bit + bits). */
struct quire_field {
    uint8_t pte_bit, bits, pa_bit;
};

/* One kind of present entry (table pointer or leaf) at one level. */
struct quire_entry_layout {
    struct quire_field address[QUIRE_ADDRESS_FIELDS]; /* a second part only if bits != 0 */
    uint64_t set;      /* bits that are one in every entry that is built: valid, page size, ... */
    uint64_t reserved; /* bits that the MMU insists are zero */
};

struct quire_level {
    uint8_t shift;           /* lowest address bit of the index into this level's table */
    uint8_t bits;            /* index bits: the table has 1 << bits entries */
    bool leaf;               /* may map memory itself; always true for the last level */
    struct quire_bits table; /* a present entry is a table pointer when this holds, else a leaf;
                                if the level may not be a leaf: what is not a pointer is reserved */
    struct quire_entry_layout as_table, as_leaf;
    const char *name; /* the manual's word for an entry: "PDE" */
};

/* Where rights and marks sit. In a table entry: how it restricts what lies below it. */
struct quire_attribute_bits {
    struct quire_bits read, write, execute, user, accessed, dirty, global;
};

enum quire_canonical {
    QUIRE_ZERO_EXTENDED, /* address bits above va_bits must be zero */
    QUIRE_SIGN_EXTENDED  /* ... must equal bit va_bits - 1 (x86-64, RISC-V) */
};

struct quire_format_code; /* instantiated walkers; see src/paging/walk_inline.h */

struct quire_format {
    const char *name;  /* "x86-64" */
    const char *title; /* one line for people */

    uint8_t levels;    /* 1 .. QUIRE_LEVELS_MAX */
    uint8_t va_bits;   /* bits of a virtual address that are translated, offset included */
    uint8_t pa_bits;   /* widest physical address */
    uint8_t pte_bytes; /* 1, 2, 4 or 8 */
    uint8_t asid_bits; /* 0: the TLB knows no address spaces */
    bool big_endian;   /* byte order of entries in memory */
    enum quire_canonical canonical;

    struct quire_bits absent; /* an entry is not present when this holds */
    uint64_t empty;           /* what a not-present entry is stored as */
    struct quire_field soft;  /* bits the MMU ignores in a not-present entry, free for software
                                 (pa_bit unused; bits == 0: none) */
    uint64_t ignored;         /* bits the MMU ignores in a present leaf, free for software */

    struct quire_attribute_bits leaf, table;

    /* Rights that no leaf may have together: one with such an entry faults as if it set a reserved
     * bit. Where it would be built, reading is granted too. RISC-V: write without read; none at
     * all, which at upper levels makes a table pointer. mask 0: no such combination. */
    struct quire_bits refused[QUIRE_REFUSED];

    uint64_t type_mask;                   /* memory-type bits of a leaf; 0: no types */
    uint64_t type[QUIRE_TYPES_OF_MEMORY]; /* their value for each QUIRE_TYPE_... */

    struct quire_level level[QUIRE_LEVELS_MAX]; /* [0] is level 1, the root */

    const struct quire_format_code *code; /* NULL: the walker interprets the descriptor */
};

/* log2 of the smallest page, which is also the frame, in bytes. */
static inline unsigned quire_format_page_shift(const struct quire_format *format)
{
    return format->level[format->levels - 1].shift;
}

static inline uint64_t quire_format_page_bytes(const struct quire_format *format)
{
    return UINT64_C(1) << quire_format_page_shift(format);
}

/* Bytes that one entry of `level` (1 = root) covers. */
static inline uint64_t quire_format_span(const struct quire_format *format, unsigned level)
{
    return UINT64_C(1) << format->level[level - 1].shift;
}

/* Bytes of one table of `level` (1 = root). */
static inline uint64_t quire_format_table_bytes(const struct quire_format *format, unsigned level)
{
    return (uint64_t)format->pte_bytes << format->level[level - 1].bits;
}

/* Can [va, va + bytes) be mapped: not empty, aligned to pages (else QUIRE_INVALID), not wrapping,
 * and translatable throughout (else QUIRE_OUT_OF_RANGE)? */
enum quire_status quire_range_check(const struct quire_format *format, quire_va va, uint64_t bytes);

/* Is the descriptor sound? On QUIRE_INVALID *why (if not NULL) says what is wrong, in English.
 * Also insists on what the core needs: a frame of at least 8 bytes, no overlapping fields. */
enum quire_status quire_format_check(const struct quire_format *format, const char **why);

/* Narrows physical addresses to pa_bits (a machine's MAXPHYADDR): the address bits above become
 * reserved. Changes *format, which must be the caller's copy; its fast walker is dropped. */
enum quire_status quire_format_limit_pa(struct quire_format *format, unsigned pa_bits);

#endif
