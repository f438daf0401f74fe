/*
 * The registry of page tables, one promise at a time: the steps of seed 001 with its numbers, how
 * windows grow and move, what is refused, and that validation sees what is broken.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "quire/pte.h"
#include "tests/support/arena.h"
#include "tests/support/formats.h"
#include "tests/support/realm.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, MIB = 1 << 20 };

static const struct realm_config roomy = {
    .format = &quire_format_i386, .own = 64, .frames = 1200, .windows = 5000};

static void map(struct quire_registry_view *view, uint64_t va, uint64_t bytes,
                enum quire_status expected)
{
    struct quire_mapping mapping = {.va = quire_va_at(va),
                                    .bytes = bytes,
                                    .attributes = QUIRE_READ | QUIRE_WRITE | QUIRE_USER,
                                    .largest_leaf = PAGE};
    struct quire_batch batch = {0};
    enum quire_status status;

    quire_batch_begin(&batch, view->registry->host);
    status = quire_table_map(&view->table, &batch, &mapping, NULL);
    quire_batch_commit(&batch);
    checkf(status == expected, "%s, expected %s", quire_status_text(status),
           quire_status_text(expected));
}

static void unmap(struct quire_registry_view *view, uint64_t va, uint64_t bytes)
{
    struct quire_batch batch = {0};

    quire_batch_begin(&batch, view->registry->host);
    check(quire_table_unmap(&view->table, &batch, quire_va_at(va), bytes, NULL) == QUIRE_OK);
    quire_batch_commit(&batch);
}

static struct quire_tracker tracker_of(const struct quire_registry_view *view)
{
    struct quire_tracker tracker;

    check(quire_registry_tracker(view->registry, view->id, &tracker) == QUIRE_OK);
    return tracker;
}

static void create(struct realm *realm, struct quire_registry_view *view)
{
    check(quire_registry_create(&realm->registry, 0, view) == QUIRE_OK);
}

static void check_valid(struct realm *realm)
{
    uint32_t id;

    checkf(quire_registry_validate(&realm->registry, &id) == QUIRE_OK, "space %d", (int)id);
    realm_check_tlb(realm);
}

/* ---- the document's numbers ------------------------------------------------------------------ */

static void test_trackers_fill_a_page(void **state)
{
    static struct quire_registry_view view[513];
    struct realm realm;

    (void)state;
    check(sizeof(struct quire_tracker) == 8 && PAGE / sizeof(struct quire_tracker) == 512);
    realm_open(&realm, &roomy);
    for (uint32_t i = 0; i < 513; i++) {
        check(realm.registry.trackers.pcount == 1);
        create(&realm, &view[i]);
        check(view[i].id == i);
    }
    check(realm.registry.trackers.pcount == 2);
    check_valid(&realm);
    quire_registry_remove(&view[7]);
    quire_registry_remove(&view[300]);
    create(&realm, &view[300]);
    check(view[300].id == 300); /* a tracker that became free is used again */
    create(&realm, &view[7]);
    check(view[7].id == 7 && realm.registry.trackers.pcount == 2);
    for (uint32_t i = 0; i < 513; i++) {
        quire_registry_remove(&view[i]);
    }
    check_valid(&realm);
    realm_close(&realm);
}

/* Windows of 4 MiB + 4 KiB, one behind the other, until there are no addresses left. */
static void test_fixed_windows(void **state)
{
    uint32_t window = 1 + 1024, pages = (uint32_t)((UINT64_C(1) << 32) / PAGE), windows = 0;
    struct quire_frames addresses;
    size_t bytes = quire_frames_size(pages);
    void *where = malloc(bytes);

    (void)state;
    check(quire_frames_init(&addresses, where, bytes, quire_pfn_of(0), pages, 12) == QUIRE_OK);
    check(quire_frames_release(&addresses, quire_pfn_of(0), pages) == QUIRE_OK);
    while (quire_frames_alloc_at(&addresses, quire_pfn_of(windows * window), window) == QUIRE_OK) {
        windows++;
    }
    check(windows == 1023); /* the document says 1024 */
    check((UINT64_C(1) << 32) / (4 * MIB + 4 * 1024) == windows);
    free(where);
}

static void count_pages(void *context, const struct quire_leaf *leaf)
{
    uint64_t *pages = context;

    check(leaf->pa.at == leaf->va.at && leaf->bytes == PAGE);
    check((leaf->attributes & QUIRE_RIGHTS) == (QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE));
    pages[leaf->va.at >= MIB]++;
}

