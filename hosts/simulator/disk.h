/*
 * A simulated disk: pages in a real file, or in memory. Transfers complete at once; or, with a
 * queue, when somebody takes them out of it, in whatever order: until then the answer is
 * QUIRE_PENDING.
 */
#ifndef SIMULATOR_DISK_H
#define SIMULATOR_DISK_H

#include "mishap.h"
#include "quire/transfer.h"

struct disk;

/* Transfers that wait, of one disk or several. All zero: none do. */
struct disk_queue {
    struct quire_transfer *first;
    unsigned length;
};

struct disk {
    uint64_t size;
    int file;               /* -1: in memory */
    unsigned char *bytes;   /* ... which is this, and costs only what was written */
    uint64_t reads, writes; /* transfers done */
    int error;              /* errno of the last transfer that failed by itself; 0: none did */
    struct mishap fail_read, fail_write;
    struct disk *fails_with;  /* whose mishaps strike here, in place of its own; NULL: these */
    struct disk_queue *queue; /* NULL: transfers are done at once */
};

/* `path` NULL: in memory. A file is created (or emptied) and made `size` long, with holes: it takes
 * only what is written. False: errno says why, and nothing is left open. */
bool disk_open(struct disk *disk, const char *path, uint64_t size);

/* The file stays. */
void disk_close(struct disk *disk);

/* As struct quire_device wants it; context is the disk. => transfer->where is set */
enum quire_status disk_transfer(void *context, struct quire_transfer *transfer);

/* Does the n-th of those that wait, 0 being the one that came last, and tells its asker. => there
 * are more than n */
void disk_complete(struct disk_queue *queue, unsigned n);

#endif
