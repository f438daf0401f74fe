/*
 * Windows in the kernel's addresses.
 *
 *   grow:    room left        map the new page
 *            room used up     the addresses behind it are free: take them       (grown)
 *                             else: find twice the room elsewhere, map every    (moved)
 *                             frame there, flush the old addresses, free them
 *
 * Old addresses are given back only after their flush.
 */
#include "registry_window.h"

#include "cursor.h"
#include "host_inline.h"

/* ---- kernel addresses ------------------------------------------------------------------------ */

static quire_va page_va(const struct quire_registry *registry, uint32_t vpn)
{
    return quire_va_at((uint64_t)vpn << registry->pages->page_shift);
}

static uint64_t bytes_of(const struct quire_registry *registry, uint32_t pages)
{
    return (uint64_t)pages << registry->pages->page_shift;
}

static uint32_t window_vpn(const struct window *window)
{
    return (uint32_t)quire_tracker_va(window->at).at >> window->registry->pages->page_shift;
}

static unsigned order_of(uint32_t pages)
{
    unsigned order = 0;

    while (UINT32_C(1) << order < pages) {
        order++;
    }
    return order;
}

uint32_t quire_window_room(uint32_t pages, uint32_t most)
{
    uint32_t room = UINT32_C(1) << order_of(pages == 1 ? 2 : pages);

    if (pages == 0) {
        return 0;
    }
    return room < most ? room : most;
}

static uint32_t room_for(const struct window *window, uint32_t pages)
{
    return quire_window_room(pages, window->most);
}

static void give_addresses(struct quire_registry *registry, uint32_t vpn, uint32_t pages)
{
    quire_frames_release(registry->pages, quire_pfn_of(vpn), pages);
}

/* Addresses for a window of `pages` pages: *vpn is where it will begin. */
static enum quire_status take_addresses(struct window *window, uint32_t pages, uint32_t *vpn)
{
    struct quire_frames *allocator = window->registry->pages;
    uint32_t room = room_for(window, window->at.pcount), want = room_for(window, pages);
    unsigned order = order_of(want);
    quire_pfn block;

    *vpn = window_vpn(window);
    if (want == room || (room != 0 && quire_frames_alloc_at(allocator, quire_pfn_of(*vpn + room),
                                                            want - room) == QUIRE_OK)) {
        return QUIRE_OK;
    }
    if (quire_frames_alloc(allocator, order, &block) != QUIRE_OK) {
        return QUIRE_NO_SPACE;
    }
    give_addresses(window->registry, block.n + want, (UINT32_C(1) << order) - want);
    *vpn = block.n;
    return QUIRE_OK;
}

/* Undoes take_addresses(). */
static void untake_addresses(struct window *window, uint32_t pages, uint32_t vpn)
{
    uint32_t room = room_for(window, window->at.pcount), want = room_for(window, pages);

    if (room != 0 && vpn == window_vpn(window)) {
        give_addresses(window->registry, vpn + room, want - room);
    } else {
        give_addresses(window->registry, vpn, want);
    }
}

/* ---- kernel PTEs ----------------------------------------------------------------------------- */

static quire_pa frame_at(const struct quire_registry *registry, uint32_t vpn)
{
    struct quire_mmu mmu = quire_table_mmu(registry->kernel);
    quire_pa pa = {UINT64_MAX};

    quire_translate(&mmu, page_va(registry, vpn), &pa);
    return pa;
}

/* Global, as tables that inherit the kernel's entries see it from other address spaces. */
static enum quire_status map_page(struct quire_registry *registry, uint32_t vpn, quire_pa frame,
                                  enum quire_existing existing)
{
    struct quire_mapping mapping = {.va = page_va(registry, vpn),
                                    .pa = frame,
                                    .bytes = bytes_of(registry, 1),
                                    .attributes = QUIRE_READ | QUIRE_WRITE | QUIRE_GLOBAL,
                                    .existing = existing,
                                    .largest_leaf = bytes_of(registry, 1)};

    return quire_table_map(registry->kernel, &registry->batch, &mapping, NULL);
}

/* Unmaps and flushes. Small pages only: it needs no table and cannot fail. */
static void unmap_pages(struct quire_registry *registry, uint32_t vpn, uint32_t pages)
{
    quire_table_unmap(registry->kernel, &registry->batch, page_va(registry, vpn),
                      bytes_of(registry, pages), NULL);
    quire_batch_commit(&registry->batch);
}

/* ---- growing --------------------------------------------------------------------------------- */

/* Can a pointer of any level lead there, and do we reach it? (If no leaf can, mapping will say.) */
static bool can_be_table(const struct window *window, quire_pa frame)
{
    const struct quire_format *format = window->registry->kernel->format;

    for (unsigned level = 1; level < format->levels; level++) {
        if (!quire_table_fits(format, level, frame)) {
            return false;
        }
    }
    return quire_memory_has(&window->host->memory, frame, bytes_of(window->registry, 1));
}

