/*
 * What the parts of the trace reader share; users include trace.h alone.
 *
 *     trace_input.c    bytes: a file, a pipe or memory, through zstd if need be
 *          |
 *     trace_text.c     lackey text        trace_compact.c   quire's own format
 *          \__________________ __________________/
 *                             V
 *     trace.c          opening, recognising, errors
 *
 * trace_writer.c stands apart: it shares only the constants of the compact format.
 */
#ifndef QUIRE_TOOLS_TRACE_INTERNAL_H
#define QUIRE_TOOLS_TRACE_INTERNAL_H

#include "trace.h"

enum {
    TRACE_READ_BYTES = 64 * 1024,  /* taken at once; enough, and stays in the cache */
    TRACE_KEEP_BYTES = 192 * 1024, /* unused bytes kept before them: any block fits */
    TRACE_PAD_BYTES = 32,          /* readable zeros behind the buffered bytes */
    TRACE_ERROR_BYTES = 640,
    TRACE_NAME_BYTES = 256,
};

/* One error, kept until the object is closed. The first one stays. */
struct trace_failure {
    char name[TRACE_NAME_BYTES];
    char text[TRACE_ERROR_BYTES];
};

/* Names the file for messages: printable, on one line, shortened at its front if very long. */
void trace_failure_name(struct trace_failure *failure, const char *name);

/* Sets "NAME: message" unless there is an error already. Always false, for `return`. */
bool trace_fail(struct trace_failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copies bytes as printable text: control and foreign bytes as \xHH, cut with "..." if too long. */
void trace_quote(char *to, size_t room, const unsigned char *bytes, size_t n);

/* ---- bytes ---- */

struct trace_unpacker; /* zstd; only in a build that has it */

struct trace_input {
    int descriptor; /* -1: memory */
    const unsigned char *memory;
    size_t memory_left;
    struct trace_unpacker *unpacker; /* NULL: the bytes are taken as they come */
    uint64_t taken;                  /* bytes read from the file, the pipe or memory */
    uint64_t total;                  /* 0: unknown */

    /*
     * Bytes not yet used are buffer[start..end), followed by TRACE_PAD_BYTES zeros. New ones
     * always arrive at TRACE_KEEP_BYTES, a page boundary; what is left of the old is put right
     * before them.
     */
    unsigned char *buffer;
    size_t start;
    size_t end;
    bool ended; /* nothing will follow what is buffered */
};

bool trace_input_open(struct trace_input *input, const char *path, struct trace_failure *failure);
bool trace_input_memory(struct trace_input *input, const void *bytes, size_t size);
void trace_input_close(struct trace_input *input);

/*
 * Adds at least one byte behind the unused ones, all of which may move. False: the end, or an error
 * (then `failure` is set), or more than TRACE_KEEP_BYTES are unused.
 */
bool trace_input_fill(struct trace_input *input, struct trace_failure *failure);

/* Fills until n <= TRACE_KEEP_BYTES unused bytes are there. False: the end, or an error. */
bool trace_input_need(struct trace_input *input, size_t n, struct trace_failure *failure);

/* From here on the input is a zstd stream, whose first bytes are in the buffer. */
bool trace_input_unpack(struct trace_input *input, struct trace_failure *failure);

uint64_t trace_input_position(const struct trace_input *input);

/* ---- the compact format; docs/trace-format.md is the full story ---- */

enum {
    COMPACT_MAGIC_BYTES = 8,
    COMPACT_VERSION = 1,
    COMPACT_HEADER_BYTES = COMPACT_MAGIC_BYTES + 4,
    COMPACT_BLOCK_HEADER_BYTES = 12,  /* records, payload bytes, checksum */
    COMPACT_BLOCK_RECORDS = 65536,    /* most records of a block */
    COMPACT_BLOCK_BYTES = 128 * 1024, /* most payload bytes of a block */
    COMPACT_WINDOW = 1 << 18,         /* how many records a copy may reach back */
    COMPACT_KIND_REACH = 64,          /* how far back a base of the same kind is looked for */
    COMPACT_SIZE_ELSEWHERE = 15,      /* size code: the size follows as a varint */
};

/* What the address of a literal record is told relative to. */
enum compact_base {
    COMPACT_AS_EXPECTED, /* it is the expected address: no difference follows */
    COMPACT_FROM_KIND,   /* the expected address */
    COMPACT_FROM_COPY,   /* the record that a copy would have taken: `distance` back */
};

extern const unsigned char compact_magic[COMPACT_MAGIC_BYTES];

/* The sizes that fit the four bits of a literal's size code; code 15 says that a varint follows. */
extern const uint8_t compact_sizes[COMPACT_SIZE_ELSEWHERE];

/* CRC-32 (polynomial 0xedb88320, as in zlib and PNG); start with 0 to begin. */
uint32_t compact_checksum(uint32_t start, const unsigned char *bytes, size_t n);

static inline uint32_t compact_get32(const unsigned char *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static inline void compact_put32(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(value >> 8 * i);
    }
}

/*
 * The address that a record of `kind` placed at `next`, with `earlier` records before it in the
 * same array, is expected to have: a fetch goes on behind the nearest earlier fetch, data is used
 * again where its kind was used last. Looks COMPACT_KIND_REACH records back at most.
 */
uint64_t compact_expected(const struct trace_record *next, size_t earlier, enum trace_kind kind);

struct compact_reader {
    /* The window: all records, or the last COMPACT_WINDOW at least. It grows up to twice that. */
    struct trace_record *records;
    size_t room;
    size_t filled; /* records in the window */
    size_t handed; /* of them, handed out */
    uint64_t total;
    uint64_t block;
    size_t distance;
    bool ended;
};

/* ---- the reader ---- */

enum trace_form { TRACE_UNKNOWN, TRACE_TEXT, TRACE_COMPACT };

struct trace {
    struct trace_input input;
    struct trace_failure failure;
    enum trace_form form;
    bool packed;

    uint64_t line;  /* text: the line that comes next, from 1 */
    size_t limit;   /* text: where the whole lines of the buffer end */
    uint64_t given; /* records handed out */
    struct compact_reader compact;
};

size_t trace_text_read(struct trace *trace, struct trace_record *batch, size_t n);

bool trace_compact_start(struct trace *trace);
size_t trace_compact_read(struct trace *trace, struct trace_record *batch, size_t n);
void trace_compact_close(struct trace *trace);

#endif
