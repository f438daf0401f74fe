/*
 * A simulated machine whose kernel keeps a registry of page tables: a crowd of address spaces is
 * made on it, their windows grow and collide, and the kernel reads what it wrote through them.
 */
#ifndef QUIRE_TOOLS_REGISTRY_RUN_H
#define QUIRE_TOOLS_REGISTRY_RUN_H

#include "machine.h"
#include "output.h"
#include "quire/registry.h"

enum { REGISTRY_LOW_BYTES = 1 << 20 }; /* the BIOS's: mapped, never given out */
enum { REGISTRY_SPACES_MOST = 1 << 28, REGISTRY_PAGES_MOST = 1 << 20 };

struct registry_config {
    const struct quire_format *format;
    uint64_t ram_bytes;
    uint64_t own_bytes; /* the kernel's own memory, behind the first MiB */
    uint64_t spaces;    /* of the crowd; REGISTRY_SPACES_MOST at most */
    uint64_t pages;     /* each space maps 1 to so many, each of which needs a table of its own */
    uint64_t seed;
};

/* Stays where it is while it is open. */
struct registry_run {
    struct registry_config config;
    struct machine machine;
    struct quire_host kernel_host;     /* the machine's, with frames of the kernel's own memory */
    struct quire_frames kernel_frames; /* what is left of that */
    struct quire_table kernel;
    struct quire_frames pages; /* kernel page numbers */
    struct quire_registry registry;
    void *kernel_frames_state;

    uint64_t address_bytes;   /* of the kernel: 4 GiB, or all that the format translates */
    uint32_t page_map_bytes;  /* what `pages` takes of the kernel's memory */
    uint32_t boot_tables;     /* kernel page tables before there was a registry */
    uint64_t data_pages;      /* mapped in all spaces together */
    uint64_t read_back;       /* entries that the kernel read through a window right away */
    uint64_t witnesses;       /* spaces chosen to be looked at closely in the end */
    uint64_t verified;        /* entries of these */
    enum quire_status status; /* of what failed last */
    bool wrong;               /* one was not what it should be, and the problem says which */
};

/* The machine, its kernel's table by the document's steps, and an empty registry. */
bool registry_run_open(struct registry_run *run, const struct registry_config *config,
                       struct problem *problem);
void registry_run_close(struct registry_run *run);

/* Makes all address spaces and grows them, a page each in turn. */
bool registry_run_grow(struct registry_run *run, struct problem *problem);

/* Looks closely at the witnesses: every entry by the window and by the MMU's walk, every page. */
bool registry_run_verify(struct registry_run *run, struct problem *problem);

/* Page number `page` of a space, as the crowd maps it: it needs a table of its own. */
enum quire_status registry_run_add_page(struct registry_run *run, struct quire_registry_view *view,
                                        uint32_t page);

/* One space more, still empty: its number is registry.spaces - 1. */
bool registry_run_create(struct registry_run *run, struct problem *problem);

/* The next page of a space, read back through its window. */
bool registry_run_extend(struct registry_run *run, uint32_t id, struct problem *problem);

/* What the sums come to. */
struct registry_totals {
    uint64_t table_frames; /* in windows now */
    uint64_t copies;       /* frames that were taken for tables, and are none now */
    uint64_t addresses;    /* kernel pages that windows have, unused room included */
    uint64_t fixed_pages;  /* a window of full size; 0: the format has not two levels */
    uint64_t fixed_spaces; /* how many of these fill all kernel addresses */
};
struct registry_totals registry_run_totals(struct registry_run *run);

#endif
