/* The kinds of values in a format file: each can be read from words, written, and left unsaid. */
#include "format_values.h"

#include <inttypes.h>
#include <string.h>

#include "options.h"
#include "quire/pte.h"

/* ---- reading: words and what they hold ---- */

bool reader_wrong(struct format_reader *reader, const char *expected)
{
    const char *found = reader->at < reader->words ? reader->word[reader->at] : "end of line";

    return problem_set(reader->problem, "%s: line %u: %s: expected %s, found '%s'", reader->file,
                       reader->line, reader->word[0], expected, found);
}

const char *reader_next(struct format_reader *reader)
{
    return reader->at < reader->words ? reader->word[reader->at++] : "";
}

static bool take(struct format_reader *reader, const char *word)
{
    if (reader->at < reader->words && strcmp(reader->word[reader->at], word) == 0) {
        reader->at++;
        return true;
    }
    return false;
}

static bool read_number(struct format_reader *reader, uint64_t most, const char *expected,
                        uint64_t *value)
{
    if (reader->at < reader->words && number_parse(reader->word[reader->at], value) &&
        *value <= most) {
        reader->at++;
        return true;
    }
    return reader_wrong(reader, expected);
}

struct span {
    unsigned high, low;
};

/* "31..12", or "7" for one bit. */
static bool read_span(struct format_reader *reader, struct span *span)
{
    char text[24];
    const char *word = reader->at < reader->words ? reader->word[reader->at] : "";
    const char *dots = strstr(word, "..");
    size_t length = dots != NULL ? (size_t)(dots - word) : strlen(word);
    uint64_t high, low;

    if (length < sizeof text) {
        memcpy(text, word, length);
        text[length] = '\0';
        if (number_parse(text, &high) && high <= 63 &&
            number_parse(dots != NULL ? dots + 2 : text, &low) && low <= high) {
            *span = (struct span){(unsigned)high, (unsigned)low};
            reader->at++;
            return true;
        }
    }
    return reader_wrong(reader, "bits such as 31..12 or 7 (63 to 0, the higher first)");
}

static uint64_t span_mask(struct span span)
{
    return QUIRE_MASK(span.high, span.low);
}

static unsigned span_bits(struct span span)
{
    return span.high - span.low + 1;
}

/* ---- the kinds of values ---- */

static bool read_byte(struct format_reader *reader, void *value)
{
    uint64_t number;

    if (!read_number(reader, 64, "a number from 0 to 64", &number)) {
        return false;
    }
    *(uint8_t *)value = (uint8_t)number;
    return true;
}

static void write_byte(const void *value, FILE *out)
{
    fprintf(out, "%u", *(const uint8_t *)value);
}

static bool byte_is_default(const void *value)
{
    return *(const uint8_t *)value == 0;
}

const struct format_kind format_kind_byte = {read_byte, write_byte, byte_is_default};

static bool read_value(struct format_reader *reader, void *value)
{
    uint64_t number;

    if (!read_number(reader, UINT64_MAX, "a number such as 0x7f", &number)) {
        return false;
    }
    *(uint64_t *)value = number;
    return true;
}

static void write_value(const void *value, FILE *out)
{
    fprintf(out, "0x%" PRIx64, *(const uint64_t *)value);
}

static bool value_is_default(const void *value)
{
    return *(const uint64_t *)value == 0;
}

const struct format_kind format_kind_value = {read_value, write_value, value_is_default};

static bool read_order(struct format_reader *reader, void *value)
{
    *(bool *)value = take(reader, "big-endian");
    return *(bool *)value || take(reader, "little-endian") ||
           reader_wrong(reader, "little-endian or big-endian");
}

static void write_order(const void *value, FILE *out)
{
    fputs(*(const bool *)value ? "big-endian" : "little-endian", out);
}

static bool order_is_default(const void *value)
{
    return !*(const bool *)value;
}

const struct format_kind format_kind_order = {read_order, write_order, order_is_default};

static bool read_canonical(struct format_reader *reader, void *value)
{
    bool extended = take(reader, "sign-extended");

    *(enum quire_canonical *)value = extended ? QUIRE_SIGN_EXTENDED : QUIRE_ZERO_EXTENDED;
    return extended || take(reader, "zero-extended") ||
           reader_wrong(reader, "zero-extended or sign-extended");
}

