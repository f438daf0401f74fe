/*
 * The bytes of a trace: from a file, a pipe, standard input or memory, unpacked on the way if they
 * are a zstd stream. One buffer, refilled by large reads: on the machines measured, read() into a
 * buffer that stays in the cache was 1.6 to 1.9 times as fast as mmap(), if the bytes go to a page
 * boundary; to an address 1 to 31 bytes behind one, the kernel's copy took four times as long.
 */
#include "trace_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef QUIRE_HAVE_ZSTD
#include <zstd.h>
#endif

enum { PAGE = 4096 };

static bool make_buffer(struct trace_input *input)
{
    input->start = input->end = TRACE_KEEP_BYTES;
    input->buffer = aligned_alloc(PAGE, TRACE_KEEP_BYTES + TRACE_READ_BYTES + PAGE);
    if (!input->buffer) {
        return false;
    }
    memset(input->buffer + input->end, 0, TRACE_PAD_BYTES);
    return true;
}

bool trace_input_open(struct trace_input *input, const char *path, struct trace_failure *failure)
{
    struct stat status;
    bool standard = strcmp(path, "-") == 0;
    input->descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (input->descriptor < 0) {
        return trace_fail(failure, "%s, expected a readable trace", strerror(errno));
    }
    if (fstat(input->descriptor, &status) != 0) {
        return trace_fail(failure, "%s, expected a readable trace", strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        return trace_fail(failure, "is a directory, expected a file");
    }
    if (S_ISREG(status.st_mode) && !standard) {
        input->total = (uint64_t)status.st_size;
    }
    return make_buffer(input) || trace_fail(failure, "not enough memory to read it");
}

bool trace_input_memory(struct trace_input *input, const void *bytes, size_t size)
{
    input->descriptor = -1;
    input->memory = bytes;
    input->memory_left = size;
    input->total = size;
    return make_buffer(input);
}

/* Bytes as the file has them; 0 at its end or on an error. */
static size_t take_bytes(struct trace_input *input, unsigned char *to, size_t room,
                         struct trace_failure *failure)
{
    size_t got;
    if (input->descriptor < 0) {
        got = input->memory_left < room ? input->memory_left : room;
        if (got != 0) {
            memcpy(to, input->memory, got);
            input->memory += got;
            input->memory_left -= got;
        }
    } else {
        ssize_t n;
        do {
            n = read(input->descriptor, to, room);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            trace_fail(failure, "%s while reading after byte %llu", strerror(errno),
                       (unsigned long long)input->taken);
            n = 0;
        }
        got = (size_t)n;
    }
    input->taken += got;
    return got;
}

#ifdef QUIRE_HAVE_ZSTD

struct trace_unpacker {
    ZSTD_DStream *stream;
    bool inside; /* a frame has begun and not ended */
    size_t start;
    size_t end;
    unsigned char packed[TRACE_READ_BYTES + COMPACT_MAGIC_BYTES]; /* what recognising read, too */
};

static void close_unpacker(struct trace_unpacker *unpacker)
{
    if (unpacker) {
        ZSTD_freeDStream(unpacker->stream);
        free(unpacker);
    }
}

bool trace_input_unpack(struct trace_input *input, struct trace_failure *failure)
{
    struct trace_unpacker *unpacker = malloc(sizeof(*unpacker));
    if (unpacker) {
        unpacker->stream = ZSTD_createDStream();
    }
    if (!unpacker || !unpacker->stream) {
        free(unpacker);
        return trace_fail(failure, "not enough memory to unpack zstd");
    }
    unpacker->inside = false;
    unpacker->start = 0;
    unpacker->end = input->end - input->start;
    memcpy(unpacker->packed, input->buffer + input->start, unpacker->end);
    input->start = input->end;
    input->ended = false;
    input->unpacker = unpacker;
    return true;
}

/* One step: true while more may come. Adds what was unpacked to *got. */
static bool unpack_step(struct trace_input *input, unsigned char *to, size_t room, size_t *got,
                        struct trace_failure *failure)
{
    struct trace_unpacker *unpacker = input->unpacker;
    if (unpacker->start == unpacker->end) {
        unpacker->start = 0;
        unpacker->end = take_bytes(input, unpacker->packed, TRACE_READ_BYTES, failure);
    }
    bool dry = unpacker->end == 0;
    if (dry && !unpacker->inside) {
        return false;
    }
    ZSTD_inBuffer in = {unpacker->packed, unpacker->end, unpacker->start};
    ZSTD_outBuffer out = {to, room, 0};
    size_t state = ZSTD_decompressStream(unpacker->stream, &out, &in);
    if (ZSTD_isError(state)) {
        return trace_fail(failure, "is not a sound zstd stream (%s near byte %llu)",
                          ZSTD_getErrorName(state), (unsigned long long)input->taken);
    }
    unpacker->start = in.pos;
    unpacker->inside = state != 0;
    *got = out.pos;
    if (dry && unpacker->inside && out.pos == 0) {
        return trace_fail(failure,
                          "is cut short: its zstd stream ends in mid-frame, "
                          "after %llu bytes",
                          (unsigned long long)input->taken);
    }
    return true;
}

static size_t unpack_bytes(struct trace_input *input, unsigned char *to, size_t room,
                           struct trace_failure *failure)
{
    size_t got = 0;
    while (got == 0 && unpack_step(input, to, room, &got, failure)) {
    }
    return got;
}

static size_t waiting(const struct trace_input *input)
{
    return input->unpacker->end - input->unpacker->start;
}

#else /* !QUIRE_HAVE_ZSTD */

bool trace_input_unpack(struct trace_input *input, struct trace_failure *failure)
{
    (void)input;
    return trace_fail(failure,
                      "is compressed with zstd, which this build of quire lacks: run "
                      "`zstd -dc FILE | quire replay -`, or build quire again with libzstd "
                      "installed (Debian: libzstd-dev)");
}

static void close_unpacker(struct trace_unpacker *unpacker)
{
    (void)unpacker;
}

static size_t unpack_bytes(struct trace_input *input, unsigned char *to, size_t room,
                           struct trace_failure *failure)
{
    return take_bytes(input, to, room, failure);
}

static size_t waiting(const struct trace_input *input)
{
    return input->end - input->start;
}

#endif

bool trace_input_fill(struct trace_input *input, struct trace_failure *failure)
{
    size_t kept = input->end - input->start;
    if (input->ended || kept > TRACE_KEEP_BYTES) {
        return false;
    }
    unsigned char *to = input->buffer + TRACE_KEEP_BYTES;
    memmove(to - kept, input->buffer + input->start, kept);
    size_t got = input->unpacker ? unpack_bytes(input, to, TRACE_READ_BYTES, failure)
                                 : take_bytes(input, to, TRACE_READ_BYTES, failure);
    input->start = TRACE_KEEP_BYTES - kept;
    input->end = TRACE_KEEP_BYTES + got;
    input->ended = got == 0;
    memset(input->buffer + input->end, 0, TRACE_PAD_BYTES);
    return got != 0;
}

bool trace_input_need(struct trace_input *input, size_t n, struct trace_failure *failure)
{
    while (input->end - input->start < n) {
        if (!trace_input_fill(input, failure)) {
            return false;
        }
    }
    return true;
}

uint64_t trace_input_position(const struct trace_input *input)
{
    return input->taken - (input->unpacker ? waiting(input) : input->end - input->start);
}

void trace_input_close(struct trace_input *input)
{
    close_unpacker(input->unpacker);
    if (input->descriptor > STDIN_FILENO) {
        close(input->descriptor);
    }
    free(input->buffer);
}
