/*
 * Formats as text. A keyword knows where its value lies in the descriptor and of which kind it is
 * (format_values.h); reading and writing follow one list. docs/formats.md explains every keyword.
 */
#include "format_file.h"

#include <string.h>

#include "format_values.h"

struct keyword {
    const char *name;
    const struct format_kind *kind;
    size_t offset; /* in struct quire_format or, below a level, in struct quire_level */
};

/* ---- the keywords ---- */

#define IN_FORMAT(field) offsetof(struct quire_format, field)
#define IN_LEVEL(field) offsetof(struct quire_level, field)

static const struct keyword whole[] = {
    {"virtual-bits", &format_kind_byte, IN_FORMAT(va_bits)},
    {"physical-bits", &format_kind_byte, IN_FORMAT(pa_bits)},
    {"entry-bytes", &format_kind_byte, IN_FORMAT(pte_bytes)},
    {"byte-order", &format_kind_order, IN_FORMAT(big_endian)},
    {"asid-bits", &format_kind_byte, IN_FORMAT(asid_bits)},
    {"canonical", &format_kind_canonical, IN_FORMAT(canonical)},
    {"absent", &format_kind_condition, IN_FORMAT(absent)},
    {"empty", &format_kind_value, IN_FORMAT(empty)},
    {"soft", &format_kind_field, IN_FORMAT(soft)},
    {"ignored", &format_kind_bits, IN_FORMAT(ignored)},
    {"leaf-read", &format_kind_condition, IN_FORMAT(leaf.read)},
    {"leaf-write", &format_kind_condition, IN_FORMAT(leaf.write)},
    {"leaf-execute", &format_kind_condition, IN_FORMAT(leaf.execute)},
    {"leaf-user", &format_kind_condition, IN_FORMAT(leaf.user)},
    {"leaf-accessed", &format_kind_mark, IN_FORMAT(leaf.accessed)},
    {"leaf-dirty", &format_kind_mark, IN_FORMAT(leaf.dirty)},
    {"leaf-global", &format_kind_mark, IN_FORMAT(leaf.global)},
    {"table-read", &format_kind_condition, IN_FORMAT(table.read)},
    {"table-write", &format_kind_condition, IN_FORMAT(table.write)},
    {"table-execute", &format_kind_condition, IN_FORMAT(table.execute)},
    {"table-user", &format_kind_condition, IN_FORMAT(table.user)},
    {"table-accessed", &format_kind_mark, IN_FORMAT(table.accessed)},
    {"table-dirty", &format_kind_mark, IN_FORMAT(table.dirty)},
    {"table-global", &format_kind_mark, IN_FORMAT(table.global)},
    {"leaf-refused", &format_kind_refused, IN_FORMAT(refused)},
    {"type-bits", &format_kind_bits, IN_FORMAT(type_mask)},
    {"type-normal", &format_kind_bits, IN_FORMAT(type[0])},
    {"type-write-through", &format_kind_bits, IN_FORMAT(type[1])},
    {"type-uncached-weak", &format_kind_bits, IN_FORMAT(type[2])},
    {"type-uncached", &format_kind_bits, IN_FORMAT(type[3])},
};

static const struct keyword of_level[] = {
    {"index", &format_kind_index, IN_LEVEL(shift)},
    {"table-when", &format_kind_condition, IN_LEVEL(table)},
    {"table-address", &format_kind_address, IN_LEVEL(as_table.address)},
    {"table-set", &format_kind_bits, IN_LEVEL(as_table.set)},
    {"table-reserved", &format_kind_bits, IN_LEVEL(as_table.reserved)},
    {"leaf-address", &format_kind_address, IN_LEVEL(as_leaf.address)},
    {"leaf-set", &format_kind_bits, IN_LEVEL(as_leaf.set)},
    {"leaf-reserved", &format_kind_bits, IN_LEVEL(as_leaf.reserved)},
};

enum { WHOLE = sizeof whole / sizeof whole[0], OF_LEVEL = sizeof of_level / sizeof of_level[0] };

/* ---- a line, a text ---- */

