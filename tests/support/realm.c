/* A kernel with a registry, for tests. */
#include "tests/support/realm.h"

#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "quire/pte.h"
#include "tests/support/check.h"

enum { TLB_ENTRIES = 4096, TLB_WAYS = 4 };

/* i386, but for the sizes, and with ASIDs. */
static void small_format(struct quire_format *format, const char *name, unsigned levels,
                         unsigned bits, unsigned page_shift)
{
    const struct quire_entry_layout layout = {.address = {{12, 20, (uint8_t)page_shift}},
                                              .set = QUIRE_BIT(0)};
    const struct quire_bits always = QUIRE_ALWAYS, never = QUIRE_NEVER;

    *format = quire_format_i386;
    format->name = name;
    format->levels = (uint8_t)levels;
    format->va_bits = (uint8_t)(levels * bits + page_shift);
    format->pa_bits = (uint8_t)(20 + page_shift);
    format->asid_bits = 4;
    format->code = NULL;
    for (unsigned i = 0; i < levels; i++) {
        bool last = i + 1 == levels;

        format->level[i] =
            (struct quire_level){.shift = (uint8_t)(page_shift + (levels - 1 - i) * bits),
                                 .bits = (uint8_t)bits,
                                 .leaf = last,
                                 .table = last ? never : always,
                                 .as_table = layout,
                                 .as_leaf = layout,
                                 .name = "entry"};
    }
    check(quire_format_check(format, NULL) == QUIRE_OK);
}

const struct quire_format *realm_format(unsigned which)
{
    static struct quire_format small2, small3;
    const struct quire_format *const formats[REALM_FORMATS] = {&small2, &small3, &quire_format_i386,
                                                               &quire_format_x86_64};

    if (small2.levels == 0) {
        small_format(&small2, "small2", 2, 5, 7);
        small_format(&small3, "small3", 3, 4, 6);
    }
    return formats[which];
}

/* ---- the hosts' hooks ------------------------------------------------------------------------ */

static bool refuse(void *context, unsigned order)
{
    struct realm *realm = context;

    (void)order;
    if (realm->refuse_in == 0) {
        realm->refusals++;
        return true;
    }
    realm->refuse_in -= realm->refuse_in > 0;
    return false;
}

static enum quire_status alloc_table(void *context, unsigned order, quire_pa *pa)
{
    struct realm *realm = context;
    uint64_t bytes = UINT64_C(1) << order << realm->shift;
    quire_pfn pfn;

    if (quire_frames_alloc(&realm->allocator[REALM_FRAMES], order, &pfn) != QUIRE_OK) {
        return QUIRE_NO_MEMORY;
    }
    *pa = quire_pfn_pa(pfn, realm->shift);
    for (uint64_t i = 0; i < bytes; i += 8) {
        uint64_t garbage = prng_next(&realm->prng);
        memcpy(realm->ram + pa->at + i, &garbage, 8);
    }
    return QUIRE_OK;
}

static void free_table(void *context, unsigned order, quire_pa pa)
{
    struct realm *realm = context;
    quire_pfn pfn = quire_pa_pfn(pa, realm->shift);

    for (unsigned i = 0; i < TLB_ENTRIES && !realm->lose_flushes; i++) {
        const struct tlb_entry *entry = &realm->tlb.entry[i];
        checkf(entry->vpn == TLB_NO_PAGE || entry->pfn.n != pfn.n,
               "frame %u is given back, and kernel page %#llx still leads to it", pfn.n,
               (unsigned long long)entry->vpn);
    }
    memset(realm->ram + pa.at, 0xdb, (size_t)1 << order << realm->shift);
    quire_frames_free(&realm->allocator[REALM_FRAMES], pfn, order);
}

static void kernel_flush(void *context, const struct quire_flush *what)
{
    struct realm *realm = context;

    if (!realm->lose_flushes) {
        tlb_flush(&realm->tlb, what);
    }
}

static void process_flush(void *context, const struct quire_flush *what)
{
    (void)what;
    ((struct realm *)context)->process_flushes++;
}

static void process_activate(void *context, quire_pa root, uint16_t asid)
{
    (void)root;
    (void)asid;
    ((struct realm *)context)->activations++;
}

