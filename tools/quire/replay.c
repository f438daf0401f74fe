/* The replay: a machine for it, and one reference after the other. */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "quire/pte.h"
#include "run.h"

/* Swap in multiples of memory. The record of a slot takes 4 bytes of the machine's memory: 2 % of
 * it with pages of 4 KiB. */
enum { SWAP_PER_PAGE = 16, SWAP_PAGES_WITH_FRAMES = 1 << 17 };

/* Between two ticks. */
enum { RECORDS_PER_PAGE = 16 };

/* Memory that is to be enough for everything: so many nodes in each level of the supplement (in the
 * last one, with pages of 4 KiB, each serves 4 MiB of addresses); frames for tables that are made
 * before others are freed; and an aligned block for the core's list of regions. */
enum { NODES_ENOUGH = 1 << 13, SPARE_FRAMES = 16, SPARE_BYTES = 2048 };

static const uint8_t access_of[] = {
    [TRACE_FETCH] = QUIRE_EXECUTE | QUIRE_USER,
    [TRACE_LOAD] = QUIRE_READ | QUIRE_USER,
    [TRACE_STORE] = QUIRE_WRITE | QUIRE_USER,
    [TRACE_MODIFY] = QUIRE_WRITE | QUIRE_USER,
};

/* ---- the machine --------------------------------------------------------------------------- */

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

/* Pages of the address space. */
static uint64_t pages_of(const struct quire_format *format)
{
    unsigned bits = format->va_bits - quire_format_page_shift(format);

    return UINT64_C(1) << bits; /* at most 2^61: a page has 8 bytes at least */
}

/* Pages that memory has room for, tables and records apart. */
static uint64_t room_of(const struct replay_config *config)
{
    unsigned shift = quire_format_page_shift(config->format);

    return config->frames != 0 ? config->frames : config->ram_bytes >> shift;
}

uint64_t replay_default_tick(const struct replay_config *config)
{
    return room_of(config) * RECORDS_PER_PAGE;
}

uint64_t replay_default_swap(const struct replay_config *config)
{
    unsigned shift = quire_format_page_shift(config->format);
    uint64_t slots = room_of(config) * SWAP_PER_PAGE;

    if (config->frames != 0 && slots < SWAP_PAGES_WITH_FRAMES) {
        slots = SWAP_PAGES_WITH_FRAMES;
    }
    return at_most(at_most(slots, REPLAY_SLOTS_MAX), pages_of(config->format)) << shift;
}

/* Frames for all page tables that can be needed: in each level no more than there are pages in
 * frames, because empty ones are freed. */
static uint64_t most_tables(const struct quire_format *format, uint64_t pages)
{
    unsigned shift = quire_format_page_shift(format);
    uint64_t frames = 0;

    for (unsigned level = 1; level <= format->levels; level++) {
        const struct quire_level *l = &format->level[level - 1];
        uint64_t bytes = quire_format_table_bytes(format, level);
        uint64_t each = (bytes + (UINT64_C(1) << shift) - 1) >> shift;

        frames += at_most(UINT64_C(1) << (format->va_bits - l->shift - l->bits), pages) * each;
    }
    return frames;
}

/* Frames for the supplement, within reason: each node is a frame of 4-byte records. */
static uint64_t most_nodes(const struct quire_format *format)
{
    unsigned node_bits = quire_format_page_shift(format) - 2;
    uint64_t nodes = pages_of(format);
    uint64_t frames = 0;

    do {
        nodes = ((nodes - 1) >> node_bits) + 1;
        frames += at_most(nodes, NODES_ENOUGH);
    } while (nodes > 1);
    return frames;
}

/* Can tables and pages lie at this physical address, as far as entries can say? */
static bool entries_reach(const struct quire_format *format, quire_pa pa)
{
    for (unsigned level = 1; level < format->levels; level++) {
        const struct quire_entry_layout *layout = &format->level[level - 1].as_table;

        if (quire_layout_address(layout, quire_layout_with_address(layout, pa.at)) != pa.at) {
            return false;
        }
    }
    return quire_pte_fits(format, format->levels, pa);
}

