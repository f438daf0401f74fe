/*
 * The registry: trackers, and the spaces behind them.
 *
 * A space's table gets its frames from here, by the hooks of its view's host:
 *
 *   expect_tables   the window grows at once by all that the operation will need, or not at all
 *   alloc_table     hands out the pages that were added, and page B if it has waited
 *   free_table      closes the gap in the window, flushes, frees the frame; the last table stays,
 *                   as page B
 *
 * So an operation that is refused has changed nothing, not even the window.
 */
#include "quire/registry.h"

#include "../bytes.h"
#include "cursor.h"
#include "host_inline.h"
#include "registry_window.h"

/* Pages of a window that a new space has: the directory, and a first table below it. */
static uint32_t least_pages(const struct quire_registry *registry)
{
    return registry->kernel->format->levels > 1 ? 2 : 1;
}

/* ---- trackers -------------------------------------------------------------------------------- */

/* Makes the tracker visible; trackers do not cross pages. => there is such a one */
static struct quire_tracker *tracker_open(const struct quire_registry *registry, uint32_t id)
{
    struct quire_mmu mmu = quire_table_mmu(registry->kernel);
    quire_va va = quire_tracker_va(registry->trackers);
    quire_pa pa = {UINT64_MAX};

    va.at += (uint64_t)id * sizeof(struct quire_tracker);
    quire_translate(&mmu, va, &pa);
    return quire_memory_at(mmu.memory, pa, sizeof(struct quire_tracker));
}

static void tracker_close(const struct quire_registry *registry, struct quire_tracker *tracker)
{
    quire_memory_done(&registry->kernel->host->memory, tracker, sizeof(*tracker));
}

static struct quire_tracker tracker_load(const struct quire_registry *registry, uint32_t id)
{
    struct quire_tracker *at = tracker_open(registry, id);
    struct quire_tracker tracker = *at;

    tracker_close(registry, at);
    return tracker;
}

static void tracker_store(const struct quire_registry *registry, uint32_t id,
                          struct quire_tracker tracker)
{
    struct quire_tracker *at = tracker_open(registry, id);

    *at = tracker;
    tracker_close(registry, at);
}

static void tracker_put(struct quire_registry *registry, uint32_t id)
{
    tracker_store(registry, id, (struct quire_tracker){.pt_ptr = registry->free});
    registry->free = id;
}

/* One more page of trackers, the lowest of them first in line. */
static enum quire_status add_trackers(struct quire_registry *registry)
{
    struct window window = window_of_trackers(registry);
    uint32_t each = trackers_a_page(registry);
    uint32_t first = window.at.pcount * each; /* below 2^29: all lie below 4 GiB */
    enum quire_status status = quire_window_grow(&window, 1);

    if (status != QUIRE_OK) {
        return status;
    }
    registry->trackers = window.at;
    for (uint32_t i = each; i-- > 0;) {
        tracker_put(registry, first + i);
    }
    return QUIRE_OK;
}

static enum quire_status tracker_take(struct quire_registry *registry, uint32_t *id)
{
    enum quire_status status = registry->free == QUIRE_NONE ? add_trackers(registry) : QUIRE_OK;

    if (status == QUIRE_OK) {
        *id = registry->free;
        registry->free = tracker_load(registry, *id).pt_ptr;
    }
    return status;
}

enum quire_status quire_registry_tracker(const struct quire_registry *registry, uint32_t id,
                                         struct quire_tracker *tracker)
{
    if (id >= (uint64_t)registry->trackers.pcount * trackers_a_page(registry)) {
        return QUIRE_NOT_FOUND;
    }
    *tracker = tracker_load(registry, id);
    return tracker->pcount != 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
}

/* ---- the registry ---------------------------------------------------------------------------- */

/* Tables of the largest tree, as far as a window can have pages. */
static uint32_t most_tables(const struct quire_format *format)
{
    uint64_t tables = 1, all = 1, limit = UINT64_C(1) << QUIRE_ORDER_MAX;

    for (unsigned level = 1; level < format->levels && all < limit; level++) {
        tables <<= format->level[level - 1].bits;
        all += tables;
    }
    return (uint32_t)(all < limit ? all : limit);
}

