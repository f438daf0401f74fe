/*
 * Any bytes as a trace: lackey text, compact or zstd, told apart by their beginning. Reading ends,
 * with valid records, and with the records all there or with an error of one line. What was read
 * is then written as text and as a compact trace, and read back from both.
 *
 * A block of the compact format with a wrong checksum would be refused before it is looked at, so
 * the target corrects the checksums of the blocks first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tools/quire/trace_internal.h"

enum { RECORDS_MAX = 1 << 17, LINE_BYTES = 40 };

static struct trace_record records[RECORDS_MAX], again[RECORDS_MAX];

/* Makes each block's checksum right, as far as the bytes look like blocks. */
static void correct_checksums(unsigned char *bytes, size_t size)
{
    size_t at = COMPACT_HEADER_BYTES;

    if (size < at || memcmp(bytes, compact_magic, COMPACT_MAGIC_BYTES) != 0) {
        return;
    }
    while (size - at >= COMPACT_BLOCK_HEADER_BYTES) {
        size_t payload = compact_get32(bytes + at + 4);
        const unsigned char *start = bytes + at + COMPACT_BLOCK_HEADER_BYTES;
        uint32_t checksum = compact_checksum(0, bytes + at, 8);

        if (payload > size - at - COMPACT_BLOCK_HEADER_BYTES) {
            return;
        }
        compact_put32(bytes + at + 8, compact_checksum(checksum, start, payload));
        at += COMPACT_BLOCK_HEADER_BYTES + payload;
    }
}

static void check_record(const struct trace_record *record)
{
    check(record->kind <= TRACE_MODIFY && record->size >= 1 && record->size <= TRACE_SIZE_MAX);
    check(record->address + (record->size - 1) >= record->address);
}

/* At most RECORDS_MAX records, in batches that grow. The error is left to the caller. */
static size_t read_all(struct trace *trace, struct trace_record *to)
{
    size_t count = 0, batch = 1;

    while (count < RECORDS_MAX) {
        size_t room = RECORDS_MAX - count < batch ? RECORDS_MAX - count : batch;
        size_t got = trace_read(trace, to + count, room);
        check(got <= room);
        if (got == 0) {
            break;
        }
        count += got;
        batch = batch * 3 % 5003;
    }
    return count;
}

static void check_error(const struct trace *trace)
{
    const char *error = trace_error(trace);

    check(error == NULL || (error[0] != '\0' && strlen(error) < TRACE_ERROR_BYTES));
    for (; error != NULL && *error != '\0'; error++) {
        check(*error >= 0x20 && *error < 0x7f);
    }
}

static void check_same(struct trace *trace, size_t count)
{
    size_t got = read_all(trace, again);

    checkf(got == count, "%zu of %zu: %s", got, count, trace_error(trace));
    for (size_t i = 0; i < count; i++) {
        check(again[i].address == records[i].address && again[i].size == records[i].size &&
              again[i].kind == records[i].kind);
    }
    checkf(trace_error(trace) == NULL, "%s", trace_error(trace));
    trace_close(trace);
}

static void as_text(size_t count)
{
    static const char *const kinds[] = {"I ", " L", " S", " M"};
    char *text = malloc(count * LINE_BYTES + 1);
    size_t size = 0;

    check(text != NULL);
    for (size_t i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, LINE_BYTES, "%s %08llx,%u\n", kinds[records[i].kind],
                                 (unsigned long long)records[i].address, records[i].size);
    }
    check_same(trace_open_memory(text, size, "text"), count);
    free(text);
}

static void as_compact(size_t count)
{
    static char path[64];
    struct trace_writer *writer;

    if (path[0] == '\0') {
        snprintf(path, sizeof(path), "%s/quire-fuzz-%ld", P_tmpdir, (long)getpid());
    }
    writer = trace_writer_open(path);
    checkf(trace_writer_put(writer, records, count) && trace_writer_commit(writer), "%s",
           trace_writer_error(writer));
    trace_writer_close(writer);
    check_same(trace_open(path), count);
    check(unlink(path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    struct trace *trace;
    size_t count;

    check(bytes != NULL);
    memcpy(bytes, data, size);
    correct_checksums(bytes, size);
    trace = trace_open_memory(bytes, size, "fuzz");
    count = read_all(trace, records);
    for (size_t i = 0; i < count; i++) {
        check_record(&records[i]);
    }
    check_error(trace);
    check(trace_position(trace) <= trace_size(trace));
    trace_close(trace);
    if (count != 0) {
        as_text(count);
        if (size % 8 == 0) { /* it costs more than all the rest */
            as_compact(count);
        }
    }
    free(bytes);
    return 0;
}
