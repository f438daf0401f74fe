/*
 * The compact format: what is written is read back exactly; every truncation and every changed byte
 * is found; and bytes that no writer would make are refused though their checksums are right.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/traces.h"
#include "tests/support/unit.h"
#include "tools/quire/trace_internal.h"

static void test_round_trips(void **state)
{
    struct prng prng = prng_new(1);

    (void)state;
    for (int round = 0; round < 12; round++) {
        size_t count = 1 + prng_below(&prng, round < 8 ? 300 : 200000);
        struct records records =
            prng_one_in(&prng, 4) ? wild_records(&prng, count) : some_records(&prng, count);
        struct bytes text = lackey_text(&records, &prng);
        struct bytes packed = compact(records.at, records.count);

        check_reads_bytes(&text, records.at, count, &prng);
        check_reads_bytes(&packed, records.at, count, &prng);
        free(text.at);
        free(packed.at);
        free(records.at);
    }
}

/* More than two windows of records, so that reader and writer have slid theirs more than once. */
static void test_long_trace(void **state)
{
    enum { COUNT = 5 * COMPACT_WINDOW / 2 };
    struct prng prng = prng_new(2);
    struct records records = some_records(&prng, COUNT);
    struct bytes packed;

    (void)state;
    /* A copy from exactly as far back as one may reach, and one record farther. */
    memcpy(records.at + COUNT - 2000, records.at + COUNT - 2000 - COMPACT_WINDOW,
           1000 * sizeof(*records.at));
    memcpy(records.at + COUNT - 1000, records.at + COUNT - 1000 - COMPACT_WINDOW - 1,
           1000 * sizeof(*records.at));
    /* The first record of each block is the last of the one before. */
    for (size_t i = COMPACT_BLOCK_RECORDS; i < COUNT; i += COMPACT_BLOCK_RECORDS) {
        records.at[i] = records.at[i - 1] =
            (struct trace_record){prng_next(&prng) >> 1, 8, TRACE_LOAD};
    }
    packed = compact(records.at, COUNT);
    check_reads_bytes(&packed, records.at, COUNT, &prng);
    free(packed.at);
    free(records.at);
}

/* A loop costs next to nothing, a loop that walks along an array a few bytes a round. */
static void test_loops_are_small(void **state)
{
    enum { ROUNDS = 10000, BODY = 6 };
    struct prng prng = prng_new(3);
    struct records records = room_for(ROUNDS * BODY);
    struct bytes same, walking;

    (void)state;
    for (uint32_t i = 0; i < ROUNDS * BODY; i++) {
        bool data = i % BODY == 3;
        records.at[i].kind = data ? TRACE_LOAD : TRACE_FETCH;
        records.at[i].size = data ? 8 : 4;
        records.at[i].address = data ? 0x500000 : 0x400000 + 4 * (i % BODY);
    }
    same = compact(records.at, records.count);
    checkf(same.size < 150, "%zu bytes", same.size);
    check_reads_bytes(&same, records.at, records.count, &prng);

    for (uint32_t i = 3; i < ROUNDS * BODY; i += BODY) {
        records.at[i].address += 8 * (i / BODY);
    }
    walking = compact(records.at, records.count);
    checkf(walking.size < 3 * ROUNDS + 300, "%zu bytes", walking.size);
    check_reads_bytes(&walking, records.at, records.count, &prng);
    free(same.at);
    free(walking.at);
    free(records.at);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Small, but with every kind of token, literal and block. */
static struct bytes small_compact(struct records *records, struct prng *prng)
{
    *records = some_records(prng, 400);
    return compact(records->at, records->count);
}

static void test_truncations(void **state)
{
    struct prng prng = prng_new(7);
    struct records records;
    struct bytes bytes = small_compact(&records, &prng);

    (void)state;
    check_says(check_refused(bytes.at, 0, NULL, 0), "is empty");
    for (size_t size = 1; size < bytes.size; size++) {
        check_says(check_refused(bytes.at, size, records.at, records.count), "is cut short");
    }
    free(bytes.at);
    free(records.at);
}

static void test_corruptions(void **state)
{
    struct prng prng = prng_new(8);
    struct records records;
    struct bytes bytes = small_compact(&records, &prng);

    (void)state;
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char good = bytes.at[i];
        for (unsigned bit = 0; bit < 9; bit++) {
            unsigned char other = (unsigned char)(1 + prng_below(&prng, 255));
            bytes.at[i] = good ^ (bit < 8 ? (unsigned char)(1u << bit) : other);
            check_refused(bytes.at, bytes.size, records.at, records.count);
        }
        bytes.at[i] = good;
    }
    check_reads_bytes(&bytes, records.at, records.count, &prng);
    add_bytes(&bytes, "", 1);
    check_says(check_refused(bytes.at, bytes.size, records.at, records.count),
               "something follows its end");
    free(bytes.at);
    free(records.at);
}

/* ---- compact files made by hand -------------------------------------------------------------- */

static void add_header(struct bytes *bytes)
{
    add_bytes(bytes, "\x89QTRACE\n", 8);
    add_number(bytes, 1, 4);
}

