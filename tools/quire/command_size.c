/* quire size: what page tables cost. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_list.h"
#include "json.h"
#include "options.h"
#include "supplement_size.h"
#include "trace_ranges.h"

const char command_size_help[] =
    "usage: quire size [--format F]... [--large] [--ram SIZE] [--json] PAGES\n"
    "       quire size --supplement [--format F]... [--json] PAGES\n"
    "\n"
    "Bytes of page tables that a mapping of the pages needs, in each format (without --format: in\n"
    "every built-in one): computed, for address spaces of up to 64 bits. PAGES are one or more of\n"
    "\n"
    "  RANGE         START-END (END not included, as in /proc/PID/maps) or START+SIZE;\n"
    "                numbers as 4096, 0x1000, 4K, 1G; widened to whole pages\n"
    "  --trace FILE  what a trace touches (as quire replay reads it: lackey text, or quire's own)\n"
    "\n"
    "  --format F    a built-in format (quire formats) or a format file; may be repeated\n"
    "  --large       use the largest pages that fit, as if physical memory were aligned likewise\n"
    "  --ram SIZE    memory of the machine, for the inverted table (else: just what is mapped)\n"
    "  --supplement  instead of page tables: what it costs to keep a record of 4 bytes for each\n"
    "                page, as the supplemental page table does (docs/supplement.md)\n"
    "\n"
    "linear       one entry for each page of the address space, mapped or not\n"
    "multi-level  the root, and every table below it that has an entry in use\n"
    "inverted     20 bytes for each frame of memory, for all processes together: owner 8, rights "
    "4,\n"
    "             next 4, hash anchor 4\n"
    "hashed       24 bytes for each mapped page (tag 8, mapping 8, next 8), and 8 for each "
    "bucket;\n"
    "             as many buckets as pages, rounded up to a power of two\n"
    "\n"
    "With --supplement:\n"
    "radix        the supplement, built and counted: nodes of one frame\n"
    "hash         a table with linear probing, a power of two of entries, at most 3/4 in use: "
    "page\n"
    "             number (4 bytes if they fit, else 8) and record; while it doubles, the old one "
    "is\n"
    "             there too: growing\n"
    "linear       a record for each page of the address space\n"
    "\n"
    "Example:  quire size --format ostep14 0-0x80 0xc0-0x140 0x3f80-0x4000\n"
    "          quire size --format x86-64 --large 0x400000+2M 0x7ffff7c00000+4M\n"
    "          quire size --supplement --format i386 --trace examples/traces/perl-words.qtrace\n";

struct settings {
    struct format_described *described; /* room for one a --format */
    const struct quire_format **format;
    size_t formats;
    struct address_range *range, *copy;
    size_t ranges;
    const char **range_text; /* of the first `texts` of them; the others are the trace's */
    size_t texts;
    const char *trace;
    enum leaf_use leaves;
    uint64_t ram;
    bool json, all, supplement;
};

/* ---- numbers that may be unknown ---- */

static struct grouped number_text(uint64_t value)
{
    struct grouped text = {"> 2^64"};

    return value == SIZE_UNKNOWN ? text : grouped(value);
}

static void json_size(struct json *json, const char *key, uint64_t value)
{
    if (value == SIZE_UNKNOWN) {
        json_null(json, key);
    } else {
        json_number(json, key, value);
    }
}

/* ---- output ---- */

static void print_line(const char *what, uint64_t bytes)
{
    printf("  %-12s %26s bytes", what, number_text(bytes).text);
}

static void print_tables(const struct quire_format *format, const struct table_size *size)
{
    print_line("multi-level", size->multilevel);
    putchar('\n');
    for (unsigned level = 1; level <= format->levels; level++) {
        uint64_t tables = size->tables[level - 1];

        printf("    level %-2u %28s table%s of %s\n", level, number_text(tables).text,
               tables == 1 ? " " : "s", size_text(quire_format_table_bytes(format, level)).text);
    }
}

