/*
 * Writes quire's compact traces (docs/trace-format.md). It looks for the longest earlier run of
 * records that equals what comes next, by chains of positions with the same hash, as LZ77 packers
 * do with bytes; a mismatch in such a run costs one literal, and the copy goes on behind it.
 */
#include "trace_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HASH_BITS = 17,
    HASHED_RECORDS = 3,  /* the shortest copy from a new distance */
    CHAIN_STEPS = 32,    /* earlier places tried for each record */
    LONG_ENOUGH = 4096,  /* a run that is not searched any further */
    LITERALS_MOST = 256, /* in one token */
    TOKEN_BYTES = 4096,  /* room that any token fits in */
    NOWHERE = -1,
};

struct trace_writer {
    struct trace_failure failure;
    int descriptor;
    char *path;      /* what it shall be called */
    char *temporary; /* what it is called until then; NULL: written directly */
    bool finished;
    uint64_t bytes;
    uint64_t records_put;

    /* records[0..coded) are history, records[coded..filled) wait to be coded. */
    struct trace_record *records;
    size_t coded;
    size_t filled;
    size_t distance;
    int32_t *heads;    /* per hash: the last place, or NOWHERE */
    int32_t *previous; /* per record: the place before it with the same hash */

    unsigned char block[COMPACT_BLOCK_HEADER_BYTES + COMPACT_BLOCK_BYTES];
    size_t block_bytes; /* of payload */
    uint32_t block_records;
};

/* ---- the file ---- */

static bool write_all(struct trace_writer *writer, const unsigned char *bytes, size_t n)
{
    while (n != 0) {
        ssize_t written = write(writer->descriptor, bytes, n);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return trace_fail(&writer->failure, "%s after %llu bytes, expected to write a trace",
                              strerror(errno), (unsigned long long)writer->bytes);
        }
        bytes += written;
        n -= (size_t)written;
        writer->bytes += (uint64_t)written;
    }
    return true;
}

/* A new file beside the one to be: PATH.tmp-PID-N. */
static bool open_temporary(struct trace_writer *writer)
{
    size_t room = strlen(writer->path) + 48;
    writer->temporary = malloc(room);
    if (!writer->temporary) {
        return trace_fail(&writer->failure, "not enough memory to write it");
    }
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(writer->temporary, room, "%s.tmp-%ld-%d", writer->path, (long)getpid(), attempt);
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->descriptor >= 0) {
            return true;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    trace_fail(&writer->failure, "%s, expected a place to write a trace", strerror(errno));
    free(writer->temporary);
    writer->temporary = NULL;
    return false;
}

/* Follows links, so that what is replaced is the file and not the link to it. */
static bool open_output(struct trace_writer *writer, const char *path)
{
    struct stat status;
    bool exists = stat(path, &status) == 0;
    writer->path = exists ? realpath(path, NULL) : strdup(path);
    if (!writer->path) {
        return trace_fail(&writer->failure, "%s, expected a place to write a trace",
                          strerror(errno));
    }
    if (!exists || S_ISREG(status.st_mode)) {
        return open_temporary(writer);
    }
    writer->descriptor = open(writer->path, O_WRONLY | O_CLOEXEC);
    return writer->descriptor >= 0 ||
           trace_fail(&writer->failure, "%s, expected a place to write a trace", strerror(errno));
}

static bool make_tables(struct trace_writer *writer)
{
    size_t heads = (size_t)1 << HASH_BITS;
    writer->records = malloc(2 * COMPACT_WINDOW * sizeof(*writer->records));
    writer->previous = malloc(2 * COMPACT_WINDOW * sizeof(*writer->previous));
    writer->heads = malloc(heads * sizeof(*writer->heads));
    if (!writer->records || !writer->previous || !writer->heads) {
        return trace_fail(&writer->failure, "not enough memory to write it");
    }
    for (size_t i = 0; i < heads; i++) {
        writer->heads[i] = NOWHERE;
    }
    return true;
}

struct trace_writer *trace_writer_open(const char *path)
{
    struct trace_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        return NULL;
    }
    writer->descriptor = -1;
    writer->distance = 1;
    trace_failure_name(&writer->failure, path);
    if (open_output(writer, path) && make_tables(writer)) {
        unsigned char header[COMPACT_HEADER_BYTES];
        memcpy(header, compact_magic, COMPACT_MAGIC_BYTES);
        compact_put32(header + COMPACT_MAGIC_BYTES, COMPACT_VERSION);
        write_all(writer, header, sizeof(header));
    }
    return writer;
}

/* ---- blocks ---- */

