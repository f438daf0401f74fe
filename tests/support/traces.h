/*
 * For tests of reference traces: random ones, text and compact bytes of them, and what a reader
 * must give for bytes that are sound and for bytes that are not.
 */
#ifndef SUPPORT_TRACES_H
#define SUPPORT_TRACES_H

#include "tests/support/prng.h"
#include "tools/quire/trace.h"

/* Bytes that grow. Begin with {0}, end with free(bytes.at). */
struct bytes {
    unsigned char *at;
    size_t size, room;
};

void add_bytes(struct bytes *bytes, const void *from, size_t n);
void add_text(struct bytes *bytes, const char *text);
void add_number(struct bytes *bytes, uint64_t value, unsigned size); /* lowest byte first */

/* End with free(records.at). */
struct records {
    struct trace_record *at;
    size_t count;
};

struct records room_for(size_t count);
bool same_records(const struct trace_record *a, const struct trace_record *b, size_t n);

/* Records as programs make them: runs that were there before, whole or changed here and there. */
struct records some_records(struct prng *prng, size_t count);

/* Records that follow hardly any pattern. */
struct records wild_records(struct prng *prng, size_t count);

/* As lackey prints them, or in other ways that mean the same. */
struct bytes lackey_text(const struct records *records, struct prng *prng);

/* The compact trace of these records, by way of a file. */
struct bytes compact(const struct trace_record *records, size_t n);

/* A path in a directory of this run; "" is the directory. Valid for three more calls. */
const char *file_path(const char *name);
struct bytes file_bytes(const char *path);
void make_file(const char *path, const void *bytes, size_t size);

/* For cmocka: removes the directory, which must be empty by then. */
int remove_files(void **state);

/* The trace gives exactly these records, in batches of any size, ends without an error, and is
 * closed. */
void check_reads(struct trace *trace, const struct trace_record *records, size_t n,
                 struct prng *prng);
void check_reads_bytes(const struct bytes *bytes, const struct trace_record *records, size_t n,
                       struct prng *prng);

/* The bytes are refused with one sound line, after none or some first ones of these records. The
 * line stays valid until the next call. */
const char *check_refused(const void *bytes, size_t size, const struct trace_record *records,
                          size_t n);

void check_says(const char *error, const char *part);

#endif