static void print_one(const struct quire_format *format, const struct table_size *size)
{
    unsigned vpn_bits = format->va_bits - quire_format_page_shift(format);

    printf("%s: %s page%s of %s mapped, of 2^%u\n\n", format->name, number_text(size->pages).text,
           size->pages == 1 ? "" : "s", size_text(quire_format_page_bytes(format)).text, vpn_bits);
    print_line("linear", size->linear);
    printf("   2^%u entries of %u\n", vpn_bits, format->pte_bytes);
    print_tables(format, size);
    print_line("inverted", size->inverted);
    printf("   %s frames of memory x %d\n", number_text(size->frames).text, INVERTED_ENTRY);
    print_line("hashed", size->hashed);
    printf("   %s pages x %d, %s buckets x %d\n", number_text(size->pages).text, HASHED_NODE,
           number_text(size->buckets).text, HASHED_BUCKET);
}

static void print_row(const struct quire_format *format, const struct table_size *size)
{
    printf("%-17s %14s %26s %14s %14s %14s\n", format->name, number_text(size->pages).text,
           number_text(size->linear).text, number_text(size->multilevel).text,
           number_text(size->inverted).text, number_text(size->hashed).text);
}

static void json_one(struct json *json, const struct quire_format *format,
                     const struct table_size *size)
{
    json_open(json, NULL, '{');
    json_string(json, "format", format->name);
    json_number(json, "page_bytes", quire_format_page_bytes(format));
    json_size(json, "pages", size->pages);
    json_size(json, "linear", size->linear);
    json_size(json, "multilevel", size->multilevel);
    json_open(json, "tables", '[');
    for (unsigned level = 1; level <= format->levels; level++) {
        json_size(json, NULL, size->tables[level - 1]);
    }
    json_close(json);
    json_size(json, "frames", size->frames);
    json_size(json, "inverted", size->inverted);
    json_size(json, "hashed", size->hashed);
    json_close(json);
}

/* ---- output of --supplement ---- */

/* Bytes a page, with one digit behind the point. */
static struct grouped a_page(uint64_t bytes, uint64_t pages)
{
    uint64_t tenths = (bytes % pages * 10 + pages / 2) / pages;
    struct grouped text = grouped(bytes / pages + tenths / 10);
    size_t length = strlen(text.text);

    snprintf(text.text + length, sizeof(text.text) - length, ".%u", (unsigned)(tenths % 10));
    return text;
}

static void supplement_line(const char *what, uint64_t bytes, uint64_t pages)
{
    print_line(what, bytes);
    printf(" %14s a page   ", a_page(bytes, pages).text);
}

static void supplement_one(const struct quire_format *format, const struct supplement_size *size)
{
    struct size_text node = size_text(quire_format_page_bytes(format));
    unsigned vpn_bits = format->va_bits - quire_format_page_shift(format);
    uint64_t leaves = size->nodes[size->levels - 1];

    printf("%s: %s page%s of %s touched, of 2^%u\n\n", format->name, grouped(size->pages).text,
           size->pages == 1 ? "" : "s", node.text, vpn_bits);
    supplement_line("radix", size->radix, size->pages);
    printf("%s of ", grouped(size->pages).text);
    printf("%s records\n", grouped(leaves * (quire_format_page_bytes(format) / 4)).text);
    for (unsigned level = 1; level <= size->levels; level++) {
        uint64_t nodes = size->nodes[level - 1];

        printf("    level %-2u %28s node%s of %s\n", level, grouped(nodes).text,
               nodes == 1 ? " " : "s", node.text);
    }
    supplement_line("hash", size->hash, size->pages);
    printf("%s entries x %u\n", grouped(size->hash_entries).text, supplement_hash_entry(vpn_bits));
    supplement_line("  growing", size->hash_growing, size->pages);
    printf("with the old one\n");
    supplement_line("linear", size->linear, size->pages);
    printf("2^%u records of %d\n", vpn_bits, SUPPLEMENT_RECORD);
}

