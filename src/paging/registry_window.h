/*
 * Windows: pages in a row in the kernel's addresses that grow, move and shrink.
 *
 *     pages mapped   [0, pcount)
 *     addresses      [0, room): the window's own, where room = quire_window_room(pcount): the next
 *                    power of two, so that a window of n pages has moved about log2 n times; never
 *                    more than the largest window needs
 *
 * A window is known by its tracker alone. What is here does not know what the pages hold; growing
 * drops QUIRE_TRACKER_SPARE.
 */
#ifndef QUIRE_PAGING_REGISTRY_WINDOW_H
#define QUIRE_PAGING_REGISTRY_WINDOW_H

#include "quire/registry.h"

struct window {
    struct quire_registry *registry;
    const struct quire_host *host; /* where its frames come from */
    uint32_t most;                 /* pages */
    struct quire_tracker at;       /* a copy: whoever opened the window stores it */
};

/* The window of one space; and that of the trackers themselves. */
static inline struct window window_of_space(struct quire_registry *registry,
                                            struct quire_tracker tracker)
{
    return (struct window){registry, registry->host, registry->most, tracker};
}

static inline struct window window_of_trackers(struct quire_registry *registry)
{
    return (struct window){registry, registry->kernel->host, UINT32_C(1) << QUIRE_ORDER_MAX,
                           registry->trackers};
}

static inline uint32_t trackers_a_page(const struct quire_registry *registry)
{
    return (uint32_t)((UINT64_C(1) << registry->pages->page_shift) / sizeof(struct quire_tracker));
}

uint32_t quire_window_room(uint32_t pages, uint32_t most);

/* Adds `add` pages with fresh frames, moving the window if need be. QUIRE_NO_MEMORY,
 * QUIRE_NO_SPACE, QUIRE_OUT_OF_RANGE (a frame that cannot be a table, or is not reached): nothing
 * changed. */
enum quire_status quire_window_grow(struct window *window, uint32_t add);

/* Unmaps and flushes all but the first `keep` pages. Their frames are the caller's. */
void quire_window_shrink(struct window *window, uint32_t keep);

/* The same, and frees the frames. */
void quire_window_shed(struct window *window, uint32_t keep);

/* Takes page `index` out; the last page takes its place. The frame is the caller's. */
void quire_window_take_out(struct window *window, uint32_t index);

/* The frame behind a page. => index < pcount */
quire_pa quire_window_frame(const struct window *window, uint32_t index);

/* Which page has this frame behind it? QUIRE_NONE: none. */
uint32_t quire_window_find(const struct window *window, quire_pa frame);

#endif
