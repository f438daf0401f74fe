/*
 * A laboratory for address spaces: the core over an arena, with a processor that is nothing but
 * quire_walk(), disks that do what the test says, and a model of every byte.
 *
 *     test --map, read, write--> lab --+--> quire_space_...() --frames--> arena   n-th one refused
 *                                      |                      --pages---> disks   at once, failed,
 *                                      |                                          or held back
 *                                      +--> model: what each page may do and holds
 *
 * Spaces are looked at through a window of LAB_PAGES pages, and drawn as one character a page:
 *
 *     regions   . none   - no rights   r read   w read, write   x read, execute   k kernel's
 *               upper case: of a file; | between regions that touch and look the same
 *     pages     . untouched   0 zero   # in a frame   s in swap   < coming   > going
 */
#ifndef SUPPORT_LAB_H
#define SUPPORT_LAB_H

#include "quire/space.h"
#include "tests/support/arena.h"
#include "tests/support/prng.h"

enum { LAB_SPACES = 3, LAB_PAGES = 16, LAB_FILES = 3, LAB_HELD = 8 };

/* Something that goes wrong at its n-th time: in = n; and, if it stays, ever after. 0: never. */
struct lab_trip {
    uint64_t in, struck;
    bool stays;
};

/* Is this the time? */
bool lab_trips(struct lab_trip *trip);

struct lab_disk {
    struct lab *lab;
    unsigned char *data;
    bool *written; /* swap: which pages hold something; NULL: a file, which all of it does */
    uint64_t bytes;
    uint64_t reads, writes; /* that were done */
};

struct lab_held {
    struct quire_transfer *transfer; /* waits for lab_complete() */
    struct lab_disk *disk;
    uint64_t sum; /* of what is being written: nobody may change it meanwhile */
};

struct lab_page {
    bool mapped;
    unsigned prot, max_prot;
    struct quire_object *object;
    uint64_t offset; /* of this page */
    enum quire_sharing sharing;
    bool own, written; /* private, of an object: the space has a page of its own; stored to it */
    unsigned
        stack; /* lowest page of a stack: 1 + the page that it may grow down to; 0: it is none */
    unsigned wired;
};

struct lab_cached {
    bool valid;
    uint64_t pa;
    unsigned rights;
};

struct lab_space {
    struct quire_space space;
    bool alive;
    uint64_t base; /* address of page 0 */
    struct lab_page page[LAB_PAGES];
    struct lab_cached cached[LAB_PAGES]; /* a TLB that forgets nothing by itself */
    unsigned char *bytes;                /* what the pages hold */
};

struct lab {
    const struct quire_format *format;
    uint64_t page_bytes;
    struct arena arena;
    struct quire_memory view; /* all of memory, for the processor */
    struct quire_system system;
    void *state;
    struct quire_table kernel;      /* with lab_setup.windows: its pages are page tables, */
    struct quire_registry registry; /* and system.registry is this one */
    struct quire_frames addresses;  /* of the kernel */
    void *addresses_state;
    struct prng prng;

    struct lab_disk swap, file_disk[LAB_FILES];
    struct quire_object file[LAB_FILES];
    unsigned char *seen[LAB_FILES]; /* what all see who share a file */
    bool hold;                      /* transfers answer QUIRE_PENDING and wait for lab_complete() */
    bool early;                     /* transfers answer QUIRE_PENDING, and are over before that */
    struct lab_held held[LAB_HELD];
    unsigned held_count;
    bool ready; /* the request that lab_finish() waits for may go on */

    struct lab_trip refuse; /* allocations of frames */
    struct lab_trip fail;   /* transfers */
    struct lab_space space[LAB_SPACES];
};

struct lab_setup {
    const struct quire_format *format;
    const struct quire_policy_ops *policy; /* NULL: fifo */
    uint32_t frames; /* of the machine; the first is nobody's. 0: as lab_machine() says */
    uint32_t limit, slots;
    enum arena_reach reach;
    bool records_inside;
    bool concurrent; /* quire_host.concurrent_walks */
    bool strict;     /* QUIRE_COMMIT_STRICT */
    bool windows;    /* page tables stand in a registry, if the format can have one */
};

/* Formats that can have address spaces. Some are made for this: ostep14's tables with every right
 * and mark (LAB_SMALL), without dirty bit, without write bit either, without marks, without rights,
 * with a dirty bit and no write bit.
 * Those from LAB_I386 to LAB_FULL_64 have pages of 4 KiB, all others of 256 bytes at most. *frames
 * (may be NULL): enough for three spaces. */
enum {
    LAB_SMALL,
    LAB_NO_DIRTY,
    LAB_NO_WRITE,
    LAB_NO_MARKS,
    LAB_NO_RIGHTS,
    LAB_DIRTY_ONLY,
    LAB_I386,
    LAB_X86_64,
    LAB_FULL_64,
    LAB_MACHINES = LAB_FULL_64 + 6
};
const struct quire_format *lab_machine(unsigned i, uint32_t *frames);

void lab_open(struct lab *lab, const struct lab_setup *setup);

/* The usual beginning: lab_machine(machine), fifo, and space 0 from address 0 on. */
void lab_start(struct lab *lab, unsigned machine, uint32_t limit, uint32_t slots);

/* Destroys what is alive and the system; every frame and slot must be back. */
void lab_close(struct lab *lab);

/* Only gives back the test's own memory: the core's records have been spoilt. */
void lab_abandon(struct lab *lab);

/* A file of so many bytes of noise; reading behind its end gives other noise. */
struct quire_object *lab_file(struct lab *lab, unsigned file, uint64_t bytes);

/* An object without a device in that place. */
struct quire_object *lab_memory(struct lab *lab, unsigned file, uint64_t bytes);