static void supplement_row(const struct quire_format *format, const struct supplement_size *size)
{
    printf("%-17s %11s %13s %8s %13s %8s %19s\n", format->name, grouped(size->pages).text,
           grouped(size->radix).text, a_page(size->radix, size->pages).text,
           grouped(size->hash).text, a_page(size->hash, size->pages).text,
           grouped(size->linear).text);
}

static void supplement_json(struct json *json, const struct quire_format *format,
                            const struct supplement_size *size)
{
    unsigned vpn_bits = format->va_bits - quire_format_page_shift(format);

    json_open(json, NULL, '{');
    json_string(json, "format", format->name);
    json_number(json, "page_bytes", quire_format_page_bytes(format));
    json_number(json, "pages", size->pages);
    json_number(json, "radix", size->radix);
    json_open(json, "nodes", '[');
    for (unsigned level = 0; level < size->levels; level++) {
        json_number(json, NULL, size->nodes[level]);
    }
    json_close(json);
    json_number(json, "hash", size->hash);
    json_number(json, "hash_entries", size->hash_entries);
    json_number(json, "hash_entry_bytes", supplement_hash_entry(vpn_bits));
    json_number(json, "hash_growing", size->hash_growing);
    json_number(json, "linear", size->linear);
    json_close(json);
}

/* ---- one format after the other ---- */

/* A range as it was given, or as it could have been. */
static struct problem range_name(const struct settings *settings, size_t at)
{
    const struct address_range *range = &settings->range[at];
    struct problem name;

    if (at < settings->texts) {
        problem_set(&name, "%s", settings->range_text[at]);
    } else {
        problem_set(&name, "%s: 0x%" PRIx64 "+%" PRIu64, settings->trace, range->first,
                    range->last - range->first + 1);
    }
    return name;
}

/* Do all ranges fit into a format that was asked for by name? Else it is said. */
static bool fits_or_fail(const struct settings *settings, const struct quire_format *format)
{
    size_t at;

    if (!ranges_fit(format, settings->range, settings->ranges, &at)) {
        fail("size: %s is outside the %u-bit addresses of %s", range_name(settings, at).text,
             format->va_bits, format->name);
        return false;
    }
    return true;
}

/* Of all formats, one into which a range does not fit gets a line that says so. */
static bool fits_or_row(const struct settings *settings, const struct quire_format *format)
{
    size_t at;

    if (ranges_fit(format, settings->range, settings->ranges, &at)) {
        return true;
    }
    if (!settings->json) {
        printf("%-17s %s is outside its %u-bit addresses\n", format->name,
               range_name(settings, at).text, format->va_bits);
    }
    return false;
}

static struct address_range *copy_of_ranges(const struct settings *settings)
{
    memcpy(settings->copy, settings->range, settings->ranges * sizeof *settings->range);
    return settings->copy;
}

static int size_format(const struct settings *settings, const struct quire_format *format,
                       struct json *json)
{
    struct table_size size;

    if (!fits_or_row(settings, format)) {
        return STATUS_OK;
    }
    if (!table_size(format, copy_of_ranges(settings), settings->ranges, settings->leaves,
                    settings->ram, &size)) {
        return fail("size: no memory for so many ranges");
    }
    if (json != NULL) {
        json_one(json, format, &size);
    } else if (settings->formats == 1) {
        print_one(format, &size);
    } else {
        print_row(format, &size);
    }
    return STATUS_OK;
}

static int size_all(const struct settings *settings)
{
    struct json json = json_to(stdout);
    int status = STATUS_OK;

    if (settings->json) {
        json_open(&json, NULL, '[');
    } else if (settings->formats > 1) {
        printf("%-17s %14s %26s %14s %14s %14s\n", "bytes of tables", "pages", "linear",
               "multi-level", "inverted", "hashed");
    }
    for (size_t i = 0; i < settings->formats && status == STATUS_OK; i++) {
        status = size_format(settings, settings->format[i], settings->json ? &json : NULL);
    }
    if (settings->json) {
        json_close(&json);
    }
    return status;
}