static void test_initial_kernel_table(void **state)
{
    struct realm_config config = {.format = &quire_format_i386, .own = 2304, .windows = 1};
    uint64_t pages[2] = {0, 0};
    struct quire_visitor visitor = {count_pages, pages};
    struct quire_table kernel;
    struct realm realm;

    (void)state;
    config.frames = 1;
    realm_open_bare(&realm, &config);
    check(quire_registry_boot(&kernel, config.format, &realm.kernel_host, MIB, 8 * MIB) ==
          QUIRE_OK);
    check(quire_table_visit(&kernel, quire_va_at(0), UINT64_C(1) << 32, &visitor) == QUIRE_OK);
    check(pages[0] == 256 && pages[1] == 2048);
    check(kernel.tables == 1 + 3);
    check(quire_table_validate(&kernel, NULL) == QUIRE_OK);
    quire_table_destroy(&kernel);

    for (int64_t n = 0; n < 4; n++) {
        realm.refuse_in = n;
        check(quire_registry_boot(&kernel, config.format, &realm.kernel_host, MIB, 8 * MIB) ==
              QUIRE_NO_MEMORY);
        check(realm_used(&realm, REALM_KERNEL) == realm.boot_tables);
    }
    realm.refuse_in = -1;
    check(quire_registry_boot(&kernel, config.format, &realm.kernel_host, MIB, MIB + 1) ==
          QUIRE_INVALID);
    check(quire_registry_boot(&kernel, config.format, &realm.kernel_host, MIB, UINT64_C(1) << 32) ==
          QUIRE_OUT_OF_RANGE);
    check(realm_used(&realm, REALM_KERNEL) == realm.boot_tables);
    realm_close(&realm);
}

/* Page A, page B behind it; B becomes the table of the first 4 MiB. */
static void test_new_page_table(void **state)
{
    struct quire_registry_view view;
    struct quire_tracker tracker;
    struct realm realm;
    uint64_t a, b, entry;

    (void)state;
    realm_open(&realm, &roomy);
    create(&realm, &view);
    tracker = tracker_of(&view);
    check(tracker.pcount == 2 && (tracker.pt_ptr & QUIRE_TRACKER_SPARE) != 0);
    a = realm_frame(&realm, quire_tracker_va(tracker).at);
    b = realm_frame(&realm, quire_tracker_va(tracker).at + PAGE);
    check(view.table.root.at == a * PAGE && view.table.tables == 1);
    check(realm_used(&realm, REALM_FRAMES) == 2);

    map(&view, 0x5000, PAGE, QUIRE_OK);
    check(tracker_of(&view).pt_ptr == quire_tracker_va(tracker).at); /* not spare any more */
    check(tracker_of(&view).pcount == 2 && realm_used(&realm, REALM_FRAMES) == 2);
    check(realm_load(&realm, quire_tracker_va(tracker), &entry) && entry >> 12 == b);
    check(realm_load(&realm, quire_va_at(quire_tracker_va(tracker).at + PAGE + 5 * 4), &entry));
    check((entry & 1) != 0);

    unmap(&view, 0x5000, PAGE); /* the last table stays, as page B */
    check(tracker_of(&view).pt_ptr == tracker.pt_ptr && tracker_of(&view).pcount == 2);
    check(realm_frame(&realm, quire_tracker_va(tracker).at + PAGE) == b);
    check_valid(&realm);
    quire_registry_remove(&view);
    realm_close(&realm);
}

/* ---- growing --------------------------------------------------------------------------------- */

/* Where the neighbour has gone there is room: nothing moves. */
static void test_grows_in_place(void **state)
{
    struct quire_registry_view first, neighbour;
    struct quire_registry_counts *count;
    struct quire_tracker before;
    struct realm realm;

    (void)state;
    realm_open(&realm, &roomy);
    count = &realm.registry.count;
    create(&realm, &first);
    create(&realm, &neighbour);
    before = tracker_of(&first);
    check(tracker_of(&neighbour).pt_ptr == before.pt_ptr + 2 * PAGE);
    quire_registry_remove(&neighbour);

    map(&first, 0, PAGE, QUIRE_OK);
    check(count->grown == 0);
    map(&first, 4 * MIB, PAGE, QUIRE_OK); /* takes the neighbour's addresses */
    check(count->grown == 1 && count->taken == 1);
    map(&first, 8 * MIB, PAGE, QUIRE_OK); /* has room already */
    check(count->grown == 2 && count->taken == 1);
    check(count->moved == 0 && count->remapped == 0);
    check(tracker_of(&first).pt_ptr == quire_tracker_va(before).at);
    check(tracker_of(&first).pcount == 4);
    check_valid(&realm);
    quire_registry_remove(&first);
    realm_close(&realm);
}

