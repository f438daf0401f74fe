/*
 * What each bit of an entry is, read from the descriptor: for drawing formats and explaining walks.
 */
#ifndef QUIRE_TOOLS_ENTRY_FIELDS_H
#define QUIRE_TOOLS_ENTRY_FIELDS_H

#include "output.h"
#include "quire/pte.h"

enum entry_role {
    ROLE_IGNORED,
    ROLE_ADDRESS,
    ROLE_PRESENT,
    ROLE_KIND, /* tells a table pointer from a page */
    ROLE_READ,
    ROLE_WRITE,
    ROLE_EXECUTE,
    ROLE_USER,
    ROLE_ACCESSED,
    ROLE_DIRTY,
    ROLE_GLOBAL,
    ROLE_TYPE,
    ROLE_FIXED,    /* always one */
    ROLE_RESERVED, /* must be zero */
    ROLE_SOFT,     /* of an absent entry: software's own */
    ENTRY_ROLES
};

struct entry_field {
    enum entry_role role;
    uint8_t high, low; /* bits of the entry */
    uint8_t pa_bit;    /* ADDRESS: the address bit that lies at `low` */
};

enum { ENTRY_FIELDS_MAX = 64 };

/* The fields of an entry of `level` (1 = root) and kind, from the highest bit down, without gaps.
 * Returns how many. */
unsigned entry_fields(const struct quire_format *format, unsigned level, enum quire_pte_kind kind,
                      struct entry_field *fields);

/* A letter or word for the field, as in a manual's picture: "W", "address 51..12". */
struct field_text {
    char text[80];
};
struct field_text entry_field_label(const struct entry_field *field);

/* What the field is for: "1: may be written". */
struct field_text entry_field_meaning(const struct quire_format *format, unsigned level,
                                      enum quire_pte_kind kind, const struct entry_field *field);

/* What the field says in this entry: "may not be written". */
struct field_text entry_field_reading(const struct quire_format *format, unsigned level,
                                      enum quire_pte_kind kind, const struct entry_field *field,
                                      uint64_t entry);

/* The field's bits of an entry. */
uint64_t entry_field_value(const struct entry_field *field, uint64_t entry);

/* "31..12" or "7". */
struct field_text entry_field_bits(const struct entry_field *field);

/* "read write execute user", "read", "nothing"; marks likewise. */
struct field_text attributes_text(unsigned attributes);

#endif