static void supplement_print(const struct settings *settings, const struct supplement_size *size)
{
    struct json json = json_to(stdout);

    if (settings->json) {
        json_open(&json, NULL, '[');
    } else if (settings->formats > 1) {
        printf("%-17s %11s %13s %8s %13s %8s %19s\n", "supplement, bytes", "pages", "radix",
               "a page", "hash", "a page", "linear");
    }
    for (size_t i = 0; i < settings->formats; i++) {
        const struct quire_format *format = settings->format[i];

        if (!fits_or_row(settings, format)) {
            continue;
        }
        if (settings->json) {
            supplement_json(&json, format, &size[i]);
        } else if (settings->formats == 1) {
            supplement_one(format, &size[i]);
        } else {
            supplement_row(format, &size[i]);
        }
    }
    if (settings->json) {
        json_close(&json);
    }
}

/* All are built before one is printed: building may fail. */
static int supplement_all(const struct settings *settings)
{
    struct supplement_size *size = calloc(settings->formats, sizeof *size);
    struct problem problem;
    int status = size != NULL ? STATUS_OK : fail("size: no memory for so many formats");
    size_t at;

    for (size_t i = 0; i < settings->formats && status == STATUS_OK; i++) {
        const struct quire_format *format = settings->format[i];

        if (ranges_fit(format, settings->range, settings->ranges, &at) &&
            !supplement_size(format, copy_of_ranges(settings), settings->ranges, &size[i],
                             &problem)) {
            status = fail("size: %s", problem.text);
        }
    }
    if (status == STATUS_OK) {
        supplement_print(settings, size);
    }
    free(size);
    return status;
}

/* ---- what was asked for ---- */

/* "2^64" as an END: one more than numbers can say. */
static bool is_top(const char *text)
{
    return strcmp(text, "0x10000000000000000") == 0 || strcmp(text, "16E") == 0;
}

/* START-END or START+SIZE; not empty, not beyond 2^64. */
static bool range_parse(const char *text, struct address_range *range)
{
    char start[40];
    size_t length = strcspn(text, "-+");
    uint64_t end;

    if (length >= sizeof start || text[length] == '\0') {
        return false;
    }
    memcpy(start, text, length);
    start[length] = '\0';
    if (!size_parse(start, &range->first)) {
        return false;
    }
    if (is_top(text + length + 1)) {
        range->last = UINT64_MAX;
        return text[length] == '-' || range->first == 0;
    }
    if (!size_parse(text + length + 1, &end) || end == 0) {
        return false;
    }
    range->last = end - 1;
    if (text[length] == '+') {
        return !__builtin_add_overflow(range->first, end - 1, &range->last);
    }
    return range->last >= range->first;
}

static bool add_format(struct settings *settings, const char *name)
{
    struct problem problem;

    if (!format_choose(name, &settings->described[settings->formats],
                       &settings->format[settings->formats], &problem)) {
        fail("size: %s", problem.text);
        return false;
    }
    settings->formats++;
    return true;
}

static bool add_range(struct settings *settings, const char *text)
{
    if (!range_parse(text, &settings->range[settings->ranges])) {
        fail("size: '%s' is not a range such as 0x1000-0x3000 or 0x1000+8K", text);
        return false;
    }
    settings->range_text[settings->ranges++] = text;
    settings->texts = settings->ranges;
    return true;
}

static bool add_trace(struct settings *settings, const char *path)
{
    if (settings->trace != NULL) {
        fail("size: one trace at a time, and '%s' is a second", path);
        return false;
    }
    settings->trace = path;
    return true;
}