static bool tables_are_pages(const struct quire_format *format)
{
    for (unsigned level = 1; level <= format->levels; level++) {
        if (quire_table_order(format, level) != 0) {
            return false;
        }
    }
    return true;
}

enum quire_status quire_registry_init(struct quire_registry *registry, struct quire_table *kernel,
                                      const struct quire_host *host, struct quire_frames *pages)
{
    uint64_t first = (uint64_t)pages->first << pages->page_shift;
    uint64_t bytes = (uint64_t)pages->total << pages->page_shift;

    if (pages->page_shift != quire_format_page_shift(kernel->format) ||
        !tables_are_pages(kernel->format)) {
        return QUIRE_INVALID;
    }
    if (first + bytes > UINT64_C(1) << 32 ||
        quire_range_check(kernel->format, quire_va_at(first), bytes) != QUIRE_OK) {
        return QUIRE_OUT_OF_RANGE;
    }
    memset(registry, 0, sizeof(*registry));
    registry->kernel = kernel;
    registry->host = host;
    registry->pages = pages;
    registry->free = QUIRE_NONE;
    registry->most = most_tables(kernel->format);
    quire_batch_begin(&registry->batch, kernel->host);
    return add_trackers(registry);
}

void quire_registry_destroy(struct quire_registry *registry)
{
    struct window window = window_of_trackers(registry);

    quire_window_shed(&window, 0);
    registry->trackers = window.at;
    registry->free = QUIRE_NONE;
}

/* ---- the hooks of a view --------------------------------------------------------------------- */

static void store_window(const struct quire_registry_view *view, struct window *window)
{
    window->at.pt_ptr &= ~(uint32_t)QUIRE_TRACKER_SPARE;
    window->at.pt_ptr |= view->spare != 0 ? QUIRE_TRACKER_SPARE : 0;
    tracker_store(view->registry, view->id, window->at);
}

static struct window load_window(const struct quire_registry_view *view)
{
    return window_of_space(view->registry, tracker_load(view->registry, view->id));
}

static enum quire_status expect_tables(void *context, uint32_t tables)
{
    struct quire_registry_view *view = context;
    struct window window = load_window(view);
    uint32_t pages = window.at.pcount;
    enum quire_status status;

    if (tables <= view->spare) {
        return QUIRE_OK;
    }
    status = quire_window_grow(&window, tables - view->spare);
    if (status == QUIRE_OK) {
        view->spare_at = view->spare == 0 ? pages : view->spare_at;
        view->spare = tables;
        store_window(view, &window);
    }
    return status;
}

/* The last spare page first: the operation puts the tables to use the other way round, so that they
 * stand in the window in the order of their addresses. */
static enum quire_status alloc_table(void *context, unsigned order, quire_pa *pa)
{
    struct quire_registry_view *view = context;
    struct window window = load_window(view);

    (void)order; /* 0: the registry took no other format */
    if (view->spare == 0) {
        return QUIRE_NO_MEMORY; /* not announced */
    }
    view->spare--;
    *pa = quire_window_frame(&window, view->spare_at + view->spare);
    store_window(view, &window);
    return QUIRE_OK;
}

static void free_table(void *context, unsigned order, quire_pa pa)
{
    struct quire_registry_view *view = context;
    struct window window = load_window(view);

    if (window.at.pcount == least_pages(view->registry)) {
        view->spare = view->spare_at = 1;
    } else {
        quire_window_take_out(&window, quire_window_find(&window, pa));
        host_free_table(view->registry->host, order, pa);
    }
    store_window(view, &window);
}

/* The hooks that are the host's own need its context. */
static void tlb_flush(void *context, const struct quire_flush *flush)
{
    const struct quire_host *host = ((struct quire_registry_view *)context)->registry->host;

    host->tlb_flush(host->context, flush);
}

static void activate(void *context, quire_pa root, uint16_t asid)
{
    const struct quire_host *host = ((struct quire_registry_view *)context)->registry->host;

    host->activate(host->context, root, asid);
}

static void event(void *context, const struct quire_event *what)
{
    host_event(((struct quire_registry_view *)context)->registry->host, what);
}