/* The most memory that the format's entries can tell apart, a power of two. */
static uint64_t most_memory(const struct quire_format *format)
{
    unsigned bit = quire_format_page_shift(format);

    while (bit < 63 && entries_reach(format, quire_pa_at(UINT64_C(1) << bit))) {
        bit++;
    }
    return UINT64_C(1) << bit;
}

/* Memory in which so many pages can be resident whatever tables and nodes they need: what is never
 * touched costs nothing. No more than the format can name. */
static uint64_t enough_memory(const struct quire_format *format, uint64_t frames)
{
    unsigned shift = quire_format_page_shift(format);
    uint64_t wanted = frames + most_tables(format, frames) + most_nodes(format) + SPARE_FRAMES +
                      (SPARE_BYTES >> shift);

    return at_most(wanted << shift, most_memory(format));
}

/* The trace's program may use every address that there is. A region cannot be 2^64 bytes long, and
 * sign-extended addresses have a hole in the middle: then there are two, one for each half. */
static enum quire_status map_everything(struct quire_space *space,
                                        const struct quire_format *format)
{
    bool halves = format->canonical == QUIRE_SIGN_EXTENDED || format->va_bits == 64;
    struct quire_region_spec spec = {.prot = QUIRE_RIGHTS};
    enum quire_status status;

    spec.bytes = UINT64_C(1) << (format->va_bits - halves);
    status = quire_space_map(space, &spec);
    if (status == QUIRE_OK && halves) {
        spec.va.at = -spec.bytes;
        status = quire_space_map(space, &spec);
    }
    return status;
}

static bool cannot_open(const struct replay_config *config, enum quire_status status,
                        const char *why, struct problem *problem)
{
    if (status == QUIRE_INVALID && config->policy->wants_accessed) {
        return problem_set(problem,
                           "policy %s needs a format with an accessed bit, and %s has none",
                           config->policy->name, config->format->name);
    }
    if (status == QUIRE_IO_ERROR) {
        return problem_set(problem, "%s: %s: %s", config->swap_path, why, strerror(errno));
    }
    if (config->ram_bytes > most_memory(config->format)) {
        return problem_set(problem, "--ram %s: more than %s can address, expected at most %s",
                           size_text(config->ram_bytes).text, config->format->name,
                           size_text(most_memory(config->format)).text);
    }
    if (config->ram_bytes != 0) {
        return problem_set(problem, "--ram %s: %s, expected more",
                           size_text(config->ram_bytes).text, why);
    }
    return problem_set(problem, "--frames %" PRIu64 ": %s", config->frames, why);
}

static struct machine_config machine_of(const struct replay_config *config)
{
    bool frames = config->frames != 0;

    return (struct machine_config){
        .format = config->format,
        .ram_bytes = frames ? enough_memory(config->format, config->frames) : config->ram_bytes,
        .tlb_entries = (unsigned)config->tlb_entries,
        .tlb_ways = (unsigned)config->tlb_ways,
        .policy = config->policy,
        .seed = config->seed,
        .resident_limit = (uint32_t)config->frames,
        .records = frames ? MACHINE_RECORDS_BESIDE : MACHINE_RECORDS_INSIDE,
        .swap_bytes = config->swap_bytes,
        .swap_path = config->swap_path,
    };
}

/* The address space in a machine that is there. */
static enum quire_status open_space(struct replay *replay)
{
    const struct quire_format *format = replay->config.format;
    enum quire_status status =
        quire_space_create(&replay->space, &replay->machine.system, format, 0);

    if (status != QUIRE_OK) {
        return status;
    }
    status = map_everything(&replay->space, format);
    if (status != QUIRE_OK) {
        quire_space_destroy(&replay->space);
    }
    return status;
}

/* Does time make a difference? */
static bool ticks(const struct replay_config *config)
{
    return config->tick != 0 && config->policy->tick != NULL;
}

