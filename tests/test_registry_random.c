/*
 * A registry against a model of it, over random lives of address spaces on machines with little
 * memory and few kernel addresses: spaces come and go, map and unmap, and every allocation that an
 * operation makes is refused in turn. After each step the kernel reads every entry through its
 * windows, by way of a TLB that holds all it ever saw.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "tests/support/realm.h"
#include "tests/support/unit.h"

enum { SPACES = 12, PAGES = 24 };
#define NOWHERE UINT32_MAX

/* A space as it should be: pages that are candidates, and the frames they are mapped to. */
struct space {
    bool alive;
    struct quire_registry_view view;
    uint32_t frame[PAGES]; /* NOWHERE: not mapped */
};

struct model {
    struct realm realm;
    struct prng prng;
    uint64_t va[PAGES]; /* ascending; some share a table, some do not */
    struct space space[SPACES];
    uint64_t refused;
};

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Pairs and triples of neighbours, all over the lower half of the addresses, the ends included. */
static void choose_pages(struct model *model)
{
    const struct quire_format *format = model->realm.config.format;
    unsigned bits = format->va_bits - 1 - model->realm.shift;

    model->va[0] = 0;
    model->va[1] = ((UINT64_C(1) << bits) - 1) << model->realm.shift;
    for (unsigned i = 2; i < PAGES;) {
        uint64_t vpn = prng_below(&model->prng, (UINT64_C(1) << bits) - 3);
        unsigned run = 1 + (unsigned)prng_below(&model->prng, 3);

        while (run-- != 0 && i < PAGES) {
            model->va[i++] = vpn++ << model->realm.shift;
        }
    }
    qsort(model->va, PAGES, sizeof(model->va[0]), by_number);
}

static bool chosen_twice(const struct model *model)
{
    for (unsigned i = 1; i < PAGES; i++) {
        if (model->va[i] == model->va[i - 1]) {
            return true;
        }
    }
    return false;
}

static void model_open(struct model *model, const struct realm_config *config, uint64_t stream)
{
    memset(model, 0, sizeof(*model));
    realm_open(&model->realm, config);
    model->prng = prng_new(stream);
    do {
        choose_pages(model);
    } while (chosen_twice(model));
}

/* Tables that a space with these pages has, the root included. */
static uint32_t tables_of(const struct model *model, const struct space *space)
{
    const struct quire_format *format = model->realm.config.format;
    uint32_t tables = 1;

    for (unsigned level = 1; level < format->levels; level++) {
        uint64_t last = UINT64_MAX;

        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t prefix = model->va[i] >> format->level[level - 1].shift;

            if (space->frame[i] != NOWHERE && prefix != last) {
                tables++;
                last = prefix;
            }
        }
    }
    return tables;
}

/* ---- is it what it should be? ---------------------------------------------------------------- */

/* The kernel, which sees nothing but its own addresses, and the MMU read the same entry. */
static void check_page(struct model *model, struct space *space, unsigned page)
{
    struct realm *realm = &model->realm;
    struct quire_registry_sight sight = {.view = &space->view, .see = realm_see, .context = realm};
    struct quire_mmu mmu = quire_table_mmu(&space->view.table), kernel = quire_registry_mmu(&sight);
    uint64_t seen, physical;
    struct quire_walk walk, seen_walk;
    quire_va at;
    bool mapped;

    mapped = quire_walk(&mmu, quire_va_at(model->va[page]), QUIRE_READ, &walk) == QUIRE_OK;
    checkf(mapped == (space->frame[page] != NOWHERE), "space %u, page %u", space->view.id, page);
    checkf(!mapped || walk.pa.at >> realm->shift == space->frame[page], "space %u, page %u",
           space->view.id, page);
    check(quire_registry_entry(&space->view, quire_va_at(model->va[page]), &at) == QUIRE_OK);
    physical = quire_pte_load(realm->config.format, realm->ram + walk.entry_at.at);
    checkf(realm_load(realm, at, &seen), "entry at %#llx is not mapped", (unsigned long long)at.at);
    checkf(seen == physical, "space %u, page %u: %#llx in the window, %#llx in memory",
           space->view.id, page, (unsigned long long)seen, (unsigned long long)physical);
    check(realm_frame(realm, at.at) == walk.entry_at.at >> realm->shift);
    check((quire_walk(&kernel, quire_va_at(model->va[page]), QUIRE_READ, &seen_walk) == QUIRE_OK) ==
          mapped);
    check(seen_walk.entry_at.at == walk.entry_at.at && seen_walk.entry == walk.entry);
    check(seen_walk.reason == walk.reason && seen_walk.level == walk.level);
}

