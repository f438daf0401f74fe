/*
 * Reads what `valgrind --tool=lackey --trace-mem=yes` prints:
 *
 *     I  04009b1e,2            fetch      kind, two blanks; address in hexadecimal; size
 *      L 1fff0001b0,8          load       a blank, kind, a blank; the same
 *      S 1fff0001a8,8          store
 *      M 0421ac10,4            load and store
 *     ==1234== Lackey, ...     a remark of valgrind's own: skipped, as are blank lines
 *
 * Each line is tried by `usual_line`, which takes only the shape that lackey prints nearly always
 * (8 to 15 lower-case digits, a size below 100), takes eight digits at a time, and has hardly a
 * branch that is hard to foresee; what it declines goes to `any_line`, which knows every valid
 * line and what is wrong with an invalid one.
 */
#include "trace_internal.h"

#include <string.h>

enum {
    LINE_EXCERPT = 60, /* characters of a bad line that are shown */
    PREFIX_BYTES = 3,  /* characters before the address */
    ADDRESS_DIGITS = 16,
};

/* What `any_line` made of a line; the faults name what it missed. */
enum line {
    LINE_RECORD,
    LINE_REMARK,
    LINE_NO_KIND,
    LINE_NO_ADDRESS,
    LINE_NO_COMMA,
    LINE_NO_SIZE,
    LINE_NO_END,
    LINE_WRAPS,
};

static const char *const missed[] = {
    [LINE_NO_KIND] = "\"I  \", \" L \", \" S \" or \" M \" before address,size",
    [LINE_NO_ADDRESS] = "an address of 1 to 16 hexadecimal digits",
    [LINE_NO_COMMA] = "a comma after the address",
    [LINE_NO_SIZE] = "a size from 1 to 4096 after the comma",
    [LINE_NO_END] = "nothing after the size",
    [LINE_WRAPS] = "an access that ends below 2^64",
};

/* ---- the fast way ---- */

#define EACH_BYTE 0x0101010101010101ull