/* A window between neighbours, about to grow: the scene of a move. */
struct scene {
    struct realm realm;
    struct quire_registry_view first, neighbour;
    struct quire_tracker before;
    uint64_t a, b;
    unsigned char bytes[2 * PAGE]; /* of pages A and B */
};

static void scene_open(struct scene *scene)
{
    realm_open(&scene->realm, &roomy);
    create(&scene->realm, &scene->first);
    create(&scene->realm, &scene->neighbour);
    map(&scene->first, 0x7000, PAGE, QUIRE_OK);
    scene->before = tracker_of(&scene->first);
    realm_touch_window(&scene->realm, scene->before);
    scene->a = realm_frame(&scene->realm, scene->before.pt_ptr);
    scene->b = realm_frame(&scene->realm, scene->before.pt_ptr + PAGE);
    memcpy(scene->bytes, scene->realm.ram + scene->a * PAGE, PAGE);
    memcpy(scene->bytes + PAGE, scene->realm.ram + scene->b * PAGE, PAGE);
}

static void scene_close(struct scene *scene)
{
    quire_registry_remove(&scene->first);
    quire_registry_remove(&scene->neighbour);
    realm_close(&scene->realm);
}

static void test_moves_by_remapping(void **state)
{
    static struct scene scene;
    struct realm *realm = &scene.realm;
    struct quire_tracker after;
    uint64_t entry, table;

    (void)state;
    scene_open(&scene);
    map(&scene.first, 0xffc00000, PAGE, QUIRE_OK);
    after = tracker_of(&scene.first);
    check(realm->registry.count.moved == 1 && realm->registry.count.remapped == 2);
    check(after.pt_ptr != scene.before.pt_ptr && after.pcount == 3);

    /* The same frames, with what they held; one more; and no other was ever taken. */
    check(realm_frame(realm, after.pt_ptr) == scene.a);
    check(realm_frame(realm, after.pt_ptr + PAGE) == scene.b);
    table = realm_frame(realm, after.pt_ptr + 2 * PAGE);
    quire_pte_store(&quire_format_i386, scene.bytes + PAGE - 4,
                    quire_pte_table(&quire_format_i386, 1, quire_pa_at(table * PAGE)));
    check(memcmp(scene.bytes, realm->ram + scene.a * PAGE, PAGE) == 0);
    check(memcmp(scene.bytes + PAGE, realm->ram + scene.b * PAGE, PAGE) == 0);
    check(realm_used(realm, REALM_FRAMES) == 5 && realm->allocator[REALM_FRAMES].allocs == 5);

    /* The old addresses lead nowhere, not even by the TLB. */
    check(!realm_load(realm, quire_va_at(scene.before.pt_ptr), &entry));
    check(!realm_load(realm, quire_va_at(scene.before.pt_ptr + PAGE), &entry));
    check_valid(realm);
    scene_close(&scene);
}

/* What the flush is for: without it the kernel goes on reading through the old addresses. */
static void test_move_must_flush(void **state)
{
    static struct scene scene;
    struct quire_registry_view third;
    uint64_t entry;

    (void)state;
    scene_open(&scene);
    scene.realm.lose_flushes = true;
    map(&scene.first, 0xffc00000, PAGE, QUIRE_OK);
    scene.realm.lose_flushes = false;
    check(realm_load(&scene.realm, quire_va_at(scene.before.pt_ptr), &entry)); /* stale */
    create(&scene.realm, &third); /* gets the old addresses, and they show another's table */
    check(quire_tracker_va(tracker_of(&third)).at == scene.before.pt_ptr);
    check(realm_load(&scene.realm, quire_tracker_va(tracker_of(&third)), &entry));
    check((entry & 1) != 0); /* but a new directory is empty */
    quire_registry_remove(&third);
    scene_close(&scene);
}

/* All 1,024 tables at once, announced by the operation: one step, and a window that is the
 * document's page_table_info. It grows where it is, or is moved away from a neighbour. */
