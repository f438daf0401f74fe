/*
 * Drawing a format. The address and each kind of entry are rows of boxes:
 *
 *      31               22 21               12 11                0
 *     +-------------------+-------------------+-------------------+
 *     | PDE               | PTE               | offset            |
 *     +-------------------+-------------------+-------------------+
 *
 * Rows that would be too wide go on below.
 */
#include "format_draw.h"

#include <string.h>

#include "entry_fields.h"
#include "format_values.h"

enum { COLUMNS = 98, INDENT = 2, BOXES_MAX = 64 };

struct box {
    unsigned high, low;
    char label[40];
};

static unsigned bits_width(const struct box *box)
{
    char text[16];
    unsigned width = (unsigned)snprintf(text, sizeof text, "%u", box->high);

    return box->high == box->low ? width : width + 1 + (unsigned)snprintf(text, 16, "%u", box->low);
}

/* Columns inside the box, with a blank on each side. */
static unsigned inner_width(const struct box *box)
{
    unsigned label = (unsigned)strlen(box->label);
    unsigned bits = bits_width(box);

    return (label > bits ? label : bits) + 2;
}

static void rule(const struct box *box, unsigned count, FILE *out)
{
    fprintf(out, "%*s+", INDENT, "");
    for (unsigned i = 0; i < count; i++) {
        for (unsigned w = inner_width(&box[i]); w > 0; w--) {
            putc('-', out);
        }
        putc('+', out);
    }
    putc('\n', out);
}

static void bit_numbers(const struct box *box, unsigned count, FILE *out)
{
    char line[COLUMNS + 40];
    int length = snprintf(line, sizeof line, "%*s", INDENT, "");

    for (unsigned i = 0; i < count; i++) {
        int width = (int)inner_width(&box[i]);
        char *at = line + length;
        size_t room = sizeof line - (size_t)length;

        if (box[i].high == box[i].low) {
            snprintf(at, room, "  %-*u", width - 1, box[i].high);
        } else {
            char high[16];
            int used = snprintf(high, sizeof high, "%u", box[i].high);
            snprintf(at, room, "  %s%*u ", high, width - 2 - used, box[i].low);
        }
        length += width + 1;
    }
    while (length > 0 && line[length - 1] == ' ') {
        length--;
    }
    fprintf(out, "%.*s\n", length, line);
}

static void draw_row(const struct box *box, unsigned count, FILE *out)
{
    bit_numbers(box, count, out);
    rule(box, count, out);
    fprintf(out, "%*s|", INDENT, "");
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, " %-*s|", (int)inner_width(&box[i]) - 1, box[i].label);
    }
    putc('\n', out);
    rule(box, count, out);
}

static void draw_boxes(const struct box *box, unsigned count, FILE *out)
{
    while (count > 0) {
        unsigned width = INDENT + 1;
        unsigned fit = 0;

        while (fit < count && (fit == 0 || width + inner_width(&box[fit]) + 1 <= COLUMNS)) {
            width += inner_width(&box[fit]) + 1;
            fit++;
        }
        draw_row(box, fit, out);
        box += fit;
        count -= fit;
    }
}

/* ---- the address ---- */

static void draw_address(const struct quire_format *format, FILE *out)
{
    struct box box[QUIRE_LEVELS_MAX + 2];
    unsigned count = 0;
    unsigned shift = quire_format_page_shift(format);

    if (format->va_bits < 64 && format->canonical == QUIRE_SIGN_EXTENDED) {
        box[count] = (struct box){63, format->va_bits, ""};
        snprintf(box[count++].label, sizeof box[0].label, "as bit %u", format->va_bits - 1U);
    }
    for (unsigned level = 1; level <= format->levels; level++) {
        const struct quire_level *l = &format->level[level - 1];
        box[count] = (struct box){l->shift + l->bits - 1U, l->shift, ""};
        snprintf(box[count++].label, sizeof box[0].label, "%.20s index", l->name);
    }
    box[count++] = (struct box){shift - 1, 0, "offset in page"};
    fprintf(out, "virtual address\n");
    draw_boxes(box, count, out);
}

/* ---- the levels ---- */

static void draw_levels(const struct quire_format *format, FILE *out)
{
    fprintf(out, "\n level  entry     address bits     entries   table bytes  one entry covers  "
                 "an entry leads to\n");
    for (unsigned level = 1; level <= format->levels; level++) {
        const struct quire_level *l = &format->level[level - 1];
        struct entry_field index = {ROLE_IGNORED, (uint8_t)(l->shift + l->bits - 1), l->shift, 0};

        fprintf(out, " %5u  %-9s %12s  %10llu  %12llu  %16s  %s\n", level, l->name,
                entry_field_bits(&index).text, 1ULL << l->bits,
                (unsigned long long)quire_format_table_bytes(format, level),
                size_text(quire_format_span(format, level)).text,
                level == format->levels ? "a page"
                : l->leaf               ? "a table or a large page"
                                        : "a table");
    }
}

