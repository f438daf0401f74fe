/*
 * Images: programs and libraries as they lie in files, ready to be mapped.
 *
 *   file                     image: segments           a process
 *   +---------+
 *   | headers |---------->   text   R-X   object  ---> region, shared by all who map it
 *   | text    |              data   RW-   object  ---> region, private: shared until written
 *   | data    |              bss (behind data's end)   ... zeros
 *   +---------+
 *
 * An image is described first (quire_image_of_size() here, or quire_elf_parse() in quire/elf.h),
 * which needs no memory; its segments become memory objects when the first process maps it, and
 * cease to be with the last. All who map it share every page that they did not write.
 *
 * The caller owns the record and keeps it where it is while anybody uses it.
 */
#ifndef QUIRE_IMAGE_H
#define QUIRE_IMAGE_H

#include "quire/object.h"

enum { QUIRE_IMAGE_SEGMENTS = 16 };
#define QUIRE_IMAGE_BYTES (UINT64_C(1) << 48) /* the most, of a segment or of a file before it */

/*
 * One piece of the image, with rights of its own. Its first byte need not begin a page, but has the
 * same place in its page as in the file; `bytes` that go beyond `file_bytes` are zeros.
 */
struct quire_segment {
    uint64_t va;     /* address; in a movable image, relative to wherever it is put */
    uint64_t bytes;  /* in memory; not 0 */
    uint64_t offset; /* in the file */
    uint64_t file_bytes;
    unsigned prot; /* QUIRE_RIGHTS */
};

struct quire_image {
    const char *name;           /* the caller's; NULL: it has none */
    struct quire_device device; /* the file: page n is at offset n * page */

    bool movable;        /* it can be put anywhere, as far from va as a multiple of align */
    uint64_t va, bytes;  /* whole pages, from the first segment's to the last one's */
    uint64_t size;       /* from the first segment's first byte to the last one's last: 5,673 */
    uint64_t align;      /* a power of two, at least a page */
    uint64_t entry;      /* like va */
    uint64_t page_bytes; /* of the machines that it is for */
    bool wants_loader;   /* its file names a program that should load it (ELF: PT_INTERP) */
    unsigned segments;   /* in order of address; no two have a page in common */
    struct quire_segment segment[QUIRE_IMAGE_SEGMENTS];

    uint32_t users;              /* who map it; 0: it has no objects and no memory */
    struct quire_system *system; /* of the users */
    struct quire_object object[QUIRE_IMAGE_SEGMENTS]; /* of each segment, while there are users */
};

/* Describes an image of which nothing is known but its size: one movable segment, readable,
 * writable and executable, with its entry at its first byte, made of the first `bytes` bytes of the
 * device. QUIRE_INVALID: 0 bytes, more than QUIRE_IMAGE_BYTES, or page_bytes is no power of two. */
enum quire_status quire_image_of_size(struct quire_image *image, const char *name,
                                      const struct quire_device *device, uint64_t bytes,
                                      uint64_t page_bytes);

/* The same, but for text and data apart, as linkers lay them out: `text` bytes, readable and
 * executable; then `data` bytes (0: none), which follow at once in the file and begin on the next
 * page in memory, readable and writable. A library of 6,563 bytes, 4,700 of them text, takes two
 * pages for text and one for data. */
enum quire_status quire_image_of_parts(struct quire_image *image, const char *name,
                                       const struct quire_device *device, uint64_t text,
                                       uint64_t data, uint64_t page_bytes);

/* One user more. The first one makes the objects. QUIRE_NO_MEMORY; QUIRE_INVALID: described for
 * pages of another size, or the other users are on another system; nothing changed. */
enum quire_status quire_image_open(struct quire_image *image, struct quire_system *system);

/* One user less: he maps it no longer. With the last, its pages are given up: all are as in the
 * file, as nobody can write to an image. => open; no request for a page of it is pending */
void quire_image_close(struct quire_image *image);

/* Can its first page be at va? */
bool quire_image_fits(const struct quire_image *image, quire_va va);

/* Maps every segment, the image's first page at va. QUIRE_INVALID: it does not fit there; otherwise
 * as quire_space_map(). Nothing changed on failure. => open */
enum quire_status quire_image_map(struct quire_image *image, struct quire_space *space,
                                  quire_va va);

/* Does the object hold a segment of this image? */
static inline bool quire_image_has(const struct quire_image *image,
                                   const struct quire_object *object)
{
    return (uintptr_t)object - (uintptr_t)image->object < sizeof(image->object);
}

#endif
