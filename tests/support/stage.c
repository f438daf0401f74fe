/* Scenarios under test: see stage.h. */
#include "tests/support/stage.h"

#include <string.h>

#include "tools/quire/registry_run.h"

#include "tests/support/unit.h"

struct scenario *stage_open(void)
{
    struct scenario *scenario = scenario_open(&scenario_no_limits);

    check(scenario != NULL);
    return scenario;
}

void stage_check(struct scenario *scenario, const char *line)
{
    const char *what = NULL;

    checkf(scenario_valid(scenario, &what), "after '%s': %s", line, what);
}

void stage_run(struct scenario *scenario, const char *line, FILE *out)
{
    struct problem problem;

    checkf(scenario_line(scenario, line, strlen(line), 1, out, &problem), "%s: %s", line,
           problem.text);
    stage_check(scenario, line);
}

struct digest {
    uint64_t sum;
};

static void fold(struct digest *digest, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < n; i++) {
        digest->sum = (digest->sum ^ b[i]) * UINT64_C(0x100000001b3);
    }
}

static void fold_number(struct digest *digest, uint64_t number)
{
    fold(digest, &number, sizeof number);
}

static void fold_leaf(void *context, const struct quire_leaf *leaf)
{
    fold_number(context, leaf->va.at);
    fold_number(context, leaf->pa.at);
    fold_number(context, leaf->attributes);
}

static void fold_process(struct digest *digest, const struct scenario_process *process)
{
    const struct quire_space *space = process->space;
    struct quire_visitor visitor = {fold_leaf, digest};
    struct quire_record record;

    fold(digest, process->name, sizeof process->name);
    fold_number(digest, space->id);
    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        fold_number(digest, r->va.at);
        fold_number(digest, r->bytes);
        fold_number(digest, r->prot);
    }
    quire_table_visit(&space->table, quire_va_at(0),
                      UINT64_C(1) << (space->table.format->va_bits - 1), &visitor);
    for (uint64_t vpn = 0; quire_supplement_next(
             &space->supplement, &vpn, UINT64_C(1) << space->supplement.vpn_bits, &record);
         vpn++) {
        fold_number(digest, vpn);
        fold_number(digest,
                    record.kind | (uint64_t)record.shared << 8 | (uint64_t)record.number << 16);
    }
}

static void fold_frames(struct digest *digest, struct machine *machine)
{
    uint64_t page = UINT64_C(1) << machine->frames.page_shift;

    for (uint32_t n = 0; n < machine->frames.total; n++) {
        const struct quire_page *p = quire_system_page(&machine->system, quire_pfn_of(n));

        fold_number(digest, quire_frames_count(&machine->frames, quire_pfn_of(n)));
        if (p != NULL) {
            fold_number(digest, p->vpn);
            fold_number(digest, p->slot.n);
            fold_number(digest, p->dirty);
            fold(digest, machine->ram + n * page, page);
        }
    }
}

uint64_t stage_state(struct scenario *scenario)
{
    struct machine *machine = &scenario->machine;
    struct digest digest = {UINT64_C(0xcbf29ce484222325)};

    if (scenario_machine(scenario) == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < scenario->processes; i++) {
        if (scenario->process[i]->alive) {
            fold_process(&digest, scenario->process[i]);
        }
    }
    for (unsigned i = 0; i < scenario->objects; i++) {
        if (scenario->object[i]->alive && scenario->object[i]->disk.bytes != NULL) {
            fold(&digest, scenario->object[i]->disk.bytes, scenario->object[i]->disk.size);
        }
    }
    fold_frames(&digest, machine);
    fold(&digest, &machine->count, sizeof machine->count);
    fold(&digest, machine->system.events, sizeof machine->system.events);
    fold(&digest, machine->system.drops, sizeof machine->system.drops);
    fold_number(&digest, machine->disk.reads);
    fold_number(&digest, machine->disk.writes);
    fold(&digest, &machine->faults, sizeof machine->faults);
    fold_number(&digest, machine->frames.allocs);
    fold(&digest, scenario->mark, sizeof scenario->mark);
    if (scenario->registry != NULL) {
        fold_number(&digest, scenario->registry->machine.frames.allocs);
        fold_number(&digest, scenario->registry->registry.spaces);
        fold(&digest, &scenario->registry->registry.count, sizeof(struct quire_registry_counts));
    }
    return digest.sum;
}

void stage_leave(struct scenario *scenario)
{
    struct machine *machine = &scenario->machine;
    const struct quire_system *system = &machine->system;
    struct machine fresh;

    if (scenario_machine(scenario) == NULL) {
        return;
    }
    for (unsigned i = 0; i < scenario->processes; i++) {
        process_end(scenario, scenario->process[i]);
    }
    for (unsigned i = 0; i < scenario->objects; i++) {
        object_end(scenario->object[i]);
    }
    stage_check(scenario, "all have left");
    check(machine_open(&fresh, &machine->config, NULL) == QUIRE_OK);
    checkf(machine->frames.free == fresh.frames.free, "%u frames are free, %u were",
           (unsigned)machine->frames.free, (unsigned)fresh.frames.free);
    machine_close(&fresh);
    check(system->resident == 0 && system->slab_frames == 0 && system->objects == NULL);
    check(system->committed == 0 && quire_swap_used(&system->swap) == 0);
}
