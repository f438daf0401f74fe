/*
 * Formats as text: examples/formats says what the built-in descriptors say; whatever is written can
 * be read again; and every mistake is named, with its line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/quire/format_file.h" /* before cmocka, which has a macro fail() */

#include "quire/pte.h"
#include "tests/support/formats.h"
#include "tests/support/unit.h"

/* ---- the same format, field by field ---- */

#define same(a, b, field) \
    checkf((a)->field == (b)->field, "%s: " #field, (a)->name != NULL ? (a)->name : "?")

static void same_bits(const char *name, struct quire_bits a, struct quire_bits b, const char *what)
{
    checkf(a.mask == b.mask && a.value == b.value, "%s: %s", name, what);
}

static void same_attributes(const char *name, const struct quire_attribute_bits *a,
                            const struct quire_attribute_bits *b)
{
    same_bits(name, a->read, b->read, "read");
    same_bits(name, a->write, b->write, "write");
    same_bits(name, a->execute, b->execute, "execute");
    same_bits(name, a->user, b->user, "user");
    same_bits(name, a->accessed, b->accessed, "accessed");
    same_bits(name, a->dirty, b->dirty, "dirty");
    same_bits(name, a->global, b->global, "global");
}

static void same_layout(const char *name, const struct quire_entry_layout *a,
                        const struct quire_entry_layout *b)
{
    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        const struct quire_field *x = &a->address[i], *y = &b->address[i];
        checkf(x->bits == y->bits, "%s: address part %u", name, i);
        checkf(x->bits == 0 || (x->pte_bit == y->pte_bit && x->pa_bit == y->pa_bit),
               "%s: address part %u", name, i);
    }
    checkf(a->set == b->set && a->reserved == b->reserved, "%s: set or reserved", name);
}

/* What a level does not do, map pages or point to tables, need not be the same. */
static void same_level(const struct quire_level *a, const struct quire_level *b, bool last)
{
    const char *name = a->name != NULL ? a->name : "entry";

    checkf(strcmp(name, b->name) == 0, "%s: name %s", name, b->name);
    checkf(a->shift == b->shift && a->bits == b->bits, "%s: index", name);
    checkf(a->leaf == b->leaf, "%s: leaf", name);
    if (!last) {
        same_bits(name, a->table, b->table, "table");
        same_layout(name, &a->as_table, &b->as_table);
    }
    if (a->leaf) {
        same_layout(name, &a->as_leaf, &b->as_leaf);
    }
}

/* All but `code`: what was read has none. */
static void same_format(const struct quire_format *a, const struct quire_format *b)
{
    check(strcmp(a->name, b->name) == 0);
    check(strcmp(a->title != NULL ? a->title : "", b->title != NULL ? b->title : "") == 0);
    same(a, b, levels);
    same(a, b, va_bits);
    same(a, b, pa_bits);
    same(a, b, pte_bytes);
    same(a, b, asid_bits);
    same(a, b, big_endian);
    same(a, b, canonical);
    same_bits(a->name, a->absent, b->absent, "absent");
    same(a, b, empty);
    same(a, b, soft.bits);
    checkf(a->soft.bits == 0 || a->soft.pte_bit == b->soft.pte_bit, "%s: soft", a->name);
    same(a, b, ignored);
    same_attributes(a->name, &a->leaf, &b->leaf);
    same_attributes(a->name, &a->table, &b->table);
    same_bits(a->name, a->refused[0], b->refused[0], "refused");
    same_bits(a->name, a->refused[1], b->refused[1], "refused, second");
    same(a, b, type_mask);
    for (unsigned i = 0; i < QUIRE_TYPES_OF_MEMORY; i++) {
        same(a, b, type[i]);
    }
    for (unsigned i = 0; i < a->levels; i++) {
        same_level(&a->level[i], &b->level[i], i + 1U == a->levels);
    }
}

/* ---- tests ---- */

static void examples_are_the_formats_in_c(void **state)
{
    static const struct quire_format *const in_c[] = {&quire_format_ptsim,
                                                      &quire_format_ostep14,
                                                      &quire_format_ostep_linear,
                                                      &quire_format_ostep_multilevel,
                                                      &quire_format_i386,
                                                      &quire_format_x86_64,
                                                      &sv32,
                                                      &sv39,
                                                      &sv48};

    (void)state;
    for (unsigned i = 0; i < sizeof in_c / sizeof in_c[0]; i++) {
        struct format_described read;
        struct problem problem = {""};
        char path[100], text[8192];
        size_t length;
        FILE *file;

        snprintf(path, sizeof path, "examples/formats/%s.format", in_c[i]->name);
        file = fopen(path, "r");
        checkf(file != NULL, "%s (run this from the top of the source tree)", path);
        length = fread(text, 1, sizeof text, file);
        fclose(file);
        checkf(format_parse(&read, text, length, path, &problem), "%s", problem.text);
        same_format(in_c[i], &read.format);
    }
}

static void round_trip(const struct quire_format *format)
{
    struct format_described read;
    struct problem problem = {""};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    check(out != NULL);
    format_write(format, out);
    fclose(out);
    checkf(format_parse(&read, text, length, "text", &problem), "%s\n%s", problem.text, text);
    same_format(format, &read.format);
    free(text);
}

static void what_is_written_is_read_again(void **state)
{
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        round_trip(test_formats[i]);
    }
    for (unsigned i = 0; i < 2000; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        round_trip(&format);
    }
}

/* A sound format of one level; tests put a line in front of its level, or behind it. */
#define HEAD "format f\nvirtual-bits 14\nphysical-bits 16\nentry-bytes 2\nabsent bit 0 clear\n"
#define LEVEL "level PTE\nindex 13..8\nleaf-address 15..8 = 15..8\nleaf-set 0\n"

