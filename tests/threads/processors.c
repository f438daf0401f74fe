/* Processors that are threads: see processors.h. */
#include "tests/threads/processors.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "quire/advice.h"
#include "quire/formats.h"
#include "tests/support/check.h"
#include "tests/support/prng.h"

enum { CPUS = PROCESSORS, PAGES = 24, FRAMES = 160, SLOTS = 256, SHIFT = 12, PAGE = 1 << SHIFT };
enum { LOCK_CPU = QUIRE_LOCK_CLASSES };
enum kind { OWN, SHARED_SPACE, SHARED_FILE, KINDS };

struct cpu {
    pthread_t thread;
    pthread_mutex_t instruction;
    unsigned number;
    struct prng prng;
    struct quire_space space;
    uint8_t stored[KINDS][PAGES];
    uint64_t accesses, busy, forks;
};

static struct {
    unsigned cpus, steps;
    struct quire_frames frames;
    struct quire_host host;
    struct quire_system system;
    struct quire_space shared;
    struct quire_object file;
    struct cpu cpu[CPUS];
    _Alignas(PAGE) unsigned char ram[FRAMES * PAGE];
    unsigned char swap[SLOTS * PAGE], disk[PAGES * PAGE];
    _Alignas(8) unsigned char frames_state[1 << 14];
    void *system_state;
} lab;

/* ---- the order of locks ---------------------------------------------------------------------- */

static _Thread_local unsigned held; /* by class */

void lock_taken(unsigned class_)
{
    checkf(held >> class_ == 0, "a lock of class %u is taken while %#x are held", class_, held);
    held |= 1U << class_;
}

void lock_given_back(unsigned class_)
{
    held &= ~(1U << class_);
}

static void begin_instruction(struct cpu *cpu)
{
    lock_taken(LOCK_CPU);
    pthread_mutex_lock(&cpu->instruction);
}