/* Gives it up. => nothing maps it */
void lab_forget(struct lab *lab, unsigned file);

/* Everything that can be checked: quire_validate(), the regions, every frame and slot accounted
 * for, nothing in the TLB that should not be. */
void lab_check(struct lab *lab);

/* ---- doings; each is done to the model too, if it succeeded ---------------------------------- */

/* Page 0 of the window is at `base`. */
enum quire_status lab_create(struct lab *lab, unsigned space, uint64_t base);
void lab_destroy(struct lab *lab, unsigned space);

/* Each checks that nothing has changed if it failed. */
enum quire_status lab_map(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                          char what);
enum quire_status lab_map_file(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                               char what, unsigned file, uint64_t offset);
enum quire_status lab_map_shared(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                                 char what, unsigned file, uint64_t offset);
/* A stack that may grow down to page `lowest`. */
enum quire_status lab_map_stack(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                                char what, unsigned lowest);
/* What page.prot, max_prot, object, offset and sharing say. */
enum quire_status lab_map_as(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                             const struct lab_page *page);
enum quire_status lab_unmap(struct lab *lab, unsigned space, unsigned first, unsigned pages);
enum quire_status lab_discard(struct lab *lab, unsigned space, unsigned first, unsigned pages);
enum quire_status lab_fork(struct lab *lab, unsigned child, unsigned parent);

/* Writes a file back, from beginning to end; checks what the disk holds then. */
enum quire_status lab_sync(struct lab *lab, unsigned file);

enum quire_status lab_wire(struct lab *lab, unsigned space, unsigned page, unsigned access);
enum quire_status lab_unwire(struct lab *lab, unsigned space, unsigned page);
enum quire_status lab_protect(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                              char what);

/* Maps a picture of regions: "..rrwww-". Zero-filled; everything may be allowed later. */
void lab_draw(struct lab *lab, unsigned space, const char *picture);

/* Rights that a letter of a picture stands for. */
unsigned lab_rights(char letter);

/* Loads a page and compares it; stores noise in all of it, or in some, or zeros. QUIRE_OK, or what
 * the fault answered. If a disk holds transfers back, they are done in order. */
enum quire_status lab_read(struct lab *lab, unsigned space, unsigned page);
enum quire_status lab_write(struct lab *lab, unsigned space, unsigned page);
enum quire_status lab_write_some(struct lab *lab, unsigned space, unsigned page);
enum quire_status lab_clear(struct lab *lab, unsigned space, unsigned page);

/* What the model says the page holds. */
unsigned char *lab_model(struct lab *lab, unsigned space, unsigned page);

/* Does a page in memory hold that? What lies past the end of a file may have been forgotten. */
void lab_expect_bytes(struct lab *lab, unsigned space, unsigned page, const unsigned char *where);

/* A fault for `access` has succeeded: the model learns of a page of the space's own. */
void lab_faulted(struct lab *lab, unsigned space, unsigned page, unsigned access);

/* A fault was not refused: the model learns of a stack that grew. */
void lab_grown(struct lab *lab, unsigned space, unsigned page);

/* The frame that a page is in, be it the space's own or the object's; QUIRE_NONE. */
quire_pfn lab_frame(const struct lab *lab, unsigned space, unsigned page);

/* Is it in transit? */
bool lab_moving(const struct lab *lab, unsigned space, unsigned page);

/* Pages that are promised to somebody, as the system should count them. */
uint64_t lab_promised(const struct lab *lab);

/* Can the format's MMU withhold the right to write? */
static inline bool lab_can_protect(const struct lab *lab)
{
    return lab->format->leaf.write.mask != 0;
}

/* Reads every page that may be read. */
void lab_compare(struct lab *lab);

/* One walk with `access`, as the MMU does it: where the page is, or NULL: it faults. */
unsigned char *lab_mmu(struct lab *lab, unsigned space, unsigned page, unsigned access);

/* Why the model would refuse it, or QUIRE_REFUSAL_NONE. */
enum quire_refusal lab_judge(const struct lab *lab, unsigned space, unsigned page, unsigned access);

/* Ends a transfer that is held back. The request's ready() is called. */
void lab_complete(struct lab *lab, unsigned held, enum quire_status status);

/* A fault from beginning to end; transfers that are held back are ended in order. */
enum quire_status lab_fault(struct lab *lab, unsigned space, unsigned page, unsigned access);

quire_va lab_va(const struct lab *lab, unsigned space, unsigned page);

/* ---- looking --------------------------------------------------------------------------------- */

#define lab_regions(lab, space, picture) lab_expect_regions(__FILE__, __LINE__, lab, space, picture)
#define lab_pages(lab, space, picture) lab_expect_pages(__FILE__, __LINE__, lab, space, picture)
void lab_expect_regions(const char *file, int line, struct lab *lab, unsigned space,
                        const char *picture);
void lab_expect_pages(const char *file, int line, struct lab *lab, unsigned space,
                      const char *picture);

enum { LAB_REGION_WORDS = 8, LAB_COUNTS = 5 };

/* All that an operation which failed must leave as it was. */
struct lab_state {
    uint64_t region[LAB_SPACES][LAB_PAGES * LAB_REGION_WORDS], record[LAB_SPACES][LAB_PAGES];
    uint64_t count[LAB_SPACES * 5 + LAB_COUNTS + LAB_FILES * 3];
};

enum lab_same { LAB_SAME, LAB_BUT_EVICTED /* pages may have left their frames meanwhile */ };

void lab_remember(struct lab *lab, struct lab_state *state);
void lab_unchanged(struct lab *lab, const struct lab_state *before, enum lab_same same);

#endif