static const struct mistake {
    const char *text, *message;
} mistakes[] = {
    {"", "F: expected a line 'format NAME'"},
    {"format\n", "F: line 1: format: expected a name of at most 31 bytes, found 'end of line'"},
    {"format a b\n", "F: line 1: format: expected the end of the line, found 'b'"},
    {"format a\nformat b\n", "F: line 2: format: expected only one such line, found 'b'"},
    {"title\n", "F: line 1: title: expected a line of 1 to 95 bytes, found 'end of line'"},
    {"\n\n# nothing\nbits 3\n", "F: line 4: 'bits' is no keyword here (before the first level)"},
    {HEAD "level PTE\nempty 0\n", "F: line 7: 'empty' is no keyword of a level"},
    {"empty 0\nempty 0\n", "F: line 2: empty is said twice"},
    {"virtual-bits 65\n", "F: line 1: virtual-bits: expected a number from 0 to 64, found '65'"},
    {"virtual-bits -1\n", "F: line 1: virtual-bits: expected a number from 0 to 64, found '-1'"},
    {"empty 0x10000000000000000\n",
     "F: line 1: empty: expected a number such as 0x7f, found '0x10000000000000000'"},
    {"byte-order middle\n",
     "F: line 1: byte-order: expected little-endian or big-endian, found 'middle'"},
    {"canonical yes\n",
     "F: line 1: canonical: expected zero-extended or sign-extended, found 'yes'"},
    {"absent\n", "F: line 1: absent: expected bit N set, bit N clear, bits H..L = V, "
                 "mask M = V, always or never, found 'end of line'"},
    {"absent bit 64 set\n", "F: line 1: absent: expected bits such as 31..12 or 7 (63 to 0, the "
                            "higher first), found '64'"},
    {"absent bit 3\n", "F: line 1: absent: expected set or clear, found 'end of line'"},
    {"absent bits 3..2 = 4\n",
     "F: line 1: absent: expected = and a value of that many bits, found '4'"},
    {"leaf-refused never\n",
     "F: line 1: leaf-refused: expected a condition on bits, found 'never'"},
    {"leaf-refused bit 1 set bit 2 set bit 3 set\n",
     "F: line 1: leaf-refused: expected two combinations at most, found 'bit'"},
    {HEAD "leaf-refused bit 1 set\n" LEVEL, "F: a refused combination is not one of rights"},
    {"absent bit 3 clear now\n", "F: line 1: absent: expected the end of the line, found 'now'"},
    {"ignored 3..9\n", "F: line 1: ignored: expected bits such as 31..12 or 7 (63 to 0, the "
                       "higher first), found '3..9'"},
    {HEAD "level\n", "F: line 6: level: expected a name for its entries, such as PTE, of at most "
                     "23 bytes, found 'end of line'"},
    {HEAD "level PTE\nleaf-address 15..8\n", "F: line 7: leaf-address: expected = and the bits of "
                                             "the address that lie there, found 'end of line'"},
    {HEAD "level PTE\nleaf-address 15..8 = 15..9\n",
     "F: line 7: leaf-address: expected as many bits of the address as of the entry, "
     "found '15..9'"},
    {HEAD "level PTE\nleaf-address 1 = 1 2 = 2 3 = 3\n",
     "F: line 7: leaf-address: expected an address in two parts at most, found '3'"},
    {HEAD "level a\nlevel b\nlevel c\nlevel d\nlevel e\nlevel f\nlevel g\n",
     "F: line 12: more than 6 levels"},
    {HEAD LEVEL "table-address 15..8 = 15..8\n",
     "F: the last level, PTE, has a table-address but no level below it"},
    {HEAD, "F: the number of levels is not 1 to 6"},
    {HEAD "empty 1\n" LEVEL, "F: the empty entry does not read as absent"},
    {HEAD "leaf-write bit 15 set\n" LEVEL, "F: an attribute bit is used for something else too"},
    {HEAD "ignored 16\n" LEVEL, "F: an ignored or memory-type bit lies outside the entry"},
    {"format f\0g\n", "F: line 1: expected text, lines of at most 250 bytes"},
};

static void mistakes_are_named(void **state)
{
    struct format_described read;
    struct problem problem;

    (void)state;
    check(format_parse(&read, HEAD LEVEL, sizeof HEAD LEVEL - 1, "F", &problem));
    for (unsigned i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        const char *text = mistakes[i].text;
        size_t length = strlen(text) + (strcmp(text, "format f") == 0 ? 3 : 0); /* the zero byte */

        checkf(!format_parse(&read, text, length, "F", &problem), "accepted: %s", text);
        checkf(strcmp(problem.text, mistakes[i].message) == 0, "'%s' instead of '%s'", problem.text,
               mistakes[i].message);
    }
}

/* What is not said: rights are granted, marks do not exist, nothing is soft. */
static void silence_has_a_meaning(void **state)
{
    struct format_described read;
    struct problem problem;
    const struct quire_format *format = &read.format;

    (void)state;
    check(format_parse(&read, HEAD LEVEL, sizeof HEAD LEVEL - 1, "F", &problem));
    check(quire_pte_attributes(format, 0x1201) == QUIRE_RIGHTS);
    check(quire_pte_kind(format, 1, 0x1201) == QUIRE_PTE_LEAF);
    check(quire_pte_kind(format, 1, 0x1200) == QUIRE_PTE_ABSENT);
    check(quire_pte_address(format, 1, QUIRE_PTE_LEAF, 0x1201).at == 0x1200);
    check(format->soft.bits == 0 && format->asid_bits == 0 && !format->big_endian);
    check(format->canonical == QUIRE_ZERO_EXTENDED && format->title[0] == '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_the_formats_in_c),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(silence_has_a_meaning),
    };
    return unit_run(tests);
}
