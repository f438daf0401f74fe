/*
 * The simulated swap disk: pages in a real file, or in memory. Transfers complete at once.
 */
#ifndef SIMULATOR_DISK_H
#define SIMULATOR_DISK_H

#include "quire/transfer.h"

struct disk {
    int file;             /* -1: in memory */
    unsigned char *bytes; /* in memory: `size` bytes, taken lazily by the system */
    uint64_t size;
    uint64_t reads, writes;
    uint64_t *fail_read, *fail_write; /* countdowns, see struct machine_faults; may be NULL */
};

/* `path` NULL: in memory. A file is created (or emptied) and made `size` long. False: errno says. */
bool disk_open(struct disk *disk, const char *path, uint64_t size);
void disk_close(struct disk *disk);

/* As struct quire_device wants it; context is the disk. */
enum quire_status disk_transfer(void *context, struct quire_transfer *transfer);

#endif
