/*
 * Formats as text. A keyword knows where its value lies in the descriptor and of which kind it is; a
 * kind knows how such a value is read and written. docs/formats.md explains every keyword.
 */
#include "format_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "quire/pte.h"

enum { LINE_MAX_LENGTH = 250, WORDS_MAX = 70 };

struct keyword;

/* The line being read. */
struct reader {
    struct format_described *into;
    const char *file;
    struct problem *problem;
    unsigned line;
    char text[LINE_MAX_LENGTH + 1]; /* as it is */
    char cut[LINE_MAX_LENGTH + 1];  /* cut into words */
    const char *word[WORDS_MAX];
    unsigned words, at;
    uint64_t seen[QUIRE_LEVELS_MAX + 1]; /* keywords said: [0] for the whole, [n] for level n */
};

struct kind {
    bool (*read)(struct reader *reader, void *value);
    void (*write)(const void *value, FILE *out);
    bool (*is_default)(const void *value);
};

struct keyword {
    const char *name;
    const struct kind *kind;
    size_t offset; /* in struct quire_format or, below a level, in struct quire_level */
};

/* ---- reading: words and what they hold ---- */

static bool wrong(struct reader *reader, const char *expected)
{
    const char *found = reader->at < reader->words ? reader->word[reader->at] : "end of line";

    return problem_set(reader->problem, "%s: line %u: %s: expected %s, found '%s'", reader->file,
                       reader->line, reader->word[0], expected, found);
}

static const char *next_word(struct reader *reader)
{
    return reader->at < reader->words ? reader->word[reader->at++] : "";
}

static bool take(struct reader *reader, const char *word)
{
    if (reader->at < reader->words && strcmp(reader->word[reader->at], word) == 0) {
        reader->at++;
        return true;
    }
    return false;
}

static bool read_number(struct reader *reader, uint64_t most, const char *expected, uint64_t *value)
{
    if (reader->at < reader->words && number_parse(reader->word[reader->at], value) &&
        *value <= most) {
        reader->at++;
        return true;
    }
    return wrong(reader, expected);
}

struct span {
    unsigned high, low;
};

/* "31..12", or "7" for one bit. */
static bool read_span(struct reader *reader, struct span *span)
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
    return wrong(reader, "bits such as 31..12 or 7 (63 to 0, the higher first)");
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

static bool read_byte(struct reader *reader, void *value)
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

static const struct kind kind_byte = {read_byte, write_byte, byte_is_default};

static bool read_value(struct reader *reader, void *value)
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

static const struct kind kind_value = {read_value, write_value, value_is_default};

static bool read_order(struct reader *reader, void *value)
{
    *(bool *)value = take(reader, "big-endian");
    return *(bool *)value || take(reader, "little-endian") ||
           wrong(reader, "little-endian or big-endian");
}

static void write_order(const void *value, FILE *out)
{
    fputs(*(const bool *)value ? "big-endian" : "little-endian", out);
}

static bool order_is_default(const void *value)
{
    return !*(const bool *)value;
}

static const struct kind kind_order = {read_order, write_order, order_is_default};

static bool read_canonical(struct reader *reader, void *value)
{
    bool extended = take(reader, "sign-extended");

    *(enum quire_canonical *)value = extended ? QUIRE_SIGN_EXTENDED : QUIRE_ZERO_EXTENDED;
    return extended || take(reader, "zero-extended") ||
           wrong(reader, "zero-extended or sign-extended");
}

static bool canonical_is_default(const void *value)
{
    return *(const enum quire_canonical *)value == QUIRE_ZERO_EXTENDED;
}

static void write_canonical(const void *value, FILE *out)
{
    fputs(canonical_is_default(value) ? "zero-extended" : "sign-extended", out);
}

static const struct kind kind_canonical = {read_canonical, write_canonical, canonical_is_default};

/* "none", or bits and ranges of bits: "63 21..13". */
static bool read_bits(struct reader *reader, void *value)
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

static const struct kind kind_bits = {read_bits, write_bits, value_is_default};