static void check_space(struct model *model, struct space *space, uint32_t *frames, uint32_t *pages)
{
    struct realm *realm = &model->realm;
    uint32_t tables = tables_of(model, space);
    struct quire_tracker tracker;

    check(quire_registry_tracker(&realm->registry, space->view.id, &tracker) == QUIRE_OK);
    checkf(space->view.table.tables == tables, "space %u: %u tables, expected %u", space->view.id,
           (unsigned)space->view.table.tables, tables);
    checkf(tracker.pcount == (tables < 2 ? 2 : tables), "space %u: a window of %u pages, %u tables",
           space->view.id, tracker.pcount, tables);
    check((tracker.pt_ptr & QUIRE_TRACKER_SPARE) == (tables < 2));
    check(realm_frame(realm, quire_tracker_va(tracker).at) ==
          space->view.table.root.at >> realm->shift);
    check(quire_table_validate(&space->view.table, NULL) == QUIRE_OK);
    for (unsigned i = 0; i < PAGES; i++) {
        check_page(model, space, i);
    }
    realm_touch_window(realm, tracker);
    *frames += tracker.pcount;
    *pages += realm_room(realm, tracker.pcount);
}

static void check_all(struct model *model)
{
    struct realm *realm = &model->realm;
    uint32_t spaces = 0, frames = 0, wrong;
    uint32_t pages = realm->registry.trackers.pcount;

    for (; (pages & (pages - 1)) != 0 || pages < 2; pages++) {
    }
    realm_check_tlb(realm);
    for (unsigned i = 0; i < SPACES; i++) {
        if (model->space[i].alive) {
            spaces++;
            check_space(model, &model->space[i], &frames, &pages);
        }
    }
    check(realm->registry.spaces == spaces);
    checkf(realm_used(realm, REALM_FRAMES) == frames, "%u frames in use, %u in windows",
           realm_used(realm, REALM_FRAMES), frames);
    checkf(realm_used(realm, REALM_PAGES) == pages, "%u kernel pages in use, windows have %u",
           realm_used(realm, REALM_PAGES), pages);
    check(realm_used(realm, REALM_KERNEL) ==
          realm->kernel.tables + realm->registry.trackers.pcount);
    checkf(quire_registry_validate(&realm->registry, &wrong) == QUIRE_OK, "space %d", (int)wrong);
    check(quire_table_validate(&realm->kernel, NULL) == QUIRE_OK);
}

/* ---- what is done ---------------------------------------------------------------------------- */

enum kind { CREATE, REMOVE, MAP, UNMAP };

struct deed {
    enum kind kind;
    unsigned space, page, pages;
    uint32_t frame;
};

static struct deed random_deed(struct model *model)
{
    struct deed deed = {.space = (unsigned)prng_below(&model->prng, SPACES)};

    if (!model->space[deed.space].alive) {
        deed.kind = CREATE;
    } else if (prng_one_in(&model->prng, 30)) {
        deed.kind = REMOVE;
    } else {
        deed.kind = prng_below(&model->prng, 5) < 3 ? MAP : UNMAP;
    }
    deed.page = (unsigned)prng_below(&model->prng, PAGES);
    deed.pages = 1 + (unsigned)prng_below(&model->prng, 4);
    deed.pages = deed.pages < PAGES - deed.page ? deed.pages : PAGES - deed.page;
    deed.frame = (uint32_t)prng_below(&model->prng, 1000);
    return deed;
}

/* One page only: a range from one candidate to another has more pages than there is memory for. */
static enum quire_status map_page(struct model *model, struct space *space, const struct deed *deed)
{
    struct quire_mapping mapping = {.va = quire_va_at(model->va[deed->page]),
                                    .pa =
                                        quire_pfn_pa(quire_pfn_of(deed->frame), model->realm.shift),
                                    .bytes = UINT64_C(1) << model->realm.shift,
                                    .attributes = QUIRE_READ | QUIRE_USER,
                                    .existing = QUIRE_EXISTING_REPLACE};
    struct quire_batch batch = {0};
    enum quire_status status;

    quire_batch_begin(&batch, &model->realm.host);
    status = quire_table_map(&space->view.table, &batch, &mapping, NULL);
    quire_batch_commit(&batch);
    if (status == QUIRE_OK) {
        space->frame[deed->page] = deed->frame;
    }
    return status;
}

/* From one candidate to another: whole tables become empty. */
static enum quire_status unmap_pages(struct model *model, struct space *space,
                                     const struct deed *deed)
{
    uint64_t first = model->va[deed->page], last = model->va[deed->page + deed->pages - 1];
    struct quire_batch batch = {0};
    enum quire_status status;

    quire_batch_begin(&batch, &model->realm.host);
    status = quire_table_unmap(&space->view.table, &batch, quire_va_at(first),
                               last - first + (UINT64_C(1) << model->realm.shift), NULL);
    quire_batch_commit(&batch);
    for (unsigned i = deed->page; i < deed->page + deed->pages && status == QUIRE_OK; i++) {
        space->frame[i] = NOWHERE;
    }
    return status;
}

static enum quire_status do_deed(struct model *model, const struct deed *deed)
{
    struct space *space = &model->space[deed->space];
    enum quire_status status = QUIRE_OK;

    switch (deed->kind) {
    case CREATE:
        status = quire_registry_create(&model->realm.registry, (uint16_t)deed->space, &space->view);
        space->alive = status == QUIRE_OK;
        memset(space->frame, 0xff, sizeof(space->frame));
        break;
    case REMOVE:
        quire_registry_remove(&space->view);
        space->alive = false;
        break;
    case MAP: status = map_page(model, space, deed); break;
    case UNMAP: status = unmap_pages(model, space, deed); break;
    }
    return status;
}

