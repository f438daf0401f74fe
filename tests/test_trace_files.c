/*
 * Where traces come from and go to: files, pipes, zstd, things that are no traces; the writer's
 * file, which is whole or not there; and real programs' traces.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/traces.h"
#include "tests/support/unit.h"
#include "tools/quire/trace_internal.h"

#ifdef QUIRE_HAVE_ZSTD
#include <zstd.h>
#endif

enum { NAME_BYTES = 512 };

/* ---- files, pipes and other sources ---------------------------------------------------------- */

/* Writes all bytes in pieces of odd sizes, in a process of its own. */
static pid_t feed(int descriptor, const struct bytes *bytes, struct prng *prng)
{
    pid_t child = fork();

    check(child >= 0);
    if (child != 0) {
        check(close(descriptor) == 0);
        return child;
    }
    for (size_t at = 0; at < bytes->size;) {
        size_t most = prng_one_in(prng, 3) ? 8 : 70000;
        size_t piece = 1 + prng_below(prng, most);
        ssize_t n =
            write(descriptor, bytes->at + at, piece < bytes->size - at ? piece : bytes->size - at);
        if (n <= 0) {
            _exit(1);
        }
        at += (size_t)n;
    }
    _exit(0);
}

static void check_reads_pipe(const struct bytes *bytes, const struct records *records,
                             struct prng *prng)
{
    int ends[2], standard = dup(STDIN_FILENO), status;
    pid_t child;

    check(standard >= 0 && pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    check(close(ends[0]) == 0);
    child = feed(ends[1], bytes, prng);
    check_reads(trace_open("-"), records->at, records->count, prng);
    check(waitpid(child, &status, 0) == child && status == 0);
    check(dup2(standard, STDIN_FILENO) == STDIN_FILENO && close(standard) == 0);
}

static void test_files_and_pipes(void **state)
{
    struct prng prng = prng_new(10);
    const char *path = file_path("trace");

    (void)state;
    for (int round = 0; round < 6; round++) {
        struct records records = some_records(&prng, 1 + prng_below(&prng, 40000));
        struct bytes bytes =
            round % 2 ? compact(records.at, records.count) : lackey_text(&records, &prng);
        struct trace *trace;

        make_file(path, bytes.at, bytes.size);
        trace = trace_open(path);
        check(trace_size(trace) == bytes.size);
        check(strcmp(trace_format_name(trace), round % 2 ? "quire trace" : "lackey text") == 0);
        check_reads(trace, records.at, records.count, &prng);
        check_reads_pipe(&bytes, &records, &prng);
        free(bytes.at);
        free(records.at);
    }
    check(unlink(path) == 0);
}

static void test_no_trace(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {"", 0, "is empty, expected a reference trace"},
        {"\n", 1, "holds no references"},
        {"==1== Lackey\n==1== \n", 20, "holds no references"},
        {"\x1f\x8b\x08\x00\x00\x00", 6, "is compressed with gzip"},
        {"\xfd\x37zXZ", 6, "is compressed with xz"},
        {"BZh91AY", 7, "is compressed with bzip2"},
        {"\x7f\x45LF\x02", 5,
         "not lackey text, a quire trace or either in zstd: line 1: found \"\\x7fELF"},
        {"\x89PNG\r\n\x1a\n", 8, "begins like a quire trace but is none"},
        {"I  0401\0,4\n", 11, "line 1: found \"I  0401\\x00,4\", expected a comma"},
    };
    const char *path = file_path("missing/trace");
    struct trace *trace = trace_open(path);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_says(check_refused(cases[i].bytes, cases[i].size, NULL, 0), cases[i].says);
    }
    check_says(trace_error(trace), strerror(ENOENT));
    check_says(trace_error(trace), path);
    trace_close(trace);

    trace = trace_open(file_path(""));
    check_says(trace_error(trace), "is a directory");
    check(trace_read(trace, NULL, 1) == 0 && trace_size(trace) == 0);
    trace_close(trace);

    check(trace_error(NULL) != NULL && trace_read(NULL, NULL, 1) == 0);
    check(trace_size(NULL) == 0 && trace_position(NULL) == 0 && trace_format_name(NULL) != NULL);
    trace_close(NULL);
}

