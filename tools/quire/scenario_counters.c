/* What can be counted, by name: the machine's counters, the core's events, and how much there is of
 * what just now. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "scenario_internal.h"

enum source {
    SOURCE_MACHINE, /* a uint64_t in struct machine_counters */
    SOURCE_EVENT,   /* events of the core */
    SOURCE_DROP,    /* by enum quire_drop */
    SOURCE_DISK,    /* a uint64_t in struct disk */
    SOURCE_NOW      /* a function; not counted from the mark */
};

struct counter {
    enum source source;
    size_t at; /* where in the source */
    uint64_t (*now)(const struct scenario *scenario, const struct scenario_process *process);
    bool of_process;
};

/* ---- how much there is now ------------------------------------------------------------------- */

static uint64_t sum(const struct scenario *scenario, const struct scenario_process *process,
                    uint64_t (*of)(const struct quire_space *space))
{
    uint64_t total = 0;

    for (unsigned i = 0; i < scenario->processes; i++) {
        const struct scenario_process *p = scenario->process[i];

        if (p->alive && (process == NULL || process == p)) {
            total += of(p->space);
        }
    }
    return total;
}

static uint64_t tables_of(const struct quire_space *space)
{
    return space->table.tables;
}

static uint64_t nodes_of(const struct quire_space *space)
{
    return space->supplement.nodes;
}

static uint64_t regions_of(const struct quire_space *space)
{
    uint64_t regions = 0;

    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        regions++;
    }
    return regions;
}

static uint64_t swapped_of(const struct quire_space *space)
{
    return space->swapped;
}

static uint64_t one(const struct quire_space *space)
{
    (void)space;
    return 1;
}

static uint64_t tables(const struct scenario *s, const struct scenario_process *process)
{
    return sum(s, process, tables_of);
}

static uint64_t nodes(const struct scenario *s, const struct scenario_process *process)
{
    return sum(s, process, nodes_of);
}

static uint64_t regions(const struct scenario *s, const struct scenario_process *process)
{
    return sum(s, process, regions_of);
}

static uint64_t running(const struct scenario *s, const struct scenario_process *process)
{
    return sum(s, process, one);
}

static uint64_t resident(const struct scenario *s, const struct scenario_process *process)
{
    return process != NULL ? process->space->resident : s->machine.system.resident;
}

static uint64_t swapped(const struct scenario *s, const struct scenario_process *process)
{
    return sum(s, process, swapped_of);
}

static uint64_t frames_free(const struct scenario *s, const struct scenario_process *process)
{
    (void)process;
    return s->machine.frames.free;
}

static uint64_t slots_used(const struct scenario *s, const struct scenario_process *process)
{
    (void)process;
    return quire_swap_used(&s->machine.system.swap);
}

static uint64_t committed(const struct scenario *s, const struct scenario_process *process)
{
    (void)process;
    return s->machine.system.committed;
}

/* ---- the list -------------------------------------------------------------------------------- */

#define OF_MACHINE(member) \
    { \
        SOURCE_MACHINE, offsetof(struct machine_counters, member), NULL, false \
    }
#define OF_EVENT(kind) \
    { \
        SOURCE_EVENT, kind, NULL, false \
    }
#define OF_DROP(kind) \
    { \
        SOURCE_DROP, kind, NULL, false \
    }
#define OF_DISK(member) \
    { \
        SOURCE_DISK, offsetof(struct disk, member), NULL, false \
    }
#define NOW(function, of_process) \
    { \
        SOURCE_NOW, 0, function, of_process \
    }

const char *const counter_names[] = {
    "accesses",        "references",  "faults",     "brought-in",  "refused",       "zero-fills",
    "file-reads",      "swap-ins",    "copies",     "upgrades",    "maps",          "victims",
    "swap-outs",       "file-writes", "drops",      "drops-zero",  "drops-in-file", "drops-in-swap",
    "tlb-hits",        "tlb-misses",  "walks",      "walk-steps",  "switches",      "flushes",
    "flushed-entries", "stale",       "disk-reads", "disk-writes", "processes",     "regions",
    "resident",        "swapped",     "tables",     "nodes",       "frames-free",   "slots-used",
    "committed",       "waits",       NULL};