static bool canonical_is_default(const void *value)
{
    return *(const enum quire_canonical *)value == QUIRE_ZERO_EXTENDED;
}

static void write_canonical(const void *value, FILE *out)
{
    fputs(canonical_is_default(value) ? "zero-extended" : "sign-extended", out);
}

const struct format_kind format_kind_canonical = {read_canonical, write_canonical,
                                                  canonical_is_default};

/* "none", or bits and ranges of bits: "63 21..13". */
static bool read_bits(struct format_reader *reader, void *value)
{
    uint64_t mask = 0;
    struct span span;

    if (take(reader, "none")) {
        *(uint64_t *)value = 0;
        return true;
    }
    do {
        if (!read_span(reader, &span)) {
            return false;
        }
        mask |= span_mask(span);
    } while (reader->at < reader->words);
    *(uint64_t *)value = mask;
    return true;
}

static void write_span(struct span span, FILE *out)
{
    fprintf(out, span.high == span.low ? "%u" : "%u..%u", span.high, span.low);
}

/* The highest run of ones in a mask that has some. */
static struct span highest_run(uint64_t mask)
{
    unsigned high = 63 - (unsigned)__builtin_clzll(mask);
    unsigned low = high;

    while (low > 0 && mask >> (low - 1) & 1) {
        low--;
    }
    return (struct span){high, low};
}

static void write_bits(const void *value, FILE *out)
{
    uint64_t mask = *(const uint64_t *)value;

    for (const char *gap = ""; mask != 0; gap = " ") {
        struct span span = highest_run(mask);
        fputs(gap, out);
        write_span(span, out);
        mask &= ~span_mask(span);
    }
}

const struct format_kind format_kind_bits = {read_bits, write_bits, value_is_default};

/* "bit 7 set", "bits 2..1 = 3", "mask 0x81 = 0x80", "always", "never". */
static bool read_condition(struct format_reader *reader, void *value)
{
    struct quire_bits *bits = value;
    struct span span;

    *bits = (struct quire_bits)QUIRE_ALWAYS;
    if (take(reader, "always")) {
        return true;
    }
    if (take(reader, "never")) {
        *bits = (struct quire_bits)QUIRE_NEVER;
        return true;
    }
    if (take(reader, "bit")) {
        if (!read_span(reader, &span)) {
            return false;
        }
        bits->mask = span_mask(span);
        bits->value = take(reader, "set") ? bits->mask : 0;
        return bits->value != 0 || take(reader, "clear") || reader_wrong(reader, "set or clear");
    }
    if (take(reader, "bits")) {
        if (!read_span(reader, &span)) {
            return false;
        }
        bits->mask = span_mask(span);
        if (!take(reader, "=") ||
            !read_number(reader, quire_ones(span_bits(span)), "", &bits->value)) {
            return reader_wrong(reader, "= and a value of that many bits");
        }
        bits->value <<= span.low;
        return true;
    }
    if (take(reader, "mask")) {
        return (read_number(reader, UINT64_MAX, "a mask", &bits->mask) && take(reader, "=") &&
                read_number(reader, UINT64_MAX, "a value", &bits->value)) ||
               reader_wrong(reader, "a mask, =, and a value");
    }
    return reader_wrong(reader,
                        "bit N set, bit N clear, bits H..L = V, mask M = V, always or never");
}

static void write_condition(const void *value, FILE *out)
{
    const struct quire_bits *bits = value;
    struct span span;

    if (bits->mask == 0) {
        fputs(bits->value == 0 ? "always" : "never", out);
        return;
    }
    span = highest_run(bits->mask);
    if (bits->mask != span_mask(span) || (bits->value & ~bits->mask) != 0) {
        fprintf(out, "mask 0x%" PRIx64 " = 0x%" PRIx64, bits->mask, bits->value);
    } else if (span.high == span.low) {
        fprintf(out, "bit %u %s", span.low, bits->value != 0 ? "set" : "clear");
    } else {
        fprintf(out, "bits %u..%u = 0x%" PRIx64, span.high, span.low, bits->value >> span.low);
    }
}

static bool condition_is_default(const void *value)
{
    const struct quire_bits *bits = value;

    return bits->mask == 0 && bits->value == 0;
}

const struct format_kind format_kind_condition = {read_condition, write_condition,
                                                  condition_is_default};

