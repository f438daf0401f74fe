/*
 * A simulated disk: pages in a real file, or in memory. Transfers complete at once; or, if the disk
 * is slow, when somebody takes them out of its queue, in whatever order: until then the answer is
 * QUIRE_PENDING. One that is delayed is done after all others, whether the disk is slow or not.
 */
#ifndef SIMULATOR_DISK_H
#define SIMULATOR_DISK_H

#include "mishap.h"
#include "quire/transfer.h"

struct disk;

/* Transfers that wait, of one disk or several: the delayed ones last. All zero: none do. */
struct disk_queue {
    struct quire_transfer *first;
    unsigned length, delayed;
};

struct disk {
    uint64_t size;
    int file;               /* -1: in memory */
    unsigned char *bytes;   /* ... which is this, and costs only what was written */
    uint64_t reads, writes; /* transfers done */
    int error;              /* errno of the last transfer that failed by itself; 0: none did */
    struct mishap fail_read, fail_write, delay;
    struct disk *fails_with;  /* whose mishaps strike here, in place of its own; NULL: these */
    struct disk_queue *queue; /* NULL: no transfer waits */
    bool slow;                /* all wait, not only those that are delayed */
};

/* `path` NULL: in memory. A file is created (or emptied) and made `size` long, with holes: it takes
 * only what is written. False: errno says why, and nothing is left open. */
bool disk_open(struct disk *disk, const char *path, uint64_t size);

/* The file stays. */
void disk_close(struct disk *disk);

/* As struct quire_device wants it; context is the disk. => transfer->where is set */
enum quire_status disk_transfer(void *context, struct quire_transfer *transfer);

/* How many of those that wait can be the next: a delayed one only if there is no other. */
static inline unsigned disk_choices(const struct disk_queue *queue)
{
    return queue->length > queue->delayed ? queue->length - queue->delayed : queue->length;
}

/* Does the n-th of those that wait, 0 being the one that came last, and tells its asker. => there
 * are more than n to choose from */
void disk_complete(struct disk_queue *queue, unsigned n);

#endif