/* A line without end must neither be stored nor shown whole; a name neither. */
static void test_long_things(void **state)
{
    enum { LONG = 3000000 };
    static const char *const starts[] = {"", "I  0401,", "I  0401,4 ", "==1== ", "  "};
    static const char *const says[] = {" before address,size", "a size from 1 to 4096",
                                       "nothing after the size", "", ""};
    char name[3000];
    struct trace_record record;
    struct trace *trace;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct bytes bytes = {0};
        char *tail = malloc(LONG);

        check(tail != NULL);
        memset(tail, i == 4 ? ' ' : 'A', LONG);
        add_text(&bytes, starts[i]);
        add_bytes(&bytes, tail, LONG);
        add_text(&bytes, "\n");
        check_says(check_refused(bytes.at, bytes.size, NULL, 0), says[i]);
        free(bytes.at);
        free(tail);
    }
    memset(name, 'n', sizeof(name));
    memcpy(name, "\033[31m\n", 6);
    name[sizeof(name) - 1] = '\0';
    trace = trace_open_memory("X", 1, name);
    check(trace_read(trace, &record, 1) == 0);
    check(strlen(trace_error(trace)) < TRACE_ERROR_BYTES - 1);
    check_says(trace_error(trace), "expected \"I  \"");
    trace_close(trace);
    name[30] = '\0';
    trace = trace_open(name);
    check(strpbrk(trace_error(trace), "\033\n") == NULL);
    trace_close(trace);
}

/* ---- zstd ------------------------------------------------------------------------------------ */

#ifdef QUIRE_HAVE_ZSTD

static void add_zstd(struct bytes *to, const void *from, size_t n)
{
    size_t room = ZSTD_compressBound(n);
    unsigned char *packed = malloc(room);
    size_t size = ZSTD_compress(packed, room, from, n, 3);

    check(packed != NULL && !ZSTD_isError(size));
    add_bytes(to, packed, size);
    free(packed);
}

