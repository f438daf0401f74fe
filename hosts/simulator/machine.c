/* The simulated machine: putting it together, and what it does for the core as its host. */
#include "machine.h"

#include <stdlib.h>

#include "lazy.h"
#include "quire/pte.h"

/* ---- the host's hooks ------------------------------------------------------------------------ */

static bool refuse_frame(void *context, unsigned order)
{
    struct machine *machine = context;

    (void)order;
    bool strikes = mishap_strikes(&machine->faults.frame);

    machine->count.frames_refused += strikes;
    return strikes;
}

static void flush(void *context, const struct quire_flush *what)
{
    struct machine *machine = context;

    machine->count.flushes++;
    if (!mishap_strikes(&machine->faults.flush)) {
        machine->count.flushed_entries += tlb_flush(&machine->tlb, what);
    }
}

static void activate(void *context, quire_pa root, uint16_t asid)
{
    struct machine *machine = context;

    machine->mmu.root = root;
    machine->asid = asid;
    tlb_switch(&machine->tlb, asid);
    machine->count.switches++;
}

static void hand_on(void *context, const struct quire_event *event)
{
    struct machine *machine = context;

    machine->listener(machine->listener_context, event);
}

void machine_listen(struct machine *machine,
                    void (*listener)(void *context, const struct quire_event *event), void *context)
{
    machine->listener = listener;
    machine->listener_context = context;
    machine->host.event = listener != NULL ? hand_on : NULL;
    machine->watched = listener != NULL || machine->config.verify_flushes;
}

/* ---- putting it together --------------------------------------------------------------------- */

/* Can a page, and any table, lie there? */
static bool mmu_reaches(const struct quire_format *format, quire_pa pa)
{
    for (unsigned level = 1; level < format->levels; level++) {
        const struct quire_entry_layout *layout = &format->level[level - 1].as_table;

        if (quire_layout_address(layout, quire_layout_with_address(layout, pa.at)) != pa.at) {
            return false;
        }
    }
    return quire_pte_fits(format, format->levels, pa);
}

/* Some formats say "absent" by naming a certain frame, such as 0: nothing can be put there. */
static bool can_be_named(const struct quire_format *format, quire_pa pa)
{
    for (unsigned level = 1; level < format->levels; level++) {
        if (quire_pte_kind(format, level, quire_pte_table(format, level, pa)) == QUIRE_PTE_ABSENT) {
            return false;
        }
    }
    return quire_pte_kind(format, format->levels, quire_pte_leaf(format, format->levels, pa, 0)) !=
           QUIRE_PTE_ABSENT;
}

static enum quire_status check_config(const struct machine_config *config, const char **why)
{
    uint64_t page = quire_format_page_bytes(config->format);
    unsigned ways = config->tlb_ways != 0 ? config->tlb_ways : 1;

    if (config->ram_bytes == 0 || config->ram_bytes % page != 0) {
        *why = "the memory must be a whole number of pages";
        return QUIRE_INVALID;
    }
    if (config->tlb_entries % ways != 0) {
        *why = "the number of TLB entries must be a multiple of the number of ways";
        return QUIRE_INVALID;
    }
    if (config->ram_bytes / page >= QUIRE_RECORD_NUMBERS ||
        !mmu_reaches(config->format, quire_pa_at(config->ram_bytes - page))) {
        *why = "the memory is larger than the format can address";
        return QUIRE_OUT_OF_RANGE;
    }
    if (config->swap_bytes / page >= QUIRE_RECORD_NUMBERS) {
        *why = "the swap space has more pages than can be counted";
        return QUIRE_OUT_OF_RANGE;
    }
    return QUIRE_OK;
}

static enum quire_status open_ram(struct machine *machine)
{
    const struct machine_config *config = &machine->config;
    unsigned shift = quire_format_page_shift(config->format);
    uint32_t total = (uint32_t)(config->ram_bytes >> shift);
    size_t state_bytes = quire_frames_size(total);

