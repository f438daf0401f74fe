/*
 * Memory objects: something that pages come from, however many spaces map it.
 *
 * A file, an image, a library: its pages are read from a device when they are first needed, kept
 * once, and mapped wherever a region shows them. What is written through a shared region goes back
 * to the device when the page is evicted or the object is synchronised. An object without a device
 * is memory that processes share: zero-filled, and paged to swap.
 *
 *     space A: region ----+                    pages (by index; a supplement of its own)
 *     space B: region ----+--> object -------> frame | swap | untouched (as on the device)
 *     space B: region ----+       |
 *                                 +----------> device
 */
#ifndef QUIRE_OBJECT_H
#define QUIRE_OBJECT_H

#include "quire/region.h"
#include "quire/supplement.h"
#include "quire/system.h"

struct quire_object {
    struct quire_system *system;
    struct quire_device device; /* transfer NULL: no device */
    uint64_t bytes; /* the rest of the last page is zeros at first; with a device, what is written
                       there is kept until the page is written back, which makes it zeros again */
    struct quire_supplement pages;
    struct quire_region *mappings;
    struct quire_object *prev, *next; /* of the system's objects */
    uint32_t resident, swapped;
    uint32_t failed_writes; /* of its pages, to its device */
    uint16_t id;
};

/* An object of `bytes` bytes (1 or more), none of it in memory. device NULL: no device.
 * QUIRE_NO_MEMORY; QUIRE_INVALID: 0 bytes; QUIRE_NO_SPACE: commit limit (objects without device).
 * */
enum quire_status quire_object_create(struct quire_object *object, struct quire_system *system,
                                      const struct quire_device *device, uint64_t bytes);

/* Forgets the object and its pages, written back or not: see quire_object_sync().
 * => no region maps it; no request pending */
void quire_object_destroy(struct quire_object *object);

/*
 * Writes back every dirty page, from *next on (0 at first). QUIRE_OK: all done; QUIRE_PENDING: one
 * is being written, through request: call quire_space_resume(request), then this again; QUIRE_BUSY:
 * page *next is being written for another request, which could fail: call this again when that has
 * ended; QUIRE_IO_ERROR: page *next could not be written and is still dirty: nothing is lost. Pages
 * stay resident, and are mapped read-only or unmarked, so that the next write is seen.
 */
enum quire_status quire_object_sync(struct quire_object *object, uint64_t *next,
                                    struct quire_request *request);

#endif
