/* The small texts of the command line: numbers, sizes, JSON, and the fields of an entry. */
#include "tools/quire/entry_fields.h"
#include "tools/quire/json.h"
#include "tools/quire/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/formats.h"
#include "tests/support/unit.h"

static const struct number {
    const char *text;
    bool number, size;
    uint64_t value;
} numbers[] = {
    {"0", true, true, 0},
    {"010", true, true, 10},
    {"0x10", true, true, 16},
    {"0XfF", true, true, 255},
    {"18446744073709551615", true, true, UINT64_MAX},
    {"0xffffffffffffffff", true, true, UINT64_MAX},
    {"18446744073709551616", false, false, 0},
    {"0x10000000000000000", false, false, 0},
    {"", false, false, 0},
    {"0x", false, false, 0},
    {"-1", false, false, 0},
    {"+1", false, false, 0},
    {" 1", false, false, 0},
    {"1 ", false, false, 0},
    {"12ab", false, false, 0},
    {"1e3", false, false, 0},
    {"4K", false, true, 4096},
    {"4k", false, true, 4096},
    {"4KiB", false, true, 4096},
    {"4KB", false, true, 4096},
    {"1M", false, true, 1 << 20},
    {"0x10M", false, true, 16 << 20},
    {"3G", false, true, UINT64_C(3) << 30},
    {"1T", false, true, UINT64_C(1) << 40},
    {"1P", false, true, UINT64_C(1) << 50},
    {"15E", false, true, UINT64_C(15) << 60},
    {"16E", false, false, 0},
    {"4Kx", false, false, 0},
    {"4Ki", false, false, 0},
    {"K", false, false, 0},
    {"4X", false, false, 0},
};

static void numbers_and_sizes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number *n = &numbers[i];
        uint64_t value;

        checkf(number_parse(n->text, &value) == n->number, "number '%s'", n->text);
        checkf(!n->number || value == n->value, "number '%s'", n->text);
        checkf(size_parse(n->text, &value) == n->size, "size '%s'", n->text);
        checkf(!n->size || value == n->value, "size '%s'", n->text);
    }
}

static void sizes_for_people(void **state)
{
    (void)state;
    check(strcmp(size_text(0).text, "0 bytes") == 0);
    check(strcmp(size_text(1).text, "1 byte") == 0);
    check(strcmp(size_text(1000).text, "1000 bytes") == 0);
    check(strcmp(size_text(1024).text, "1 KiB") == 0);
    check(strcmp(size_text(3 << 20).text, "3 MiB") == 0);
    check(strcmp(size_text(UINT64_C(1) << 63).text, "8 EiB") == 0);
    check(strcmp(grouped(0).text, "0") == 0);
    check(strcmp(grouped(999).text, "999") == 0);
    check(strcmp(grouped(1000).text, "1,000") == 0);
    check(strcmp(grouped(UINT64_MAX).text, "18,446,744,073,709,551,615") == 0);
}