static bool put_block(struct trace_writer *writer)
{
    compact_put32(writer->block, writer->block_records);
    compact_put32(writer->block + 4, (uint32_t)writer->block_bytes);
    uint32_t checksum = compact_checksum(0, writer->block, 8);
    checksum =
        compact_checksum(checksum, writer->block + COMPACT_BLOCK_HEADER_BYTES, writer->block_bytes);
    compact_put32(writer->block + 8, checksum);
    size_t n = COMPACT_BLOCK_HEADER_BYTES + writer->block_bytes;
    writer->block_bytes = 0;
    writer->block_records = 0;
    return write_all(writer, writer->block, n);
}

static void put_byte(struct trace_writer *writer, unsigned byte)
{
    writer->block[COMPACT_BLOCK_HEADER_BYTES + writer->block_bytes++] = (unsigned char)byte;
}

static void put_varint(struct trace_writer *writer, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        put_byte(writer, 0x80 | (value & 0x7f));
    }
    put_byte(writer, (unsigned)value);
}

/* Small differences of either sign become small numbers: 0, -1, 1, -2, ... to 0, 1, 2, 3, ... */
static uint64_t zigzag(uint64_t to, uint64_t from)
{
    uint64_t difference = to - from;
    return difference << 1 ^ (0 - (difference >> 63));
}

static unsigned size_code(uint32_t size)
{
    unsigned code = 0;
    while (code < COMPACT_SIZE_ELSEWHERE && compact_sizes[code] != size) {
        code++;
    }
    return code;
}

/* A record told in full. The smaller of the two possible differences is taken. */
static void put_literal(struct trace_writer *writer, size_t at)
{
    const struct trace_record *record = writer->records + at;
    unsigned code = size_code(record->size);
    enum compact_base base = COMPACT_FROM_KIND;
    uint64_t difference = zigzag(record->address, compact_expected(record, at, record->kind));
    if (difference == 0) {
        base = COMPACT_AS_EXPECTED;
    } else if (writer->distance <= at) {
        uint64_t other = zigzag(record->address, record[-(ptrdiff_t)writer->distance].address);
        if (other < difference) {
            base = COMPACT_FROM_COPY;
            difference = other;
        }
    }
    put_byte(writer, (unsigned)record->kind | code << 2 | (unsigned)base << 6);
    if (code == COMPACT_SIZE_ELSEWHERE) {
        put_varint(writer, record->size);
    }
    if (base != COMPACT_AS_EXPECTED) {
        put_varint(writer, difference);
    }
}

struct match {
    size_t length; /* 0: none */
    size_t distance;
};

/* `literals` records that end where the copy `match` begins, and that copy. */
static bool put_token(struct trace_writer *writer, size_t at, size_t literals, struct match match)
{
    bool new_distance = match.length != 0 && match.distance != writer->distance;
    size_t few_literals = literals < 7 ? literals : 7;
    size_t few_copied = match.length < 15 ? match.length : 15;
    put_byte(writer, (unsigned)(few_literals | few_copied << 3 | (new_distance ? 0x80u : 0)));
    if (few_literals == 7) {
        put_varint(writer, literals - 7);
    }
    if (few_copied == 15) {
        put_varint(writer, match.length - 15);
    }
    if (new_distance) {
        put_varint(writer, match.distance);
        writer->distance = match.distance;
    }
    for (size_t i = at - literals; i < at; i++) {
        put_literal(writer, i);
    }
    writer->block_records += (uint32_t)(literals + match.length);
    bool full = writer->block_bytes + TOKEN_BYTES > COMPACT_BLOCK_BYTES;
    return !full || put_block(writer);
}

/* ---- finding copies ---- */

static inline bool same_record(const struct trace_record *a, const struct trace_record *b)
{
    return a->address == b->address && a->size == b->size && a->kind == b->kind;
}

static size_t hash_at(const struct trace_writer *writer, size_t at)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < HASHED_RECORDS; i++) {
        const struct trace_record *record = writer->records + at + i;
        uint64_t shape = (uint64_t)record->size << 2 | (uint64_t)record->kind;
        hash = (hash + record->address + (shape << 48)) * 0x9e3779b97f4a7c15ull;
    }
    return (size_t)(hash >> (64 - HASH_BITS));
}

static void remember(struct trace_writer *writer, size_t at, size_t n)
{
    for (size_t i = at; i < at + n && i + HASHED_RECORDS <= writer->filled; i++) {
        size_t hash = hash_at(writer, i);
        writer->previous[i] = writer->heads[hash];
        writer->heads[hash] = (int32_t)i;
    }
}

/* How many records from `at` on equal those `distance` before. */
static size_t run_length(const struct trace_writer *writer, size_t at, size_t distance)
{
    size_t length = 0;
    while (at + length < writer->filled &&
           same_record(writer->records + at + length, writer->records + at + length - distance)) {
        length++;
    }
    return length;
}

