/*
 * A crowd of address spaces in a registry.
 *
 *   physical memory   0        1 MiB                     1 MiB + own                 end
 *                     |  BIOS  | page map, kernel tables, | tables and pages of      |
 *                     |        | tracker pages            | processes                |
 *   kernel addresses  0        1 MiB                     1 MiB + own               4 GiB
 *                     |  the same, mapped to itself       | windows                  |
 */
#include "registry_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WITNESSES = 1000, TLB_ENTRIES = 64, TLB_WAYS = 4, REGIONS_MOST = 1 << 20 };

static unsigned page_shift(const struct registry_run *run)
{
    return quire_format_page_shift(run->config.format);
}

/* The same for the same question: what is random about a run. (splitmix64) */
static uint64_t dice(const struct registry_run *run, uint64_t a, uint64_t b)
{
    uint64_t x =
        run->config.seed + a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xd1b54a32d192ed03);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* ---- what the spaces look like --------------------------------------------------------------- */

static uint32_t pages_of(const struct registry_run *run, uint32_t space)
{
    return 1 + (uint32_t)(dice(run, space, UINT64_MAX) % run->config.pages);
}

static bool is_witness(const struct registry_run *run, uint32_t space)
{
    return run->config.spaces <= WITNESSES ||
           dice(run, space, UINT64_MAX - 1) % run->config.spaces < WITNESSES;
}

/* log2 of what one table of the last level covers. */
static unsigned region_shift(const struct quire_format *format)
{
    const struct quire_level *last = &format->level[format->levels - 1];

    return (unsigned)last->shift + last->bits;
}

static uint64_t regions(const struct quire_format *format)
{
    unsigned bits = format->va_bits - region_shift(format);

    bits -= bits != 0 && format->canonical == QUIRE_SIGN_EXTENDED; /* the lower half */
    return bits < 20 ? UINT64_C(1) << bits : REGIONS_MOST;
}

/* Where a space has its page: all in different regions, because an odd stride meets each once. */
static quire_va data_va(const struct registry_run *run, uint32_t space, uint32_t page)
{
    const struct quire_format *format = run->config.format;
    uint64_t stride = dice(run, space, UINT64_MAX - 2) | 1;
    uint64_t region = (dice(run, space, UINT64_MAX - 3) + page * stride) % regions(format);
    uint64_t within =
        dice(run, space, page) % (UINT64_C(1) << (region_shift(format) - page_shift(run)));

    return quire_va_at(region << region_shift(format) | within << page_shift(run));
}

static uint64_t mark_of(const struct registry_run *run, uint32_t space, uint32_t page)
{
    return ~dice(run, space, page);
}

/* ---- the machine and its kernel -------------------------------------------------------------- */

static uint64_t kernel_addresses(const struct quire_format *format)
{
    unsigned bits = format->va_bits - (format->canonical == QUIRE_SIGN_EXTENDED);

    return UINT64_C(1) << (bits < 32 ? bits : 32);
}

static bool check_config(const struct registry_config *config, struct problem *problem)
{
    const struct quire_format *format = config->format;
    uint64_t page = quire_format_page_bytes(format);
    uint64_t reserved = REGISTRY_LOW_BYTES + config->own_bytes;

    if (reserved >= kernel_addresses(format)) {
        return problem_set(problem,
                           "1 MiB and %s for the kernel leave no addresses for windows: %s has %s",
                           size_text(config->own_bytes).text, format->name,
                           size_text(kernel_addresses(format)).text);
    }
    if (config->own_bytes % page != 0) {
        return problem_set(problem, "--kernel: expected whole pages of %s", size_text(page).text);
    }
    if (reserved >= config->ram_bytes) {
        return problem_set(problem,
                           "--ram: %s leave nothing beside the first 1 MiB and the kernel's %s",
                           size_text(config->ram_bytes).text, size_text(config->own_bytes).text);
    }
    if (config->pages > regions(format)) {
        return problem_set(problem, "--pages: a space of %s has %" PRIu64 " tables at most",
                           format->name, regions(format));
    }
    return true;
}

static bool open_machine(struct registry_run *run, struct problem *problem)
{
    const struct machine_config config = {.format = run->config.format,
                                          .ram_bytes = run->config.ram_bytes,
                                          .tlb_entries = TLB_ENTRIES,
                                          .tlb_ways = TLB_WAYS,
                                          .policy = &quire_policy_fifo,
                                          .records = MACHINE_RECORDS_BESIDE};
    const char *why;

    return machine_open(&run->machine, &config, &why) == QUIRE_OK ||
           problem_set(problem, "--ram %s: %s", size_text(config.ram_bytes).text, why);
}