    machine->ram = lazy_alloc(config->ram_bytes);
    machine->frames_state = malloc(state_bytes);
    if (machine->ram == NULL || machine->frames_state == NULL ||
        quire_frames_init(&machine->frames, machine->frames_state, state_bytes, quire_pfn_of(0),
                          total, shift) != QUIRE_OK) {
        return QUIRE_NO_MEMORY;
    }
    machine->frames.refuse = refuse_frame;
    machine->frames.refuse_context = machine;
    for (uint32_t n = 0; n < total; n++) {
        if (can_be_named(config->format, quire_pfn_pa(quire_pfn_of(n), shift))) {
            quire_frames_release(&machine->frames, quire_pfn_of(n), 1);
        }
    }
    return QUIRE_OK;
}

void machine_idle(struct machine *machine)
{
    machine->mmu =
        (struct quire_mmu){machine->config.format, &machine->host.memory, quire_pa_at(UINT64_MAX)};
}

static void wire_up(struct machine *machine)
{
    machine->host = (struct quire_host){
        .context = machine,
        .memory = {.direct = machine->ram, .bytes = machine->config.ram_bytes},
        .frames = &machine->frames,
        .tlb_flush = flush,
        .activate = activate,
    };
    machine_idle(machine);
    machine_listen(machine, NULL, NULL);
}

static enum quire_status open_system(struct machine *machine)
{
    unsigned shift = quire_format_page_shift(machine->config.format);
    struct quire_system_config config = {
        .host = &machine->host,
        .policy = machine->config.policy,
        .seed = machine->config.seed,
        .swap = {disk_transfer, &machine->disk},
        .swap_slots = (uint32_t)(machine->config.swap_bytes >> shift),
        .resident_limit = machine->config.resident_limit,
        .fault_around = machine->config.fault_around,
        .commit = machine->config.commit,
        .pages_from = quire_pa_pfn(quire_pa_at(machine->config.pages_from), shift),
    };

    if (machine->config.records == MACHINE_RECORDS_BESIDE) {
        config.state_bytes = quire_system_size(&config);
        config.state = machine->system_state = malloc(config.state_bytes);
        if (config.state == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    return quire_system_init(&machine->system, &config);
}

/* All but the system. */
static void close_parts(struct machine *machine)
{
    tlb_close(&machine->tlb);
    disk_close(&machine->disk);
    lazy_free(machine->ram, machine->config.ram_bytes);
    free(machine->frames_state);
    free(machine->system_state);
}

static enum quire_status open_parts(struct machine *machine, const char **why)
{
    const struct machine_config *config = &machine->config;
    enum quire_status status;

    *why = "there is not enough memory here to simulate so much";
    if (!tlb_open(&machine->tlb, config->format, config->tlb_entries, config->tlb_ways) ||
        open_ram(machine) != QUIRE_OK) {
        return QUIRE_NO_MEMORY;
    }
    wire_up(machine);
    if (!disk_open(&machine->disk, config->swap_path, config->swap_bytes)) {
        *why = config->swap_path != NULL ? "the swap file cannot be made" : *why;
        return config->swap_path != NULL ? QUIRE_IO_ERROR : QUIRE_NO_MEMORY;
    }
    machine->disk.queue = &machine->queue;
    machine->disk.slow = config->slow_disk;
    status = open_system(machine);
    if (status == QUIRE_NO_MEMORY && machine->system_state == NULL) {
        *why = "the machine's memory is too small for the records of its own frames and swap";
    } else if (status != QUIRE_NO_MEMORY) {
        *why = quire_status_text(status);
    }
    return status;
}

enum quire_status machine_open(struct machine *machine, const struct machine_config *config,
                               const char **why)
{
    const char *ignored;
    enum quire_status status;

    why = why != NULL ? why : &ignored;
    status = check_config(config, why);
    if (status != QUIRE_OK) {
        return status;
    }
    *machine = (struct machine){.config = *config, .disk = {.file = -1}};
    status = open_parts(machine, why);
    if (status != QUIRE_OK) {
        close_parts(machine);
    }
    return status;
}

void machine_close(struct machine *machine)
{
    quire_system_destroy(&machine->system);
    close_parts(machine);
}
