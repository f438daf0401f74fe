/* The 16 KB machine of seed 004, made of quire's parts. */
#include "ptsim.h"

#include <string.h>

#include "quire/formats.h"
#include "quire/table.h"

/* Nothing caches translations here. */
static void no_tlb(void *context, const struct quire_flush *flush)
{
    (void)context;
    (void)flush;
}

void ptsim_init(struct ptsim *machine)
{
    memset(machine, 0, sizeof *machine);
    machine->host.memory.direct = machine->memory;
    machine->host.memory.bytes = PTSIM_BYTES;
    machine->host.frames = &machine->frames;
    machine->host.tlb_flush = no_tlb;
    quire_frames_init_inside(&machine->frames, &machine->host.memory, quire_pa_at(PTSIM_FREE_MAP),
                             1, PTSIM_FRAMES, quire_format_page_shift(&quire_format_ptsim));
    quire_frames_alloc_at(&machine->frames, quire_pfn_of(0), 1); /* the zero page itself */
}

bool ptsim_has_process(const struct ptsim *machine, unsigned process)
{
    return machine->memory[PTSIM_PAGE_TABLES + process] != 0;
}

static quire_pa table_of(const struct ptsim *machine, unsigned process)
{
    return quire_pa_at((uint64_t)machine->memory[PTSIM_PAGE_TABLES + process] * PTSIM_PAGE_BYTES);
}

/* The process's page table, as it stands in memory. */
static void adopt(const struct ptsim *machine, unsigned process, struct quire_table *table)
{
    quire_table_adopt(table, &quire_format_ptsim, &machine->host, 0, table_of(machine, process));
}

/* Pages that the process has; they lie side by side from page 0. */
static unsigned pages_of(const struct ptsim *machine, unsigned process)
{
    unsigned pages = 0;

    while (pages < PTSIM_FRAMES && ptsim_frame(machine, process, pages) != 0) {
        pages++;
    }
    return pages;
}

/* Maps the next page to the lowest free frame. What the frame held before is still in it. */
static bool add_page(struct ptsim *machine, struct quire_table *table, unsigned page)
{
    struct quire_mapping mapping = {
        .va = quire_va_at((uint64_t)page * PTSIM_PAGE_BYTES),
        .bytes = PTSIM_PAGE_BYTES,
        .attributes = QUIRE_RIGHTS,
        .existing = QUIRE_EXISTING_FAIL,
    };
    quire_pfn frame;

    if (quire_frames_alloc(&machine->frames, 0, &frame) != QUIRE_OK) {
        return false;
    }
    mapping.pa = quire_pfn_pa(frame, machine->frames.page_shift);
    if (quire_table_map(table, NULL, &mapping, NULL) != QUIRE_OK) {
        quire_frames_unref(&machine->frames, frame);
        return false;
    }
    return true;
}

/* There are fewer data frames than entries in a page table, so memory always runs out first. */
enum ptsim_outcome ptsim_grow(struct ptsim *machine, unsigned process, uint64_t pages)
{
    struct quire_table table;
    unsigned next;

    if (!ptsim_has_process(machine, process)) {
        return PTSIM_NO_PROCESS;
    }
    adopt(machine, process, &table);
    next = pages_of(machine, process);
    for (; pages > 0; pages--) {
        if (!add_page(machine, &table, next++)) {
            return PTSIM_NO_DATA_FRAME;
        }
    }
    return PTSIM_DONE;
}

enum ptsim_outcome ptsim_start(struct ptsim *machine, unsigned process, uint64_t pages)
{
    struct quire_table table;

    if (ptsim_has_process(machine, process)) {
        return PTSIM_PROCESS_EXISTS;
    }
    if (quire_table_create(&table, &quire_format_ptsim, &machine->host, 0) != QUIRE_OK) {
        return PTSIM_NO_TABLE_FRAME;
    }
    machine->memory[PTSIM_PAGE_TABLES + process] =
        (unsigned char)quire_pa_pfn(table.root, machine->frames.page_shift).n;
    return ptsim_grow(machine, process, pages);
}

