/* The simulated swap disk. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lazy.h"

static bool open_file(struct disk *disk, const char *path)
{
    int error;

    disk->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (disk->file == -1) {
        return false;
    }
    if (ftruncate(disk->file, (off_t)disk->size) == 0) {
        return true;
    }
    error = errno;
    disk_close(disk);
    errno = error;
    return false;
}

bool disk_open(struct disk *disk, const char *path, uint64_t size)
{
    *disk = (struct disk){.size = size, .file = -1};
    if (size > INT64_MAX) {
        errno = EFBIG;
        return false;
    }
    if (path != NULL) {
        return open_file(disk, path);
    }
    disk->bytes = size != 0 ? lazy_alloc(size) : NULL;
    return size == 0 || disk->bytes != NULL;
}

void disk_close(struct disk *disk)
{
    if (disk->file != -1) {
        close(disk->file);
    }
    lazy_free(disk->bytes, disk->size);
    disk->file = -1;
    disk->bytes = NULL;
}

/* A part of a page between memory and the file; what pread and pwrite return. */
static ssize_t move_part(const struct disk *disk, const struct quire_transfer *transfer,
                         uint64_t done)
{
    unsigned char *where = (unsigned char *)transfer->where + done;
    size_t bytes = (size_t)(transfer->bytes - done);
    off_t offset = (off_t)(transfer->offset + done);

    return transfer->direction == QUIRE_TRANSFER_IN ? pread(disk->file, where, bytes, offset)
                                                    : pwrite(disk->file, where, bytes, offset);
}

/* Signals and full disks may cut a transfer short: go on until the system says why it cannot. */
static bool move_by_file(struct disk *disk, const struct quire_transfer *transfer)
{
    for (uint64_t done = 0; done < transfer->bytes;) {
        ssize_t moved = move_part(disk, transfer, done);

        if (moved > 0) {
            done += (uint64_t)moved;
        } else if (moved == 0 || errno != EINTR) {
            disk->error = moved == 0 ? EIO : errno; /* 0: somebody else cut the file short */
            return false;
        }
    }
    return true;
}

static void move_in_memory(struct disk *disk, const struct quire_transfer *transfer)
{
    if (transfer->direction == QUIRE_TRANSFER_IN) {
        memcpy(transfer->where, disk->bytes + transfer->offset, (size_t)transfer->bytes);
    } else {
        memcpy(disk->bytes + transfer->offset, transfer->where, (size_t)transfer->bytes);
    }
}

/* Whose mishaps strike the disk. */
static struct disk *striking(struct disk *disk)
{
    return disk->fails_with != NULL ? disk->fails_with : disk;
}

static enum quire_status move(struct disk *disk, const struct quire_transfer *transfer)
{
    struct disk *failing = striking(disk);
    bool in = transfer->direction == QUIRE_TRANSFER_IN;

    if (mishap_strikes(in ? &failing->fail_read : &failing->fail_write) ||
        transfer->offset > disk->size || transfer->bytes > disk->size - transfer->offset) {
        return QUIRE_IO_ERROR;
    }
    if (disk->file == -1) {
        move_in_memory(disk, transfer);
    } else if (!move_by_file(disk, transfer)) {
        return QUIRE_IO_ERROR;
    }
    *(in ? &disk->reads : &disk->writes) += 1;
    return QUIRE_OK;
}

enum quire_status disk_transfer(void *context, struct quire_transfer *transfer)
{
    struct disk *disk = context;
    struct disk_queue *queue = disk->queue;
    struct quire_transfer **link;
    bool delayed;

    if (queue == NULL) {
        return move(disk, transfer);
    }
    delayed = mishap_strikes(&striking(disk)->delay);
    if (!disk->slow && !delayed) {
        return move(disk, transfer);
    }
    link = &queue->first;
    while (delayed && *link != NULL) {
        link = &(*link)->next;
    }
    transfer->device = disk;
    transfer->next = *link;
    *link = transfer;
    queue->length++;
    queue->delayed += delayed;
    return QUIRE_PENDING;
}

void disk_complete(struct disk_queue *queue, unsigned n)
{
    struct quire_transfer **link = &queue->first, *transfer;

    while (n-- != 0) {
        link = &(*link)->next;
    }
    transfer = *link;
    *link = transfer->next;
    queue->delayed -= queue->length == queue->delayed;
    queue->length--;
    quire_transfer_done(transfer, move(transfer->device, transfer));
}
