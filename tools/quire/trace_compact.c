/*
 * Reads quire's compact traces. docs/trace-format.md defines the format; in short:
 *
 *     header | block | block | ... | last block (no records; the count of all)
 *
 * A block is checked by its own CRC-32 before a byte of it is believed. Inside, records come as
 * tokens: a few literal records, then a copy of earlier ones from `distance` records back. The
 * window of earlier records goes on from block to block:
 *
 *     records: [ history, handed out        | handed out | yet to hand out ]  room for a block
 *              ^ 0                                       ^ handed          ^ filled
 *
 * The checksum only tells accidents; every number is checked again, so that no bytes at all can
 * make the reader leave its buffers.
 */
#include "trace_internal.h"

#include <stdlib.h>
#include <string.h>

const unsigned char compact_magic[COMPACT_MAGIC_BYTES] = {
    0x89, 'Q', 'T', 'R', 'A', 'C', 'E', '\n',
};

const uint8_t compact_sizes[COMPACT_SIZE_ELSEWHERE] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 32, 64,
};

uint32_t compact_checksum(uint32_t start, const unsigned char *bytes, size_t n)
{
    /* Four bits at a time: entry i is what i becomes after four divisions. */
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = ~start;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* ---- one block ---- */

/* A block's payload being read. `sound` falls at the first number that makes no sense. */
struct payload {
    const unsigned char *at;
    const unsigned char *end;
    bool sound;
};

static inline uint64_t get_byte(struct payload *payload)
{
    if (payload->at == payload->end) {
        payload->sound = false;
        return 0;
    }
    return *payload->at++;
}

/* Seven bits a byte, lowest first; the top bit says that more follow. */
static uint64_t get_varint(struct payload *payload)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = get_byte(payload);
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            payload->sound &= shift < 63 || byte <= 1;
            return value;
        }
    }
    payload->sound = false;
    return value;
}

/* A count in a token: all ones in its few bits say that the rest follows. */
static inline uint64_t get_count(struct payload *payload, uint64_t bits, uint64_t ones)
{
    if (bits < ones) {
        return bits;
    }
    uint64_t rest = get_varint(payload);
    payload->sound &= rest <= COMPACT_BLOCK_RECORDS;
    return ones + rest;
}

uint64_t compact_expected(const struct trace_record *next, size_t earlier, enum trace_kind kind)
{
    size_t reach = earlier < COMPACT_KIND_REACH ? earlier : COMPACT_KIND_REACH;
    for (size_t back = 1; back <= reach; back++) {
        const struct trace_record *record = next - back;
        if (record->kind == kind) {
            return record->address + (kind == TRACE_FETCH ? record->size : 0);
        }
    }
    return earlier != 0 ? next[-1].address : 0;
}

static void get_literal(struct compact_reader *reader, struct payload *payload)
{
    struct trace_record *record = reader->records + reader->filled;
    unsigned control = (unsigned)get_byte(payload);
    unsigned size_code = control >> 2 & 15;
    unsigned base = control >> 6;
    uint64_t size =
        size_code == COMPACT_SIZE_ELSEWHERE ? get_varint(payload) : compact_sizes[size_code];
    uint64_t zigzag = base == COMPACT_AS_EXPECTED ? 0 : get_varint(payload);
    uint64_t difference = zigzag >> 1 ^ (0 - (zigzag & 1));

    record->kind = (enum trace_kind)(control & 3);
    record->size = (uint32_t)size;
    if (base == COMPACT_FROM_COPY) {
        payload->sound &= reader->distance <= reader->filled;
        record->address = payload->sound ? record[-(ptrdiff_t)reader->distance].address : 0;
    } else {
        record->address = compact_expected(record, reader->filled, record->kind);
        payload->sound &= base <= COMPACT_FROM_KIND;
    }
    record->address += difference;
    payload->sound &=
        size >= 1 && size <= TRACE_SIZE_MAX && record->address + (size - 1) >= record->address;
    reader->filled += payload->sound;
}