/* Copies a line and cuts it into words; what follows a '#' is a comment. */
static bool cut_line(struct format_reader *reader, const char *line, size_t length)
{
    const char *comment = memchr(line, '#', length);
    char *rest;

    reader->words = reader->at = 0;
    if (comment != NULL) {
        length = (size_t)(comment - line);
    }
    if (length > FORMAT_LINE_BYTES || memchr(line, '\0', length) != NULL) {
        return problem_set(reader->problem, "%s: line %u: expected text, lines of at most %d bytes",
                           reader->file, reader->line, FORMAT_LINE_BYTES);
    }
    memcpy(reader->text, line, length);
    reader->text[length] = '\0';
    memcpy(reader->cut, reader->text, length + 1);
    for (char *word = strtok_r(reader->cut, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (reader->words == FORMAT_WORDS) {
            return problem_set(reader->problem, "%s: line %u: more than %d words", reader->file,
                               reader->line, FORMAT_WORDS);
        }
        reader->word[reader->words++] = word;
    }
    return true;
}

/* Copies a name. */
static bool read_name(struct format_reader *reader, const char *expected, char *to, size_t room)
{
    if (to[0] != '\0') {
        return reader_wrong(reader, "only one such line");
    }
    if (reader->at == reader->words || strlen(reader->word[reader->at]) >= room) {
        return reader_wrong(reader, expected);
    }
    strcpy(to, reader_next(reader));
    return true;
}

/* Titles and the names of entries are the rest of the line: words with blanks between them. */
static bool read_rest(struct format_reader *reader, const char *expected, char *to, size_t room)
{
    const char *from = reader->text + strspn(reader->text, " \t\r") + strlen(reader->word[0]);
    size_t length;

    if (to[0] != '\0') {
        return reader_wrong(reader, "only one such line");
    }
    from += strspn(from, " \t\r");
    length = strlen(from);
    while (length > 0 && strchr(" \t\r", from[length - 1]) != NULL) {
        length--;
    }
    if (length == 0 || length >= room) {
        return reader_wrong(reader, expected);
    }
    memcpy(to, from, length);
    to[length] = '\0';
    reader->at = reader->words;
    return true;
}

static bool begin_level(struct format_reader *reader)
{
    struct format_described *into = reader->into;
    unsigned level = into->format.levels;

    if (level == QUIRE_LEVELS_MAX) {
        return problem_set(reader->problem, "%s: line %u: more than %d levels", reader->file,
                           reader->line, QUIRE_LEVELS_MAX);
    }
    if (!read_rest(reader, "a name for its entries, such as PTE, of at most 23 bytes",
                   into->level_name[level], sizeof into->level_name[level])) {
        return false;
    }
    into->format.level[level].name = into->level_name[level];
    into->format.levels++;
    return true;
}

/* One keyword of a list; `base` is what its offset counts from. */
static bool read_keyword(struct format_reader *reader, const struct keyword *list, unsigned length,
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

static bool read_line(struct format_reader *reader)
{
    struct quire_format *format = &reader->into->format;
    const char *keyword = reader_next(reader);
    bool fine;

    if (strcmp(keyword, "level") == 0) {
        fine = begin_level(reader);
    } else if (format->levels > 0) {
        fine = read_keyword(reader, of_level, OF_LEVEL, &format->level[format->levels - 1]);
    } else if (strcmp(keyword, "format") == 0) {
        fine = read_name(reader, "a name of at most 31 bytes", reader->into->name,
                         sizeof reader->into->name);
    } else if (strcmp(keyword, "title") == 0) {
        fine = read_rest(reader, "a line of 1 to 95 bytes", reader->into->title,
                         sizeof reader->into->title);
    } else {
        fine = read_keyword(reader, whole, WHOLE, format);
    }
    return fine && (reader->at == reader->words || reader_wrong(reader, "the end of the line"));
}

/* What follows from what was said; then, is it a format? */
static bool complete(struct format_reader *reader)
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
    struct format_reader reader = {.into = described, .file = file, .problem = problem};
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

/* A level without what plays no role: how it points to tables if it is the last, how it maps pages
 * if it does not. */
static struct quire_level meaningful(const struct quire_format *format, unsigned level)
{
    const struct quire_entry_layout nothing = {.set = 0};
    struct quire_level l = format->level[level - 1];

    if (level == format->levels) {
        l.table = (struct quire_bits)QUIRE_ALWAYS;
        l.as_table = nothing;
    }
    if (!l.leaf) {
        l.as_leaf = nothing;
    }
    return l;
}

void format_write(const struct quire_format *format, FILE *out)
{
    fprintf(out, "%-19s %s\n", "format", format->name);
    if (format->title != NULL && format->title[0] != '\0') {
        fprintf(out, "%-19s %s\n", "title", format->title);
    }
    write_keywords(whole, WHOLE, format, "", out);
    for (unsigned i = 0; i < format->levels; i++) {
        struct quire_level level = meaningful(format, i + 1);

        fprintf(out, "\n%-19s %s\n", "level", level.name != NULL ? level.name : "entry");
        write_keywords(of_level, OF_LEVEL, &level, "    ", out);
    }
}