/* Two allocators of frames: the kernel's own memory, and the machine's without it. */
static bool divide_memory(struct registry_run *run)
{
    uint32_t low = REGISTRY_LOW_BYTES >> page_shift(run);
    uint32_t own = (uint32_t)(run->config.own_bytes >> page_shift(run));
    size_t bytes = quire_frames_size(own);

    run->kernel_frames_state = malloc(bytes);
    run->kernel_host = run->machine.host;
    run->kernel_host.frames = &run->kernel_frames;
    return run->kernel_frames_state != NULL &&
           quire_frames_alloc_at(&run->machine.frames, quire_pfn_of(0), low + own) == QUIRE_OK &&
           quire_frames_init(&run->kernel_frames, run->kernel_frames_state, bytes,
                             quire_pfn_of(low), own, page_shift(run)) == QUIRE_OK &&
           quire_frames_release(&run->kernel_frames, quire_pfn_of(low), own) == QUIRE_OK;
}

/* The allocator of kernel pages has its records in the kernel's own memory. */
static bool open_pages(struct registry_run *run)
{
    uint32_t total = (uint32_t)(run->address_bytes >> page_shift(run));
    uint32_t low = REGISTRY_LOW_BYTES >> page_shift(run), own = run->kernel_frames.total;
    uint64_t page = UINT64_C(1) << page_shift(run);
    size_t bytes = quire_frames_size(total);
    uint32_t frames = (uint32_t)((bytes + page - 1) >> page_shift(run));

    run->page_map_bytes = (uint32_t)bytes;
    return quire_frames_alloc_at(&run->kernel_frames, quire_pfn_of(low), frames) == QUIRE_OK &&
           quire_frames_init(&run->pages, run->machine.ram + REGISTRY_LOW_BYTES, bytes,
                             quire_pfn_of(0), total, page_shift(run)) == QUIRE_OK &&
           quire_frames_release(&run->pages, quire_pfn_of(low + own), total - low - own) ==
               QUIRE_OK;
}

static bool open_kernel(struct registry_run *run, struct problem *problem)
{
    enum quire_status status = QUIRE_NO_MEMORY;

    if (divide_memory(run) && open_pages(run)) {
        status = quire_registry_boot(&run->kernel, run->config.format, &run->kernel_host,
                                     REGISTRY_LOW_BYTES, run->config.own_bytes);
    }
    if (status == QUIRE_OK) {
        run->boot_tables = (uint32_t)run->kernel.tables;
        status = quire_registry_init(&run->registry, &run->kernel, &run->machine.host, &run->pages);
    }
    if (status == QUIRE_OK) {
        quire_table_activate(&run->kernel);
        return true;
    }
    if (status == QUIRE_NO_MEMORY) {
        return problem_set(problem, "--kernel: %s are too small for the kernel's first records",
                           size_text(run->config.own_bytes).text);
    }
    return problem_set(problem, "the kernel of a machine with %s: %s", run->config.format->name,
                       quire_status_text(status));
}

bool registry_run_open(struct registry_run *run, const struct registry_config *config,
                       struct problem *problem)
{
    memset(run, 0, sizeof(*run));
    run->config = *config;
    if (!check_config(config, problem) || !open_machine(run, problem)) {
        return false;
    }
    run->address_bytes = kernel_addresses(config->format);
    if (open_kernel(run, problem)) {
        return true;
    }
    registry_run_close(run);
    return false;
}

void registry_run_close(struct registry_run *run)
{
    machine_close(&run->machine);
    free(run->kernel_frames_state);
}

/* ---- the kernel at work ---------------------------------------------------------------------- */

/* Where an address of the kernel leads its processor, by way of its TLB. */
static void *kernel_sees(void *context, quire_va va, uint64_t bytes)
{
    struct registry_run *run = context;
    struct machine *machine = &run->machine;
    const struct tlb_entry *known = tlb_find(&machine->tlb, va, QUIRE_READ);
    uint64_t offset = va.at & ((UINT64_C(1) << page_shift(run)) - 1);
    struct quire_walk walk;

    (void)bytes;
    if (known != NULL) {
        return machine->ram + (quire_pfn_pa(known->pfn, page_shift(run)).at | offset);
    }
    if (quire_walk(&machine->mmu, va, QUIRE_READ | QUIRE_ACCESSED, &walk) != QUIRE_OK) {
        return NULL;
    }
    tlb_fill(&machine->tlb, va, QUIRE_READ, &walk);
    return machine->ram + walk.pa.at;
}

