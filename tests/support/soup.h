/*
 * Memory full of entries that could be: most present, most without reserved bits, most pointing to
 * other such memory. Walks through it get far, and end in every way there is.
 */
#ifndef SUPPORT_SOUP_H
#define SUPPORT_SOUP_H

#include "tests/support/arena.h"
#include "quire/format.h"

void soup_fill(struct prng *prng, const struct quire_format *format, struct arena *arena);

/* A random address: mostly one that the format translates, with an index that is often small. */
uint64_t soup_va(struct prng *prng, const struct quire_format *format);

/* A root for walks: a frame of the arena, now and then somewhere else. */
uint64_t soup_root(struct prng *prng, const struct quire_format *format, const struct arena *arena);

/* An arena that suits the format: frames of its page size, low enough to be pointed to. */
void soup_arena(struct prng *prng, const struct quire_format *format, enum arena_reach reach,
                struct arena *arena);

#endif