static void end_instruction(struct cpu *cpu)
{
    pthread_mutex_unlock(&cpu->instruction);
    lock_given_back(LOCK_CPU);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static void tlb_flush(void *context, const struct quire_flush *flush)
{
    (void)context;
    (void)flush;
    for (unsigned i = 0; i < lab.cpus; i++) {
        begin_instruction(&lab.cpu[i]);
        end_instruction(&lab.cpu[i]);
    }
}

static void activate(void *context, quire_pa root, uint16_t asid)
{
    (void)context;
    (void)root;
    (void)asid;
}

static enum quire_status transfer(void *context, struct quire_transfer *t)
{
    unsigned char *at = (unsigned char *)context + t->offset;

    memcpy(t->direction == QUIRE_TRANSFER_IN ? t->where : at,
           t->direction == QUIRE_TRANSFER_IN ? at : t->where, (size_t)t->bytes);
    return QUIRE_OK;
}

/* One load or store of one byte, faulting as often as it takes. */
static uint8_t reach(struct cpu *cpu, struct quire_space *space, quire_va va, unsigned access,
                     uint8_t value)
{
    struct quire_mmu mmu = quire_table_mmu(&space->table);
    struct quire_request request = {.ready = NULL};

    for (;;) {
        struct quire_walk walk;
        enum quire_status status;

        begin_instruction(cpu);
        if (quire_walk(&mmu, va, access | QUIRE_ACCESSED, &walk) == QUIRE_OK) {
            unsigned char *byte = lab.ram + walk.pa.at;
            if (access & QUIRE_WRITE) {
                *byte = value;
            }
            value = *byte;
            end_instruction(cpu);
            return value;
        }
        end_instruction(cpu);
        status = quire_space_fault(space, va, access, &request);
        cpu->busy += status == QUIRE_BUSY;
        checkf(status == QUIRE_OK || status == QUIRE_BUSY, "%s", quire_status_text(status));
    }
}

/* ---- what a processor does ------------------------------------------------------------------- */

static struct quire_space *space_of(struct cpu *cpu, enum kind kind)
{
    return kind == SHARED_SPACE ? &lab.shared : &cpu->space;
}

static quire_va address(const struct cpu *cpu, enum kind kind, unsigned page)
{
    uint64_t region = kind == SHARED_FILE ? 2 : 1;

    return quire_va_at((region * 64 + page) * PAGE + cpu->number * 8);
}

static void access_page(struct cpu *cpu)
{
    enum kind kind = (enum kind)prng_below(&cpu->prng, KINDS);
    unsigned page = (unsigned)prng_below(&cpu->prng, PAGES);
    uint8_t *stored = &cpu->stored[kind][page];
    bool write = prng_one_in(&cpu->prng, 2);
    uint8_t value;

    if (write) {
        *stored = (uint8_t)prng_next(&cpu->prng);
    }
    value = reach(cpu, space_of(cpu, kind), address(cpu, kind, page),
                  QUIRE_USER | (write ? QUIRE_WRITE : QUIRE_READ), *stored);
    checkf(value == *stored, "processor %u, kind %u, page %u: %u instead of %u", cpu->number, kind,
           page, value, *stored);
    cpu->accesses++;
}

/* A child comes, sees what its parent had, writes, and goes. */
static void fork_and_exit(struct cpu *cpu)
{
    unsigned page = (unsigned)prng_below(&cpu->prng, PAGES);
    quire_va va = address(cpu, OWN, page);
    struct quire_space child;

    if (quire_space_fork(&child, &cpu->space, (uint16_t)(100 + cpu->number)) != QUIRE_OK) {
        return; /* no memory now */
    }
    check(reach(cpu, &child, va, QUIRE_USER | QUIRE_READ, 0) == cpu->stored[OWN][page]);
    reach(cpu, &child, va, QUIRE_USER | QUIRE_WRITE, (uint8_t)~cpu->stored[OWN][page]);
    check(reach(cpu, &cpu->space, va, QUIRE_USER | QUIRE_READ, 0) == cpu->stored[OWN][page]);
    quire_space_destroy(&child);
    cpu->forks++;
}

static void sync_file(void)
{
    struct quire_request request = {.ready = NULL};
    uint64_t next = 0;

    check(quire_object_sync(&lab.file, &next, &request) == QUIRE_OK);
}

static void discard(struct cpu *cpu)
{
    unsigned page = (unsigned)prng_below(&cpu->prng, PAGES);
    quire_va va = quire_va_at(address(cpu, OWN, page).at & ~(uint64_t)(PAGE - 1));

    check(quire_space_discard(&cpu->space, va, PAGE) == QUIRE_OK);
    cpu->stored[OWN][page] = 0;
}

static void *run(void *argument)
{
    struct cpu *cpu = argument;

    for (unsigned step = 0; step < lab.steps; step++) {
        uint64_t what = prng_below(&cpu->prng, 200);

        if (what == 0) {
            fork_and_exit(cpu);
        } else if (what == 1) {
            sync_file();
        } else if (what == 2) {
            discard(cpu);
        } else if (what == 3) {
            (void)quire_space_working_set(&cpu->space);
        } else {
            access_page(cpu);
        }
    }
    return NULL;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void open_space(struct quire_space *space, uint16_t id)
{
    struct quire_region_spec spec = {.va = quire_va_at(64 * PAGE),
                                     .bytes = PAGES * PAGE,
                                     .prot = QUIRE_USER | QUIRE_READ | QUIRE_WRITE};

    check(quire_space_create(space, &lab.system, &quire_format_x86_64, id) == QUIRE_OK);
    check(quire_space_map(space, &spec) == QUIRE_OK);
    spec.va = quire_va_at(128 * PAGE);
    spec.object = &lab.file;
    spec.sharing = QUIRE_SHARED;
    check(quire_space_map(space, &spec) == QUIRE_OK);
}

void processors_open(unsigned cpus, unsigned steps, uint32_t limit)
{
    const struct quire_device disk = {transfer, lab.disk};
    struct quire_system_config config = {.host = &lab.host,
                                         .policy = &quire_policy_clock_mmu,
                                         .swap = {transfer, lab.swap},
                                         .swap_slots = SLOTS,
                                         .resident_limit = limit};

    memset(&lab, 0, sizeof(lab));
    lab.cpus = cpus;
    lab.steps = steps;
    check(quire_frames_init(&lab.frames, lab.frames_state, sizeof(lab.frames_state),
                            quire_pfn_of(0), FRAMES, SHIFT) == QUIRE_OK);
    check(quire_frames_release(&lab.frames, quire_pfn_of(1), FRAMES - 1) == QUIRE_OK);
    lab.host = (struct quire_host){.memory = {.direct = lab.ram, .bytes = sizeof(lab.ram)},
                                   .frames = &lab.frames,
                                   .concurrent_walks = true,
                                   .activate = activate,
                                   .tlb_flush = tlb_flush};
    config.state_bytes = quire_system_size(&config);
    config.state = lab.system_state = malloc(config.state_bytes);
    check(quire_system_init(&lab.system, &config) == QUIRE_OK);
    check(quire_object_create(&lab.file, &lab.system, &disk, sizeof(lab.disk)) == QUIRE_OK);
    open_space(&lab.shared, 50);
    for (unsigned i = 0; i < cpus; i++) {
        lab.cpu[i].number = i;
        lab.cpu[i].prng = prng_new(i + 1);
        pthread_mutex_init(&lab.cpu[i].instruction, NULL);
        open_space(&lab.cpu[i].space, (uint16_t)(i + 1));
    }
}

void processors_close(void)
{
    struct quire_space *spaces[CPUS + 1] = {&lab.shared};
    const char *what = NULL;

    for (unsigned i = 0; i < lab.cpus; i++) {
        spaces[i + 1] = &lab.cpu[i].space;
    }
    checkf(quire_validate(&lab.system, spaces, lab.cpus + 1, &what) == QUIRE_OK, "%s", what);
    for (unsigned i = 0; i <= lab.cpus; i++) {
        quire_space_destroy(spaces[i]);
    }
    quire_object_destroy(&lab.file);
    checkf(lab.frames.free == lab.frames.total - 1, "%u frames are lost",
           lab.frames.total - 1 - lab.frames.free);
    check(quire_swap_used(&lab.system.swap) == 0);
    free(lab.system_state);
}

uint64_t processors_run(void)
{
    uint64_t accesses = 0;

    for (unsigned i = 0; i < lab.cpus; i++) {
        check(pthread_create(&lab.cpu[i].thread, NULL, run, &lab.cpu[i]) == 0);
    }
    for (unsigned i = 0; i < lab.cpus; i++) {
        check(pthread_join(lab.cpu[i].thread, NULL) == 0);
        accesses += lab.cpu[i].accesses;
    }
    return accesses;
}

uint64_t processors_evictions(void)
{
    return lab.system.events[QUIRE_EVENT_VICTIM];
}