/* Eight bytes, the first of them lowest. */
static inline uint64_t eight_bytes(const unsigned char *from)
{
    uint64_t bytes;
    memcpy(&bytes, from, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes;
}

/*
 * The value of eight hexadecimal digits, the first of which is the lowest byte. All eight are
 * worked on at once: a letter is the byte with bit 6 set, and its value its low four bits plus 9.
 * If they were digits, turning the values back gives the text again, and none is above 15 (as that
 * of 'g' would be); else *wrong becomes non-zero.
 */
static inline uint64_t eight_digits(uint64_t text, uint64_t *wrong)
{
    uint64_t letter = text >> 6 & EACH_BYTE;
    uint64_t value = (text & 0x0f * EACH_BYTE) + letter * 9;
    uint64_t above_9 = (value + 0x76 * EACH_BYTE) >> 7 & EACH_BYTE;
    uint64_t again = value + '0' * EACH_BYTE + above_9 * ('a' - '0' - 10);
    *wrong |= (text ^ again) | (value & 0xf0 * EACH_BYTE);

    /* Digits to bytes, bytes to halves, halves to the whole: earlier ones weigh more. */
    value = (value << 4 | value >> 8) & 0x00ff00ff00ff00ffull;
    value = (value << 8 | value >> 16) & 0x0000ffff0000ffffull;
    return (value << 16 | value >> 32) & 0xffffffffull;
}

/* A size of one or two digits and the end of the line: what follows it, or NULL. */
static inline const unsigned char *usual_size(const unsigned char *at, uint32_t *size)
{
    uint32_t first = (uint32_t)at[0] - '0';
    if (first - 1 > 8) {
        return NULL;
    }
    if (at[1] == '\n') {
        *size = first;
        return at + 2;
    }
    uint32_t second = (uint32_t)at[1] - '0';
    *size = first * 10 + second;
    return second <= 9 && at[2] == '\n' ? at + 3 : NULL;
}

/* The line after this one, or NULL: `any_line` must look at it. Reads at most 32 bytes. */
static inline const unsigned char *usual_line(const unsigned char *line,
                                              struct trace_record *record)
{
    /* The first two bytes of a line, xor-ed, tell its kind; then its prefix must be that kind's. */
    static const uint8_t kinds[256] = {
        ['I' ^ ' '] = TRACE_FETCH,
        ['L' ^ ' '] = TRACE_LOAD,
        ['S' ^ ' '] = TRACE_STORE,
        ['M' ^ ' '] = TRACE_MODIFY,
    };
    static const uint32_t prefixes[] = {
        [TRACE_FETCH] = 'I' | ' ' << 8 | ' ' << 16,
        [TRACE_LOAD] = ' ' | 'L' << 8 | ' ' << 16,
        [TRACE_STORE] = ' ' | 'S' << 8 | ' ' << 16,
        [TRACE_MODIFY] = ' ' | 'M' << 8 | ' ' << 16,
    };
    const unsigned char *address = line + PREFIX_BYTES;
    uint64_t head = eight_bytes(line);
    enum trace_kind kind = (enum trace_kind)kinds[(head ^ head >> 8) & 0xff];
    uint64_t wrong = (head & 0xffffff) ^ prefixes[kind];
    uint64_t value = eight_digits(eight_bytes(address), &wrong);

    unsigned more = 0;
    while (address[8 + more] != ',') {
        if (++more == 8) {
            return NULL;
        }
    }
    if (more != 0) {
        /* The next digits, moved up behind as many '0's as make them eight. */
        uint64_t text = eight_bytes(address + 8) << 8 * (8 - more) | '0' * EACH_BYTE >> 8 * more;
        value = value << 4 * more | eight_digits(text, &wrong);
    }
    record->address = value;
    record->kind = kind;
    const unsigned char *next = usual_size(address + 8 + more + 1, &record->size);
    return wrong == 0 ? next : NULL;
}

/* ---- the general way ---- */

static int digit_value(unsigned char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* "==1234==", "--1234--" and "**1234**" begin valgrind's own lines. */
static bool is_remark(const unsigned char *line)
{
    const unsigned char *at = line;
    while (*at == ' ' || *at == '\t' || *at == '\r') {
        at++;
    }
    if (*at == '\n') {
        return true;
    }
    bool mark = line[0] == '=' || line[0] == '-' || line[0] == '*';
    return mark && line[1] == line[0] && line[2] >= '0' && line[2] <= '9';
}

/* A line up to its newline, which must be there. */
static enum line any_line(const unsigned char *at, struct trace_record *record)
{
    static const char letters[] = {
        [TRACE_FETCH] = 'I',
        [TRACE_LOAD] = 'L',
        [TRACE_STORE] = 'S',
        [TRACE_MODIFY] = 'M',
    };
    bool fetch = at[0] == 'I';
    const char *letter = memchr(letters, at[fetch ? 0 : 1], sizeof(letters));
    if (is_remark(at)) {
        return LINE_REMARK;
    }
    if (!letter || at[fetch ? 1 : 0] != ' ' || at[2] != ' ' || (*letter == 'I') != fetch) {
        return LINE_NO_KIND;
    }
    record->kind = (enum trace_kind)(letter - letters);

    const unsigned char *start = at += PREFIX_BYTES;
    record->address = 0;
    for (int digit; (digit = digit_value(*at)) >= 0 && at - start <= ADDRESS_DIGITS; at++) {
        record->address = record->address << 4 | (unsigned)digit;
    }
    if (at == start || at - start > ADDRESS_DIGITS) {
        return LINE_NO_ADDRESS;
    }
    if (*at++ != ',') {
        return LINE_NO_COMMA;
    }
    record->size = 0;
    for (; *at >= '0' && *at <= '9' && record->size <= TRACE_SIZE_MAX; at++) {
        record->size = record->size * 10 + (*at - '0');
    }
    if (record->size == 0 || record->size > TRACE_SIZE_MAX) {
        return LINE_NO_SIZE;
    }
    if (*at != '\n') {
        return LINE_NO_END;
    }
    return record->address + (record->size - 1) < record->address ? LINE_WRAPS : LINE_RECORD;
}

static void refuse_line(struct trace *trace, const unsigned char *line, enum line fault)
{
    char found[LINE_EXCERPT + 8];
    const unsigned char *end = memchr(line, '\n', trace->limit - trace->input.start + 1);
    trace_quote(found, sizeof(found), line, (size_t)(end - line));
    bool first = trace->line == 1;
    trace_fail(&trace->failure, "%sline %llu: found \"%s\", expected %s",
               first ? "not lackey text, a quire trace or either in zstd: " : "",
               (unsigned long long)trace->line, found, missed[fault]);
}

/* ---- lines from the buffer ---- */

/*
 * Sets `limit` behind the last newline of the buffer, refilled if it has none. A last line without
 * one is given it; so is the part of a line too long for the buffer, which is then found to be no
 * record.
 */
static bool refill(struct trace *trace)
{
    struct trace_input *input = &trace->input;
    size_t searched = 0; /* unused bytes known to hold no newline */
    do {
        trace->limit = input->end;
        while (trace->limit > input->start + searched && input->buffer[trace->limit - 1] != '\n') {
            trace->limit--;
        }
        if (trace->limit > input->start + searched) {
            return true;
        }
        searched = input->end - input->start;
    } while (trace_input_fill(input, &trace->failure));
    trace->limit = input->end;
    if (trace_error(trace) || input->start == input->end) {
        return false;
    }
    input->buffer[input->end] = '\n';
    return true;
}

/* Takes a line that `usual_line` declined; true if it gave a record. */
static bool take_line(struct trace *trace, struct trace_record *record)
{
    const unsigned char *line = trace->input.buffer + trace->input.start;
    enum line made = any_line(line, record);
    if (made > LINE_REMARK) {
        refuse_line(trace, line, made);
        return false;
    }
    const unsigned char *end = memchr(line, '\n', trace->limit - trace->input.start + 1);
    size_t next = (size_t)(end + 1 - trace->input.buffer);
    trace->input.start = next < trace->input.end ? next : trace->input.end;
    trace->line++;
    return made == LINE_RECORD;
}

/* The usual lines of the buffer, at most n, and how many. */
static size_t take_usual(struct trace *trace, struct trace_record *batch, size_t n)
{
    const unsigned char *line = trace->input.buffer + trace->input.start;
    const unsigned char *limit = trace->input.buffer + trace->limit;
    size_t got = 0;
    while (got < n && line < limit) {
        const unsigned char *next = usual_line(line, &batch[got]);
        if (!next) {
            break;
        }
        line = next;
        got++;
    }
    size_t used = (size_t)(line - trace->input.buffer);
    trace->input.start = used < trace->input.end ? used : trace->input.end;
    trace->line += got;
    return got;
}

size_t trace_text_read(struct trace *trace, struct trace_record *batch, size_t n)
{
    size_t got = 0;
    while (got < n && !trace_error(trace)) {
        if (trace->input.start >= trace->limit && !refill(trace)) {
            break;
        }
        got += take_usual(trace, batch + got, n - got);
        if (got < n && trace->input.start < trace->limit) {
            got += take_line(trace, &batch[got]);
        }
    }
    return got;
}