static void test_largest_window(void **state)
{
    struct quire_registry_view view, neighbour;
    struct realm realm;

    (void)state;
    for (unsigned neighbours = 0; neighbours < 2; neighbours++) {
        struct quire_tracker tracker;

        realm_open(&realm, &roomy);
        create(&realm, &view);
        if (neighbours != 0) {
            create(&realm, &neighbour);
        }
        map(&view, 0, UINT64_C(1) << 32, QUIRE_OK);
        tracker = tracker_of(&view);
        check(tracker.pcount == 1025);
        check(realm.registry.count.taken == 1 - neighbours);
        check(realm.registry.count.moved == neighbours);
        check(realm.registry.count.remapped == 2 * neighbours);
        check(realm_used(&realm, REALM_PAGES) == 2 + 2 * neighbours + 1025);
        for (uint64_t table = 0; table < 1024; table++) {
            uint64_t pde;

            check(realm_load(&realm, quire_va_at(tracker.pt_ptr + table * 4), &pde));
            check(pde >> 12 == realm_frame(&realm, tracker.pt_ptr + (1 + table) * PAGE));
        }
        check_valid(&realm);
        unmap(&view, 4 * MIB, (UINT64_C(1) << 32) - 4 * MIB);
        check(tracker_of(&view).pcount == 2);
        check(realm_used(&realm, REALM_PAGES) == 2 + 2 * neighbours + 2);
        check_valid(&realm);
        quire_registry_remove(&view);
        if (neighbours != 0) {
            quire_registry_remove(&neighbour);
        }
        realm_close(&realm);
    }
}

