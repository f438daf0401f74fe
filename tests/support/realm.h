/*
 * A kernel that keeps a registry, and beside it what there should be in it.
 *
 *   memory             [0, own) the kernel's, the only part that it reaches for itself;
 *                      [own, own + frames) for the tables of processes
 *   kernel addresses   [0, own) the same; behind it `windows` pages for windows
 *
 * Any allocation can be refused. Table frames come full of garbage; giving one back while the TLB
 * still leads to it fails the test. The TLB is large: it forgets nothing but what it is told to.
 */
#ifndef SUPPORT_REALM_H
#define SUPPORT_REALM_H

#include "hosts/simulator/tlb.h"
#include "quire/registry.h"
#include "tests/support/prng.h"

struct realm_config {
    const struct quire_format *format;
    uint32_t own, frames, windows; /* pages of the format */
};

enum realm_allocator { REALM_KERNEL, REALM_FRAMES, REALM_PAGES, REALM_ALLOCATORS };

struct realm {
    struct realm_config config;
    unsigned shift;
    unsigned char *ram;
    struct quire_frames allocator[REALM_ALLOCATORS];
    unsigned char *state[REALM_ALLOCATORS];
    size_t state_bytes[REALM_ALLOCATORS];
    struct quire_host kernel_host, host;
    struct tlb tlb;
    bool lose_flushes;
    struct prng prng;

    int64_t refuse_in; /* refuse when so many more were given, by any allocator; negative: never */
    uint64_t refusals;

    uint64_t process_flushes, activations, events; /* what the processes' own host was asked */

    struct quire_table kernel;
    uint64_t boot_tables;
    struct quire_registry registry;
};

/* The formats that a registry is tried on: i386 and x86-64, and two small machines with room for
 * just a few windows: 32 entries in 128 bytes, two levels; 16 entries in 64 bytes, three. */
enum { REALM_FORMATS = 4 };
const struct quire_format *realm_format(unsigned which);

/* Memory and allocators, and a kernel table; no registry yet. */
void realm_open_bare(struct realm *realm, const struct realm_config *config);
/* The same, with a registry. */
void realm_open(struct realm *realm, const struct realm_config *config);
/* Destroys the registry; every frame and address must be back. => no space left */
void realm_close(struct realm *realm);

/* What the kernel gets when it loads an entry from an address of its own, through the TLB; false:
 * it is not mapped. */
bool realm_load(struct realm *realm, quire_va va, uint64_t *entry);

/* The same as a pointer, for struct quire_registry_sight; NULL: not mapped. */
void *realm_see(void *realm, quire_va va, uint64_t bytes);

/* What is cached is true. */
void realm_check_tlb(const struct realm *realm);

/* The kernel touches every page of the window. */
void realm_touch_window(struct realm *realm, struct quire_tracker tracker);

/* The frame behind a kernel address, found by walking. */
uint64_t realm_frame(const struct realm *realm, uint64_t va);

/* Kernel pages that a window of so many pages has, worked out by counting up. */
uint32_t realm_room(const struct realm *realm, uint32_t pages);

uint32_t realm_used(const struct realm *realm, enum realm_allocator which);

/* Everything that a failed operation must leave as it was. */
struct realm_copy {
    struct quire_frames allocator[REALM_ALLOCATORS];
    unsigned char *state[REALM_ALLOCATORS];
    unsigned char *ram;
    uint64_t tables;
    struct quire_registry registry;
};

void realm_copy(const struct realm *realm, struct realm_copy *copy);
void realm_check_unchanged(const struct realm *realm, const struct realm_copy *copy);
void realm_copy_free(struct realm_copy *copy);

#endif