bool replay_open(struct replay *replay, const struct replay_config *config, struct problem *problem)
{
    struct machine_config machine;
    const char *why;
    enum quire_status status;

    memset(replay, 0, sizeof(*replay));
    replay->config = *config;
    replay->page_shift = quire_format_page_shift(config->format);
    replay->quick = !config->verify &&
                    (config->format->leaf.dirty.mask != 0 || config->format->leaf.write.mask != 0);
    if (replay->config.swap_bytes == 0) {
        replay->config.swap_bytes = replay_default_swap(config);
    }
    machine = machine_of(&replay->config);
    status = machine_open(&replay->machine, &machine, &why);
    if (status != QUIRE_OK) {
        return cannot_open(config, status, why, problem);
    }
    if (config->policy == &replay_policy_opt) {
        replay_opt_begin(&replay->machine.system.policy, config->future);
    }
    status = open_space(replay);
    if (status != QUIRE_OK) {
        machine_close(&replay->machine);
        return cannot_open(config, status,
                           "the machine's memory is too small for an empty address space", problem);
    }
    if (!shadow_open(&replay->shadow, config->verify ? SHADOW_OF_BYTES : SHADOW_OF_NUMBERS,
                     replay->page_shift)) {
        quire_space_destroy(&replay->space);
        machine_close(&replay->machine);
        return problem_set(problem, "not enough memory for a replay");
    }
    curve_open(&replay->curve);
    replay->until_tick = ticks(config) ? config->tick : UINT64_MAX;
    return true;
}

void replay_close(struct replay *replay)
{
    quire_space_destroy(&replay->space);
    machine_close(&replay->machine);
    shadow_close(&replay->shadow);
}

/* ---- what can go wrong --------------------------------------------------------------------- */

static bool outside(struct replay *replay, quire_va va)
{
    const struct quire_format *format = replay->config.format;

    return problem_set(&replay->problem,
                       "reference %" PRIu64 ": address 0x%" PRIx64 " is outside the %u-bit address "
                       "space of %s%s",
                       replay->done, va.at, format->va_bits, format->name,
                       va.at >> 32 != 0 && format->va_bits <= 32 ? " (a 64-bit program's trace? "
                                                                   "try --format x86-64)"
                                                                 : "");
}

/* The machine gave up on an access. */
static bool stuck(struct replay *replay, const struct machine_trap *trap)
{
    const struct replay_config *config = &replay->config;

    replay->outcome = REPLAY_STUCK;
    if (trap->refusal == QUIRE_REFUSAL_NO_REGION) {
        return outside(replay, trap->va);
    }
    if (trap->status == QUIRE_NO_SPACE) {
        return problem_set(&replay->problem,
                           "reference %" PRIu64 ": swap is full, %s: expected "
                           "more (--swap-size)",
                           replay->done, size_text(config->swap_bytes).text);
    }
    if (trap->status == QUIRE_IO_ERROR) {
        return problem_set(&replay->problem,
                           "reference %" PRIu64 ": %s: cannot be read or "
                           "written",
                           replay->done, config->swap_path != NULL ? config->swap_path : "swap");
    }
    if (config->ram_bytes != 0) {
        return problem_set(&replay->problem,
                           "reference %" PRIu64 ": --ram %s: page tables and "
                           "records leave no room for pages, expected more",
                           replay->done, size_text(config->ram_bytes).text);
    }
    return problem_set(&replay->problem,
                       "reference %" PRIu64 ": --frames %" PRIu64 ": no room for "
                       "the tables of a program as scattered as this, expected --ram SIZE",
                       replay->done, config->frames);
}

static bool differs(struct replay *replay, uint64_t address, const unsigned char *expected,
                    const unsigned char *found)
{
    while (*expected == *found) {
        expected++;
        found++;
        address++;
    }
    replay->outcome = REPLAY_MISMATCH;
    return problem_set(&replay->problem,
                       "reference %" PRIu64 ": address 0x%" PRIx64
                       " was loaded as 0x%02x, expected "
                       "0x%02x, which was stored there",
                       replay->done, address, *found, *expected);
}

