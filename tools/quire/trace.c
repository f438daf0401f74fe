/* Reference traces: opening, finding out what a file is, and the error that each reader keeps. */
#include "trace_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trace_quote(char *to, size_t room, const unsigned char *bytes, size_t n)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        bool plain = bytes[i] >= 0x20 && bytes[i] < 0x7f;
        if (used + 4 + sizeof "..." > room) {
            memcpy(to + used, "...", 3);
            used += 3;
            break;
        }
        used += (size_t)snprintf(to + used, room - used, plain ? "%c" : "\\x%02x", bytes[i]);
    }
    to[used] = '\0';
}

void trace_failure_name(struct trace_failure *failure, const char *name)
{
    size_t length = strlen(name);
    size_t most = sizeof(failure->name) - sizeof "...";
    if (length > most) {
        snprintf(failure->name, sizeof(failure->name), "...%s", name + length - most);
    } else {
        memcpy(failure->name, name, length + 1);
    }
    for (char *at = failure->name; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
}

bool trace_fail(struct trace_failure *failure, const char *format, ...)
{
    if (failure->text[0] == '\0') {
        int used = snprintf(failure->text, sizeof(failure->text), "%s: ", failure->name);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(failure->text + used, sizeof(failure->text) - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* zstd's frames, and the skippable ones that some of its tools put in front. */
static bool is_zstd(const unsigned char *bytes)
{
    uint32_t magic = compact_get32(bytes);
    return magic == 0xfd2fb528u || (magic & 0xfffffff0u) == 0x184d2a50u;
}

/* Other packers are not read, but known, so that the user learns what to do. */
static bool refuse_other_packers(struct trace *trace, const unsigned char *bytes)
{
    static const struct {
        unsigned char magic[4];
        const char *name;
        const char *command;
    } packers[] = {
        {{0x1f, 0x8b, 0x08, 0x00}, "gzip", "zcat"},
        {{0xfd, '7', 'z', 'X'}, "xz", "xzcat"},
        {{'B', 'Z', 'h', 0x00}, "bzip2", "bzcat"},
    };
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        size_t length = packers[i].magic[3] ? 4 : 3;
        if (memcmp(bytes, packers[i].magic, length) == 0) {
            return trace_fail(&trace->failure,
                              "is compressed with %s, expected lackey text, a "
                              "quire trace, or either in zstd: %s FILE | quire replay -",
                              packers[i].name, packers[i].command);
        }
    }
    return true;
}

/* The first bytes, as far as there are any; zeros behind them. */
static const unsigned char *first_bytes(struct trace *trace)
{
    trace_input_need(&trace->input, COMPACT_MAGIC_BYTES, &trace->failure);
    return trace->input.buffer + trace->input.start;
}

static bool recognise(struct trace *trace)
{
    const unsigned char *bytes = first_bytes(trace);
    if (trace_error(trace)) {
        return false;
    }
    if (is_zstd(bytes)) {
        trace->packed = true;
        if (!trace_input_unpack(&trace->input, &trace->failure)) {
            return false;
        }
        bytes = first_bytes(trace);
    }
    if (trace_error(trace)) {
        return false;
    }
    if (trace->input.start == trace->input.end) {
        return trace_fail(&trace->failure, "is empty, expected a reference trace");
    }
    if (bytes[0] == compact_magic[0]) {
        trace->form = TRACE_COMPACT;
        return trace_compact_start(trace);
    }
    if (!refuse_other_packers(trace, bytes)) {
        return false;
    }
    trace->form = TRACE_TEXT;
    trace->line = 1;
    return true;
}

static struct trace *new_trace(const char *name)
{
    struct trace *trace = calloc(1, sizeof(*trace));
    if (trace) {
        trace->input.descriptor = -1;
        trace_failure_name(&trace->failure, name);
    }
    return trace;
}

struct trace *trace_open(const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    struct trace *trace = new_trace(standard ? "standard input" : path);
    if (trace && trace_input_open(&trace->input, path, &trace->failure)) {
        recognise(trace);
    }
    return trace;
}

struct trace *trace_open_memory(const void *bytes, size_t size, const char *name)
{
    struct trace *trace = new_trace(name);
    if (!trace) {
        return NULL;
    }
    if (trace_input_memory(&trace->input, bytes, size)) {
        recognise(trace);
    } else {
        trace_fail(&trace->failure, "not enough memory to read it");
    }
    return trace;
}

size_t trace_read(struct trace *trace, struct trace_record *batch, size_t n)
{
    if (trace_error(trace)) {
        return 0;
    }
    size_t got = trace->form == TRACE_TEXT ? trace_text_read(trace, batch, n)
                                           : trace_compact_read(trace, batch, n);
    trace->given += got;
    if (got == 0 && trace->given == 0) {
        trace_fail(&trace->failure, "holds no references, expected at least one");
    }
    return got;
}

const char *trace_error(const struct trace *trace)
{
    if (!trace) {
        return "not enough memory to read a trace";
    }
    return trace->failure.text[0] ? trace->failure.text : NULL;
}

uint64_t trace_position(const struct trace *trace)
{
    return trace ? trace_input_position(&trace->input) : 0;
}

uint64_t trace_size(const struct trace *trace)
{
    return trace ? trace->input.total : 0;
}

const char *trace_format_name(const struct trace *trace)
{
    static const char *const names[][2] = {
        [TRACE_UNKNOWN] = {"unknown", "unknown, zstd"},
        [TRACE_TEXT] = {"lackey text", "lackey text, zstd"},
        [TRACE_COMPACT] = {"quire trace", "quire trace, zstd"},
    };
    return trace ? names[trace->form][trace->packed] : names[TRACE_UNKNOWN][0];
}

void trace_close(struct trace *trace)
{
    if (trace) {
        trace_compact_close(trace);
        trace_input_close(&trace->input);
        free(trace);
    }
}
