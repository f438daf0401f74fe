/* quire formats: the list of paging formats, or one of them drawn. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "entry_fields.h"
#include "format_draw.h"
#include "format_list.h"
#include "json.h"
#include "options.h"

const char command_formats_help[] =
    "usage: quire formats                     list the built-in formats\n"
    "       quire formats F                   draw a format: address bits, levels, entry bits\n"
    "       quire formats --text F            write it as a format file, to be changed\n"
    "       quire formats --json [F]\n"
    "\n"
    "F is the name of a built-in format, ostep-linear:va_bits=BITS,page=SIZE, or the path of a\n"
    "format file: a small text that describes a machine of your own (docs/formats.md).\n"
    "\n"
    "In the pictures: V valid, S table or page, R W X U rights, A accessed, D dirty, G global,\n"
    "T memory type, 1 must be set, 0 must be zero, - ignored.\n"
    "\n"
    "Example:  quire formats i386\n";

static void print_list(void)
{
    for (size_t i = 0; i < format_list_length; i++) {
        printf("%-17s %s\n", format_list[i]->name, format_list[i]->title);
    }
    puts("\nquire formats NAME draws one; a format file of your own goes wherever a name does.");
}

/* The fields of an entry, from the highest bit down, in the words of the picture. */
static void json_entry(struct json *json, const char *key, const struct quire_format *format,
                       unsigned level, enum quire_pte_kind kind)
{
    struct entry_field field[ENTRY_FIELDS_MAX];
    unsigned count = entry_fields(format, level, kind, field);

    json_open(json, key, '[');
    for (unsigned i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_number(json, "high", field[i].high);
        json_number(json, "low", field[i].low);
        json_string(json, "name", entry_field_label(&field[i]).text);
        json_string(json, "meaning", entry_field_meaning(format, level, kind, &field[i]).text);
        json_close(json);
    }
    json_close(json);
}

static void json_level(struct json *json, const struct quire_format *format, unsigned level)
{
    const struct quire_level *l = &format->level[level - 1];

    json_open(json, NULL, '{');
    json_number(json, "level", level);
    json_string(json, "name", l->name);
    json_number(json, "shift", l->shift);
    json_number(json, "index_bits", l->bits);
    json_number(json, "table_bytes", quire_format_table_bytes(format, level));
    json_hex(json, "entry_covers", quire_format_span(format, level), 1);
    json_bool(json, "may_be_leaf", l->leaf);
    if (level < format->levels) {
        json_entry(json, "pointer", format, level, QUIRE_PTE_TABLE);
    }
    if (l->leaf) {
        json_entry(json, "page", format, level, QUIRE_PTE_LEAF);
    }
    json_close(json);
}

static void json_format(struct json *json, const struct quire_format *format)
{
    json_open(json, NULL, '{');
    json_string(json, "name", format->name);
    json_string(json, "title", format->title);
    json_number(json, "virtual_bits", format->va_bits);
    json_number(json, "physical_bits", format->pa_bits);
    json_number(json, "page_bytes", quire_format_page_bytes(format));
    json_number(json, "entry_bytes", format->pte_bytes);
    json_string(json, "byte_order", format->big_endian ? "big" : "little");
    json_bool(json, "sign_extended", format->canonical == QUIRE_SIGN_EXTENDED);
    json_number(json, "asid_bits", format->asid_bits);
    json_open(json, "levels", '[');
    for (unsigned level = 1; level <= format->levels; level++) {
        json_level(json, format, level);
    }
    json_close(json);
    json_entry(json, "not_present", format, 1, QUIRE_PTE_ABSENT);
    json_close(json);
}

static void json_list(const struct quire_format *only)
{
    struct json json = json_to(stdout);

    if (only != NULL) {
        json_format(&json, only);
        return;
    }
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < format_list_length; i++) {
        json_format(&json, format_list[i]);
    }
    json_close(&json);
}

int command_formats(int argc, char **argv)
{
    static const struct option_spec options[] = {{"json", 0, NULL}, {"text", 0, NULL}, {0}};
    enum { JSON, TEXT };
    struct arguments arguments = arguments_of(argc, argv);
    struct format_described described;
    const struct quire_format *format = NULL;
    struct problem problem;
    bool json = false, text = false;
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        switch (found) {
        case JSON: json = true; break;
        case TEXT: text = true; break;
        case ARGUMENTS_OPERAND:
            if (format != NULL) {
                return fail("formats: one format at a time, and '%s' is a second", value);
            }
            if (!format_choose(value, &described, &format, &problem)) {
                return fail("formats: %s", problem.text);
            }
            break;
        default: return STATUS_BAD;
        }
    }
    if (text && format == NULL) {
        return fail("formats: --text needs a format: quire formats --text i386");
    }
    if (text && json) {
        return fail("formats: --text and --json exclude each other");
    }
    if (json) {
        json_list(format);
    } else if (text) {
        format_write(format, stdout);
    } else if (format != NULL) {
        format_draw(format, stdout);
    } else {
        print_list();
    }
    return STATUS_OK;
}