/* The pages that the trace touches, of the smallest size that any of the formats has. */
static bool read_trace(struct settings *settings)
{
    struct address_range *touched, *range, *copy;
    struct problem problem;
    unsigned shift = 63;
    size_t count, room;

    for (size_t i = 0; i < settings->formats; i++) {
        unsigned other = quire_format_page_shift(settings->format[i]);
        shift = other < shift ? other : shift;
    }
    if (!trace_ranges(settings->trace, shift, &touched, &count, &problem)) {
        fail("%s", problem.text);
        return false;
    }
    room = settings->ranges + count;
    range = realloc(settings->range, room * sizeof *range);
    settings->range = range != NULL ? range : settings->range;
    copy = realloc(settings->copy, room * sizeof *copy);
    settings->copy = copy != NULL ? copy : settings->copy;
    if (range != NULL && copy != NULL) {
        memcpy(range + settings->ranges, touched, count * sizeof *touched);
        settings->ranges = room;
    } else {
        fail("size: no memory for so many ranges");
    }
    free(touched);
    return range != NULL && copy != NULL;
}

static bool arguments_agree(const struct settings *settings)
{
    if (settings->ranges == 0 && settings->trace == NULL) {
        fail("size: expected ranges such as 0x1000-0x3000 or 0x1000+8K, or --trace FILE");
        return false;
    }
    if (settings->supplement && (settings->leaves != LEAVES_SMALL || settings->ram != 0)) {
        fail("size: --supplement and %s exclude each other: a supplement has neither large pages "
             "nor frames to count",
             settings->leaves != LEAVES_SMALL ? "--large" : "--ram");
        return false;
    }
    return true;
}

static bool read_arguments(struct settings *settings, int argc, char **argv)
{
    static const struct option_spec options[] = {{"format", 0, "F"},
                                                 {"ram", 0, "SIZE"},
                                                 {"trace", 0, "FILE"},
                                                 {"large", 0, NULL},
                                                 {"json", 0, NULL},
                                                 {"supplement", 0, NULL},
                                                 {0}};
    enum { FORMAT, RAM, TRACE, LARGE, JSON, SUPPLEMENT };
    struct arguments arguments = arguments_of(argc, argv);
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        bool fine = true;
        switch (found) {
        case FORMAT: fine = add_format(settings, value); break;
        case RAM: fine = size_option("size: --ram", value, 1, UINT64_MAX, &settings->ram); break;
        case TRACE: fine = add_trace(settings, value); break;
        case LARGE: settings->leaves = LEAVES_LARGEST; break;
        case JSON: settings->json = true; break;
        case SUPPLEMENT: settings->supplement = true; break;
        case ARGUMENTS_OPERAND: fine = add_range(settings, value); break;
        default: fine = false; break;
        }
        if (!fine) {
            return false;
        }
    }
    return arguments_agree(settings);
}

static int run(struct settings *settings, int argc, char **argv)
{
    if (!read_arguments(settings, argc, argv)) {
        return STATUS_BAD;
    }
    if (settings->formats == 0) {
        settings->all = true;
        settings->formats = format_list_length;
        memcpy(settings->format, format_list, format_list_length * sizeof *format_list);
    }
    if (settings->trace != NULL && !read_trace(settings)) {
        return STATUS_BAD;
    }
    for (size_t i = 0; i < settings->formats && !settings->all; i++) {
        if (!fits_or_fail(settings, settings->format[i])) {
            return STATUS_BAD;
        }
    }
    return settings->supplement ? supplement_all(settings) : size_all(settings);
}

int command_size(int argc, char **argv)
{
    size_t room = (size_t)argc + format_list_length;
    struct settings settings = {
        .described = calloc(room, sizeof *settings.described),
        .format = calloc(room, sizeof *settings.format),
        .range = calloc(room, sizeof *settings.range),
        .copy = calloc(room, sizeof *settings.copy),
        .range_text = calloc(room, sizeof *settings.range_text),
        .leaves = LEAVES_SMALL,
    };
    int status;

    if (settings.described == NULL || settings.format == NULL || settings.range == NULL ||
        settings.copy == NULL || settings.range_text == NULL) {
        status = fail("size: no memory for %d arguments", argc);
    } else {
        status = run(&settings, argc, argv);
    }
    free(settings.described);
    free(settings.format);
    free(settings.range);
    free(settings.copy);
    free(settings.range_text);
    return status;
}
