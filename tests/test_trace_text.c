/*
 * Lackey text: every valid line is read as what it says, every other one is refused by its number
 * and with what it lacks; compared with a second reading of the grammar, by regular expressions.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/traces.h"
#include "tests/support/unit.h"

/* ---- text, line by line ---------------------------------------------------------------------- */

static void test_text_lines(void **state)
{
    static const struct {
        const char *line;
        struct trace_record record;
    } cases[] = {
        {"I  04009b1e,2", {0x04009b1e, 2, TRACE_FETCH}},
        {" L 1fff0001b0,8", {0x1fff0001b0, 8, TRACE_LOAD}},
        {" S 1fff0001a8,16", {0x1fff0001a8, 16, TRACE_STORE}},
        {" M 0421ac10,4", {0x0421ac10, 4, TRACE_MODIFY}},
        {" L 0,1", {0, 1, TRACE_LOAD}},
        {" L a,512", {10, 512, TRACE_LOAD}},
        {" L 1234567,9", {0x1234567, 9, TRACE_LOAD}},
        {" S ABCDEF01,32", {0xabcdef01, 32, TRACE_STORE}},
        {" S aBcDeF0123,64", {0xabcdef0123, 64, TRACE_STORE}},
        {" L fedcba987654321,99", {0xfedcba987654321, 99, TRACE_LOAD}},
        {" L fedcba9876543210,99", {0xfedcba9876543210, 99, TRACE_LOAD}},
        {" L ffffffffffffffff,1", {UINT64_MAX, 1, TRACE_LOAD}},
        {"I  fffffffffffff000,4096", {0xfffffffffffff000, 4096, TRACE_FETCH}},
        {" L 00000000,010", {0, 10, TRACE_LOAD}},
        {" L 0000000000000000,0004096", {0, 4096, TRACE_LOAD}},
    };
    struct prng prng = prng_new(4);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes text = {0};
        for (int newline = 0; newline < 2; newline++) {
            text.size = 0;
            add_text(&text, cases[i].line);
            add_text(&text, newline ? "\n" : "");
            check_reads_bytes(&text, &cases[i].record, 1, &prng);
        }
        free(text.at);
    }
}

/* Each bad line alone and as the third line; the message has its number, itself, and what it
 * lacks. */
static void test_bad_text_lines(void **state)
{
    static const char kind[] = "\"I  \", \" L \", \" S \" or \" M \" before address,size";
    static const char address[] = "an address of 1 to 16 hexadecimal digits";
    static const char comma[] = "a comma after the address";
    static const char size[] = "a size from 1 to 4096 after the comma";
    static const char end[] = "nothing after the size";
    static const char below[] = "an access that ends below 2^64";
    static const struct {
        const char *line, *expected;
    } cases[] = {
        {"X  04009b1e,2", kind},
        {"I 04009b1e,2", kind},
        {"I\t 04009b1e,2", kind},
        {"L  04009b1e,2", kind},
        {" I 04009b1e,2", kind},
        {"  L 04009b1e,2", kind},
        {" L04009b1e,2", kind},
        {" l 04009b1e,2", kind},
        {"I", kind},
        {" L", kind},
        {"= L 04009b1e,2", kind},
        {"== 12 ==", kind},
        {"=-1-- x", kind},
        {"SB 04009b1e", kind},
        {"04009b1e", kind},
        {"I  ", address},
        {" L ,4", address},
        {" L  04009b1e,4", address},
        {" L 0x4009b1e,4", comma},
        {" L -4009b1e,4", address},
        {" L g4009b1e,4", address},
        {" L 4009bg1e,4", comma},
        {" L 04009b1/,4", comma},
        {" L 04009b1:,4", comma},
        {" L 04009b1`,4", comma},
        {" L 00000000000000000,4", address},
        {" L 12345678123456781,4", address},
        {" L 04009b1e", comma},
        {" L 04009b1e;4", comma},
        {" L 04009b1e ,4", comma},
        {" L 04009b1e,", size},
        {" L 04009b1e,0", size},
        {" L 04009b1e,00", size},
        {" L 04009b1e,4097", size},
        {" L 04009b1e,99999999999999999999999999", size},
        {" L 04009b1e,-4", size},
        {" L 04009b1e, 4", size},
        {" L 04009b1e,4 ", end},
        {" L 04009b1e,4a", end},
        {" L 04009b1e,44,", end},
        {" L 04009b1e,4:", end},
        {" L 1fff0001b0,4x", end},
        {" L ffffffffffffffff,2", below},
        {" L fffffffffffff001,4096", below},
    };
    static const struct trace_record before[] = {{0x04009b1e, 2, TRACE_FETCH}};
    char part[300];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int third = 0; third < 2; third++) {
            struct bytes text = {0};
            const char *error;

            add_text(&text, third ? "I  04009b1e,2\n==1== \n" : "");
            add_text(&text, cases[i].line);
            add_text(&text, (prng_seed() + i) % 2 ? "\nI  04009b1e,2\n" : "");
            error = check_refused(text.at, text.size, before, 1);
            snprintf(part, sizeof(part), "line %d: found \"%s\", expected %s", third ? 3 : 1,
                     strchr(cases[i].line, '\t') ? "I\\x09 04009b1e,2" : cases[i].line,
                     cases[i].expected);
            check_says(error, part);
            free(text.at);
        }
    }
}

