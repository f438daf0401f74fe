/* Explaining a walk: the address, then entry after entry. */
#include "explain.h"

#include <inttypes.h>

#include "entry_fields.h"

unsigned va_digits(const struct quire_format *format)
{
    return (format->va_bits + 3U) / 4;
}

unsigned pa_digits(const struct quire_format *format)
{
    return (format->pa_bits + 3U) / 4;
}

unsigned entry_digits(const struct quire_format *format)
{
    return 2U * format->pte_bytes;
}

static void put_binary(uint64_t value, unsigned bits, FILE *out)
{
    for (unsigned bit = bits; bit-- > 0;) {
        putc(value >> bit & 1 ? '1' : '0', out);
    }
}

/* The bits of the address: one line with all of them, one for each index. */
static void explain_address(const struct quire_format *format, quire_va va, FILE *out)
{
    unsigned shift = quire_format_page_shift(format);
    uint64_t offset = va.at & (quire_format_page_bytes(format) - 1);

    fprintf(out, "0x%0*" PRIx64 " =", (int)va_digits(format), va.at);
    for (unsigned level = 1; level <= format->levels; level++) {
        putc(' ', out);
        put_binary(quire_va_index(format, level, va), format->level[level - 1].bits, out);
    }
    putc(' ', out);
    put_binary(offset, shift, out);
    putc('\n', out);
    for (unsigned level = 1; level <= format->levels; level++) {
        const struct quire_level *l = quire_level_of(format, level);
        uint32_t index = quire_va_index(format, level, va);

        fprintf(out, "  level %u (%s): bits %u..%u = ", level, l->name, l->shift + l->bits - 1U,
                l->shift);
        put_binary(index, l->bits, out);
        fprintf(out, " = %" PRIu32 "\n", index);
    }
    fprintf(out, "  offset: bits %u..0 = ", shift - 1);
    put_binary(offset, shift, out);
    fprintf(out, " = %" PRIu64 "\n", offset);
}

static void explain_fields(const struct quire_format *format, unsigned level,
                           enum quire_pte_kind kind, uint64_t entry, FILE *out)
{
    struct entry_field field[ENTRY_FIELDS_MAX];
    unsigned count = entry_fields(format, level, kind, field);

    for (unsigned i = 0; i < count; i++) {
        uint64_t value = entry_field_value(&field[i], entry);
        bool telling = (field[i].role != ROLE_IGNORED && field[i].role != ROLE_RESERVED &&
                        field[i].role != ROLE_SOFT) ||
                       value != 0;

        if (telling) {
            char text[48];
            snprintf(text, sizeof text, value > 9 ? "0x%" PRIx64 " (%" PRIu64 ")" : "%" PRIu64,
                     value, value);
            fprintf(out, "    %6s = %-12s %s\n", entry_field_bits(&field[i]).text, text,
                    entry_field_reading(format, level, kind, &field[i], entry).text);
        }
    }
}

static void explain_step(const struct quire_format *format, unsigned level,
                         const struct quire_step *step, FILE *out)
{
    const struct quire_level *l = quire_level_of(format, level);
    enum quire_pte_kind kind = quire_pte_kind(format, level, step->entry);
    int digits = (int)pa_digits(format);

    fprintf(out,
            "\nlevel %u: entry %" PRIu32 " of the table at 0x%0*" PRIx64 "; the %s at 0x%0*" PRIx64
            " holds 0x%0*" PRIx64 "\n",
            level, step->index, digits, step->table.at, l->name, digits, step->entry_at.at,
            (int)entry_digits(format), step->entry);
    explain_fields(format, level, kind, step->entry, out);
    if (kind == QUIRE_PTE_ABSENT) {
        return;
    }
    if (kind == QUIRE_PTE_LEAF && !l->leaf) {
        fprintf(out, "    it does not point to a table, and a %s cannot map a page\n", l->name);
        return;
    }
    if (kind == QUIRE_PTE_LEAF && quire_pte_refused(format, step->entry)) {
        fprintf(out, "    a %s that maps a page must not combine rights like this\n", l->name);
        return;
    }
    fprintf(out, "    so: the %s at 0x%0*" PRIx64 "; allowed so far: %s\n",
            kind == QUIRE_PTE_TABLE ? "table" : "page", digits,
            quire_pte_address(format, level, kind, step->entry).at,
            attributes_text(step->rights).text);
}

void explain_walk(const struct quire_mmu *mmu, quire_va va, const struct quire_walk *walk,
                  const struct quire_trace *trace, FILE *out)
{
    const struct quire_format *format = mmu->format;

    explain_address(format, va, out);
    if (walk->reason == QUIRE_REASON_NONCANONICAL) {
        fprintf(out, "  bits 63..%u must be %s\n", format->va_bits,
                format->canonical == QUIRE_SIGN_EXTENDED ? "copies of the bit below them" : "zero");
    }
    for (unsigned i = 0; i < trace->steps; i++) {
        explain_step(format, i + 1, &trace->step[i], out);
    }
    putc('\n', out);
}
