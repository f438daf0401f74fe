/* Words of a format file, and the kinds of values that they make up. Used by format_file.c only. */
#ifndef QUIRE_TOOLS_FORMAT_VALUES_H
#define QUIRE_TOOLS_FORMAT_VALUES_H

#include <stdio.h>

#include "format_file.h"

enum { FORMAT_LINE_BYTES = 250, FORMAT_WORDS = 70 };

/* A line being read, and the descriptor it goes into. */
struct format_reader {
    struct format_described *into;
    const char *file;
    struct problem *problem;
    unsigned line;
    char text[FORMAT_LINE_BYTES + 1]; /* as it is */
    char cut[FORMAT_LINE_BYTES + 1];  /* cut into words */
    const char *word[FORMAT_WORDS];
    unsigned words, at;
    uint64_t seen[QUIRE_LEVELS_MAX + 1]; /* keywords said: [0] for the whole, [n] for level n */
};

/* Notes "FILE: line N: KEYWORD: expected ..., found 'the next word'"; false. */
bool reader_wrong(struct format_reader *reader, const char *expected);

/* The next word; "" at the end of the line. */
const char *reader_next(struct format_reader *reader);

struct format_kind {
    bool (*read)(struct format_reader *reader, void *value);
    void (*write)(const void *value, FILE *out);
    bool (*is_default)(const void *value); /* what the descriptor holds if nothing is said */
};

extern const struct format_kind format_kind_byte;  /* uint8_t */
extern const struct format_kind format_kind_value; /* uint64_t, as a number */
extern const struct format_kind format_kind_bits;  /* uint64_t, as a list of bits */
extern const struct format_kind format_kind_order; /* bool: big-endian */
extern const struct format_kind format_kind_canonical;
extern const struct format_kind format_kind_condition; /* struct quire_bits; default: always */
extern const struct format_kind format_kind_mark;      /* the same; default: never */
extern const struct format_kind format_kind_refused;   /* QUIRE_REFUSED of them; default: none */
extern const struct format_kind format_kind_field;     /* struct quire_field, without pa_bit */
extern const struct format_kind format_kind_address;   /* QUIRE_ADDRESS_FIELDS of them */
extern const struct format_kind format_kind_index;     /* shift and bits of a struct quire_level */

#endif
