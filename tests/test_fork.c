/*
 * Processes that fork, share files and exit, on a machine with far too little memory: every byte
 * that any of them reads is checked against a model that knows nothing of paging. validate() after
 * each step.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "quire/object.h"
#include "quire/space.h"
#include "tests/support/unit.h"

enum { FRAMES_MAX = 256, PAGE_MAX = 4096, SLOTS = 512, PROCESSES = 6, PAGES = 12, FILE_PAGES = 9 };

/* Three regions in each process, PAGES pages each. */
enum { HEAP, PRIVATE_FILE, SHARED_FILE, REGIONS };

struct process {
    bool alive;
    struct quire_space space;
    uint8_t own[REGIONS][PAGES]; /* the model: one byte stands for a page */
    bool written[PAGES];         /* PRIVATE_FILE: no longer the file's */
};

struct lab {
    const struct quire_format *format;
    unsigned shift;
    struct quire_host host;
    struct quire_frames frames;
    struct quire_system system;
    struct quire_object file;
    struct process process[PROCESSES];
    uint8_t shared[PAGES]; /* the model of the file, as all see it */
    bool forgiving;        /* memory or swap may run out */
    uint64_t refused;
    struct prng prng;
    _Alignas(PAGE_MAX) unsigned char ram[FRAMES_MAX * PAGE_MAX];
    unsigned char swap[SLOTS * PAGE_MAX], disk[PAGES * PAGE_MAX];
    uint64_t state[FRAMES_MAX * 16];
};

static struct lab lab;

static enum quire_status device(void *context, struct quire_transfer *transfer)
{
    unsigned char *bytes = context;

    if (transfer->direction == QUIRE_TRANSFER_IN) {
        memcpy(transfer->where, bytes + transfer->offset, transfer->bytes);
    } else {
        memcpy(bytes + transfer->offset, transfer->where, transfer->bytes);
    }
    return QUIRE_OK;
}

static void tlb_flush(void *context, const struct quire_flush *flush)
{
    (void)context;
    (void)flush; /* accesses here walk afresh each time; stale entries are the simulator's tests */
}

static uint64_t page_bytes(void)
{
    return UINT64_C(1) << lab.shift;
}

/* What is shared lies in the file; a private region may go past its end. */
static unsigned pages_of(unsigned region)
{
    return region == SHARED_FILE ? FILE_PAGES : PAGES;
}

static quire_va address(unsigned region, unsigned page)
{
    return quire_va_at((uint64_t)(region * (PAGES + 3) + page + 2) << lab.shift);
}

static void validate(void)
{
    struct quire_space *spaces[PROCESSES];
    const char *what = NULL;
    unsigned n = 0;

    for (unsigned i = 0; i < PROCESSES; i++) {
        if (lab.process[i].alive) {
            spaces[n++] = &lab.process[i].space;
        }
    }
    checkf(quire_validate(&lab.system, spaces, n, &what) == QUIRE_OK, "%s", what);
}

/* The byte of memory that an access reaches, faulting as often as it takes; NULL: refused for want
 * of memory, where that is allowed. */
static unsigned char *reach(struct process *process, quire_va va, unsigned access)
{
    struct quire_mmu mmu = quire_table_mmu(&process->space.table);
    struct quire_request request = {.ready = NULL};
    struct quire_walk walk;

    while (quire_walk(&mmu, va, access | QUIRE_ACCESSED, &walk) != QUIRE_OK) {
        enum quire_status status = quire_space_fault(&process->space, va, access, &request);
        if (status != QUIRE_OK) {
            checkf(lab.forgiving && (status == QUIRE_NO_MEMORY || status == QUIRE_NO_SPACE), "%s",
                   quire_status_text(status));
            lab.refused++;
            return NULL;
        }
    }
    return lab.ram + walk.pa.at;
}

static uint8_t expected(const struct process *process, unsigned region, unsigned page)
{
    if (region == SHARED_FILE || (region == PRIVATE_FILE && !process->written[page])) {
        return lab.shared[page];
    }
    return process->own[region][page];
}