/* More address spaces than fixed windows would fit, twenty times over. */
static void test_more_than_fixed(void **state)
{
    static struct quire_registry_view view[40];
    struct realm_config config = roomy;
    struct realm realm;

    (void)state;
    config.windows = 2 * 1025;
    realm_open(&realm, &config);
    for (unsigned i = 0; i < 40; i++) {
        create(&realm, &view[i]);
    }
    for (unsigned n = 0; n < 7 * 40; n++) {
        unsigned table = n / 40, i = n % 40;

        if (table <= i % 7) {
            map(&view[i], (uint64_t)(i + table) * 4 * MIB, PAGE, QUIRE_OK);
        }
    }
    check(realm.registry.count.moved != 0 && realm.registry.count.grown != 0);
    check_valid(&realm);
    for (unsigned i = 0; i < 40; i++) {
        check(tracker_of(&view[i]).pcount == 2 + i % 7);
        quire_registry_remove(&view[i]);
    }
    realm_close(&realm);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static enum quire_status init(struct realm *realm, struct quire_frames *pages)
{
    return quire_registry_init(&realm->registry, &realm->kernel, &realm->host, pages);
}

static void test_init_refuses(void **state)
{
    static _Alignas(8) unsigned char records[1 << 20];
    struct quire_frames pages;
    struct quire_format format;
    struct realm realm;

    (void)state;
    realm_open_bare(&realm, &roomy);
    check(quire_frames_init(&pages, records, sizeof(records), quire_pfn_of(64), 100, 13) ==
          QUIRE_OK);
    check(init(&realm, &pages) == QUIRE_INVALID);
    check(quire_frames_init(&pages, records, sizeof(records), quire_pfn_of(0xfffff), 2, 12) ==
          QUIRE_OK);
    check(init(&realm, &pages) == QUIRE_OUT_OF_RANGE);
    check(quire_frames_init(&pages, records, sizeof(records), quire_pfn_of(0xfffff), 1, 12) ==
          QUIRE_OK);
    check(init(&realm, &pages) == QUIRE_NO_SPACE); /* addresses that are all taken */
    realm.refuse_in = 1;                           /* a tracker page, its kernel page table */
    check(init(&realm, &realm.allocator[REALM_PAGES]) == QUIRE_NO_MEMORY);
    realm.refuse_in = -1;

    format = quire_format_i386; /* a root of two pages, and addresses that end below 4 GiB */
    format.level[0].bits = 11;
    realm.kernel.format = &format;
    check(init(&realm, &realm.allocator[REALM_PAGES]) == QUIRE_INVALID);
    format.level[0].bits = 6;
    format.va_bits = 28;
    check(quire_frames_init(&pages, records, sizeof(records), quire_pfn_of(0xffff), 2, 12) ==
          QUIRE_OK);
    check(init(&realm, &pages) == QUIRE_OUT_OF_RANGE);
    realm.kernel.format = &quire_format_i386;
    realm.registry.kernel = NULL;
    realm_close(&realm);
}

/* Frames that a directory entry, or a PTE, cannot name: refused, and nothing is kept. */
static void test_frames_too_high(void **state)
{
    struct quire_registry_view view[16];
    struct realm_copy copy;
    struct quire_format format;
    struct realm realm;

    (void)state;
    for (unsigned narrow = 0; narrow < 2; narrow++) {
        struct realm_config config = {.format = &format, .own = 44, .frames = 40, .windows = 100};
        struct quire_level *level = format.level;

        format = *realm_format(0);
        level[0].as_table.address[0].bits = 6; /* 64 frames */
        level[1].as_leaf.address[0].bits = narrow != 0 ? 6 : 20;
        realm_open(&realm, &config);
        for (unsigned i = 0; i < 10; i++) {
            create(&realm, &view[i]);
        }
        realm_copy(&realm, &copy);
        check(quire_registry_create(&realm.registry, 0, &view[10]) == QUIRE_OUT_OF_RANGE);
        realm_check_unchanged(&realm, &copy);
        realm_copy_free(&copy);
        check_valid(&realm);
        for (unsigned i = 0; i < 10; i++) {
            quire_registry_remove(&view[i]);
        }
        realm_close(&realm);
    }
}

static void test_unknown_spaces(void **state)
{
    struct quire_registry_view view, other;
    struct quire_tracker tracker;
    struct realm realm;

    (void)state;
    realm_open(&realm, &roomy);
    create(&realm, &view);
    check(quire_registry_open(&realm.registry, 0, 0, &other) == QUIRE_OK);
    for (uint64_t id = 1; id <= UINT32_MAX; id = id * 2 + 1) {
        check(quire_registry_open(&realm.registry, (uint32_t)id, 0, &other) == QUIRE_NOT_FOUND);
        check(quire_registry_tracker(&realm.registry, (uint32_t)id, &tracker) == QUIRE_NOT_FOUND);
    }
    quire_registry_remove(&view);
    check(quire_registry_open(&realm.registry, 0, 0, &other) == QUIRE_NOT_FOUND);
    realm_close(&realm);
}

static void test_entry(void **state)
{
    struct realm_config config = {
        .format = &quire_format_x86_64, .own = 64, .frames = 64, .windows = 64};
    struct quire_registry_view view;
    unsigned char *directory;
    uint64_t window;
    struct realm realm;
    quire_va at;

    (void)state;
    realm_open(&realm, &config);
    create(&realm, &view);
    map(&view, 0x123456789000, PAGE, QUIRE_OK);
    window = tracker_of(&view).pt_ptr;
    check(tracker_of(&view).pcount == 4);
    check(quire_registry_entry(&view, quire_va_at(0x123456789abc), &at) == QUIRE_OK);
    check(at.at == window + PAGE + (0x123456789 & 511) * 8); /* of three tables the lowest */
    check(quire_registry_entry(&view, quire_va_at(0), &at) == QUIRE_OK); /* stops at the root */
    check(at.at == window);
    check(quire_registry_entry(&view, quire_va_at(UINT64_C(1) << 47), &at) == QUIRE_OUT_OF_RANGE);

    directory = realm.ram + view.table.root.at;
    quire_pte_store(config.format, directory, 5 * PAGE | 1); /* the kernel's: not reached */
    check(quire_registry_entry(&view, quire_va_at(0), &at) == QUIRE_OK && at.at == window);
    quire_pte_store(config.format, directory, (config.own + 20) * PAGE | 1); /* not its table */
    check(quire_registry_entry(&view, quire_va_at(0), &at) == QUIRE_NOT_FOUND);
    quire_pte_store(config.format, directory, 0);
    quire_registry_remove(&view);
    realm_close(&realm);
}

/* A walk that goes through the window alone, and marks what it uses. */
static void test_sight(void **state)
{
    struct realm_config config = {
        .format = &quire_format_x86_64, .own = 64, .frames = 64, .windows = 64};
    struct quire_registry_view view;
    struct quire_registry_sight sight = {.view = &view, .see = realm_see};
    struct quire_mmu through, physical;
    struct quire_walk walk, seen;
    struct realm realm;
    const quire_va va = {0x123456789abc};

    (void)state;
    realm_open(&realm, &config);
    create(&realm, &view);
    map(&view, va.at & ~UINT64_C(0xfff), PAGE, QUIRE_OK);
    sight.context = &realm;
    through = quire_registry_mmu(&sight);
    physical = quire_table_mmu(&view.table);
    check(quire_walk(&physical, va, QUIRE_WRITE, &walk) == QUIRE_OK);
    check((walk.attributes & QUIRE_MARKS) == 0);
    check(quire_walk(&through, va, QUIRE_WRITE | QUIRE_ACCESSED, &seen) == QUIRE_OK);
    check(seen.pa.at == walk.pa.at && seen.entry_at.at == walk.entry_at.at);
    check(quire_walk(&physical, va, QUIRE_WRITE, &walk) == QUIRE_OK);
    check((walk.attributes & QUIRE_MARKS) == QUIRE_MARKS);
    check(quire_walk(&through, quire_va_at(0), QUIRE_READ, &seen) == QUIRE_FAULT);
    check(seen.reason == QUIRE_REASON_NOT_PRESENT && seen.level == 1);
    quire_registry_remove(&view);
    realm_close(&realm);
}

/* The processes' own host is asked for what it would be asked for without a registry. */
static void test_hooks_are_handed_on(void **state)
{
    struct quire_registry_view view;
    struct realm realm;

    (void)state;
    realm_open(&realm, &roomy);
    create(&realm, &view);
    check(realm.events == 1); /* the root was taken */
    map(&view, 0x1000, PAGE, QUIRE_OK);
    check(realm.events == 2 && realm.process_flushes == 0);
    quire_table_activate(&view.table);
    check(realm.activations == 1);
    unmap(&view, 0x1000, PAGE);
    check(realm.process_flushes == 1 && realm.events == 4); /* table freed, range flushed */
    quire_registry_remove(&view);
    check(realm.process_flushes == 2 && realm.events == 5);
    realm_close(&realm);
}

/* One level: a window is one page, and there is no page B. */
static void test_one_level(void **state)
{
    struct quire_format format;
    struct realm_config config = {.format = &format, .own = 8, .frames = 8, .windows = 16};
    struct quire_registry_view view;
    struct quire_tracker tracker;
    struct realm realm;
    uint64_t entry;
    quire_va at;

    (void)state;
    check(quire_format_ostep_linear_init(&format, 18, 10) == QUIRE_OK);
    realm_open(&realm, &config);
    create(&realm, &view);
    tracker = tracker_of(&view);
    check(tracker.pcount == 1 && (tracker.pt_ptr & QUIRE_TRACKER_SPARE) == 0 && view.spare == 0);
    check(quire_registry_entry(&view, quire_va_at(3 << 10), &at) == QUIRE_OK);
    check(at.at == tracker.pt_ptr + 3 * 4 && realm_load(&realm, at, &entry));
    check_valid(&realm);
    quire_registry_remove(&view);
    realm_close(&realm);
}

/* ---- validation ------------------------------------------------------------------------------ */

/* Ways to break a registry with two spaces; each returns how to put it right. */
enum damage {
    WINDOW_UNMAPPED,
    WINDOW_SHOWS_ANOTHER,
    ADDRESSES_FREE,
    MAPPED_BEHIND,
    COUNT_TOO_HIGH,
    TABLE_LOST,
    CHAIN_CUT,
    CHAIN_ROUND,
    SPACES_WRONG,
    DAMAGES
};

static void kernel_map(struct realm *realm, uint64_t va, uint64_t frame)
{
    struct quire_mapping mapping = {.va = quire_va_at(va),
                                    .pa = quire_pa_at(frame * PAGE),
                                    .bytes = PAGE,
                                    .attributes = QUIRE_READ | QUIRE_WRITE,
                                    .existing = QUIRE_EXISTING_REPLACE};

    check(quire_table_map(&realm->kernel, &realm->registry.batch, &mapping, NULL) == QUIRE_OK);
    quire_batch_commit(&realm->registry.batch);
}

static void kernel_unmap(struct realm *realm, uint64_t va)
{
    check(quire_table_unmap(&realm->kernel, &realm->registry.batch, quire_va_at(va), PAGE, NULL) ==
          QUIRE_OK);
    quire_batch_commit(&realm->registry.batch);
}

static struct quire_tracker *tracker_at(struct realm *realm, uint32_t id)
{
    uint64_t frame = realm_frame(realm, realm->registry.trackers.pt_ptr);

    return (struct quire_tracker *)(void *)(realm->ram + frame * PAGE) + id;
}

/* Does the damage, or undoes it. Space 1 has three tables in a window with room for a fourth. */
static void damage(struct realm *realm, enum damage what, bool undo, uint32_t window,
                   uint64_t frame)
{
    struct quire_frames *pages = &realm->allocator[REALM_PAGES];
    quire_pfn last = quire_pfn_of(window / PAGE + 3);
    unsigned char *directory = realm->ram + realm_frame(realm, window) * PAGE;

    switch (what) {
    case WINDOW_UNMAPPED:
        undo ? kernel_map(realm, window + PAGE, frame) : kernel_unmap(realm, window + PAGE);
        break;
    case WINDOW_SHOWS_ANOTHER: kernel_map(realm, window + PAGE, frame + (undo ? 0 : 1)); break;
    case ADDRESSES_FREE:
        if (undo) {
            check(quire_frames_alloc_at(pages, last, 1) == QUIRE_OK);
        } else {
            check(quire_frames_unref(pages, last));
        }
        break;
    case MAPPED_BEHIND:
        undo ? kernel_unmap(realm, window + 3 * PAGE) : kernel_map(realm, window + 3 * PAGE, frame);
        break;
    case COUNT_TOO_HIGH: tracker_at(realm, 1)->pcount += undo ? -1U : 1U; break;
    case TABLE_LOST: directory[0] ^= 1; break;
    case CHAIN_CUT: realm->registry.free += undo ? -1U : 1U; break;
    case CHAIN_ROUND: tracker_at(realm, 511)->pt_ptr = undo ? QUIRE_NONE : 100; break;
    case SPACES_WRONG: realm->registry.spaces += undo ? 1U : -1U; break;
    case DAMAGES: break;
    }
}

static void test_validation_sees_damage(void **state)
{
    struct quire_registry_view first, second;
    struct realm realm;
    uint32_t window, id;
    uint64_t frame;

    (void)state;
    realm_open(&realm, &roomy);
    create(&realm, &first);
    create(&realm, &second);
    map(&second, 0, PAGE, QUIRE_OK);
    map(&second, 4 * MIB, PAGE, QUIRE_OK);
    window = tracker_of(&second).pt_ptr;
    frame = realm_frame(&realm, window + PAGE);
    check_valid(&realm);
    for (enum damage what = 0; what < DAMAGES; what++) {
        damage(&realm, what, false, window, frame);
        checkf(quire_registry_validate(&realm.registry, &id) == QUIRE_CORRUPT, "damage %d", what);
        checkf(id == (what < CHAIN_CUT ? 1 : QUIRE_NONE), "damage %d: space %d", what, (int)id);
        damage(&realm, what, true, window, frame);
        check_valid(&realm);
    }
    quire_registry_remove(&first);
    quire_registry_remove(&second);
    realm_close(&realm);
}

/* ---- what operations on tables announce ------------------------------------------------------ */

struct announcing {
    struct arena arena;
    struct quire_host host;
    uint64_t announced, times;
    bool refuse;
};

static enum quire_status expect_tables(void *context, uint32_t tables)
{
    struct announcing *a = context;

    check(tables != 0);
    a->announced += tables;
    a->times++;
    return a->refuse ? QUIRE_NO_SPACE : QUIRE_OK;
}

static enum quire_status alloc_table(void *context, unsigned order, quire_pa *pa)
{
    struct announcing *a = context;

    return a->arena.host.alloc_table(&a->arena, order, pa);
}

static void free_table(void *context, unsigned order, quire_pa pa)
{
    struct announcing *a = context;

    a->arena.host.free_table(&a->arena, order, pa);
}

static void flush_nothing(void *context, const struct quire_flush *flush)
{
    (void)context;
    (void)flush;
}

/* Every operation announces exactly the tables that it then takes; one that is refused takes none
 * and changes nothing. */
static void test_tables_are_announced(void **state)
{
    static const uint64_t bytes[] = {PAGE, 3 * MIB, 5 * MIB, PAGE, (UINT64_C(3) << 30) + PAGE};
    struct announcing a = {.refuse = false};
    struct quire_table table;
    struct quire_batch batch = {0};

    (void)state;
    arena_init(&a.arena, ARENA_DIRECT, 0, 64, 12);
    a.host = a.arena.host;
    a.host.context = &a;
    a.host.alloc_table = alloc_table;
    a.host.free_table = free_table;
    a.host.tlb_flush = flush_nothing;
    a.host.expect_tables = expect_tables;
    check(quire_table_create(&table, &quire_format_x86_64, &a.host, 0) == QUIRE_OK);
    check(a.times == 0 && a.arena.allocs == 1);
    quire_batch_begin(&batch, &a.host);
    for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        struct quire_mapping mapping = {
            .va = quire_va_at((uint64_t)i << 32), .bytes = bytes[i], .attributes = QUIRE_READ};
        uint64_t times = a.times;

        a.refuse = true;
        check(quire_table_map(&table, &batch, &mapping, NULL) == QUIRE_NO_SPACE);
        check(a.times == times + 1 && table.tables == a.arena.allocs);
        a.announced = a.arena.allocs - 1;
        a.refuse = false;
        check(quire_table_map(&table, &batch, &mapping, NULL) == QUIRE_OK);
        check(a.announced == a.arena.allocs - 1 && table.tables == a.arena.allocs);
    }
    /* A large leaf that must be split. */
    check(quire_table_unmap(&table, &batch, quire_va_at((UINT64_C(2) << 32) + PAGE), PAGE, NULL) ==
          QUIRE_OK);
    check(a.announced == a.arena.allocs - 1);
    quire_batch_commit(&batch);
    quire_table_destroy(&table);
    arena_free(&a.arena);
}