/* ---- text against another reading of the grammar --------------------------------------------- */

static bool matches(const char *pattern, const char *line, regmatch_t part[3])
{
    regex_t regex;
    bool matched;

    check(regcomp(&regex, pattern, REG_EXTENDED) == 0);
    matched = regexec(&regex, line, 3, part, 0) == 0;
    regfree(&regex);
    return matched;
}

/* One line by the page in docs: 1, a record; 0, nothing; -1, wrong. */
static int read_line(const char *line, struct trace_record *record)
{
    static const char kinds[] = "ILSM";
    regmatch_t part[3];
    unsigned long size;

    if (matches("^([ \t\r]*|(==|--|[*][*])[0-9].*)$", line, part)) {
        return 0;
    }
    if (!matches("^(I | L| S| M) ([0-9a-fA-F]{1,16}),[0-9]+$", line, part)) {
        return -1;
    }
    size = strtoul(strchr(line, ',') + 1, NULL, 10);
    record->kind = (enum trace_kind)(strchr(kinds, line[line[0] == ' ']) - kinds);
    record->address = strtoull(line + part[2].rm_so, NULL, 16);
    record->size = (uint32_t)size;
    return size >= 1 && size <= TRACE_SIZE_MAX && record->address <= UINT64_MAX - (size - 1) ? 1
                                                                                             : -1;
}

/* All records up to the first wrong line, whose number is stored, or 0. */
static size_t read_lines(const struct bytes *text, struct trace_record *records, unsigned *wrong)
{
    size_t count = 0, start = 0;
    char line[300];

    *wrong = 0;
    for (unsigned number = 1; start < text->size; number++) {
        const unsigned char *end = memchr(text->at + start, '\n', text->size - start);
        size_t length = (end ? (size_t)(end - text->at) : text->size) - start;
        int kind;

        check(length < sizeof(line));
        memcpy(line, text->at + start, length);
        line[length] = '\0';
        kind = read_line(line, &records[count]);
        if (strlen(line) != length) { /* a zero byte: only in a remark */
            kind = strchr("=-*", line[0]) && kind == 0 && line[0] != '\0' ? 0 : -1;
        }
        if (kind < 0) {
            *wrong = number;
            return count;
        }
        count += (size_t)kind;
        start += length + 1;
    }
    return count;
}

static void check_agrees(const struct bytes *text, struct prng *prng)
{
    struct trace_record records[100];
    unsigned wrong;
    size_t count = read_lines(text, records, &wrong);
    char part[40];

    if (wrong == 0 && count != 0) {
        check_reads_bytes(text, records, count, prng);
        return;
    }
    snprintf(part, sizeof(part), wrong ? "line %u: found " : "holds no references", wrong);
    check_says(check_refused(text->at, text->size, records, count), part);
}

/* Any byte at any place of a usual line; it stands alone, or between others. */
static void test_text_bytes(void **state)
{
    static const char *const lines[] = {"I  04009b1e,2\n", " L 1fff0001b0,16\n"};
    struct prng prng = prng_new(5);

    (void)state;
    for (int which = 0; which < 4; which++) {
        size_t length = strlen(lines[which / 2]);
        for (size_t i = 0; i < length * 256; i++) {
            struct bytes text = {0};
            add_text(&text, lines[which / 2]);
            text.at[i / 256] = (unsigned char)i;
            add_text(&text, which % 2 ? " S 00000000,1\nI  0000000000,1\n" : "");
            if (text.at[0] != 0x89) { /* a compact trace begins so */
                check_agrees(&text, &prng);
            }
            free(text.at);
        }
    }
}

static void test_text_mutations(void **state)
{
    static const char letters[] = "ILSM  00123456789abcdefgABF,,\n\n==--**\t\r\177\200\377";
    struct prng prng = prng_new(6);

    (void)state;
    for (int round = 0; round < 1500; round++) {
        struct records records = some_records(&prng, 1 + prng_below(&prng, 12));
        struct bytes text = lackey_text(&records, &prng);

        for (uint64_t n = prng_below(&prng, 4); n != 0; n--) {
            text.at[prng_below(&prng, text.size)] =
                (unsigned char)letters[prng_below(&prng, sizeof(letters))];
        }
        text.size -= prng_one_in(&prng, 3) ? prng_below(&prng, text.size) : 0;
        check_agrees(&text, &prng);
        free(text.at);
        free(records.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_lines),
        cmocka_unit_test(test_bad_text_lines),
        cmocka_unit_test(test_text_bytes),
        cmocka_unit_test(test_text_mutations),
    };

    return unit_run(tests);
}