/* "bit 7 set", "bits 2..1 = 3", "mask 0x81 = 0x80", "always", "never". */
static bool read_condition(struct reader *reader, void *value)
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
        return bits->value != 0 || take(reader, "clear") || wrong(reader, "set or clear");
    }
    if (take(reader, "bits")) {
        if (!read_span(reader, &span)) {
            return false;
        }
        bits->mask = span_mask(span);
        if (!take(reader, "=") ||
            !read_number(reader, quire_ones(span_bits(span)), "", &bits->value)) {
            return wrong(reader, "= and a value of that many bits");
        }
        bits->value <<= span.low;
        return true;
    }
    if (take(reader, "mask")) {
        return (read_number(reader, UINT64_MAX, "a mask", &bits->mask) && take(reader, "=") &&
                read_number(reader, UINT64_MAX, "a value", &bits->value)) ||
               wrong(reader, "a mask, =, and a value");
    }
    return wrong(reader, "bit N set, bit N clear, bits H..L = V, mask M = V, always or never");
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

static const struct kind kind_condition = {read_condition, write_condition, condition_is_default};

/* Accessed, dirty, global: a format that does not name such a bit has none. */
static bool mark_is_default(const void *value)
{
    const struct quire_bits *bits = value;

    return bits->mask == 0 && bits->value != 0;
}

static const struct kind kind_mark = {read_condition, write_condition, mark_is_default};

/* Soft bits: a field of the entry. */
static bool read_field(struct reader *reader, void *value)
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

static const struct kind kind_field = {read_field, write_field, field_is_default};