static void test_zstd(void **state)
{
    struct prng prng = prng_new(11);

    (void)state;
    for (int round = 0; round < 6; round++) {
        struct records records = some_records(&prng, 1 + prng_below(&prng, 30000));
        struct bytes bytes =
            round % 2 ? compact(records.at, records.count) : lackey_text(&records, &prng);
        size_t cut = prng_below(&prng, bytes.size);
        struct bytes packed = {0};
        struct trace *trace;

        if (round >= 2) { /* a frame to skip, an empty one, then the bytes in two */
            add_bytes(&packed, "\x53\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
            add_zstd(&packed, "", 0);
        }
        add_zstd(&packed, bytes.at, cut);
        add_zstd(&packed, bytes.at + cut, bytes.size - cut);
        trace = trace_open_memory(packed.at, packed.size, "memory");
        check_says(trace_format_name(trace), round % 2 ? "quire trace, zstd" : "lackey text, zstd");
        check_reads(trace, records.at, records.count, &prng);
        check_reads_pipe(&packed, &records, &prng);
        free(packed.at);
        free(bytes.at);
        free(records.at);
    }
}

static void test_damaged_zstd(void **state)
{
    struct prng prng = prng_new(12);
    struct records records = some_records(&prng, 400);
    struct bytes bytes = compact(records.at, records.count), packed = {0}, empty = {0};

    (void)state;
    add_zstd(&packed, bytes.at, bytes.size);
    for (size_t size = 0; size < packed.size; size++) {
        check_refused(packed.at, size, records.at, records.count);
    }
    check_says(check_refused(packed.at, packed.size - 1, records.at, records.count),
               "ends in mid-frame");
    for (size_t i = 4; i < packed.size; i++) {
        struct trace_record batch[500];
        struct trace *trace;
        size_t n;

        packed.at[i] ^= (unsigned char)(1u << prng_below(&prng, 8));
        trace = trace_open_memory(packed.at, packed.size, "t");
        n = trace_read(trace, batch, 500);
        check(n <= records.count && same_records(batch, records.at, n));
        check(trace_error(trace) != NULL || n == records.count); /* it may be a bit of no meaning */
        trace_close(trace);
        packed.size = 0;
        add_zstd(&packed, bytes.at, bytes.size);
    }
    add_text(&packed, "behind");
    check_says(check_refused(packed.at, packed.size, records.at, records.count),
               "not a sound zstd stream");
    add_zstd(&empty, "", 0);
    check_says(check_refused(empty.at, empty.size, NULL, 0), "is empty");
    free(empty.at);
    free(packed.at);
    free(bytes.at);
    free(records.at);
}

#else

static void test_zstd(void **state)
{
    (void)state;
    check_says(check_refused("\x28\xb5\x2f\xfd\x24\x00", 6, NULL, 0),
               "is compressed with zstd, which this build of quire lacks");
}

static void test_damaged_zstd(void **state)
{
    (void)state;
    check_says(check_refused("\x53\x2a\x4d\x18\x03\x00", 6, NULL, 0), "zstd -dc FILE");
}

#endif

/* ---- the writer's file ----------------------------------------------------------------------- */

static size_t files_beside(void)
{
    char command[NAME_BYTES + 50];
    unsigned count = 0;
    FILE *list;

    snprintf(command, sizeof(command), "ls -A '%s' | wc -l", file_path(""));
    list = popen(command, "r");
    check(list != NULL && fscanf(list, "%u", &count) == 1 && pclose(list) == 0);
    return count;
}

static void test_writer_files(void **state)
{
    static const struct trace_record good = {0x1000, 4, TRACE_LOAD};
    static const struct trace_record bad[] = {
        {0, 0, TRACE_LOAD}, {0, 4097, TRACE_LOAD}, {UINT64_MAX, 2, TRACE_LOAD}};
    const char *path = file_path("out"), *link = file_path("link");
    struct prng prng = prng_new(13);
    struct trace_writer *writer;
    struct stat status;
    size_t before = files_beside();

    (void)state;
    /* Not there before commit; never there without. */
    writer = trace_writer_open(path);
    check(trace_writer_put(writer, &good, 1) && access(path, F_OK) != 0);
    trace_writer_close(writer);
    check(access(path, F_OK) != 0 && files_beside() == before);

    /* A file that is there stays as it is until then; a link to it stays a link. */
    make_file(path, "precious", 8);
    check(symlink("out", link) == 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        writer = trace_writer_open(link);
        check(trace_writer_put(writer, &good, 1) && !trace_writer_put(writer, &bad[i], 1));
        check_says(trace_writer_error(writer), "reference 2 cannot be written");
        check(!trace_writer_put(writer, &good, 1) && !trace_writer_commit(writer));
        trace_writer_close(writer);
        check(stat(path, &status) == 0 && status.st_size == 8 && files_beside() == before + 2);
    }
    writer = trace_writer_open(link);
    check(trace_writer_put(writer, &good, 1) && trace_writer_commit(writer));
    trace_writer_close(writer);
    check(lstat(link, &status) == 0 && S_ISLNK(status.st_mode) && files_beside() == before + 2);
    check_reads(trace_open(path), &good, 1, &prng);
    check(unlink(path) == 0 && unlink(link) == 0);

    /* Nowhere to write; nothing to write to; a device, which must stay one. */
    writer = trace_writer_open(file_path("missing/out"));
    check_says(trace_writer_error(writer), strerror(ENOENT));
    check(!trace_writer_commit(writer));
    trace_writer_close(writer);
    writer = trace_writer_open(file_path(""));
    check_says(trace_writer_error(writer), strerror(EISDIR));
    trace_writer_close(writer);
    check(trace_writer_error(NULL) != NULL && !trace_writer_put(NULL, &good, 1));
    check(!trace_writer_commit(NULL));
    trace_writer_close(NULL);
    check(files_beside() == before);
}

static void test_writer_devices(void **state)
{
    static const struct trace_record good = {0x1000, 4, TRACE_LOAD};
    struct trace_writer *writer = trace_writer_open("/dev/null");
    struct stat status;

    (void)state;
    check(trace_writer_put(writer, &good, 1) && trace_writer_commit(writer));
    trace_writer_close(writer);
    check(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));

    if (access("/dev/full", W_OK) != 0) {
        skip();
    }
    writer = trace_writer_open("/dev/full");
    check(!trace_writer_commit(writer));
    check_says(trace_writer_error(writer), strerror(ENOSPC));
    trace_writer_close(writer);
}

