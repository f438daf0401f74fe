/* Checking a registry against the kernel's table and every space against its window. */
#include "registry_window.h"
#include "tour.h"

/* Is page `vpn` of the kernel's addresses a page that the kernel can write, and where? */
static bool mapped(const struct quire_registry *registry, uint64_t vpn, quire_pa *frame)
{
    struct quire_mmu mmu = quire_table_mmu(registry->kernel);
    struct quire_walk walk;

    if (quire_walk(&mmu, quire_va_at(vpn << registry->pages->page_shift), QUIRE_WRITE, &walk) !=
        QUIRE_OK) {
        return false;
    }
    *frame = walk.pa;
    return true;
}

/* All room of the window is taken, its pages are mapped, and nothing behind them is. */
static bool window_sound(const struct window *window)
{
    const struct quire_registry *registry = window->registry;
    uint32_t room = quire_window_room(window->at.pcount, window->most);
    uint64_t vpn = quire_tracker_va(window->at).at >> registry->pages->page_shift;
    quire_pa frame;

    if (window->at.pcount > window->most) {
        return false;
    }
    for (uint32_t i = 0; i < room; i++) {
        if (quire_frames_count(registry->pages, quire_pfn_of((uint32_t)vpn + i)) != 1 ||
            mapped(registry, vpn + i, &frame) != (i < window->at.pcount)) {
            return false;
        }
    }
    return true;
}

/* Every table of the space stands once in its window, the root first. What it may have inherited of
 * the kernel's stands in none. */
static bool tables_sound(const struct window *window)
{
    bool spare = (window->at.pt_ptr & QUIRE_TRACKER_SPARE) != 0;
    struct quire_table table = {.format = window->registry->kernel->format,
                                .host = window->host,
                                .root = quire_window_frame(window, 0)};
    struct tour tour;
    uint32_t tables = 0;
    quire_pa frame;

    quire_inherited_find(&table, window->registry->kernel);
    tour = quire_tour_begin(&table);
    while (tables <= window->at.pcount && quire_tour_next(&tour, &frame) != 0) {
        tables++;
        if (quire_window_find(window, frame) == QUIRE_NONE) {
            return false;
        }
    }
    for (uint32_t i = 0; i < window->at.pcount; i++) {
        if (quire_window_find(window, quire_window_frame(window, i)) != i) {
            return false; /* two pages have one frame */
        }
    }
    return tour.lost == 0 && tables + spare == window->at.pcount;
}

/* Do the free trackers hang together, and are there as many as there should be? */
static bool chain_sound(const struct quire_registry *registry, uint32_t trackers)
{
    uint32_t left = trackers - registry->spaces;
    struct quire_tracker tracker;
    uint32_t id = registry->free;

    for (; id < trackers && left != 0; left--) {
        if (quire_registry_tracker(registry, id, &tracker) == QUIRE_OK) {
            return false;
        }
        id = tracker.pt_ptr;
    }
    return left == 0 && id == QUIRE_NONE;
}

enum quire_status quire_registry_validate(struct quire_registry *registry, uint32_t *id)
{
    uint32_t trackers = registry->trackers.pcount * trackers_a_page(registry);
    struct window array = window_of_trackers(registry);
    uint32_t ignored, spaces = 0;

    id = id != NULL ? id : &ignored;
    *id = QUIRE_NONE;
    if (!window_sound(&array) || !chain_sound(registry, trackers)) {
        return QUIRE_CORRUPT;
    }
    for (uint32_t i = 0; i < trackers; i++) {
        struct quire_tracker tracker;
        struct window window;

        if (quire_registry_tracker(registry, i, &tracker) != QUIRE_OK) {
            continue;
        }
        spaces++;
        window = window_of_space(registry, tracker);
        if (!window_sound(&window) || !tables_sound(&window)) {
            *id = i;
            return QUIRE_CORRUPT;
        }
    }
    return spaces == registry->spaces ? QUIRE_OK : QUIRE_CORRUPT;
}