static bool wrong(struct registry_run *run, struct problem *problem, uint32_t space, quire_va va,
                  const char *what)
{
    run->wrong = true;
    run->status = QUIRE_CORRUPT;
    return problem_set(problem, "address space %" PRIu32 ", address 0x%" PRIx64 ": %s", space,
                       va.at, what);
}

/* Walks to `va` twice: by kernel addresses, through the window, and physically. */
static bool compare(struct registry_run *run, const struct quire_registry_view *view, quire_va va,
                    quire_pa *data, struct problem *problem)
{
    struct quire_registry_sight sight = {.view = view, .see = kernel_sees, .context = run};
    struct quire_mmu mmu = quire_table_mmu(&view->table);
    struct quire_mmu kernel = quire_registry_mmu(&sight);
    struct quire_trace steps, seen_steps;
    struct quire_walk walk, seen;

    if (quire_walk_traced(&mmu, va, QUIRE_READ, &walk, &steps) != QUIRE_OK) {
        return wrong(run, problem, view->id, va, "it is not mapped");
    }
    if (quire_walk_traced(&kernel, va, QUIRE_READ, &seen, &seen_steps) != QUIRE_OK) {
        return wrong(run, problem, view->id, va, "the kernel does not see that it is mapped");
    }
    for (unsigned i = 0; i < steps.steps; i++) {
        if (i >= seen_steps.steps || seen_steps.step[i].entry != steps.step[i].entry) {
            return wrong(run, problem, view->id, va, "the kernel reads another entry than the MMU");
        }
    }
    *data = seen.pa;
    return true;
}

/* ---- the crowd ------------------------------------------------------------------------------- */

enum quire_status registry_run_add_page(struct registry_run *run, struct quire_registry_view *view,
                                        uint32_t page)
{
    struct quire_mapping mapping = {.va = data_va(run, view->id, page),
                                    .bytes = UINT64_C(1) << page_shift(run),
                                    .attributes = QUIRE_RIGHTS};
    struct quire_batch batch = {0};
    enum quire_status status;
    uint64_t mark = mark_of(run, view->id, page);
    quire_pfn pfn;

    status = quire_frames_alloc(&run->machine.frames, 0, &pfn);
    if (status != QUIRE_OK) {
        return status;
    }
    mapping.pa = quire_pfn_pa(pfn, page_shift(run));
    quire_batch_begin(&batch, &run->machine.host);
    status = quire_table_map(&view->table, &batch, &mapping, NULL);
    quire_batch_commit(&batch);
    if (status != QUIRE_OK) {
        quire_frames_unref(&run->machine.frames, pfn);
        return status;
    }
    run->data_pages++;
    if (is_witness(run, view->id)) {
        memcpy(run->machine.ram + mapping.pa.at, &mark, sizeof(mark));
    }
    return QUIRE_OK;
}

static enum quire_status add_and_read(struct registry_run *run, struct quire_registry_view *view,
                                      uint32_t page, struct problem *problem)
{
    enum quire_status status = registry_run_add_page(run, view, page);
    quire_pa data;

    if (status != QUIRE_OK) {
        return status;
    }
    if (!compare(run, view, data_va(run, view->id, page), &data, problem)) {
        return QUIRE_CORRUPT;
    }
    run->read_back++;
    return QUIRE_OK;
}

/* One round: page number `page` for every space that gets so many. The first makes the spaces. */
static enum quire_status add_round(struct registry_run *run, uint32_t page, struct problem *problem)
{
    enum quire_status status = QUIRE_OK;

    for (uint32_t id = 0; id < run->config.spaces && status == QUIRE_OK; id++) {
        struct quire_registry_view view;

        if (pages_of(run, id) <= page) {
            continue;
        }
        status = page == 0 ? quire_registry_create(&run->registry, 0, &view)
                           : quire_registry_open(&run->registry, id, 0, &view);
        if (status == QUIRE_OK) {
            status = add_and_read(run, &view, page, problem);
        }
    }
    return status;
}