/* ---- real traces ----------------------------------------------------------------------------- */

/* The trace that lies with the project: sound, and as its README says. */
static void test_carried_trace(void **state)
{
    static struct trace_record batch[4096];
    static unsigned char seen[1u << 20];
    struct trace *trace = trace_open("examples/traces/perl-words.qtrace");
    struct bytes readme = file_bytes("examples/traces/README.md");
    unsigned long records = 0, pages = 0;
    char part[60];

    (void)state;
    add_bytes(&readme, "", 1);
    for (size_t n; (n = trace_read(trace, batch, 4096)) != 0; records += n) {
        for (size_t i = 0; i < n; i++) {
            uint64_t last = batch[i].address + (batch[i].size - 1);
            check(last <= UINT32_MAX);
            pages += !seen[batch[i].address >> 12];
            seen[batch[i].address >> 12] = 1;
            pages += !seen[last >> 12];
            seen[last >> 12] = 1;
        }
    }
    checkf(trace_error(trace) == NULL, "%s", trace_error(trace));
    snprintf(part, sizeof(part), "| references | %lu,%03lu,%03lu |", records / 1000000,
             records / 1000 % 1000, records % 1000);
    check_says((const char *)readme.at, part);
    snprintf(part, sizeof(part), "| distinct 4 KiB pages | %lu |", pages);
    check_says((const char *)readme.at, part);
    check(trace_size(trace) < 3000000);
    trace_close(trace);
    free(readme.at);
}

/* Another real trace, made elsewhere, if it lies beside the project: text, compact, equal. */
static void test_shared_trace(void **state)
{
    enum { COUNT = 4000000 };
    const char *shared = getenv("QUIRE_SHARED");
    struct prng prng = prng_new(14);
    char path[NAME_BYTES];
    struct records records;
    struct bytes packed;
    struct trace *trace;

    (void)state;
    snprintf(path, sizeof(path), "%s/traces/sqlite.lackey.zst", shared ? shared : "../shared");
#ifndef QUIRE_HAVE_ZSTD
    path[0] = '\0';
#endif
    if (access(path, R_OK) != 0) {
        skip();
    }
    trace = trace_open(path);
    records = room_for(COUNT + 1);
    records.count = trace_read(trace, records.at, COUNT + 1);
    checkf(trace_error(trace) == NULL, "%s", trace_error(trace));
    check(records.count == COUNT);
    trace_close(trace);
    packed = compact(records.at, records.count);
    checkf(packed.size < 750000, "%zu bytes", packed.size);
    check_reads_bytes(&packed, records.at, records.count, &prng);
    free(packed.at);
    free(records.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_and_pipes), cmocka_unit_test(test_no_trace),
        cmocka_unit_test(test_long_things),     cmocka_unit_test(test_zstd),
        cmocka_unit_test(test_damaged_zstd),    cmocka_unit_test(test_writer_files),
        cmocka_unit_test(test_writer_devices),  cmocka_unit_test(test_carried_trace),
        cmocka_unit_test(test_shared_trace),
    };

    check_on_failure = unit_fail;
    prng_seed();
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