/* The best copy for what begins at `at`: staying at the same distance is nearly free. */
static struct match find_match(const struct trace_writer *writer, size_t at)
{
    struct match none = {0, 0};
    struct match stay = {0, writer->distance};
    if (writer->distance <= at) {
        stay.length = run_length(writer, at, writer->distance);
    }
    if (at + HASHED_RECORDS > writer->filled || stay.length >= LONG_ENOUGH) {
        return stay;
    }
    struct match best = none;
    int32_t place = writer->heads[hash_at(writer, at)];
    for (int step = 0; step < CHAIN_STEPS && place != NOWHERE; step++) {
        size_t distance = at - (size_t)place;
        if (distance > COMPACT_WINDOW || best.length >= LONG_ENOUGH) {
            break;
        }
        size_t length = run_length(writer, at, distance);
        if (length > best.length) {
            best = (struct match){length, distance};
        }
        place = writer->previous[place];
    }
    if (stay.length != 0 && stay.length + 1 >= best.length) {
        return stay;
    }
    return best.length >= HASHED_RECORDS ? best : none;
}

/* Codes all records that wait. */
static bool code_records(struct trace_writer *writer)
{
    size_t literals = 0;
    size_t at = writer->coded;
    while (at < writer->filled) {
        struct match match = find_match(writer, at);
        size_t step = match.length ? match.length : 1;
        remember(writer, at, step);
        if (match.length == 0) {
            literals++;
            at++;
        }
        if (match.length != 0 || literals == LITERALS_MOST || at == writer->filled) {
            if (!put_token(writer, at, literals, match)) {
                return false;
            }
            literals = 0;
            at += match.length;
        }
    }
    writer->coded = writer->filled;
    return writer->block_records == 0 || put_block(writer);
}

/* Moves the window down; places that fall out of it are forgotten. */
static void slide_window(struct trace_writer *writer)
{
    if (writer->filled + COMPACT_BLOCK_RECORDS <= 2 * COMPACT_WINDOW) {
        return;
    }
    size_t by = writer->filled - COMPACT_WINDOW;
    memmove(writer->records, writer->records + by, COMPACT_WINDOW * sizeof(*writer->records));
    for (size_t i = 0; i < COMPACT_WINDOW; i++) {
        int32_t place = writer->previous[i + by];
        writer->previous[i] = place >= (int32_t)by ? place - (int32_t)by : NOWHERE;
    }
    for (size_t i = 0; i < (size_t)1 << HASH_BITS; i++) {
        int32_t place = writer->heads[i];
        writer->heads[i] = place >= (int32_t)by ? place - (int32_t)by : NOWHERE;
    }
    writer->filled = writer->coded = COMPACT_WINDOW;
}

/* ---- the interface ---- */

static bool is_valid(const struct trace_record *record)
{
    return record->size >= 1 && record->size <= TRACE_SIZE_MAX && record->kind <= TRACE_MODIFY &&
           record->address + (record->size - 1) >= record->address;
}

bool trace_writer_put(struct trace_writer *writer, const struct trace_record *records, size_t n)
{
    if (trace_writer_error(writer)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_valid(&records[i])) {
            return trace_fail(&writer->failure,
                              "reference %llu cannot be written: expected a size "
                              "from 1 to %u that ends below 2^64",
                              (unsigned long long)(writer->records_put + 1), TRACE_SIZE_MAX);
        }
        writer->records[writer->filled++] = records[i];
        writer->records_put++;
        if (writer->filled - writer->coded == COMPACT_BLOCK_RECORDS) {
            if (!code_records(writer)) {
                return false;
            }
            slide_window(writer);
        }
    }
    return true;
}

bool trace_writer_commit(struct trace_writer *writer)
{
    if (trace_writer_error(writer) || writer->finished || !code_records(writer)) {
        return false;
    }
    for (unsigned i = 0; i < 8; i++) {
        put_byte(writer, writer->records_put >> 8 * i & 0xff);
    }
    if (!put_block(writer)) {
        return false;
    }
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (closed != 0 || (writer->temporary && rename(writer->temporary, writer->path) != 0)) {
        return trace_fail(&writer->failure, "%s while finishing the trace", strerror(errno));
    }
    writer->finished = true;
    return true;
}

const char *trace_writer_error(const struct trace_writer *writer)
{
    if (!writer) {
        return "not enough memory to write a trace";
    }
    return writer->failure.text[0] ? writer->failure.text : NULL;
}

const char *trace_writer_temporary(const struct trace_writer *writer)
{
    return writer && !writer->finished ? writer->temporary : NULL;
}

uint64_t trace_writer_bytes(const struct trace_writer *writer)
{
    return writer ? writer->bytes : 0;
}

void trace_writer_close(struct trace_writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
    }
    if (writer->temporary && !writer->finished) {
        unlink(writer->temporary);
    }
    free(writer->path);
    free(writer->temporary);
    free(writer->records);
    free(writer->heads);
    free(writer->previous);
    free(writer);
}