/* Memory is reached by two windows at once, no more, even when a batch is full in the middle of a
 * table, and gives a table back that was emptied before. */
static void test_two_windows_are_enough(void **state)
{
    enum { FRAMES = 64, ADDRESSES = 64 };
    static uint64_t addresses_state[256];
    struct arena arena;
    struct quire_table kernel;
    struct quire_frames addresses;
    struct quire_registry registry;
    struct quire_registry_view view;
    struct quire_mapping mapping = {
        .va = quire_va_at(4 * MIB - PAGE), .bytes = PAGE, .attributes = QUIRE_READ};
    struct quire_batch batch = {0};

    (void)state;
    arena_init(&arena, ARENA_WINDOWS, 0, FRAMES, 12);
    check(quire_table_create(&kernel, &quire_format_i386, &arena.host, 0) == QUIRE_OK);
    check(quire_frames_init(&addresses, addresses_state, sizeof(addresses_state), quire_pfn_of(16),
                            ADDRESSES, 12) == QUIRE_OK);
    check(quire_frames_release(&addresses, quire_pfn_of(16), ADDRESSES) == QUIRE_OK);
    check(quire_registry_init(&registry, &kernel, &arena.host, &addresses) == QUIRE_OK);
    check(quire_registry_create(&registry, 1, &view) == QUIRE_OK);
    quire_batch_begin(&batch, &arena.host);
    for (unsigned i = 0; i < 3 * QUIRE_BATCH_RANGES; i++) {
        check(quire_table_map(&view.table, &batch, &mapping, NULL) == QUIRE_OK);
        mapping.va.at += 2 * PAGE;
    }
    check(view.table.tables == 3);
    check(quire_table_unmap(&view.table, &batch, quire_va_at(0), 8 * MIB, NULL) == QUIRE_OK);
    quire_batch_commit(&batch);
    check(view.table.tables == 1 && quire_registry_validate(&registry, NULL) == QUIRE_OK);
    arena_settled(&arena);
    quire_registry_remove(&view);
    quire_registry_destroy(&registry);
    quire_table_destroy(&kernel);
    check(arena.in_use == 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_windows_are_enough),
        cmocka_unit_test(test_trackers_fill_a_page),
        cmocka_unit_test(test_fixed_windows),
        cmocka_unit_test(test_initial_kernel_table),
        cmocka_unit_test(test_new_page_table),
        cmocka_unit_test(test_grows_in_place),
        cmocka_unit_test(test_moves_by_remapping),
        cmocka_unit_test(test_move_must_flush),
        cmocka_unit_test(test_largest_window),
        cmocka_unit_test(test_more_than_fixed),
        cmocka_unit_test(test_init_refuses),
        cmocka_unit_test(test_frames_too_high),
        cmocka_unit_test(test_unknown_spaces),
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_sight),
        cmocka_unit_test(test_hooks_are_handed_on),
        cmocka_unit_test(test_one_level),
        cmocka_unit_test(test_validation_sees_damage),
        cmocka_unit_test(test_tables_are_announced),
    };

    return unit_run(tests);
}