static void json_is_escaped(void **state)
{
    static const char expected[] =
        "{\n  \"a\\\"b\": \"\\\\ \\u0001\\u001f\\u007f tab\\u0009 \xc3\xa9 \xe2\x82\xac "
        "\xf0\x9f\x98\x80\",\n"
        "  \"bad\": \"\\ufffd \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd\\ufffd "
        "\\ufffd\",\n"
        "  \"list\": [\n    1,\n    true,\n    null,\n    \"0x00ff\",\n    0.25,\n    null\n  ],\n"
        "  \"empty\": {}\n}\n";
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct json json = json_to(out);

    (void)state;
    check(out != NULL);
    json_open(&json, NULL, '{');
    json_string(&json, "a\"b", "\\ \x01\x1f\x7f tab\t \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    json_string(&json, "bad", "\xff \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xc3");
    json_open(&json, "list", '[');
    json_number(&json, NULL, 1);
    json_bool(&json, NULL, true);
    json_null(&json, NULL);
    json_hex(&json, NULL, 255, 4);
    json_real(&json, NULL, 0.25);
    json_real(&json, NULL, INFINITY);
    json_close(&json);
    json_open(&json, "empty", '{');
    json_close(&json);
    json_close(&json);
    fclose(out);
    checkf(strcmp(text, expected) == 0, "%s", text);
    free(text);
}

/* The address, put together from the fields that say they are address. */
static uint64_t address_from_fields(const struct entry_field *field, unsigned count, uint64_t entry)
{
    uint64_t address = 0;

    for (unsigned i = 0; i < count; i++) {
        if (field[i].role == ROLE_ADDRESS) {
            address |= entry_field_value(&field[i], entry) << field[i].pa_bit;
        }
    }
    return address;
}

static void check_entry(const struct quire_format *format, unsigned level, enum quire_pte_kind kind,
                        struct prng *prng)
{
    struct entry_field field[ENTRY_FIELDS_MAX];
    unsigned count = entry_fields(format, level, kind, field);
    unsigned next = 8U * format->pte_bytes;
    uint64_t entry = prng_next(prng) & quire_ones(8U * format->pte_bytes);
    uint64_t reserved = 0;

    for (unsigned i = 0; i < count; i++) {
        checkf(field[i].high + 1U == next && field[i].low <= field[i].high,
               "%s level %u: fields do not lie side by side", format->name, level);
        next = field[i].low;
        if (field[i].role == ROLE_RESERVED) {
            reserved |= QUIRE_MASK(field[i].high, field[i].low);
        }
    }
    check(next == 0);
    if (kind == QUIRE_PTE_ABSENT) {
        return;
    }
    check(address_from_fields(field, count, entry) ==
          quire_pte_address(format, level, kind, entry).at);
    check((reserved & ~quire_pte_layout(format, level, kind)->reserved) == 0);
}

static void check_fields(const struct quire_format *format, struct prng *prng)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        check_entry(format, level, QUIRE_PTE_ABSENT, prng);
        if (level < format->levels) {
            check_entry(format, level, QUIRE_PTE_TABLE, prng);
        }
        if (format->level[level - 1].leaf) {
            check_entry(format, level, QUIRE_PTE_LEAF, prng);
        }
    }
}

static void fields_tile_the_entry(void **state)
{
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < TEST_FORMATS; i++) {
            check_fields(test_formats[i], &prng);
        }
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        check_fields(&format, &prng);
    }
}

/* What the readings say of a page's entry is what the walk will do. */
static void readings_agree_with_the_walk(void **state)
{
    static const struct {
        enum entry_role role;
        unsigned right;
        const char *yes;
    } right[] = {{ROLE_READ, QUIRE_READ, "may be read"},
                 {ROLE_WRITE, QUIRE_WRITE, "may be written"},
                 {ROLE_EXECUTE, QUIRE_EXECUTE, "may be executed"},
                 {ROLE_USER, QUIRE_USER, "users may reach it"}};
    struct prng prng = prng_new(2);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS * 200; i++) {
        const struct quire_format *format = test_formats[i % TEST_FORMATS];
        unsigned level = format->levels;
        struct entry_field field[ENTRY_FIELDS_MAX];
        unsigned count = entry_fields(format, level, QUIRE_PTE_LEAF, field);
        uint64_t entry = prng_next(&prng) & quire_ones(8U * format->pte_bytes);
        unsigned rights = quire_pte_rights(format, QUIRE_PTE_LEAF, entry);

        for (unsigned f = 0; f < count; f++) {
            for (unsigned r = 0; r < 4; r++) {
                struct field_text text;
                if (field[f].role != right[r].role) {
                    continue;
                }
                text = entry_field_reading(format, level, QUIRE_PTE_LEAF, &field[f], entry);
                checkf((strcmp(text.text, right[r].yes) == 0) == ((rights & right[r].right) != 0),
                       "%s: %s", format->name, text.text);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_sizes),
        cmocka_unit_test(sizes_for_people),
        cmocka_unit_test(json_is_escaped),
        cmocka_unit_test(fields_tile_the_entry),
        cmocka_unit_test(readings_agree_with_the_walk),
    };
    return unit_run(tests);
}
