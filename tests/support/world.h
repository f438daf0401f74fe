/*
 * A simulated machine with programs on it, and beside them what every byte of theirs should be.
 *
 * Each address space has a few windows of pages (for a small format: all of it) in which regions
 * are mapped, protected and unmapped, and which are read and written. All of it is done twice, by
 * the machine and on flat arrays, and must agree: bytes, refusals, statuses. What the machine may
 * fail at (no memory, no swap, a broken disk) is told to the world; then nothing may have changed.
 */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include "hosts/simulator/machine.h"
#include "tests/support/prng.h"

enum { WORLD_SPACES = 6, WORLD_WINDOWS = 4, WORLD_LONGEST = 64 /* bytes of one access */ };

/* A page as the program sees it. */
struct world_page {
    bool mapped;
    unsigned prot, max_prot;
};

struct world_space {
    struct quire_space space;
    bool alive;
    struct world_page *page; /* world.pages of them */
    unsigned char *bytes;    /* their contents */
};

/* Pages [first, first + pages) of the world's numbering lie at va and up. */
struct world_window {
    quire_va va;
    uint32_t first, pages;
};

struct world_counters {
    uint64_t ok, refused, failed;                       /* accesses */
    uint64_t maps, unmaps, protects, spaces, no_memory; /* operations done; not done */
};

struct world {
    struct machine machine;
    const struct quire_format *format;
    struct prng *prng;
    uint64_t page_bytes;
    unsigned always; /* rights that the format cannot withhold */

    struct world_window window[WORLD_WINDOWS];
    unsigned windows;
    uint32_t pages;
    unsigned spaces; /* how many of these to use: two on tiny machines */
    struct world_space space[WORLD_SPACES];

    struct quire_region_spec kernel; /* bytes not 0: mapped in every space at once */

    struct quire_object file; /* for regions: some pages and a bit, full of noise */
    struct disk file_disk;

    uint32_t frames_at_start; /* free ones, before there were spaces */
    unsigned may_fail;        /* 1 << enum quire_status: what an access may fail with */
    struct world_counters count;
    unsigned recent_space; /* of random accesses, which stay near each other for a while */
    uint32_t recent_page;
};

/* Can the format have address spaces at all on a machine of its own size? If not, why. */
const char *world_unfit(const struct quire_format *format, const struct quire_policy_ops *policy);

/* All the memory that the format reaches, but at most 4,096 frames or 4 MiB; records beside memory;
 * a swap disk for more pages than all spaces can have. To be changed as wanted, and given to
 * world_open(). */
struct machine_config world_config(const struct quire_format *format,
                                   const struct quire_policy_ops *policy);

/* No space is alive yet. Memory is full of garbage. */
void world_open(struct world *world, const struct machine_config *config, struct prng *prng);

/* Frames that tables and records take when every page of one space is in use. */
uint32_t world_overhead(const struct quire_format *format);

/* Destroys what is alive, and checks that every frame and slot is back. */
void world_close(struct world *world);

/* Each does the same to machine and model; false: there was no memory, and nothing changed.
 * A region is of zeros, or of the file from a page of it on (not QUIRE_NONE). */
bool world_create(struct world *world, unsigned space);
void world_destroy(struct world *world, unsigned space);
bool world_map(struct world *world, unsigned space, uint32_t page, uint32_t pages, unsigned prot,
               unsigned max_prot, uint32_t file_page);
bool world_unmap(struct world *world, unsigned space, uint32_t page, uint32_t pages);
bool world_protect(struct world *world, unsigned space, uint32_t page, uint32_t pages,
                   unsigned prot);

/* Loads (and compares) or stores (noise) `bytes` bytes; they may lead out of the window. */
enum machine_result world_access(struct world *world, unsigned space, quire_va va, unsigned access,
                                 uint64_t bytes);

/* Rights as the format can have them, from random bits. */
unsigned world_rights(const struct world *world, unsigned bits);

quire_va world_va(const struct world *world, uint32_t page);

/* The last page of the window that holds `page`, plus one. */
uint32_t world_window_end(const struct world *world, uint32_t page);

/* Random doings: one access, or one change of what is mapped. */
enum machine_result world_random_access(struct world *world);
void world_random_change(struct world *world);

/* quire_validate(), and the model's own view of what is resident where. */
void world_validate(struct world *world);

/* Loads every byte that may be loaded. */
void world_compare(struct world *world);

#endif