/* A block with the right checksum, whatever it says. */
static void add_block(struct bytes *bytes, uint32_t records, const void *payload, size_t size)
{
    size_t start = bytes->size;
    uint32_t checksum;

    add_number(bytes, records, 4);
    add_number(bytes, size, 4);
    checksum = compact_checksum(0, bytes->at + start, 8);
    add_number(bytes, compact_checksum(checksum, payload, size), 4);
    add_bytes(bytes, payload, size);
}

static void add_last_block(struct bytes *bytes, uint64_t records)
{
    struct bytes count = {0};

    add_number(&count, records, 8);
    add_block(bytes, 0, count.at, count.size);
    free(count.at);
}

/* Sound tokens in unusual shapes are read; unsound ones are refused. All checksums are right. */
static void test_payloads(void **state)
{
    /* 4d 20 is the literal " L 10,4" at the beginning: load, size code 3, expected 0 + 10. */
    static const struct {
        unsigned records;
        bool sound;
        const char *payload;
        size_t size;
    } cases[] = {
#define PAYLOAD(text) text, sizeof(text) - 1
        {1, true, PAYLOAD("\x01\x4d\x20")},
        {1, true, PAYLOAD("\x01\x7d\x84\x80\x00\xa0\x00")}, /* needlessly long varints */
        {3, true, PAYLOAD("\x11\x4d\x20")},
        {3, true, PAYLOAD("\x01\x4d\x20\x90\x01")},
        {20, true, PAYLOAD("\x79\x04\x4d\x20")},
        {2, true, PAYLOAD("\x02\x4d\x20\x8d\x00")}, /* relative to the record before */
        {2, true, PAYLOAD("\x01\x4d\x20\x01\x0d")},
        {1, true, PAYLOAD("\x01\x4d\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00")},
        {1, false, PAYLOAD("\x01\x4d\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")}, /* 2^64 and more */
        {1, false, PAYLOAD("\x01\x4d\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00")},
        {1, false, PAYLOAD("")},
        {1, false, PAYLOAD("\x01")},
        {1, false, PAYLOAD("\x01\x4d")},
        {1, false, PAYLOAD("\x01\x4d\xa0")},
        {1, false, PAYLOAD("\x01\x4d\x20\x00")},     /* a token for nothing */
        {1, false, PAYLOAD("\x00\x01\x4d\x20")},     /* a token for nothing */
        {1, false, PAYLOAD("\x01\x4d\x20\x01")},     /* bytes left over */
        {1, false, PAYLOAD("\x02\x4d\x20\x4d\x20")}, /* more than it says */
        {2, false, PAYLOAD("\x01\x4d\x20")},         /* fewer */
        {1, false, PAYLOAD("\x01\xcd\x20")},         /* base 3 */
        {1, false, PAYLOAD("\x01\x8d\x20")},         /* base 2 before the first record */
        {1, false, PAYLOAD("\x01\x7d\x00\x20")},     /* size 0 */
        {1, false, PAYLOAD("\x01\x7d\x81\x20\x20")}, /* size 4097 */
        {1, false, PAYLOAD("\x01\x7d\x81\x80\x80\x80\x10\x20")}, /* size 2^32 + 1 */
        {1, false, PAYLOAD("\x01\x4d\x05")},                     /* address -3: runs past 2^64 */
        {1, true, PAYLOAD("\x01\x4d\x07")},                      /* address -4: does not */
        {1, false, PAYLOAD("\x08")},                     /* copies before the first record */
        {2, false, PAYLOAD("\x89\x02\x4d\x20")},         /* the same */
        {2, false, PAYLOAD("\x89\x00\x4d\x20")},         /* from nowhere */
        {2, false, PAYLOAD("\x89\x80\x80\x10\x4d\x20")}, /* from farther than the first */
        {2, false, PAYLOAD("\x89\x81\x80\x10\x4d\x20")}, /* from farther than allowed */
        /* Counts that would be small again modulo 2^64. */
        {15, false, PAYLOAD("\x79\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x4d\x20")},
        {6, false,
         PAYLOAD("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x4d\x20\x0d\x0d\x0d\x0d\x0d")},
#undef PAYLOAD
    };
    struct trace_record batch[32];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes bytes = {0};
        struct trace *trace;

        add_header(&bytes);
        add_block(&bytes, cases[i].records, cases[i].payload, cases[i].size);
        add_last_block(&bytes, cases[i].records);
        trace = trace_open_memory(bytes.at, bytes.size, "t");
        if (cases[i].sound) {
            check(trace_read(trace, batch, 32) == cases[i].records);
            checkf(trace_error(trace) == NULL, "case %zu: %s", i, trace_error(trace));
        } else {
            checkf(trace_read(trace, batch, 32) == 0, "case %zu", i);
            checkf(trace_error(trace) != NULL, "case %zu", i);
            check_says(trace_error(trace), "block 1 makes no sense");
        }
        trace_close(trace);
        free(bytes.at);
    }
}

