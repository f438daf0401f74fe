/* The simulated disk: what was written is read, from files and from memory; and what goes wrong. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hosts/simulator/disk.h"
#include "tests/support/prng.h"
#include "tests/support/unit.h"

enum { DISK_PAGE = 512, DISK_PAGES = 40 };

/* Where a test may make a file. */
static const char *scratch_path(void)
{
    static char path[256];
    const char *directory = getenv("TMPDIR");

    snprintf(path, sizeof(path), "%s/quire-test-disk-%ld", directory != NULL ? directory : P_tmpdir,
             (long)getpid());
    return path;
}

static enum quire_status transfer(struct disk *disk, enum quire_direction direction, uint64_t page,
                                  unsigned char *bytes)
{
    struct quire_transfer request = {
        .direction = direction, .offset = page * DISK_PAGE, .where = bytes, .bytes = DISK_PAGE};

    return disk_transfer(disk, &request);
}

static void disk_round_trips(const char *path)
{
    unsigned char model[DISK_PAGES][DISK_PAGE] = {{0}};
    unsigned char page[DISK_PAGE];
    struct prng prng = prng_new(2);
    struct disk disk;
    uint64_t reads = 0;

    check(disk_open(&disk, path, sizeof(model)));
    for (unsigned step = 0; step < 2000; step++) {
        uint64_t at = prng_below(&prng, DISK_PAGES);

        if (prng_one_in(&prng, 2)) {
            for (unsigned i = 0; i < DISK_PAGE; i++) {
                model[at][i] = (unsigned char)prng_next(&prng);
            }
            check(transfer(&disk, QUIRE_TRANSFER_OUT, at, model[at]) == QUIRE_OK);
        } else {
            memset(page, 0x5a, DISK_PAGE);
            check(transfer(&disk, QUIRE_TRANSFER_IN, at, page) == QUIRE_OK);
            check(memcmp(page, model[at], DISK_PAGE) == 0);
            reads++;
        }
    }
    check(disk.reads == reads && disk.writes == 2000 - reads && disk.error == 0);
    check(transfer(&disk, QUIRE_TRANSFER_IN, DISK_PAGES, page) == QUIRE_IO_ERROR);
    check(transfer(&disk, QUIRE_TRANSFER_OUT, UINT64_MAX / DISK_PAGE, page) == QUIRE_IO_ERROR);
    disk_close(&disk);
}

static void test_disk(void **state)
{
    (void)state;
    disk_round_trips(NULL);
    disk_round_trips(scratch_path());
    disk_round_trips(scratch_path()); /* over what the other left */
    unlink(scratch_path());
}

static void test_disk_that_cannot_be(void **state)
{
    struct disk disk;

    (void)state;
    check(!disk_open(&disk, "/nowhere/at/all", DISK_PAGE) && errno == ENOENT);
    check(!disk_open(&disk, "/", DISK_PAGE) && errno == EISDIR);
    check(!disk_open(&disk, scratch_path(), (uint64_t)INT64_MAX + 1) && errno == EFBIG);
    check(!disk_open(&disk, NULL, (uint64_t)INT64_MAX) && errno == ENOMEM);
    check(disk_open(&disk, NULL, 0)); /* a machine without swap */
    disk_close(&disk);
}

/* A file that somebody cuts short, and a file system that is full (here: a limit on file sizes). */
static void test_disk_that_breaks(void **state)
{
    unsigned char page[DISK_PAGE] = {1};
    struct rlimit before, little = {3 * DISK_PAGE + 100, 0};
    struct disk disk;

    (void)state;
    check(disk_open(&disk, scratch_path(), 8 * DISK_PAGE));
    check(getrlimit(RLIMIT_FSIZE, &before) == 0);
    little.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    check(setrlimit(RLIMIT_FSIZE, &little) == 0);
    check(transfer(&disk, QUIRE_TRANSFER_OUT, 2, page) == QUIRE_OK);
    check(transfer(&disk, QUIRE_TRANSFER_OUT, 3, page) == QUIRE_IO_ERROR);
    check(disk.error == EFBIG);
    check(setrlimit(RLIMIT_FSIZE, &before) == 0);
    check(transfer(&disk, QUIRE_TRANSFER_OUT, 3, page) == QUIRE_OK);

    check(truncate(scratch_path(), 5 * DISK_PAGE + 1) == 0);
    check(transfer(&disk, QUIRE_TRANSFER_IN, 4, page) == QUIRE_OK && page[0] == 0);
    check(transfer(&disk, QUIRE_TRANSFER_IN, 5, page) == QUIRE_IO_ERROR);
    check(disk.error == EIO);
    check(disk.writes == 2 && disk.reads == 1);
    disk_close(&disk);
    unlink(scratch_path());
}

static void test_mishaps(void **state)
{
    unsigned char page[DISK_PAGE] = {0};
    struct disk disk;

    (void)state;
    check(disk_open(&disk, NULL, DISK_PAGES * DISK_PAGE));
    disk.fail_read = (struct mishap){.in = 3};
    disk.fail_write = (struct mishap){.in = 2, .every = 4};
    for (unsigned n = 1; n <= 20; n++) {
        enum quire_status in = transfer(&disk, QUIRE_TRANSFER_IN, n, page);
        enum quire_status out = transfer(&disk, QUIRE_TRANSFER_OUT, n, page);

        check(in == (n == 3 ? QUIRE_IO_ERROR : QUIRE_OK));
        check(out == (n % 4 == 2 ? QUIRE_IO_ERROR : QUIRE_OK));
    }
    check(disk.reads == 19 && disk.writes == 15);
    disk_close(&disk);
}

static void note_done(struct quire_transfer *transfer)
{
    check(transfer->status == QUIRE_OK);
}

/* A fast disk keeps only the transfer that is delayed; a slow one does it when no other waits. */
static void test_delayed_transfer(void **state)
{
    unsigned char page[DISK_PAGE] = {0};
    struct disk_queue queue = {0};
    struct disk disk;

    (void)state;
    check(disk_open(&disk, NULL, DISK_PAGES * DISK_PAGE));
    disk.queue = &queue;
    for (unsigned slow = 0; slow < 2; slow++) {
        enum { TRANSFERS = 4, DELAYED = 2 };
        struct quire_transfer transfers[TRANSFERS];

        disk.slow = slow;
        disk.delay = (struct mishap){.in = DELAYED + 1};
        for (unsigned n = 0; n < TRANSFERS; n++) {
            bool waits = slow != 0 || n == DELAYED;

            transfers[n] = (struct quire_transfer){.direction = QUIRE_TRANSFER_OUT,
                                                   .offset = n * DISK_PAGE,
                                                   .where = page,
                                                   .bytes = DISK_PAGE,
                                                   .done = note_done};
            check(disk_transfer(&disk, &transfers[n]) == (waits ? QUIRE_PENDING : QUIRE_OK));
        }
        check(queue.delayed == 1 && disk_choices(&queue) == (slow != 0 ? TRANSFERS - 1 : 1));
        while (queue.length > 1) {
            disk_complete(&queue, disk_choices(&queue) - 1);
            check(queue.delayed == 1);
        }
        check(queue.first == &transfers[DELAYED]);
        disk_complete(&queue, 0);
        check(queue.length == 0 && queue.delayed == 0 && queue.first == NULL);
    }
    check(disk.writes == 8);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_disk_that_cannot_be),
        cmocka_unit_test(test_disk_that_breaks),
        cmocka_unit_test(test_mishaps),
        cmocka_unit_test(test_delayed_transfer),
    };

    return unit_run(tests);
}