/* "31..22 = 31..22  20..13 = 39..32": bits of the entry = bits of the address. */
static bool read_address(struct reader *reader, void *value)
{
    struct quire_field *field = value;
    unsigned parts = 0;
    struct span entry, address;

    do {
        if (parts == QUIRE_ADDRESS_FIELDS) {
            return wrong(reader, "an address in two parts at most");
        }
        if (!read_span(reader, &entry)) {
            return false;
        }
        if (!take(reader, "=")) {
            return wrong(reader, "= and the bits of the address that lie there");
        }
        if (!read_span(reader, &address)) {
            return false;
        }
        if (span_bits(entry) != span_bits(address)) {
            reader->at--;
            return wrong(reader, "as many bits of the address as of the entry");
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

static const struct kind kind_address = {read_address, write_address, field_is_default};

/* The index of a level: its offset is that of `shift`, and `bits` follows. */
static bool read_index(struct reader *reader, void *value)
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

static const struct kind kind_index = {read_index, write_index, never_default};
_Static_assert(offsetof(struct quire_level, bits) == offsetof(struct quire_level, shift) + 1,
               "read_index() and write_index() count on it");

/* ---- the keywords ---- */

#define IN_FORMAT(field) offsetof(struct quire_format, field)
#define IN_LEVEL(field) offsetof(struct quire_level, field)

static const struct keyword whole[] = {
    {"virtual-bits", &kind_byte, IN_FORMAT(va_bits)},
    {"physical-bits", &kind_byte, IN_FORMAT(pa_bits)},
    {"entry-bytes", &kind_byte, IN_FORMAT(pte_bytes)},
    {"byte-order", &kind_order, IN_FORMAT(big_endian)},
    {"asid-bits", &kind_byte, IN_FORMAT(asid_bits)},
    {"canonical", &kind_canonical, IN_FORMAT(canonical)},
    {"absent", &kind_condition, IN_FORMAT(absent)},
    {"empty", &kind_value, IN_FORMAT(empty)},
    {"soft", &kind_field, IN_FORMAT(soft)},
    {"ignored", &kind_bits, IN_FORMAT(ignored)},
    {"leaf-read", &kind_condition, IN_FORMAT(leaf.read)},
    {"leaf-write", &kind_condition, IN_FORMAT(leaf.write)},
    {"leaf-execute", &kind_condition, IN_FORMAT(leaf.execute)},
    {"leaf-user", &kind_condition, IN_FORMAT(leaf.user)},
    {"leaf-accessed", &kind_mark, IN_FORMAT(leaf.accessed)},
    {"leaf-dirty", &kind_mark, IN_FORMAT(leaf.dirty)},
    {"leaf-global", &kind_mark, IN_FORMAT(leaf.global)},
    {"table-read", &kind_condition, IN_FORMAT(table.read)},
    {"table-write", &kind_condition, IN_FORMAT(table.write)},
    {"table-execute", &kind_condition, IN_FORMAT(table.execute)},
    {"table-user", &kind_condition, IN_FORMAT(table.user)},
    {"table-accessed", &kind_mark, IN_FORMAT(table.accessed)},
    {"table-dirty", &kind_mark, IN_FORMAT(table.dirty)},
    {"table-global", &kind_mark, IN_FORMAT(table.global)},
    {"type-bits", &kind_bits, IN_FORMAT(type_mask)},
    {"type-normal", &kind_bits, IN_FORMAT(type[0])},
    {"type-write-through", &kind_bits, IN_FORMAT(type[1])},
    {"type-uncached-weak", &kind_bits, IN_FORMAT(type[2])},
    {"type-uncached", &kind_bits, IN_FORMAT(type[3])},
};

static const struct keyword of_level[] = {
    {"index", &kind_index, IN_LEVEL(shift)},
    {"table-when", &kind_condition, IN_LEVEL(table)},
    {"table-address", &kind_address, IN_LEVEL(as_table.address)},
    {"table-set", &kind_bits, IN_LEVEL(as_table.set)},
    {"table-reserved", &kind_bits, IN_LEVEL(as_table.reserved)},
    {"leaf-address", &kind_address, IN_LEVEL(as_leaf.address)},
    {"leaf-set", &kind_bits, IN_LEVEL(as_leaf.set)},
    {"leaf-reserved", &kind_bits, IN_LEVEL(as_leaf.reserved)},
};

enum { WHOLE = sizeof whole / sizeof whole[0], OF_LEVEL = sizeof of_level / sizeof of_level[0] };

/* ---- a line, a text ---- */

/* Copies a line and cuts it into words; what follows a '#' is a comment. */
static bool cut_line(struct reader *reader, const char *line, size_t length)
{
    const char *comment = memchr(line, '#', length);
    char *rest;

    reader->words = reader->at = 0;
    if (comment != NULL) {
        length = (size_t)(comment - line);
    }
    if (length > LINE_MAX_LENGTH || memchr(line, '\0', length) != NULL) {
        return problem_set(reader->problem, "%s: line %u: expected text, lines of at most %d bytes",
                           reader->file, reader->line, LINE_MAX_LENGTH);
    }
    memcpy(reader->text, line, length);
    reader->text[length] = '\0';
    memcpy(reader->cut, reader->text, length + 1);
    for (char *word = strtok_r(reader->cut, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (reader->words == WORDS_MAX) {
            return problem_set(reader->problem, "%s: line %u: more than %d words", reader->file,
                               reader->line, WORDS_MAX);
        }
        reader->word[reader->words++] = word;
    }
    return true;
}

/* Copies a name. */
static bool read_name(struct reader *reader, const char *expected, char *to, size_t room)
{
    if (to[0] != '\0') {
        return wrong(reader, "only one such line");
    }
    if (reader->at == reader->words || strlen(reader->word[reader->at]) >= room) {
        return wrong(reader, expected);
    }
    strcpy(to, next_word(reader));
    return true;
}

/* The title is the rest of the line. */
static bool read_title(struct reader *reader)
{
    const char *title = strstr(reader->text, "title") + strlen("title");
    size_t length;

    if (reader->into->title[0] != '\0') {
        return wrong(reader, "only one such line");
    }
    title += strspn(title, " \t");
    length = strlen(title);
    while (length > 0 && strchr(" \t\r", title[length - 1]) != NULL) {
        length--;
    }
    if (length == 0 || length >= sizeof reader->into->title) {
        return wrong(reader, "a line of 1 to 95 bytes");
    }
    memcpy(reader->into->title, title, length);
    reader->into->title[length] = '\0';
    reader->at = reader->words;
    return true;
}

static bool begin_level(struct reader *reader)
{
    struct format_described *into = reader->into;
    unsigned level = into->format.levels;

    if (level == QUIRE_LEVELS_MAX) {
        return problem_set(reader->problem, "%s: line %u: more than %d levels", reader->file,
                           reader->line, QUIRE_LEVELS_MAX);
    }
    if (!read_name(reader, "the name of its entries, such as PTE", into->level_name[level],
                   sizeof into->level_name[level])) {
        return false;
    }
    into->format.level[level].name = into->level_name[level];
    into->format.levels++;
    return true;
}

/* One keyword of a list; `base` is what its offset counts from. */
static bool read_keyword(struct reader *reader, const struct keyword *list, unsigned length,
                         void *base)
{
    const char *name = reader->word[0];
    uint64_t *seen = &reader->seen[reader->into->format.levels];

    for (unsigned i = 0; i < length; i++) {
        if (strcmp(list[i].name, name) != 0) {
            continue;
        }
        if (*seen >> i & 1) {
            return problem_set(reader->problem, "%s: line %u: %s is said twice", reader->file,
                               reader->line, name);
        }
        *seen |= QUIRE_BIT(i);
        return list[i].kind->read(reader, (char *)base + list[i].offset);
    }
    return problem_set(
        reader->problem, "%s: line %u: '%s' is no keyword %s", reader->file, reader->line, name,
        base == &reader->into->format ? "here (before the first level)" : "of a level");
}

static bool read_line(struct reader *reader)
{
    struct quire_format *format = &reader->into->format;
    const char *keyword = next_word(reader);
    bool fine;

    if (strcmp(keyword, "level") == 0) {
        fine = begin_level(reader);
    } else if (format->levels > 0) {
        fine = read_keyword(reader, of_level, OF_LEVEL, &format->level[format->levels - 1]);
    } else if (strcmp(keyword, "format") == 0) {
        fine = read_name(reader, "a name of at most 31 bytes", reader->into->name,
                         sizeof reader->into->name);
    } else if (strcmp(keyword, "title") == 0) {
        fine = read_title(reader);
    } else {
        fine = read_keyword(reader, whole, WHOLE, format);
    }
    return fine && (reader->at == reader->words || wrong(reader, "the end of the line"));
}

/* What follows from what was said; then, is it a format? */
static bool complete(struct reader *reader)
{
    struct quire_format *format = &reader->into->format;
    const char *why = "not a format";

    if (reader->into->name[0] == '\0') {
        return problem_set(reader->problem, "%s: expected a line 'format NAME'", reader->file);
    }
    if (format->levels > 0 && format->level[format->levels - 1].as_table.address[0].bits != 0) {
        return problem_set(reader->problem,
                           "%s: the last level, %s, has a table-address but no "
                           "level below it",
                           reader->file, format->level[format->levels - 1].name);
    }
    format->name = reader->into->name;
    format->title = reader->into->title;
    for (unsigned i = 0; i < format->levels; i++) {
        struct quire_level *level = &format->level[i];
        level->leaf = level->as_leaf.address[0].bits != 0;
        if (level->as_table.address[0].bits == 0) {
            level->table = (struct quire_bits)QUIRE_NEVER;
        }
    }
    if (quire_format_check(format, &why) != QUIRE_OK) {
        return problem_set(reader->problem, "%s: %s", reader->file, why);
    }
    return true;
}

static void begin(struct format_described *described)
{
    const struct quire_bits never = QUIRE_NEVER;
    struct quire_format *format = &described->format;

    memset(described, 0, sizeof *described);
    format->leaf.accessed = format->leaf.dirty = format->leaf.global = never;
    format->table.accessed = format->table.dirty = format->table.global = never;
}

bool format_parse(struct format_described *described, const char *text, size_t length,
                  const char *file, struct problem *problem)
{
    struct reader reader = {.into = described, .file = file, .problem = problem};
    const char *end = text + length;

    begin(described);
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;

        reader.line++;
        if (!cut_line(&reader, text, (size_t)(stop - text)) ||
            (reader.words > 0 && !read_line(&reader))) {
            return false;
        }
        text = newline != NULL ? newline + 1 : end;
    }
    return complete(&reader);
}

static void write_keywords(const struct keyword *list, unsigned length, const void *base,
                           const char *indent, FILE *out)
{
    for (unsigned i = 0; i < length; i++) {
        const void *value = (const char *)base + list[i].offset;
        if (!list[i].kind->is_default(value)) {
            fprintf(out, "%s%-*s ", indent, 19 - (int)strlen(indent), list[i].name);
            list[i].kind->write(value, out);
            putc('\n', out);
        }
    }
}

void format_write(const struct quire_format *format, FILE *out)
{
    fprintf(out, "%-19s %s\n", "format", format->name);
    if (format->title != NULL && format->title[0] != '\0') {
        fprintf(out, "%-19s %s\n", "title", format->title);
    }
    write_keywords(whole, WHOLE, format, "", out);
    for (unsigned i = 0; i < format->levels; i++) {
        struct quire_level level = format->level[i];

        if (level.as_table.address[0].bits == 0) {
            level.table = (struct quire_bits)QUIRE_ALWAYS; /* follows from having no address */
        }
        fprintf(out, "\n%-19s %s\n", "level", level.name != NULL ? level.name : "entry");
        write_keywords(of_level, OF_LEVEL, &level, "    ", out);
    }
}
