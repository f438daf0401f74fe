/* Reference traces for tests: making them, and checking what a reader gives. */
#include "tests/support/traces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check.h"

enum { NAME_BYTES = 512, STRICT_BATCH = 7 };

/* ---- bytes, records and files ---------------------------------------------------------------- */

void add_bytes(struct bytes *bytes, const void *from, size_t n)
{
    if (bytes->size + n >= bytes->room) {
        bytes->room = 2 * (bytes->size + n) + 8;
        bytes->at = realloc(bytes->at, bytes->room);
        check(bytes->at != NULL);
    }
    memcpy(bytes->at + bytes->size, from, n);
    bytes->size += n;
}

void add_text(struct bytes *bytes, const char *text)
{
    add_bytes(bytes, text, strlen(text));
}

void add_number(struct bytes *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        add_bytes(bytes, &byte, 1);
    }
}

struct records room_for(size_t count)
{
    struct records records = {malloc(count * sizeof(*records.at)), count};

    check(records.at != NULL);
    return records;
}

bool same_records(const struct trace_record *a, const struct trace_record *b, size_t n)
{
    size_t i = 0;

    while (i < n && a[i].address == b[i].address && a[i].size == b[i].size &&
           a[i].kind == b[i].kind) {
        i++;
    }
    return i == n;
}

static char directory[NAME_BYTES / 2]; /* made when it is first needed */

const char *file_path(const char *name)
{
    static char paths[4][NAME_BYTES];
    static unsigned next;

    if (directory[0] == '\0') {
        const char *parent = getenv("TMPDIR");
        snprintf(directory, sizeof(directory), "%s/quire-XXXXXX", parent ? parent : P_tmpdir);
        check(mkdtemp(directory) != NULL);
    }
    if (*name == '\0') {
        return directory;
    }
    next = (next + 1) % 4;
    snprintf(paths[next], NAME_BYTES, "%s/%s", directory, name);
    return paths[next];
}

struct bytes file_bytes(const char *path)
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

void make_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    check(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

struct bytes compact(const struct trace_record *records, size_t n)
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

int remove_files(void **state)
{
    (void)state;
    return directory[0] != '\0' ? rmdir(directory) : 0;
}

/* ---- what a reader must give ----------------------------------------------------------------- */

void check_reads(struct trace *trace, const struct trace_record *records, size_t n,
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

void check_reads_bytes(const struct bytes *bytes, const struct trace_record *records, size_t n,
                       struct prng *prng)
{
    check_reads(trace_open_memory(bytes->at, bytes->size, "memory"), records, n, prng);
}

const char *check_refused(const void *bytes, size_t size, const struct trace_record *records,
                          size_t n)
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

void check_says(const char *error, const char *part)
{
    checkf(strstr(error, part) != NULL, "'%s' does not say '%s'", error, part);
}

/* ---- random traces --------------------------------------------------------------------------- */

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

struct records some_records(struct prng *prng, size_t count)
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

struct records wild_records(struct prng *prng, size_t count)
{
    struct records records = room_for(count);

    for (size_t i = 0; i < count; i++) {
        records.at[i] = some_record(prng);
    }
    return records;
}

struct bytes lackey_text(const struct records *records, struct prng *prng)
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
        snprintf(line, sizeof(line),
                 !plain && prng_one_in(prng, 8) ? "%s %0*llX,%u\n" : "%s %0*llx,%u\n",
                 kinds[record->kind], digits, (unsigned long long)record->address, record->size);
        add_text(&text, line);
    }
    return text;
}
