/*
 * Reference traces: lackey text and the compact format are read back exactly, from files, pipes and
 * zstd; whatever is wrong with them gives one line that says so, after the sound records before it.
 */
#include "tools/quire/trace.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/unit.h"
#include "tools/quire/trace_internal.h"

#ifdef QUIRE_HAVE_ZSTD
#include <zstd.h>
#endif

enum { NAME_BYTES = 512, STRICT_BATCH = 7 };

/* ---- bytes, records and files ------------------------------------------------------------------ */

struct bytes {
    unsigned char *at;
    size_t size, room;
};

static void add_bytes(struct bytes *bytes, const void *from, size_t n)
{
    if (bytes->size + n > bytes->room) {
        bytes->room = 2 * (bytes->size + n);
        bytes->at = realloc(bytes->at, bytes->room);
        check(bytes->at != NULL);
    }
    memcpy(bytes->at + bytes->size, from, n);
    bytes->size += n;
}

static void add_text(struct bytes *bytes, const char *text)
{
    add_bytes(bytes, text, strlen(text));
}

static void add_number(struct bytes *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        add_bytes(bytes, &byte, 1);
    }
}

struct records {
    struct trace_record *at;
    size_t count;
};

static struct records room_for(size_t count)
{
    struct records records = {malloc(count * sizeof(*records.at)), count};

    check(records.at != NULL);
    return records;
}

static bool same_records(const struct trace_record *a, const struct trace_record *b, size_t n)
{
    size_t i = 0;

    while (i < n && a[i].address == b[i].address && a[i].size == b[i].size &&
           a[i].kind == b[i].kind) {
        i++;
    }
    return i == n;
}

/* A directory of this run, made when it is first needed; the path stays valid for a few calls. */
static const char *file_path(const char *name)
{
    static char directory[NAME_BYTES / 2], paths[4][NAME_BYTES];
    static unsigned next;

    if (directory[0] == '\0') {
        const char *parent = getenv("TMPDIR");
        snprintf(directory, sizeof(directory), "%s/quire-XXXXXX", parent ? parent : P_tmpdir);
        check(mkdtemp(directory) != NULL);
    }
    next = (next + 1) % 4;
    snprintf(paths[next], NAME_BYTES, "%s%s%s", directory, *name ? "/" : "", name);
    return paths[next];
}

static struct bytes file_bytes(const char *path)
{
    struct bytes bytes = {0};
    unsigned char part[4096];
    FILE *file = fopen(path, "rb");

    checkf(file != NULL, "%s: %s", path, strerror(errno));
    for (size_t n; (n = fread(part, 1, sizeof(part), file)) != 0;) {
        add_bytes(&bytes, part, n);
    }
    fclose(file);
    return bytes;
}