static bool no_shadow(struct replay *replay)
{
    replay->outcome = REPLAY_STUCK;
    return problem_set(&replay->problem,
                       "reference %" PRIu64 ": not enough memory for the copy that "
                       "loads are checked against (--no-verify does without)",
                       replay->done);
}

/* ---- references ---------------------------------------------------------------------------- */

/* One page reference's bytes, `skip` bytes into the record: compared, and written if it stores. */
static bool verify(struct replay *replay, const struct trace_record *record, uint64_t skip,
                   uint64_t bytes, unsigned char *where, unsigned char *shadow)
{
    unsigned char stored[TRACE_SIZE_MAX];

    if (record->kind != TRACE_STORE) {
        if (memcmp(where, shadow, bytes) != 0) {
            return differs(replay, record->address + skip, shadow, where);
        }
        replay->verified_bytes += bytes;
    }
    if (record->kind == TRACE_STORE || record->kind == TRACE_MODIFY) {
        shadow_bytes(replay->done, stored, skip + bytes);
        memcpy(where, stored + skip, bytes);
        memcpy(shadow, stored + skip, bytes);
    }
    return true;
}

/* A page of a record: the reference, and what comes of it. */
static bool refer_to_page(struct replay *replay, const struct trace_record *record, uint64_t skip,
                          uint64_t bytes)
{
    uint64_t address = record->address + skip;
    uint64_t offset = address & ((UINT64_C(1) << replay->page_shift) - 1);
    unsigned char *shadow = shadow_page(&replay->shadow, address >> replay->page_shift);
    struct machine_trap trap;
    unsigned char *where;
    quire_pfn pfn;

    if (shadow == NULL) {
        return no_shadow(replay);
    }
    if (machine_reference(&replay->machine, &replay->space, quire_va_at(address),
                          access_of[record->kind], &pfn, &trap) != MACHINE_OK) {
        return stuck(replay, &trap);
    }
    where = replay->machine.ram + (quire_pfn_pa(pfn, replay->page_shift).at | offset);
    if (replay->config.verify) {
        return verify(replay, record, skip, bytes, where, shadow + offset);
    }
    if (record->kind == TRACE_STORE || record->kind == TRACE_MODIFY) {
        *where = 1;
    }
    return true;
}

/* All of a record, page by page. */
static bool refer(struct replay *replay, const struct trace_record *record)
{
    uint64_t page = UINT64_C(1) << replay->page_shift;

    for (uint64_t skip = 0, bytes; skip < record->size; skip += bytes) {
        bytes = at_most(record->size - skip, page - ((record->address + skip) & (page - 1)));
        if (!refer_to_page(replay, record, skip, bytes)) {
            return false;
        }
    }
    return true;
}

/* The same, where `after` later records are counted as done already; if it fails they are not. */
static bool refer_before(struct replay *replay, const struct trace_record *record, size_t after)
{
    replay->done -= after;
    if (!refer(replay, record)) {
        return false;
    }
    replay->done += after;
    return true;
}

/*
 * Without verification, at best speed: nearly all references are within a page that the TLB has.
 * Their stores need not write: if the MMU can tell writes, a TLB serves stores only to a page
 * that was written before, and that came of a store that it did not serve.
 */
static size_t run_quickly(struct replay *replay, const struct trace_record *batch, size_t n)
{
    struct machine_run run = machine_run_begin(&replay->machine, &replay->space);
    const struct trace_record *end = batch + n;

    replay->done += n;
    for (const struct trace_record *at = batch; at < end; at++) {
        uint64_t last = at->address + (at->size - 1);

        replay->records[at->kind]++;
        if ((at->address ^ last) >> run.page_shift != 0 ||
            !machine_run_hit(&run, quire_va_at(at->address), access_of[at->kind])) {
            machine_run_end(&run);
            if (!refer_before(replay, at, (size_t)(end - at) - 1)) {
                return (size_t)(at - batch);
            }
            run = machine_run_begin(&replay->machine, &replay->space);
        }
    }
    machine_run_end(&run);
    return n;
}