static void process_event(void *context, const struct quire_event *event)
{
    (void)event;
    ((struct realm *)context)->events++;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void open_allocator(struct realm *realm, enum realm_allocator which, uint32_t first,
                           uint32_t total)
{
    struct quire_frames *frames = &realm->allocator[which];

    realm->state_bytes[which] = quire_frames_size(total);
    realm->state[which] = malloc(realm->state_bytes[which]);
    check(realm->state[which] != NULL);
    check(quire_frames_init(frames, realm->state[which], realm->state_bytes[which],
                            quire_pfn_of(first), total, realm->shift) == QUIRE_OK);
    check(quire_frames_release(frames, quire_pfn_of(first), total) == QUIRE_OK);
    frames->refuse = refuse;
    frames->refuse_context = realm;
}

static void open_hosts(struct realm *realm)
{
    uint64_t own = (uint64_t)realm->config.own << realm->shift;
    uint64_t rest = (uint64_t)realm->config.frames << realm->shift;

    realm->kernel_host = (struct quire_host){.context = realm,
                                             .memory = {.direct = realm->ram, .bytes = own},
                                             .frames = &realm->allocator[REALM_KERNEL],
                                             .tlb_flush = kernel_flush};
    realm->host = (struct quire_host){
        .context = realm,
        .memory = {.direct = realm->ram + own, .base = own, .bytes = rest},
        .frames = &realm->allocator[REALM_FRAMES],
        .alloc_table = alloc_table,
        .free_table = free_table,
        .tlb_flush = process_flush,
        .activate = process_activate,
        .event = process_event,
    };
}

void realm_open_bare(struct realm *realm, const struct realm_config *config)
{
    uint64_t bytes;

    memset(realm, 0, sizeof(*realm));
    realm->config = *config;
    realm->shift = quire_format_page_shift(config->format);
    realm->refuse_in = -1;
    realm->prng = prng_new(config->own + config->frames);
    bytes = (uint64_t)(config->own + config->frames) << realm->shift;
    realm->ram = calloc(1, (size_t)bytes);
    check(realm->ram != NULL);
    check(tlb_open(&realm->tlb, config->format, TLB_ENTRIES, TLB_WAYS));
    open_allocator(realm, REALM_KERNEL, 0, config->own);
    open_allocator(realm, REALM_FRAMES, config->own, config->frames);
    open_allocator(realm, REALM_PAGES, config->own, config->windows);
    open_hosts(realm);
    check(quire_registry_boot(&realm->kernel, config->format, &realm->kernel_host,
                              UINT64_C(1) << realm->shift,
                              (uint64_t)(config->own - 1) << realm->shift) == QUIRE_OK);
    realm->boot_tables = realm->kernel.tables;
}

void realm_open(struct realm *realm, const struct realm_config *config)
{
    realm_open_bare(realm, config);
    check(quire_registry_init(&realm->registry, &realm->kernel, &realm->host,
                              &realm->allocator[REALM_PAGES]) == QUIRE_OK);
}

void realm_close(struct realm *realm)
{
    if (realm->registry.kernel != NULL) {
        check(realm->registry.spaces == 0);
        quire_registry_destroy(&realm->registry);
    }
    checkf(realm->kernel.tables == realm->boot_tables, "%llu kernel tables, %llu after boot",
           (unsigned long long)realm->kernel.tables, (unsigned long long)realm->boot_tables);
    check(realm_used(realm, REALM_KERNEL) == realm->boot_tables);
    check(realm_used(realm, REALM_FRAMES) == 0);
    check(realm_used(realm, REALM_PAGES) == 0);
    quire_table_destroy(&realm->kernel);
    check(realm_used(realm, REALM_KERNEL) == 0);
    tlb_close(&realm->tlb);
    for (unsigned i = 0; i < REALM_ALLOCATORS; i++) {
        check(quire_frames_validate(&realm->allocator[i], NULL) == QUIRE_OK);
        free(realm->state[i]);
    }
    free(realm->ram);
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool kernel_walk(const struct realm *realm, uint64_t va, struct quire_walk *walk)
{
    struct quire_mmu mmu = quire_table_mmu(&realm->kernel);

    return quire_walk(&mmu, quire_va_at(va), QUIRE_READ, walk) == QUIRE_OK;
}

void *realm_see(void *context, quire_va va, uint64_t bytes)
{
    struct realm *realm = context;
    const struct tlb_entry *known = tlb_find(&realm->tlb, va, QUIRE_READ);
    uint64_t offset = va.at & ((UINT64_C(1) << realm->shift) - 1);
    struct quire_walk walk;

    check(bytes != 0 && bytes <= (UINT64_C(1) << realm->shift) - offset);
    if (known != NULL) {
        return realm->ram + (quire_pfn_pa(known->pfn, realm->shift).at | offset);
    }
    if (!kernel_walk(realm, va.at, &walk)) {
        return NULL;
    }
    tlb_fill(&realm->tlb, va, QUIRE_READ, &walk);
    return realm->ram + walk.pa.at;
}

bool realm_load(struct realm *realm, quire_va va, uint64_t *entry)
{
    const void *where = realm_see(realm, va, realm->config.format->pte_bytes);

    if (where != NULL) {
        *entry = quire_pte_load(realm->config.format, where);
    }
    return where != NULL;
}

void realm_check_tlb(const struct realm *realm)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        const struct tlb_entry *entry = &realm->tlb.entry[i];
        struct quire_walk walk;

        if (entry->vpn == TLB_NO_PAGE) {
            continue;
        }
        checkf(kernel_walk(realm, entry->vpn << realm->shift, &walk) &&
                   quire_pa_pfn(walk.pa, realm->shift).n == entry->pfn.n,
               "kernel page %#llx is cached, and leads to frame %u no more",
               (unsigned long long)entry->vpn, entry->pfn.n);
    }
}