static void make_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    check(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* The compact trace of these records, by way of a file. */
static struct bytes compact(const struct trace_record *records, size_t n)
{
    const char *path = file_path("compact");
    struct trace_writer *writer = trace_writer_open(path);
    struct bytes bytes;

    checkf(trace_writer_put(writer, records, n) && trace_writer_commit(writer), "%s",
           trace_writer_error(writer));
    bytes = file_bytes(path);
    check(trace_writer_bytes(writer) == bytes.size);
    trace_writer_close(writer);
    check(unlink(path) == 0);
    return bytes;
}

/* ---- what a reader must give ------------------------------------------------------------------- */

/* The trace gives exactly these records, in batches of any size, and then ends without an error. */
static void check_reads(struct trace *trace, const struct trace_record *records, size_t n,
                        struct prng *prng)
{
    enum { MOST = 5000 };
    static struct trace_record batch[MOST];
    uint64_t position = trace_position(trace);
    size_t done = 0, got;

    do {
        size_t want = prng_one_in(prng, 4) ? 1 + prng_below(prng, 9) : 1 + prng_below(prng, MOST);
        got = trace_read(trace, batch, want);
        checkf(got <= want && got <= n - done, "%zu of %zu after %zu", got, want, done);
        checkf(same_records(batch, records + done, got), "records from %zu on", done);
        done += got;
        check(trace_position(trace) >= position);
        position = trace_position(trace);
        check(trace_size(trace) == 0 || position <= trace_size(trace));
    } while (got != 0);
    checkf(trace_error(trace) == NULL, "%s", trace_error(trace));
    checkf(done == n, "%zu of %zu records", done, n);
    check(trace_read(trace, batch, 1) == 0);
    check(trace_size(trace) == 0 || position == trace_size(trace));
    trace_close(trace);
}

static void check_reads_bytes(const struct bytes *bytes, const struct trace_record *records,
                              size_t n, struct prng *prng)
{
    check_reads(trace_open_memory(bytes->at, bytes->size, "memory"), records, n, prng);
}

/* The bytes are refused with one sound line; the records before are some first ones of these. The
 * line is returned until the next call. */
static const char *check_refused(const void *bytes, size_t size,
                                 const struct trace_record *records, size_t n)
{
    static char error[1024];
    struct trace_record batch[STRICT_BATCH];
    struct trace *trace = trace_open_memory(bytes, size, "t");
    size_t done = 0;

    for (size_t got; (got = trace_read(trace, batch, STRICT_BATCH)) != 0; done += got) {
        checkf(got <= n - done && same_records(batch, records + done, got), "from %zu on", done);
    }
    checkf(trace_error(trace) != NULL, "%zu bytes were read as %zu records", size, done);
    snprintf(error, sizeof(error), "%s", trace_error(trace));
    trace_close(trace);
    check(strncmp(error, "t: ", 3) == 0 && strlen(error) < 400);
    for (const char *at = error; *at; at++) {
        check(*at >= 0x20 && *at < 0x7f);
    }
    return error;
}

static void check_says(const char *error, const char *part)
{
    checkf(strstr(error, part) != NULL, "'%s' does not say '%s'", error, part);
}

/* ---- random traces ----------------------------------------------------------------------------- */

/* Anything that a trace may hold, wild or everyday. */
static struct trace_record some_record(struct prng *prng)
{
    struct trace_record record = {.kind = (enum trace_kind)prng_below(prng, 4)};
    uint64_t highest;

    record.address = prng_next(prng) >> prng_below(prng, 64);
    record.size = 1 + (uint32_t)prng_below(prng, prng_one_in(prng, 4) ? TRACE_SIZE_MAX : 16);
    highest = UINT64_MAX - (record.size - 1);
    if (record.address > highest || prng_one_in(prng, 50)) {
        record.address = highest;
    }
    return record;
}

/* Records as programs make them: runs that were there before, whole or changed here and there. */
static struct records some_records(struct prng *prng, size_t count)
{
    struct records records = room_for(count);
    size_t at = 0;

    while (at < count) {
        size_t length = 1 + prng_below(prng, prng_one_in(prng, 9) ? 20000 : 60);
        size_t back = 1 + prng_below(prng, at + 1);
        bool fresh = prng_one_in(prng, 3) || back > at;

        for (; length != 0 && at < count; length--, at++) {
            records.at[at] = fresh ? some_record(prng) : records.at[at - back];
            if (!fresh && prng_one_in(prng, 20) && records.at[at].address < UINT64_MAX / 2) {
                records.at[at].address += prng_below(prng, 100);
            }
        }
    }
    return records;
}

/* Records that follow hardly any pattern. */
static struct records wild_records(struct prng *prng, size_t count)
{
    struct records records = room_for(count);

    for (size_t i = 0; i < count; i++) {
        records.at[i] = some_record(prng);
    }
    return records;
}

/* As lackey prints it, or in another way that means the same. */
static struct bytes lackey_text(const struct records *records, struct prng *prng)
{
    static const char *const kinds[] = {"I ", " L", " S", " M"};
    static const char *const remarks[] = {"==12== Counted 1 call\n", "\n", " \t\n", "--7-- x\n",
                                          "**3** y\n"};
    bool plain = prng_one_in(prng, 2);
    struct bytes text = {0};
    char line[100];

    for (size_t i = 0; i < records->count; i++) {
        const struct trace_record *record = &records->at[i];
        int digits = plain ? 8 : 1 + (int)prng_below(prng, 16);

        if (!plain && prng_one_in(prng, 8)) {
            add_text(&text, remarks[prng_below(prng, 5)]);
        }
        snprintf(line, sizeof(line), !plain && prng_one_in(prng, 8) ? "%s %0*llX,%u\n" : "%s %0*llx,%u\n",
                 kinds[record->kind], digits, (unsigned long long)record->address, record->size);
        add_text(&text, line);
    }
    return text;
}

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

/* ---- text, line by line ------------------------------------------------------------------------ */

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

/* Each bad line alone and as the third line; the message has its number, itself, and what it lacks. */
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
            add_text(&text, prng_seed() + i & 1 ? "\nI  04009b1e,2\n" : "");
            error = check_refused(text.at, text.size, before, 1);
            snprintf(part, sizeof(part), "line %d: found \"%s\", expected %s", third ? 3 : 1,
                     strchr(cases[i].line, '\t') ? "I\\x09 04009b1e,2" : cases[i].line,
                     cases[i].expected);
            check_says(error, part);
            free(text.at);
        }
    }
}