/* A copy may reach back so far and no farther, even where a reader still has the record. */
static void test_farthest_copy(void **state)
{
    enum { BLOCKS = COMPACT_WINDOW / COMPACT_BLOCK_RECORDS };
    static const unsigned char first[] = {0x79, 0xf0, 0xff, 0x03, 0x4d, 0x20}; /* 1 + 65,535 */
    static const unsigned char more[] = {0x78, 0xf1, 0xff, 0x03};              /* 65,536 */
    unsigned char last[] = {0x88, 0x80, 0x80, 0x10}; /* 1 from 2^18 back */

    (void)state;
    for (int beyond = 0; beyond < 2; beyond++) {
        static struct trace_record batch[COMPACT_BLOCK_RECORDS];
        struct bytes bytes = {0};
        struct trace *trace;
        size_t count = 0;

        add_header(&bytes);
        add_block(&bytes, COMPACT_BLOCK_RECORDS, first, sizeof(first));
        for (int i = 0; i < BLOCKS; i++) {
            add_block(&bytes, COMPACT_BLOCK_RECORDS, more, sizeof(more));
        }
        last[1] += beyond;
        add_block(&bytes, 1, last, sizeof(last));
        add_last_block(&bytes, (BLOCKS + 1) * COMPACT_BLOCK_RECORDS + 1);
        trace = trace_open_memory(bytes.at, bytes.size, "t");
        for (size_t n; (n = trace_read(trace, batch, COMPACT_BLOCK_RECORDS)) != 0; count += n) {
            check(batch[n - 1].address == 0x10 && batch[n - 1].size == 4);
        }
        check((trace_error(trace) != NULL) == beyond);
        check(count == (BLOCKS + 1) * COMPACT_BLOCK_RECORDS + !beyond);
        trace_close(trace);
        free(bytes.at);
    }
}

/* Right checksums around wrong numbers. */
static void test_framing(void **state)
{
    static const char one[] = "\x01\x4d\x20";
    static const unsigned char zeros[COMPACT_BLOCK_BYTES + 1];
    static const struct trace_record record = {0x10, 4, TRACE_LOAD};
    static const char *const says[] = {
        "of version 2, expected version 1",    "claims 65537 references", "131073 bytes",
        "ends after 1 references, expected 2", "ends after 0 references", "holds no references",
        "should read \\x89QTRACE\\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        struct bytes bytes = {0};

        add_header(&bytes);
        bytes.at[8] += i == 0;
        bytes.at[5] += i == 6;
        if (i == 1) {
            add_block(&bytes, COMPACT_BLOCK_RECORDS + 1, one, 3);
        } else if (i == 2) {
            add_block(&bytes, 1, zeros, sizeof(zeros));
        } else if (i == 3) {
            add_block(&bytes, 1, one, 3);
            add_last_block(&bytes, 2);
        } else if (i == 4) {
            add_block(&bytes, 0, one, 3);
        } else {
            add_last_block(&bytes, 0);
        }
        check_says(check_refused(bytes.at, bytes.size, &record, 1), says[i]);
        free(bytes.at);
    }
}

/* The example in the documentation: its two columns are the same trace. */
static void test_documented_example(void **state)
{
    struct bytes page = file_bytes("docs/trace-format.md"), text = {0}, bytes = {0}, made;
    struct trace_record records[32];
    struct prng prng = prng_new(9);
    struct trace *trace;
    size_t count;
    char *at, *end;

    (void)state;
    add_bytes(&page, "", 1);
    at = strstr((char *)page.at, "### An example");
    check(at != NULL && (at = strstr(at, "```\n")) != NULL);
    at += 4;
    for (; strncmp(at, "```", 3) != 0; at = end + 1) {
        end = strchr(at, '\n');
        check(end != NULL);
        if (isalpha((unsigned char)at[at[0] == ' '])) {
            add_bytes(&text, at, strcspn(at + 2, " \n") == 0 ? strcspn(at + 3, " \n") + 3 : 0);
            add_text(&text, "\n");
        }
        at += at + 18 < end ? 18 : end - at;
        for (at += strspn(at, " ");
             isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]);
             at += 2 + (at[2] == ' ')) {
            add_number(&bytes, strtoul((char[]){at[0], at[1], '\0'}, NULL, 16), 1);
        }
    }
    trace = trace_open_memory(text.at, text.size, "text column");
    count = trace_read(trace, records, 32);
    checkf(count == 12 && trace_error(trace) == NULL, "%zu, %s", count, trace_error(trace));
    trace_close(trace);
    check_reads_bytes(&bytes, records, count, &prng);
    made = compact(records, count);
    check(made.size == bytes.size && memcmp(made.at, bytes.at, made.size) == 0);
    free(page.at);
    free(text.at);
    free(bytes.at);
    free(made.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),        cmocka_unit_test(test_long_trace),
        cmocka_unit_test(test_loops_are_small),    cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_corruptions),        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_farthest_copy),      cmocka_unit_test(test_framing),
        cmocka_unit_test(test_documented_example),
    };

    check_on_failure = unit_fail;
    prng_seed();
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