/* A frame whose page is gone is freed with the batch. */
static void free_page(void *context, const struct quire_leaf *leaf)
{
    quire_batch_free_frame(context, leaf->pa);
}

enum ptsim_outcome ptsim_kill(struct ptsim *machine, unsigned process)
{
    struct quire_table table;
    struct quire_batch batch = {0};
    struct quire_visitor visitor = {free_page, &batch};

    if (!ptsim_has_process(machine, process)) {
        return PTSIM_NO_PROCESS;
    }
    adopt(machine, process, &table);
    quire_batch_begin(&batch, &machine->host);
    quire_table_unmap(&table, &batch, quire_va_at(0), PTSIM_BYTES, &visitor);
    quire_batch_commit(&batch);
    quire_table_destroy(&table);
    machine->memory[PTSIM_PAGE_TABLES + process] = 0;
    return PTSIM_DONE;
}

static enum ptsim_outcome translate(const struct ptsim *machine, unsigned process, unsigned va,
                                    unsigned access, unsigned *pa)
{
    struct quire_walk walk;
    struct quire_mmu mmu = {&quire_format_ptsim, &machine->host.memory, {0}};

    if (!ptsim_has_process(machine, process)) {
        return PTSIM_NO_PROCESS;
    }
    mmu.root = table_of(machine, process);
    if (quire_walk(&mmu, quire_va_at(va), access | QUIRE_USER, &walk) != QUIRE_OK) {
        return PTSIM_PAGE_FAULT;
    }
    *pa = (unsigned)walk.pa.at;
    return PTSIM_DONE;
}

enum ptsim_outcome ptsim_store(struct ptsim *machine, unsigned process, unsigned va,
                               unsigned char value, unsigned *pa)
{
    enum ptsim_outcome outcome = translate(machine, process, va, QUIRE_WRITE, pa);

    if (outcome == PTSIM_DONE) {
        machine->memory[*pa] = value;
    }
    return outcome;
}

enum ptsim_outcome ptsim_load(const struct ptsim *machine, unsigned process, unsigned va,
                              unsigned char *value, unsigned *pa)
{
    enum ptsim_outcome outcome = translate(machine, process, va, QUIRE_READ, pa);

    if (outcome == PTSIM_DONE) {
        *value = machine->memory[*pa];
    }
    return outcome;
}

unsigned ptsim_frame(const struct ptsim *machine, unsigned process, unsigned page)
{
    struct quire_mmu mmu = {&quire_format_ptsim, &machine->host.memory, table_of(machine, process)};
    quire_pa pa;

    if (quire_translate(&mmu, quire_va_at((uint64_t)page * PTSIM_PAGE_BYTES), &pa) != QUIRE_OK) {
        return 0;
    }
    return quire_pa_pfn(pa, machine->frames.page_shift).n;
}

bool ptsim_frame_used(const struct ptsim *machine, unsigned frame)
{
    return quire_frames_count(&machine->frames, quire_pfn_of(frame)) != 0;
}

bool ptsim_valid(const struct ptsim *machine)
{
    unsigned owners[PTSIM_FRAMES] = {1};

    for (unsigned process = 0; process < PTSIM_PROCESSES; process++) {
        unsigned table = machine->memory[PTSIM_PAGE_TABLES + process];
        if (table == 0) {
            continue;
        }
        if (table >= PTSIM_FRAMES) {
            return false;
        }
        owners[table]++;
        for (unsigned page = 0; page < pages_of(machine, process); page++) {
            owners[ptsim_frame(machine, process, page) % PTSIM_FRAMES]++;
        }
    }
    for (unsigned frame = 0; frame < PTSIM_FRAMES; frame++) {
        if (owners[frame] > 1 || ptsim_frame_used(machine, frame) != (owners[frame] == 1)) {
            return false;
        }
    }
    return quire_frames_validate(&machine->frames, NULL) == QUIRE_OK;
}