/* One by one, in any format. */
static size_t run_thoroughly(struct replay *replay, const struct trace_record *batch, size_t n)
{
    bool verified = replay->config.verify;

    for (size_t i = 0; i < n; i++) {
        replay->records[batch[i].kind]++;
        replay->done++;
        if (!refer(replay, &batch[i])) {
            return i;
        }
        replay->verified_loads += verified && batch[i].kind != TRACE_STORE;
    }
    return n;
}

static uint64_t faults_of(const struct replay *replay)
{
    const uint64_t *events = replay->machine.system.events;

    return events[QUIRE_EVENT_ZERO_FILL] + events[QUIRE_EVENT_FILE_READ] +
           events[QUIRE_EVENT_SWAP_IN];
}

/* So many records later, at most until_tick. */
static void pass_time(struct replay *replay, uint64_t records)
{
    replay->until_tick -= records;
    if (replay->until_tick == 0) {
        quire_system_tick(&replay->machine.system);
        replay->until_tick = ticks(&replay->config) ? replay->config.tick : UINT64_MAX;
    }
}

bool replay_run(struct replay *replay, const struct trace_record *batch, size_t n)
{
    while (n != 0 && replay->outcome == REPLAY_OK) {
        size_t some = (size_t)at_most(n, at_most(curve_left(&replay->curve), replay->until_tick));

        some =
            replay->quick ? run_quickly(replay, batch, some) : run_thoroughly(replay, batch, some);
        curve_add(&replay->curve, some, faults_of(replay));
        pass_time(replay, some);
        batch += some;
        n -= some;
    }
    return replay->outcome == REPLAY_OK;
}

/* ---- what happened ------------------------------------------------------------------------- */

struct replay_figures replay_figures(const struct replay *replay)
{
    const struct machine *machine = &replay->machine;
    const struct quire_system *system = &machine->system;
    const struct quire_space *space = &replay->space;
    const uint64_t *events = system->events;
    struct replay_figures f = {.records = replay->done};

    f.page_references = machine->count.references;
    f.tlb_hits = machine->count.tlb_hits;
    f.walks = machine->count.walks;
    f.walk_steps = machine->count.walk_steps;
    f.zero_fills = events[QUIRE_EVENT_ZERO_FILL];
    f.file_reads = events[QUIRE_EVENT_FILE_READ];
    f.swap_ins = events[QUIRE_EVENT_SWAP_IN];
    f.faults = faults_of(replay);
    f.upgrades = events[QUIRE_EVENT_UPGRADE];
    f.dropped_zero = system->drops[QUIRE_DROP_ZERO];
    f.dropped_in_file = system->drops[QUIRE_DROP_IN_FILE];
    f.dropped_in_swap = system->drops[QUIRE_DROP_IN_SWAP];
    f.swap_outs = events[QUIRE_EVENT_SWAP_OUT];
    f.evictions = f.dropped_zero + f.dropped_in_file + f.dropped_in_swap + f.swap_outs;
    f.disk_reads = machine->disk.reads;
    f.disk_writes = machine->disk.writes;
    f.resident = space->resident;
    f.swapped = space->swapped;
    f.swap_slots = quire_swap_used(&system->swap);
    f.touched = replay->shadow.pages;
    f.ram_bytes = machine->config.ram_bytes;
    f.table_bytes = space->table.table_bytes;
    f.tables = space->table.tables;
    f.supplement_bytes = quire_supplement_bytes(&space->supplement);
    f.record_bytes = quire_system_overhead(system);
    f.verified_loads = replay->verified_loads;
    f.verified_bytes = replay->verified_bytes;
    f.shadow_bytes = replay->config.verify ? f.touched << replay->page_shift : 0;
    return f;
}