/* The file ends in the middle of its last page; what is written behind that is not kept. */
static uint64_t last_byte(unsigned region, unsigned page)
{
    return region != HEAP && page == FILE_PAGES - 1 ? page_bytes() / 2 - 1 : page_bytes() - 1;
}

static void read_page(struct process *process, unsigned region, unsigned page)
{
    unsigned char *at = reach(process, address(region, page), QUIRE_READ | QUIRE_USER);

    if (at != NULL) {
        uint8_t want = expected(process, region, page);
        uint8_t last = at[last_byte(region, page)];
        checkf(at[0] == want && last == want,
               "process %d, region %u, page %u: expected %u, got %u and %u",
               (int)(process - lab.process), region, page, want, at[0], last);
    }
}

static void write_page(struct process *process, unsigned region, unsigned page, uint8_t value)
{
    unsigned char *at = reach(process, address(region, page), QUIRE_WRITE | QUIRE_USER);

    if (at == NULL) {
        return;
    }
    memset(at, value, page_bytes());
    if (region == SHARED_FILE) {
        lab.shared[page] = value;
    } else {
        process->own[region][page] = value;
        process->written[page] = process->written[page] || region == PRIVATE_FILE;
    }
}

static enum quire_status map_regions(struct quire_space *space)
{
    for (unsigned region = 0; region < REGIONS; region++) {
        struct quire_region_spec spec = {.va = address(region, 0),
                                         .bytes = pages_of(region) * page_bytes(),
                                         .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_USER,
                                         .object = region == HEAP ? NULL : &lab.file,
                                         .sharing =
                                             region == SHARED_FILE ? QUIRE_SHARED : QUIRE_PRIVATE};
        enum quire_status status = quire_space_map(space, &spec);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* From nothing, or by fork from another. */
static void spawn(unsigned i, struct process *parent)
{
    struct process *process = &lab.process[i];
    enum quire_status status;

    if (parent != NULL) {
        *process = *parent; /* the model of a fork */
        status = quire_space_fork(&process->space, &parent->space, (uint16_t)(i + 1));
    } else {
        memset(process, 0, sizeof(*process));
        status = quire_space_create(&process->space, &lab.system, lab.format, (uint16_t)(i + 1));
        if (status == QUIRE_OK) {
            status = map_regions(&process->space);
            if (status != QUIRE_OK) {
                quire_space_destroy(&process->space);
            }
        }
    }
    checkf(status == QUIRE_OK || status == QUIRE_NO_MEMORY, "%s", quire_status_text(status));
    process->alive = status == QUIRE_OK;
}

static struct process *any_alive(void)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        struct process *process = &lab.process[prng_below(&lab.prng, PROCESSES)];
        if (process->alive) {
            return process;
        }
    }
    return NULL;
}

static void discard(struct process *process)
{
    unsigned region = (unsigned)prng_below(&lab.prng, REGIONS);
    unsigned page = (unsigned)prng_below(&lab.prng, pages_of(region));

    check(quire_space_discard(&process->space, address(region, page), page_bytes()) == QUIRE_OK);
    if (region != SHARED_FILE) {
        process->own[region][page] = 0;
    }
    if (region == PRIVATE_FILE) {
        process->written[page] = false;
    }
}

/* After a sync the device holds what everybody sees. */
static void sync_file(void)
{
    struct quire_request request = {.ready = NULL};
    uint64_t next = 0;

    check(quire_object_sync(&lab.file, &next, &request) == QUIRE_OK);
    for (unsigned page = 0; page < FILE_PAGES; page++) {
        checkf(lab.disk[page * page_bytes()] == lab.shared[page], "page %u of the file", page);
    }
}

