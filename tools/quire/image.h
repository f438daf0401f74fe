/* A memory image: what --memory names. */
#ifndef QUIRE_TOOLS_IMAGE_H
#define QUIRE_TOOLS_IMAGE_H

#include "bytes.h"
#include "quire/memory.h"

struct image {
    struct bytes raw;           /* what was read; for text: nothing any more */
    struct quire_memory memory; /* read only! */
    bool has_root;              /* a text said where the tables begin ("PDBR: 108") */
    quire_pa root;
};

/* Opens a file, or "-" for standard input: raw bytes, or text (page_text.h); its content tells
 * which. Its first byte is at physical address `base`. */
bool image_open(struct image *image, const char *path, uint64_t base, struct problem *problem);

void image_close(struct image *image);

#endif