/* One or two combinations of rights: conditions on bits. */
static bool read_refused(struct format_reader *reader, void *value)
{
    struct quire_bits *refused = value;
    unsigned count = 0;

    do {
        if (count == QUIRE_REFUSED) {
            return reader_wrong(reader, "two combinations at most");
        }
        if (!read_condition(reader, &refused[count])) {
            return false;
        }
        if (refused[count++].mask == 0) {
            reader->at--;
            return reader_wrong(reader, "a condition on bits");
        }
    } while (reader->at < reader->words);
    return true;
}

static void write_refused(const void *value, FILE *out)
{
    const struct quire_bits *refused = value;
    const char *gap = "";

    for (unsigned i = 0; i < QUIRE_REFUSED; i++) {
        if (refused[i].mask != 0) {
            fputs(gap, out);
            write_condition(&refused[i], out);
            gap = "  ";
        }
    }
}

static bool refused_is_default(const void *value)
{
    const struct quire_bits *refused = value;

    return refused[0].mask == 0 && refused[1].mask == 0;
}

const struct format_kind format_kind_refused = {read_refused, write_refused, refused_is_default};

/* Accessed, dirty, global: a format that does not name such a bit has none. */
static bool mark_is_default(const void *value)
{
    const struct quire_bits *bits = value;

    return bits->mask == 0 && bits->value != 0;
}

const struct format_kind format_kind_mark = {read_condition, write_condition, mark_is_default};

/* Soft bits: a field of the entry. */
static bool read_field(struct format_reader *reader, void *value)
{
    struct quire_field *field = value;
    struct span span;

    if (!read_span(reader, &span)) {
        return false;
    }
    field->pte_bit = (uint8_t)span.low;
    field->bits = (uint8_t)span_bits(span);
    return true;
}

static void write_field(const void *value, FILE *out)
{
    const struct quire_field *field = value;

    write_span((struct span){field->pte_bit + field->bits - 1U, field->pte_bit}, out);
}

static bool field_is_default(const void *value)
{
    return ((const struct quire_field *)value)->bits == 0;
}

const struct format_kind format_kind_field = {read_field, write_field, field_is_default};

/* "31..22 = 31..22  20..13 = 39..32": bits of the entry = bits of the address. */
static bool read_address(struct format_reader *reader, void *value)
{
    struct quire_field *field = value;
    unsigned parts = 0;
    struct span entry, address;

    do {
        if (parts == QUIRE_ADDRESS_FIELDS) {
            return reader_wrong(reader, "an address in two parts at most");
        }
        if (!read_span(reader, &entry)) {
            return false;
        }
        if (!take(reader, "=")) {
            return reader_wrong(reader, "= and the bits of the address that lie there");
        }
        if (!read_span(reader, &address)) {
            return false;
        }
        if (span_bits(entry) != span_bits(address)) {
            reader->at--;
            return reader_wrong(reader, "as many bits of the address as of the entry");
        }
        field[parts++] = (struct quire_field){(uint8_t)entry.low, (uint8_t)span_bits(entry),
                                              (uint8_t)address.low};
    } while (reader->at < reader->words);
    return true;
}

static void write_address(const void *value, FILE *out)
{
    const struct quire_field *field = value;

    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS && field[i].bits != 0; i++) {
        fputs(i == 0 ? "" : "  ", out);
        write_field(&field[i], out);
        fputs(" = ", out);
        write_span((struct span){field[i].pa_bit + field[i].bits - 1U, field[i].pa_bit}, out);
    }
}

const struct format_kind format_kind_address = {read_address, write_address, field_is_default};

/* The index of a level: its offset is that of `shift`, and `bits` follows. */
static bool read_index(struct format_reader *reader, void *value)
{
    uint8_t *shift = value;
    struct span span;

    if (!read_span(reader, &span)) {
        return false;
    }
    shift[0] = (uint8_t)span.low;
    shift[1] = (uint8_t)span_bits(span);
    return true;
}

static void write_index(const void *value, FILE *out)
{
    const uint8_t *shift = value;

    write_span((struct span){shift[0] + shift[1] - 1U, shift[0]}, out);
}

static bool never_default(const void *value)
{
    (void)value;
    return false;
}

const struct format_kind format_kind_index = {read_index, write_index, never_default};
_Static_assert(offsetof(struct quire_level, bits) == offsetof(struct quire_level, shift) + 1,
               "read_index() and write_index() count on it");