/* Copies one record after another, since a copy may overlap what it makes. */
static void copy_records(struct compact_reader *reader, size_t n)
{
    struct trace_record *to = reader->records + reader->filled;
    const struct trace_record *from = to - reader->distance;
    if (n <= reader->distance) {
        memcpy(to, from, n * sizeof(*to));
    } else {
        for (size_t i = 0; i < n; i++) {
            to[i] = from[i];
        }
    }
    reader->filled += n;
}

/* Literals, then a copy: together at least one record and at most `left`. */
static void get_token(struct compact_reader *reader, struct payload *payload, size_t left)
{
    unsigned token = (unsigned)get_byte(payload);
    uint64_t literals = get_count(payload, token & 7, 7);
    uint64_t copied = get_count(payload, token >> 3 & 15, 15);
    if (token & 0x80) {
        uint64_t distance = get_varint(payload);
        payload->sound &= distance >= 1 && distance <= COMPACT_WINDOW;
        reader->distance = payload->sound ? (size_t)distance : 1;
    }
    payload->sound &= literals <= left && copied <= left - literals && literals + copied != 0;
    for (uint64_t i = 0; i < literals && payload->sound; i++) {
        get_literal(reader, payload);
    }
    if (payload->sound && copied != 0) {
        payload->sound = reader->distance <= reader->filled;
        if (payload->sound) {
            copy_records(reader, (size_t)copied);
        }
    }
}

/* Makes room for a block behind the window, keeping as many records as a copy may reach. */
static bool make_room(struct compact_reader *reader, size_t records)
{
    if (reader->filled + records > 2 * COMPACT_WINDOW) {
        memmove(reader->records, reader->records + reader->filled - COMPACT_WINDOW,
                COMPACT_WINDOW * sizeof(*reader->records));
        reader->filled = COMPACT_WINDOW;
    }
    reader->handed = reader->filled;
    if (reader->filled + records > reader->room) {
        size_t room = 2 * (reader->filled + records);
        room = room < 2 * COMPACT_WINDOW ? room : 2 * COMPACT_WINDOW;
        struct trace_record *larger = realloc(reader->records, room * sizeof(*larger));
        if (!larger) {
            return false;
        }
        reader->records = larger;
        reader->room = room;
    }
    return true;
}

static bool get_records(struct compact_reader *reader, struct payload *payload, size_t records)
{
    size_t goal = reader->filled + records;
    while (reader->filled < goal && payload->sound) {
        get_token(reader, payload, goal - reader->filled);
    }
    return payload->sound && payload->at == payload->end;
}

/* ---- the file ---- */

static bool cut_short(struct trace *trace, const char *where)
{
    return trace_fail(&trace->failure, "is cut short: it ends in %s %llu", where,
                      (unsigned long long)trace->compact.block);
}

bool trace_compact_start(struct trace *trace)
{
    struct trace_input *input = &trace->input;
    trace_input_need(input, COMPACT_HEADER_BYTES, &trace->failure);
    if (trace_error(trace)) {
        return false;
    }
    const unsigned char *bytes = input->buffer + input->start;
    size_t there = input->end - input->start;
    size_t known = there < COMPACT_MAGIC_BYTES ? there : COMPACT_MAGIC_BYTES;
    if (memcmp(bytes, compact_magic, known) != 0) {
        return trace_fail(&trace->failure,
                          "begins like a quire trace but is none: its first "
                          "%d bytes should read \\x89QTRACE\\n",
                          COMPACT_MAGIC_BYTES);
    }
    if (there < COMPACT_HEADER_BYTES) {
        return trace_fail(&trace->failure, "is cut short: it ends in its header");
    }
    uint32_t version = compact_get32(bytes + COMPACT_MAGIC_BYTES);
    if (version != COMPACT_VERSION) {
        return trace_fail(&trace->failure, "is a quire trace of version %lu, expected version %d",
                          (unsigned long)version, COMPACT_VERSION);
    }
    input->start += COMPACT_HEADER_BYTES;
    trace->compact.distance = 1;
    return true;
}