static void step(void)
{
    struct process *process = any_alive();
    unsigned i = (unsigned)prng_below(&lab.prng, PROCESSES);
    unsigned region = (unsigned)prng_below(&lab.prng, REGIONS);
    unsigned page = (unsigned)prng_below(&lab.prng, pages_of(region));
    uint64_t what = prng_below(&lab.prng, 100);

    if (process == NULL) {
        spawn(i, NULL);
    } else if (what < 4 && !lab.process[i].alive) {
        spawn(i, what == 0 ? NULL : process);
    } else if (what < 6) {
        quire_space_destroy(&process->space);
        process->alive = false;
    } else if (what < 9) {
        discard(process);
    } else if (what < 10) {
        sync_file();
    } else if (what < 50) {
        write_page(process, region, page, (uint8_t)(prng_next(&lab.prng) | 1));
    } else {
        read_page(process, region, page);
    }
}

static void open_lab(const struct quire_format *format, const struct quire_policy_ops *policy,
                     uint32_t frames, uint32_t slots)
{
    const struct quire_device file = {device, lab.disk};
    struct quire_system_config config = {
        .host = &lab.host, .policy = policy, .swap = {device, lab.swap}, .swap_slots = slots};

    memset(&lab.process, 0, sizeof(lab.process));
    memset(lab.ram, 0xa5, sizeof(lab.ram));
    lab.format = format;
    lab.shift = quire_format_page_shift(format);
    lab.refused = 0;
    check(quire_frames_init(&lab.frames, lab.state, sizeof(lab.state), quire_pfn_of(0), frames,
                            lab.shift) == QUIRE_OK);
    check(quire_frames_release(&lab.frames, quire_pfn_of(1), frames - 1) == QUIRE_OK);
    lab.host = (struct quire_host){.memory = {.direct = lab.ram, .bytes = frames * page_bytes()},
                                   .frames = &lab.frames,
                                   .tlb_flush = tlb_flush};
    config.state_bytes = quire_system_size(&config);
    config.state = calloc(1, config.state_bytes);
    check(quire_system_init(&lab.system, &config) == QUIRE_OK);
    check(quire_object_create(&lab.file, &lab.system, &file,
                              (FILE_PAGES - 1) * page_bytes() + page_bytes() / 2) == QUIRE_OK);
    for (unsigned page = 0; page < PAGES; page++) {
        lab.shared[page] = 0;
        memset(lab.disk + page * page_bytes(), 0, page_bytes());
    }
    lab.system.policy.context = &lab.system;
}

static void close_lab(void)
{
    for (unsigned i = 0; i < PROCESSES; i++) {
        if (lab.process[i].alive) {
            quire_space_destroy(&lab.process[i].space);
        }
    }
    memset(lab.process, 0, sizeof(lab.process));
    validate();
    quire_object_destroy(&lab.file);
    checkf(lab.frames.free == lab.frames.total - 1, "%u frames lost",
           lab.frames.total - 1 - lab.frames.free);
    checkf(quire_swap_used(&lab.system.swap) == 0, "%u slots lost",
           quire_swap_used(&lab.system.swap));
    free(lab.system.page);
}

static void run(const struct quire_format *format, const struct quire_policy_ops *policy,
                uint32_t frames, uint32_t slots, unsigned steps)
{
    open_lab(format, policy, frames, slots);
    for (unsigned i = 0; i < steps; i++) {
        step();
        validate();
    }
    close_lab();
}

static void processes_share_and_copy(void **state)
{
    (void)state;
    lab.forgiving = false;
    lab.prng = prng_new(1);
    run(&quire_format_i386, &quire_policy_clock_mmu, 80, SLOTS, 2000);
    run(&quire_format_x86_64, &quire_policy_fifo, 120, SLOTS, 2000);
    run(&quire_format_ostep14, &quire_policy_fifo, 180, SLOTS, 2000);
}

static void memory_and_swap_run_out(void **state)
{
    (void)state;
    lab.forgiving = true;
    lab.prng = prng_new(2);
    run(&quire_format_i386, &quire_policy_clock_mmu, 30, 2, 2000);
    check(lab.refused != 0);
    run(&quire_format_x86_64, &quire_policy_fifo, 40, 20, 2000);
    run(&quire_format_i386, &quire_policy_fifo, 60, 4, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_share_and_copy),
        cmocka_unit_test(memory_and_swap_run_out),
    };

    return unit_run(tests);
}