/* ---- the entries ---- */

static bool has_kind(const struct quire_format *format, unsigned level, enum quire_pte_kind kind)
{
    return kind == QUIRE_PTE_LEAF    ? format->level[level - 1].leaf
           : kind == QUIRE_PTE_TABLE ? level < format->levels
                                     : level == 1;
}

static bool same_fields(const struct quire_format *format, unsigned a, unsigned b,
                        enum quire_pte_kind kind)
{
    struct entry_field of_a[ENTRY_FIELDS_MAX], of_b[ENTRY_FIELDS_MAX];
    unsigned count = entry_fields(format, a, kind, of_a);

    if (count != entry_fields(format, b, kind, of_b)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (of_a[i].role != of_b[i].role || of_a[i].high != of_b[i].high ||
            of_a[i].low != of_b[i].low || of_a[i].pa_bit != of_b[i].pa_bit) {
            return false;
        }
    }
    return true;
}

/* The first level with the same fields: the one under which they are drawn. */
static unsigned first_alike(const struct quire_format *format, unsigned level,
                            enum quire_pte_kind kind)
{
    unsigned first = 1;

    while (first < level &&
           !(has_kind(format, first, kind) && same_fields(format, first, level, kind))) {
        first++;
    }
    return first;
}

static void entry_title(const struct quire_format *format, unsigned level, enum quire_pte_kind kind,
                        FILE *out)
{
    putc('\n', out);
    if (kind == QUIRE_PTE_ABSENT) {
        fputs("an entry of any level that is not present\n", out);
        return;
    }
    for (unsigned l = level; l <= format->levels; l++) {
        if (has_kind(format, l, kind) && first_alike(format, l, kind) == level) {
            fprintf(out, "%s%s", l == level ? "" : ", ", format->level[l - 1].name);
        }
    }
    if (kind == QUIRE_PTE_TABLE) {
        fputs(", pointing to a table\n", out);
    } else {
        fprintf(out, ", mapping a page of %s\n", size_text(quire_format_span(format, level)).text);
    }
}

static void draw_entry(const struct quire_format *format, unsigned level, enum quire_pte_kind kind,
                       FILE *out)
{
    struct entry_field field[ENTRY_FIELDS_MAX];
    struct box box[BOXES_MAX];
    unsigned count = entry_fields(format, level, kind, field);

    entry_title(format, level, kind, out);
    for (unsigned i = 0; i < count; i++) {
        box[i] = (struct box){field[i].high, field[i].low, ""};
        snprintf(box[i].label, sizeof box[i].label, "%.39s", entry_field_label(&field[i]).text);
    }
    draw_boxes(box, count, out);
    for (unsigned i = 0; i < count; i++) {
        if (field[i].role != ROLE_IGNORED) {
            fprintf(out, "  %6s  %-14s  %s\n", entry_field_bits(&field[i]).text,
                    entry_field_label(&field[i]).text,
                    entry_field_meaning(format, level, kind, &field[i]).text);
        }
    }
    if (kind == QUIRE_PTE_LEAF && !format_kind_refused.is_default(format->refused)) {
        fputs("  refused, as if it set a reserved bit: ", out);
        format_kind_refused.write(format->refused, out);
        putc('\n', out);
    }
}

static void draw_entries(const struct quire_format *format, enum quire_pte_kind kind, FILE *out)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        if (has_kind(format, level, kind) && first_alike(format, level, kind) == level) {
            draw_entry(format, level, kind, out);
        }
    }
}

void format_draw(const struct quire_format *format, FILE *out)
{
    fprintf(out, "%s: %s\n\n", format->name, format->title);
    fprintf(out, "virtual addresses of %u bits (%s), physical of %u; pages of %s\n",
            format->va_bits,
            format->canonical == QUIRE_SIGN_EXTENDED ? "sign-extended" : "the rest zero",
            format->pa_bits, size_text(quire_format_page_bytes(format)).text);
    fprintf(out, "entries of %s, %s-endian", size_text(format->pte_bytes).text,
            format->big_endian ? "big" : "little");
    if (format->asid_bits > 0) {
        fprintf(out, "; address-space identifiers of %u bits", format->asid_bits);
    }
    fputs("\n\n", out);
    draw_address(format, out);
    draw_levels(format, out);
    draw_entries(format, QUIRE_PTE_TABLE, out);
    draw_entries(format, QUIRE_PTE_LEAF, out);
    draw_entries(format, QUIRE_PTE_ABSENT, out);
}