static void view_begin(struct quire_registry_view *view, struct quire_registry *registry,
                       uint32_t id)
{
    const struct quire_host *host = registry->host;

    view->registry = registry;
    view->id = id;
    view->host = *host;
    view->host.context = view;
    view->host.alloc_table = alloc_table;
    view->host.free_table = free_table;
    view->host.expect_tables = expect_tables;
    view->host.tlb_flush = tlb_flush;
    view->host.activate = host->activate != NULL ? activate : NULL;
    view->host.event = event; /* who listens may change */
}

/* ---- spaces ---------------------------------------------------------------------------------- */

enum quire_status quire_registry_create(struct quire_registry *registry, uint16_t asid,
                                        struct quire_registry_view *view)
{
    struct window window = window_of_space(registry, (struct quire_tracker){0});
    uint32_t id;
    enum quire_status status = quire_window_grow(&window, least_pages(registry));

    if (status != QUIRE_OK) {
        return status;
    }
    status = tracker_take(registry, &id);
    if (status != QUIRE_OK) {
        quire_window_shed(&window, 0);
        return status;
    }
    registry->spaces++;
    view_begin(view, registry, id);
    view->spare = 1;
    view->spare_at = 0;
    store_window(view, &window);
    status = quire_table_create(&view->table, registry->kernel->format, &view->host, asid);
    view->spare = window.at.pcount - 1;
    view->spare_at = 1;
    store_window(view, &window);
    return status;
}

enum quire_status quire_registry_open(struct quire_registry *registry, uint32_t id, uint16_t asid,
                                      struct quire_registry_view *view)
{
    struct quire_tracker tracker;
    struct window window;
    uint32_t tables;

    if (quire_registry_tracker(registry, id, &tracker) != QUIRE_OK) {
        return QUIRE_NOT_FOUND;
    }
    view_begin(view, registry, id);
    view->spare = tracker.pt_ptr & QUIRE_TRACKER_SPARE;
    view->spare_at = 1;
    window = window_of_space(registry, tracker);
    tables = tracker.pcount - view->spare;
    view->table = (struct quire_table){
        .format = registry->kernel->format,
        .host = &view->host,
        .root = quire_window_frame(&window, 0),
        .asid = asid,
        .tables = tables,
        .table_bytes = (uint64_t)tables << registry->pages->page_shift,
    };
    return QUIRE_OK;
}

void quire_registry_remove(struct quire_registry_view *view)
{
    struct quire_registry *registry = view->registry;
    struct window window = load_window(view);

    quire_window_shed(&window, window.at.pcount - view->spare);
    quire_window_shrink(&window, 0);
    view->table.host = registry->host; /* its frames have left the window */
    quire_table_destroy(&view->table);
    tracker_put(registry, view->id);
    registry->spaces--;
}

/* ---- through the window ---------------------------------------------------------------------- */

/* The kernel address of a byte in one of the space's tables. */
static bool seen_at(const struct quire_registry_view *view, quire_pa pa, quire_va *at)
{
    unsigned shift = view->registry->pages->page_shift;
    uint64_t offset = pa.at & ((UINT64_C(1) << shift) - 1);
    struct window window = load_window(view);
    uint32_t index = quire_window_find(&window, quire_pa_at(pa.at - offset));

    at->at = quire_tracker_va(window.at).at + ((uint64_t)index << shift) + offset;
    return index != QUIRE_NONE;
}

enum quire_status quire_registry_entry(const struct quire_registry_view *view, quire_va va,
                                       quire_va *entry)
{
    struct quire_mmu mmu = quire_table_mmu(&view->table);
    struct quire_walk walk;

    quire_walk(&mmu, va, 0, &walk);
    if (walk.level == 0) {
        return QUIRE_OUT_OF_RANGE;
    }
    return seen_at(view, walk.entry_at, entry) ? QUIRE_OK : QUIRE_NOT_FOUND;
}

static void *see(void *context, quire_pa pa, uint64_t bytes)
{
    const struct quire_registry_sight *sight = context;
    quire_va at;

    return seen_at(sight->view, pa, &at) ? sight->see(sight->context, at, bytes) : NULL;
}

struct quire_mmu quire_registry_mmu(struct quire_registry_sight *sight)
{
    const struct quire_table *table = &sight->view->table;
    struct quire_mmu mmu = {table->format, &sight->memory, table->root};

    sight->memory = (struct quire_memory){.map = see, .context = sight};
    return mmu;
}