static const struct counter counters[] = {
    OF_MACHINE(accesses),
    OF_MACHINE(references),
    OF_EVENT(QUIRE_EVENT_FAULT),
    OF_MACHINE(faults),
    OF_MACHINE(refused),
    OF_EVENT(QUIRE_EVENT_ZERO_FILL),
    OF_EVENT(QUIRE_EVENT_FILE_READ),
    OF_EVENT(QUIRE_EVENT_SWAP_IN),
    OF_EVENT(QUIRE_EVENT_COPY),
    OF_EVENT(QUIRE_EVENT_UPGRADE),
    OF_EVENT(QUIRE_EVENT_MAP),
    OF_EVENT(QUIRE_EVENT_VICTIM),
    OF_EVENT(QUIRE_EVENT_SWAP_OUT),
    OF_EVENT(QUIRE_EVENT_FILE_WRITE),
    OF_EVENT(QUIRE_EVENT_DROP),
    OF_DROP(QUIRE_DROP_ZERO),
    OF_DROP(QUIRE_DROP_IN_FILE),
    OF_DROP(QUIRE_DROP_IN_SWAP),
    OF_MACHINE(tlb_hits),
    OF_MACHINE(tlb_misses),
    OF_MACHINE(walks),
    OF_MACHINE(walk_steps),
    OF_MACHINE(switches),
    OF_MACHINE(flushes),
    OF_MACHINE(flushed_entries),
    OF_MACHINE(stale),
    OF_DISK(reads),
    OF_DISK(writes),
    NOW(running, false),
    NOW(regions, true),
    NOW(resident, true),
    NOW(swapped, true),
    NOW(tables, true),
    NOW(nodes, true),
    NOW(frames_free, false),
    NOW(slots_used, false),
    NOW(committed, false),
    OF_MACHINE(waits),
};
enum { COUNTERS = sizeof counters / sizeof counters[0] };
_Static_assert(sizeof counter_names / sizeof counter_names[0] == COUNTERS + 1,
               "every counter has a name");
_Static_assert((int)COUNTERS <= (int)COUNTERS_MAX, "there is a mark for every counter");

int counter_find(const char *name)
{
    for (int i = 0; i < COUNTERS; i++) {
        if (strcmp(counter_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static uint64_t number_at(const void *start, size_t at)
{
    uint64_t number;

    memcpy(&number, (const unsigned char *)start + at, sizeof number);
    return number;
}

static uint64_t since_start(const struct machine *machine, const struct counter *counter)
{
    switch (counter->source) {
    case SOURCE_EVENT: return machine->system.events[counter->at];
    case SOURCE_DROP: return machine->system.drops[counter->at];
    case SOURCE_DISK: return number_at(&machine->disk, counter->at);
    default: return number_at(&machine->count, counter->at);
    }
}

bool counter_value(struct scenario *scenario, unsigned counter,
                   const struct scenario_process *process, uint64_t *value)
{
    const struct counter *c = &counters[counter];

    if (process != NULL && !c->of_process) {
        return false;
    }
    *value = c->source == SOURCE_NOW ? c->now(scenario, process)
                                     : since_start(&scenario->machine, c) - scenario->mark[counter];
    return true;
}

void counters_mark(struct scenario *scenario)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        if (counters[i].source != SOURCE_NOW) {
            scenario->mark[i] = since_start(&scenario->machine, &counters[i]);
        }
    }
}

void counters_now(const struct scenario *scenario, uint64_t *value)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        value[i] = counters[i].source == SOURCE_NOW ? counters[i].now(scenario, NULL) : 0;
    }
}

bool counters_tell(const struct scenario *scenario, const uint64_t *before, FILE *out)
{
    const char *separator = "  Afterwards:";

    for (unsigned i = 0; i < COUNTERS; i++) {
        uint64_t now = counters[i].source == SOURCE_NOW ? counters[i].now(scenario, NULL) : 0;

        if (now != before[i]) {
            fprintf(out, "%s %s %" PRIu64 " (before %" PRIu64 ")", separator, counter_names[i], now,
                    before[i]);
            separator = ",";
        }
    }
    fputs(separator[0] == ',' ? "\n" : "", out);
    return separator[0] == ',';
}