void realm_touch_window(struct realm *realm, struct quire_tracker tracker)
{
    uint64_t entry;

    for (uint32_t i = 0; i < tracker.pcount; i++) {
        uint64_t va = quire_tracker_va(tracker).at + ((uint64_t)i << realm->shift);
        checkf(realm_load(realm, quire_va_at(va), &entry), "window page at %#llx is not mapped",
               (unsigned long long)va);
    }
}

uint64_t realm_frame(const struct realm *realm, uint64_t va)
{
    struct quire_walk walk;

    checkf(kernel_walk(realm, va, &walk), "kernel address %#llx is not mapped",
           (unsigned long long)va);
    return walk.pa.at >> realm->shift;
}

uint32_t realm_room(const struct realm *realm, uint32_t pages)
{
    uint64_t most = 1, tables = 1;
    uint32_t room = 2;

    for (unsigned level = 1; level < realm->config.format->levels; level++) {
        tables <<= realm->config.format->level[level - 1].bits;
        most += tables;
    }
    while (room < pages) {
        room *= 2;
    }
    return room < most ? room : (uint32_t)most;
}

uint32_t realm_used(const struct realm *realm, enum realm_allocator which)
{
    return realm->allocator[which].total - realm->allocator[which].free;
}

/* ---- nothing changed ------------------------------------------------------------------------- */

static size_t ram_bytes(const struct realm *realm)
{
    return (size_t)(realm->config.own + realm->config.frames) << realm->shift;
}

static void *copy_of(const void *bytes, size_t size)
{
    void *copy = malloc(size);

    check(copy != NULL);
    return memcpy(copy, bytes, size);
}

void realm_copy(const struct realm *realm, struct realm_copy *copy)
{
    for (unsigned i = 0; i < REALM_ALLOCATORS; i++) {
        copy->allocator[i] = realm->allocator[i];
        copy->state[i] = copy_of(realm->state[i], realm->state_bytes[i]);
    }
    copy->ram = copy_of(realm->ram, ram_bytes(realm));
    copy->tables = realm->kernel.tables;
    copy->registry = realm->registry;
}

/* Frames that somebody has hold what they held. */
static void check_contents(const struct realm *realm, const struct realm_copy *copy)
{
    for (uint32_t pfn = 0; pfn < realm->config.own + realm->config.frames; pfn++) {
        unsigned which = pfn < realm->config.own ? REALM_KERNEL : REALM_FRAMES;
        size_t at = (size_t)pfn << realm->shift;

        checkf(quire_frames_count(&realm->allocator[which], quire_pfn_of(pfn)) == 0 ||
                   memcmp(realm->ram + at, copy->ram + at, (size_t)1 << realm->shift) == 0,
               "frame %u was changed", pfn);
    }
}

void realm_check_unchanged(const struct realm *realm, const struct realm_copy *copy)
{
    size_t counts_at;

    for (unsigned i = 0; i < REALM_ALLOCATORS; i++) {
        checkf(realm->allocator[i].free == copy->allocator[i].free, "allocator %u: %u free, not %u",
               i, realm->allocator[i].free, copy->allocator[i].free);
        counts_at = (size_t)((const unsigned char *)realm->allocator[i].counts - realm->state[i]);
        checkf(memcmp(realm->state[i] + counts_at, copy->state[i] + counts_at,
                      realm->allocator[i].total * sizeof(uint32_t)) == 0,
               "allocator %u has given other frames", i);
    }
    check(realm->kernel.tables == copy->tables);
    check(realm->registry.free == copy->registry.free);
    check(realm->registry.spaces == copy->registry.spaces);
    check(realm->registry.trackers.pt_ptr == copy->registry.trackers.pt_ptr);
    check(realm->registry.trackers.pcount == copy->registry.trackers.pcount);
    check(memcmp(&realm->registry.count, &copy->registry.count, sizeof(copy->registry.count)) == 0);
    check_contents(realm, copy);
}

void realm_copy_free(struct realm_copy *copy)
{
    for (unsigned i = 0; i < REALM_ALLOCATORS; i++) {
        free(copy->state[i]);
    }
    free(copy->ram);
}