static enum quire_status take_frame(const struct window *window, quire_pa *frame)
{
    enum quire_status status = host_alloc_table(window->host, 0, frame);

    if (status == QUIRE_OK && !can_be_table(window, *frame)) {
        host_free_table(window->host, 0, *frame);
        return QUIRE_OUT_OF_RANGE;
    }
    return status;
}

/* Maps page `index` of the window as it will stand at `vpn`: an old page's frame, or a fresh one.
 */
static enum quire_status fill_one(struct window *window, uint32_t vpn, uint32_t index)
{
    struct quire_registry *registry = window->registry;
    bool fresh = index >= window->at.pcount;
    quire_pa frame;
    enum quire_status status = QUIRE_OK;

    if (fresh) {
        status = take_frame(window, &frame);
    } else {
        frame = quire_window_frame(window, index);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    status = map_page(registry, vpn + index, frame, QUIRE_EXISTING_FAIL);
    if (status != QUIRE_OK && fresh) {
        host_free_table(window->host, 0, frame);
    }
    return status;
}

/* Takes pages [from, end) at `vpn` away again; the fresh frames among them are freed. */
static void unfill(struct window *window, uint32_t vpn, uint32_t from, uint32_t end)
{
    struct quire_registry *registry = window->registry;

    for (; end > from; end--) {
        quire_pa frame = frame_at(registry, vpn + end - 1);

        unmap_pages(registry, vpn + end - 1, 1);
        if (end > window->at.pcount) {
            host_free_table(window->host, 0, frame);
        }
    }
}

static enum quire_status fill(struct window *window, uint32_t vpn, uint32_t from, uint32_t end)
{
    enum quire_status status = QUIRE_OK;
    uint32_t index = from;

    while (index < end && status == QUIRE_OK) {
        status = fill_one(window, vpn, index);
        index += status == QUIRE_OK;
    }
    if (status != QUIRE_OK) {
        unfill(window, vpn, from, index);
    }
    return status;
}

/* The window stands at `vpn`, too: leaves its old place. */
static void leave(struct window *window)
{
    uint32_t vpn = window_vpn(window), pages = window->at.pcount;

    unmap_pages(window->registry, vpn, pages);
    give_addresses(window->registry, vpn, room_for(window, pages));
    window->registry->count.moved++;
    window->registry->count.remapped += pages;
}

enum quire_status quire_window_grow(struct window *window, uint32_t add)
{
    struct quire_registry *registry = window->registry;
    uint32_t old = window->at.pcount, pages = old + add, vpn;
    bool stays, wider;
    enum quire_status status;

    if (add > window->most - old) {
        return QUIRE_NO_SPACE;
    }
    wider = room_for(window, pages) != room_for(window, old);
    status = take_addresses(window, pages, &vpn);
    if (status != QUIRE_OK) {
        return status;
    }
    stays = old != 0 && vpn == window_vpn(window);
    status = fill(window, vpn, stays ? old : 0, pages);
    if (status != QUIRE_OK) {
        untake_addresses(window, pages, vpn);
        return status;
    }
    if (stays) {
        registry->count.grown++;
        registry->count.taken += wider;
    } else if (old != 0) {
        leave(window);
    }
    window->at.pt_ptr =
        (uint32_t)page_va(registry, vpn).at | (window->at.pt_ptr & (uint32_t)QUIRE_TRACKER_SPARE);
    window->at.pcount = pages;
    return QUIRE_OK;
}

/* ---- shrinking ------------------------------------------------------------------------------- */

void quire_window_shrink(struct window *window, uint32_t keep)
{
    struct quire_registry *registry = window->registry;
    uint32_t vpn = window_vpn(window), pages = window->at.pcount;
    uint32_t room = room_for(window, pages), left = room_for(window, keep);

    unmap_pages(registry, vpn + keep, pages - keep);
    give_addresses(registry, vpn + left, room - left);
    window->at.pcount = keep;
}

void quire_window_shed(struct window *window, uint32_t keep)
{
    while (window->at.pcount > keep) {
        quire_pa frame = quire_window_frame(window, window->at.pcount - 1);

        quire_window_shrink(window, window->at.pcount - 1);
        host_free_table(window->host, 0, frame);
    }
}

void quire_window_take_out(struct window *window, uint32_t index)
{
    uint32_t last = window->at.pcount - 1;

    if (index != last) {
        map_page(window->registry, window_vpn(window) + index, quire_window_frame(window, last),
                 QUIRE_EXISTING_REPLACE);
        window->registry->count.remapped++;
    }
    quire_window_shrink(window, last); /* flushes both */
}

/* ---- looking --------------------------------------------------------------------------------- */

quire_pa quire_window_frame(const struct window *window, uint32_t index)
{
    return frame_at(window->registry, window_vpn(window) + index);
}

uint32_t quire_window_find(const struct window *window, quire_pa frame)
{
    for (uint32_t index = 0; index < window->at.pcount; index++) {
        if (quire_window_frame(window, index).at == frame.at) {
            return index;
        }
    }
    return QUIRE_NONE;
}