static bool verify_space(struct registry_run *run, uint32_t id, struct problem *problem)
{
    struct quire_registry_view view;

    if (quire_registry_open(&run->registry, id, 0, &view) != QUIRE_OK) {
        return wrong(run, problem, id, quire_va_at(0), "it is gone");
    }
    for (uint32_t page = 0; page < pages_of(run, id); page++) {
        quire_va va = data_va(run, id, page);
        uint64_t mark = mark_of(run, id, page);
        quire_pa data;

        if (!compare(run, &view, va, &data, problem)) {
            return false;
        }
        if (memcmp(run->machine.ram + data.at, &mark, sizeof(mark)) != 0) {
            return wrong(run, problem, id, va, "the page holds other data than was written");
        }
        run->verified++;
    }
    run->witnesses++;
    return true;
}

/* No step asks for more than a page and its tables; where these are free, a frame was refused. */
static bool is_full(const struct registry_run *run)
{
    return run->machine.frames.free <= run->config.format->levels;
}

static bool told_why(struct registry_run *run, enum quire_status status, struct problem *problem)
{
    struct grouped spaces = grouped(run->registry.spaces);
    bool kernel = run->kernel_frames.free == 0;

    run->status = status;
    if (status == QUIRE_NO_SPACE) {
        return problem_set(problem, "all kernel addresses are in use, with %s address spaces",
                           spaces.text);
    }
    if (status == QUIRE_NO_MEMORY && (kernel || is_full(run))) {
        return problem_set(problem, "--%s: %s are full, with %s address spaces and %s pages",
                           kernel ? "kernel" : "ram",
                           size_text(kernel ? run->config.own_bytes : run->config.ram_bytes).text,
                           spaces.text, grouped(run->data_pages).text);
    }
    return run->wrong ? false : problem_set(problem, "%s", quire_status_text(status));
}

bool registry_run_grow(struct registry_run *run, struct problem *problem)
{
    for (uint32_t page = 0; page < run->config.pages; page++) {
        enum quire_status status = add_round(run, page, problem);

        if (status != QUIRE_OK) {
            return told_why(run, status, problem);
        }
    }
    return true;
}

bool registry_run_create(struct registry_run *run, struct problem *problem)
{
    struct quire_registry_view view;
    enum quire_status status = quire_registry_create(&run->registry, 0, &view);

    return status == QUIRE_OK || told_why(run, status, problem);
}

bool registry_run_extend(struct registry_run *run, uint32_t id, struct problem *problem)
{
    struct quire_registry_view view;
    enum quire_status status = quire_registry_open(&run->registry, id, 0, &view);
    struct quire_mmu mmu;
    uint32_t page = 0;
    quire_pa pa;

    if (status != QUIRE_OK) {
        run->status = status;
        return problem_set(problem, "there is no address space %" PRIu32, id);
    }
    mmu = quire_table_mmu(&view.table);
    while (page < regions(run->config.format) &&
           quire_translate(&mmu, data_va(run, id, page), &pa) == QUIRE_OK) {
        page++;
    }
    if (page == regions(run->config.format)) {
        run->status = QUIRE_NO_SPACE;
        return problem_set(problem, "address space %" PRIu32 " has all the tables there can be",
                           id);
    }
    status = add_and_read(run, &view, page, problem);
    return status == QUIRE_OK || told_why(run, status, problem);
}

bool registry_run_verify(struct registry_run *run, struct problem *problem)
{
    for (uint32_t id = 0; id < run->config.spaces; id++) {
        if (is_witness(run, id) && !verify_space(run, id, problem)) {
            return false;
        }
    }
    return true;
}

struct registry_totals registry_run_totals(struct registry_run *run)
{
    uint64_t page = UINT64_C(1) << page_shift(run);
    struct registry_totals totals = {.table_frames = 0};
    uint32_t reserved = (uint32_t)((REGISTRY_LOW_BYTES + run->config.own_bytes) / page);

    for (uint32_t id = 0; id < run->registry.spaces; id++) {
        struct quire_tracker tracker;
        if (quire_registry_tracker(&run->registry, id, &tracker) == QUIRE_OK) {
            totals.table_frames += tracker.pcount;
        }
    }
    totals.copies = run->machine.frames.allocs - reserved - run->data_pages - totals.table_frames;
    totals.addresses = run->pages.total - run->pages.free - reserved;
    if (run->config.format->levels == 2) {
        totals.fixed_pages = run->registry.most;
        totals.fixed_spaces = run->address_bytes / (totals.fixed_pages * page);
    }
    return totals;
}