/* ---- text against another reading of the grammar ----------------------------------------------- */

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
    return size >= 1 && size <= TRACE_SIZE_MAX && record->address <= UINT64_MAX - (size - 1) ? 1 : -1;
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
        kind = strlen(line) != length ? -1 : read_line(line, &records[count]);
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
            if (text.at[i / 256] != '\0' || which % 2) {
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

/* ---- damage ------------------------------------------------------------------------------------ */

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

/* ---- compact files made by hand ---------------------------------------------------------------- */

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
    /* One literal, "L 10,4", in the longest way and the shortest: 4D 20. */
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
        {20, true, PAYLOAD("\x79\x4d\x20\x04")},
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
        {1, false, PAYLOAD("\x01\x4d\x05")},         /* address -3: runs past 2^64 */
        {1, true, PAYLOAD("\x01\x4d\x07")},          /* address -4: does not */
        {1, false, PAYLOAD("\x08")},                 /* copies before the first record */
        {2, false, PAYLOAD("\x89\x02\x4d\x20")},     /* the same */
        {2, false, PAYLOAD("\x89\x00\x4d\x20")},     /* from nowhere */
        {2, false, PAYLOAD("\x89\x80\x80\x10\x4d\x20")}, /* from farther than the first */
        {2, false, PAYLOAD("\x89\x81\x80\x10\x4d\x20")}, /* from farther than allowed */
        {2, false, PAYLOAD("\x79\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x4d\x20")},
        {2, false, PAYLOAD("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x4d\x20")},
        {2, false, PAYLOAD("\x7f\xf9\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x4d\x20")},
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

/* Right checksums around wrong numbers. */
static void test_framing(void **state)
{
    static const char one[] = "\x01\x4d\x20";
    static const unsigned char zeros[COMPACT_BLOCK_BYTES + 1];
    static const struct trace_record record = {0x10, 4, TRACE_LOAD};
    static const char *const says[] = {
        "of version 2, expected version 1", "claims 65537 references", "131073 bytes",
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
    unsigned wrong;
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
        for (at += strspn(at, " "); isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]);
             at += 2 + (at[2] == ' ')) {
            add_number(&bytes, strtoul((char[]){at[0], at[1], '\0'}, NULL, 16), 1);
        }
    }
    count = read_lines(&text, records, &wrong);
    check(count == 12 && wrong == 0);
    check_reads_bytes(&bytes, records, count, &prng);
    made = compact(records, count);
    check(made.size == bytes.size && memcmp(made.at, bytes.at, made.size) == 0);
    free(page.at);
    free(text.at);
    free(bytes.at);
    free(made.at);
}
