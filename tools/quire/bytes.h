/* A whole file, or all of standard input, as bytes. */
#ifndef QUIRE_TOOLS_BYTES_H
#define QUIRE_TOOLS_BYTES_H

#include "output.h"

struct bytes {
    unsigned char *at; /* a zero byte follows the last one, unless mapped */
    size_t count;
    bool mapped; /* a view of the file (read only), not a copy */
};

enum bytes_how {
    BYTES_COPY, /* always a copy */
    BYTES_VIEW  /* a file is mapped, whatever its size; what cannot be is copied */
};

/* Reads `path`, or standard input for "-". More than `limit` bytes are an error, for a copy; so is
 * nothing at all. */
bool bytes_read(struct bytes *bytes, const char *path, enum bytes_how how, size_t limit,
                struct problem *problem);

void bytes_free(struct bytes *bytes);

/* "standard input" for "-": the name of an input in messages. */
const char *input_name(const char *path);

#endif
