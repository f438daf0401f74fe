/*
 * Reference traces: what a real program fetched, loaded and stored, in order.
 *
 * The reader takes a file or a pipe and finds out by content what it is:
 *   - the text of `valgrind --tool=lackey --trace-mem=yes`,
 *   - quire's own compact format (docs/trace-format.md),
 *   - either of the two compressed with zstd (when built with QUIRE_HAVE_ZSTD).
 * The writer makes the compact format. Neither prints: both keep one error, a single line without
 * a newline that names the file, the place and what was expected; the caller shows it.
 *
 * Replaying a trace needs no more than this:
 *
 *     struct trace_record batch[4096];
 *     struct trace *trace = trace_open(path);
 *     size_t n;
 *     while ((n = trace_read(trace, batch, 4096)) != 0) {
 *         replay(batch, n);
 *     }
 *     if (trace_error(trace)) {
 *         fprintf(stderr, "quire: %s\n", trace_error(trace));
 *     }
 *     trace_close(trace);
 */
#ifndef QUIRE_TOOLS_TRACE_H
#define QUIRE_TOOLS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
    TRACE_FETCH,  /* lackey's I: an instruction is fetched */
    TRACE_LOAD,   /* L: data is loaded */
    TRACE_STORE,  /* S: data is stored */
    TRACE_MODIFY, /* M: data is loaded and stored again at the same address */
};

/* The longest single access that a trace may hold (lackey itself stops at 512: an xsave area). */
#define TRACE_SIZE_MAX 4096u

/*
 * One reference. Every record that a reader hands out, and every record that a writer takes, has
 * 1 <= size <= TRACE_SIZE_MAX and does not run past 2^64: address + (size - 1) never wraps.
 */
struct trace_record {
    uint64_t address;
    uint32_t size;
    enum trace_kind kind;
};

/* ---- reading ---- */

struct trace;

/*
 * Opens a file, or standard input for "-". Never fails silently: a file that cannot be read gives
 * a reader whose trace_error() says so and which holds no records. NULL means that memory ran out;
 * every function below accepts NULL and treats it as such a reader.
 */
struct trace *trace_open(const char *path);

/* The same for bytes in memory, which stay the caller's and must outlive the reader. */
struct trace *trace_open_memory(const void *bytes, size_t size, const char *name);

/*
 * Stores the next records, at most n, and returns how many; n must not be 0. 0 means that there
 * are no more: the end of the trace, or an error. Records before an error are all delivered first.
 */
size_t trace_read(struct trace *trace, struct trace_record *batch, size_t n);

/* NULL, or the error: one line, such as `t.txt: line 7: found "X 10,4", expected ...`. */
const char *trace_error(const struct trace *trace);

/* Bytes of the input consumed so far, and its whole size: 0 if unknown (a pipe). For progress. */
uint64_t trace_position(const struct trace *trace);
uint64_t trace_size(const struct trace *trace);

/* What was recognised: "lackey text", "quire trace", with ", zstd" behind it if compressed. */
const char *trace_format_name(const struct trace *trace);

void trace_close(struct trace *trace);

/* ---- writing ---- */

struct trace_writer;

/*
 * Starts a compact trace that is to become the file `path`. It grows under a temporary name beside
 * it and takes the name only in trace_writer_commit, so that a file is either whole or untouched.
 * (A path that is a device or a pipe is written directly.) NULL: memory ran out. An error is kept
 * as in the reader; every later call then does nothing.
 */
struct trace_writer *trace_writer_open(const char *path);

/* Appends records; false once there is an error. */
bool trace_writer_put(struct trace_writer *writer, const struct trace_record *records, size_t n);

/* Finishes the trace and gives it its name. False, and no file, on an error. Call it once. */
bool trace_writer_commit(struct trace_writer *writer);

const char *trace_writer_error(const struct trace_writer *writer);

/* What the file is called until it is committed, for who must remove it in a hurry: NULL, it has no
 * such name. Valid until the writer is closed. */
const char *trace_writer_temporary(const struct trace_writer *writer);

/* Bytes written so far, for a report. */
uint64_t trace_writer_bytes(const struct trace_writer *writer);

/* Frees the writer; if it was not committed, its temporary file is removed. */
void trace_writer_close(struct trace_writer *writer);

#endif