/* Refuses the first, second, ... allocation, until the deed is done or fails of itself. Whatever
 * failed has changed nothing, and may be tried again. */
static void refuse_each(struct model *model, const struct deed *deed)
{
    struct realm *realm = &model->realm;
    enum quire_status status;

    for (int64_t n = 0;; n++) {
        uint64_t refusals = realm->refusals;
        struct quire_registry_view before = model->space[deed->space].view;
        struct realm_copy copy;

        realm_copy(realm, &copy);
        realm->refuse_in = n;
        status = do_deed(model, deed);
        realm->refuse_in = -1;
        if (status == QUIRE_OK) {
            realm_copy_free(&copy);
            checkf(realm->refusals == refusals, "a refusal went unnoticed");
            break;
        }
        check(status == QUIRE_NO_MEMORY || status == QUIRE_NO_SPACE);
        realm_check_unchanged(realm, &copy);
        realm_copy_free(&copy);
        check(deed->kind == CREATE || memcmp(&before.table, &model->space[deed->space].view.table,
                                             sizeof(before.table)) == 0);
        check(before.spare == model->space[deed->space].view.spare || deed->kind == CREATE);
        realm_check_tlb(realm);
        model->refused++;
        if (realm->refusals == refusals) {
            return; /* there really is no more */
        }
    }
}

/* A view can be made again at any time, and says the same. */
static void reopen(struct model *model, unsigned which)
{
    struct space *space = &model->space[which];
    struct quire_registry_view view;

    if (!space->alive) {
        return;
    }
    check(quire_registry_open(&model->realm.registry, space->view.id, space->view.table.asid,
                              &view) == QUIRE_OK);
    check(view.table.root.at == space->view.table.root.at);
    check(view.table.tables == space->view.table.tables);
    check(view.table.table_bytes == space->view.table.table_bytes);
    check(view.spare == space->view.spare);
    check(quire_registry_open(&model->realm.registry, space->view.id, space->view.table.asid,
                              &space->view) == QUIRE_OK);
}

static void live(struct model *model, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        struct deed deed = random_deed(model);

        refuse_each(model, &deed);
        check_all(model);
        reopen(model, (unsigned)prng_below(&model->prng, SPACES));
    }
}

static void remove_all(struct model *model)
{
    for (unsigned i = 0; i < SPACES; i++) {
        struct deed deed = {.kind = REMOVE, .space = i};

        if (model->space[i].alive) {
            check(do_deed(model, &deed) == QUIRE_OK);
            check_all(model);
        }
    }
    realm_close(&model->realm);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Enough of everything for most that is asked; the small machines run out now and then. */
static void test_every_refusal(void **state)
{
    static const struct realm_config configs[REALM_FORMATS] = {
        {.own = 64, .frames = 120, .windows = 160},
        {.own = 96, .frames = 200, .windows = 300},
        {.own = 24, .frames = 60, .windows = 2000},
        {.own = 32, .frames = 100, .windows = 150},
    };
    static struct model model;

    (void)state;
    for (unsigned i = 0; i < REALM_FORMATS; i++) {
        struct realm_config config = configs[i];
        unsigned large = realm_format(i)->va_bits > 20;

        config.format = realm_format(i);
        model_open(&model, &config, 700 + i);
        live(&model, EFFORT * (large ? 25 : 150));
        check(model.refused != 0); /* the first deed is to create a space */
        remove_all(&model);
    }
}

/* Every space, with every page: how often was there not enough for that? */
static unsigned fill_up(struct model *model)
{
    unsigned refused = 0;

    for (unsigned space = 0; space < SPACES; space++) {
        struct deed deed = {.kind = CREATE, .space = space};

        refused += do_deed(model, &deed) != QUIRE_OK;
        check_all(model);
    }
    for (unsigned page = 0; page < PAGES * SPACES; page++) {
        struct deed deed = {.kind = MAP, .space = page % SPACES, .page = page / SPACES};

        if (model->space[deed.space].alive) {
            refused += do_deed(model, &deed) != QUIRE_OK;
            check_all(model);
        }
    }
    return refused;
}

/* So few kernel addresses, or frames, that refusals come from want. */
static void test_scarcity(void **state)
{
    static const struct realm_config configs[] = {
        {.own = 64, .frames = 400, .windows = 24}, /* addresses run out */
        {.own = 64, .frames = 23, .windows = 400}, /* frames do */
        {.own = 3, .frames = 400, .windows = 400}  /* the kernel's own do */
    };
    static struct model model;

    (void)state;
    for (unsigned i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        struct realm_config config = configs[i];

        config.format = realm_format(0);
        model_open(&model, &config, 800 + i);
        check(fill_up(&model) != 0);
        for (unsigned step = 0; step < 300 * EFFORT; step++) {
            struct deed deed = random_deed(&model);

            do_deed(&model, &deed);
            check_all(&model);
        }
        remove_all(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal),
        cmocka_unit_test(test_scarcity),
    };

    return unit_run(tests);
}
