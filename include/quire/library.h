/*
 * Shared libraries: kept once in the kernel's list, mapped wherever a process has room.
 *
 * A library is an image with a name. Its read-only pages are everybody's for ever; a page of its
 * data is everybody's until a process writes to it, which then has its own.
 */
#ifndef QUIRE_LIBRARY_H
#define QUIRE_LIBRARY_H

#include "quire/image.h"

struct quire_usermode;

struct quire_library {
    struct quire_image *image;
    struct quire_usermode *usermode;
    struct quire_library *prev, *next; /* in the kernel's list */
    uint32_t users;                    /* processes that map it */
    bool kept;                         /* its pages stay when nobody maps it any more */
    bool loaded;                       /* somebody maps it, or did and it is kept */
};

/* Puts a library into the kernel's list, where it can be found by its image's name (not NULL).
 * Nothing is loaded yet. The caller owns both records. QUIRE_EXISTS: the name is taken;
 * QUIRE_INVALID: it has no name, or cannot be put where there is room (not movable). */
enum quire_status quire_library_add(struct quire_usermode *usermode, struct quire_library *library,
                                    struct quire_image *image, bool kept);

/* Takes it out. QUIRE_BUSY: a process maps it; nothing changed. */
enum quire_status quire_library_remove(struct quire_library *library);

/* By name, or NULL. */
struct quire_library *quire_library_find(const struct quire_usermode *usermode, const char *name);

#endif