/* The last block holds the number of all records, and nothing follows it. */
static bool end_trace(struct trace *trace, struct payload *payload)
{
    struct compact_reader *reader = &trace->compact;
    uint64_t count = 0;
    for (unsigned i = 0; i < 8; i++) {
        count |= get_byte(payload) << 8 * i;
    }
    reader->ended = true;
    if (!payload->sound || payload->at != payload->end || count != reader->total) {
        return trace_fail(&trace->failure,
                          "is damaged: it ends after %llu references, "
                          "expected %llu",
                          (unsigned long long)reader->total, (unsigned long long)count);
    }
    if (trace_input_need(&trace->input, 1, &trace->failure)) {
        return trace_fail(&trace->failure, "is damaged: something follows its end, at byte %llu",
                          (unsigned long long)trace_input_position(&trace->input));
    }
    return false;
}

/* Reads a block, so that there is something to hand out. False: the end, or an error. */
static bool next_block(struct trace *trace)
{
    struct trace_input *input = &trace->input;
    struct compact_reader *reader = &trace->compact;
    reader->block++;
    if (!trace_input_need(input, COMPACT_BLOCK_HEADER_BYTES, &trace->failure)) {
        return cut_short(trace, "the header of block");
    }
    const unsigned char *header = input->buffer + input->start;
    uint32_t records = compact_get32(header);
    uint32_t bytes = compact_get32(header + 4);
    uint32_t checksum = compact_get32(header + 8);
    if (records > COMPACT_BLOCK_RECORDS || bytes > COMPACT_BLOCK_BYTES) {
        return trace_fail(&trace->failure,
                          "is damaged: block %llu claims %lu references in %lu "
                          "bytes, expected at most %d in %d",
                          (unsigned long long)reader->block, (unsigned long)records,
                          (unsigned long)bytes, COMPACT_BLOCK_RECORDS, COMPACT_BLOCK_BYTES);
    }
    if (!trace_input_need(input, COMPACT_BLOCK_HEADER_BYTES + bytes, &trace->failure)) {
        return cut_short(trace, "block");
    }
    header = input->buffer + input->start;
    struct payload payload = {header + COMPACT_BLOCK_HEADER_BYTES, NULL, true};
    payload.end = payload.at + bytes;
    uint32_t found = compact_checksum(compact_checksum(0, header, 8), payload.at, bytes);
    input->start += COMPACT_BLOCK_HEADER_BYTES + bytes;
    if (found != checksum) {
        return trace_fail(&trace->failure,
                          "is damaged: the checksum of block %llu is %08lx, "
                          "expected %08lx",
                          (unsigned long long)reader->block, (unsigned long)found,
                          (unsigned long)checksum);
    }
    if (records == 0) {
        return end_trace(trace, &payload);
    }
    if (!make_room(reader, records)) {
        return trace_fail(&trace->failure, "not enough memory to read it");
    }
    reader->total += records;
    if (!get_records(reader, &payload, records)) {
        reader->handed = reader->filled;
        return trace_fail(&trace->failure,
                          "is not a sound quire trace: block %llu makes no sense "
                          "though its checksum is right",
                          (unsigned long long)reader->block);
    }
    return true;
}

size_t trace_compact_read(struct trace *trace, struct trace_record *batch, size_t n)
{
    struct compact_reader *reader = &trace->compact;
    size_t got = 0;
    while (got < n) {
        if (reader->handed == reader->filled && (reader->ended || !next_block(trace))) {
            break;
        }
        size_t ready = reader->filled - reader->handed;
        size_t part = ready < n - got ? ready : n - got;
        memcpy(batch + got, reader->records + reader->handed, part * sizeof(*batch));
        reader->handed += part;
        got += part;
    }
    return got;
}

void trace_compact_close(struct trace *trace)
{
    free(trace->compact.records);
}
