/*
 * Replay: fault counts against an independent simulation, on random references in every format
 * and on real traces, and against what another simulator counted; and that verification finds
 * what it is there to find.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/quire/replay.h" /* before unit.h: cmocka makes a macro of fail() */

#include "quire/formats.h"
#include "quire/pte.h"
#include "tests/support/formats.h"
#include "tests/support/pager.h"
#include "tests/support/unit.h"

static const struct {
    const char *csv; /* what sqlite-misses.csv calls it */
    const struct quire_policy_ops *ops;
} policies[PAGER_POLICIES] = {
    [PAGER_FIFO] = {"FIFO", &quire_policy_fifo},
    [PAGER_CLOCK] = {"Clock", &quire_policy_clock},
    [PAGER_CLOCK_MMU] = {NULL, &quire_policy_clock_mmu},
    [PAGER_LRU] = {"LRU", &quire_policy_lru},
};

/* ---- references ---------------------------------------------------------------------------- */

/* A trace, and its string of page references with pages numbered as they first come. */
struct program {
    struct trace_record *record;
    size_t records;
    uint32_t *string;
    size_t length;
    uint32_t pages;
};

static void program_end(struct program *program)
{
    free(program->record);
    free(program->string);
}

/* Every page number in the records, in order; then each is replaced by its rank of first use. */
static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static size_t page_numbers(const struct program *program, unsigned page_shift, uint64_t *numbers)
{
    size_t n = 0;

    for (size_t i = 0; i < program->records; i++) {
        uint64_t first = program->record[i].address;
        uint64_t last = first + program->record[i].size - 1;

        for (uint64_t page = first >> page_shift; page <= last >> page_shift; page++) {
            if (numbers != NULL) {
                numbers[n] = page;
            }
            n++;
        }
    }
    return n;
}

static void program_pages(struct program *program, unsigned page_shift)
{
    size_t length = page_numbers(program, page_shift, NULL);
    uint64_t *numbers = malloc(length * sizeof(uint64_t));
    uint64_t *sorted = malloc(length * sizeof(uint64_t));
    uint32_t distinct = 0;

    program->string = malloc(length * sizeof(uint32_t));
    check(numbers != NULL && sorted != NULL && program->string != NULL);
    page_numbers(program, page_shift, numbers);
    memcpy(sorted, numbers, length * sizeof(uint64_t));
    qsort(sorted, length, sizeof(uint64_t), compare_numbers);
    for (size_t i = 0; i < length; i++) {
        if (i == 0 || sorted[i] != sorted[distinct - 1]) {
            sorted[distinct++] = sorted[i];
        }
    }
    for (size_t i = 0; i < length; i++) {
        const uint64_t *at =
            bsearch(&numbers[i], sorted, distinct, sizeof(uint64_t), compare_numbers);
        program->string[i] = (uint32_t)(at - sorted);
    }
    free(numbers);
    free(sorted);
    program->length = length;
    program->pages = distinct;
}

/* Somewhere in the address space, its far ends included. */
static uint64_t some_place(struct prng *prng, const struct quire_format *format)
{
    uint64_t all = format->va_bits == 64 ? UINT64_MAX : (UINT64_C(1) << format->va_bits) - 1;
    uint64_t at = prng_next(prng) & all;

    switch (prng_below(prng, 4)) {
    case 0: at = 0; break;
    case 1: at = all; break;
    default: break;
    }
    if (format->canonical == QUIRE_SIGN_EXTENDED && (at >> (format->va_bits - 1) & 1) != 0) {
        at |= ~all;
    }
    return at;
}

/* Accesses around some places, which change; now and then a walk through many pages. */
static struct program random_program(struct prng *prng, const struct quire_format *format,
                                     size_t records)
{
    uint64_t page = quire_format_page_bytes(format);
    struct program program = {.record = malloc(records * sizeof(struct trace_record))};
    uint64_t place[4];
    uint64_t spread = page * (1 + prng_below(prng, 40));

    check(program.record != NULL);
    for (unsigned i = 0; i < 4; i++) {
        place[i] = some_place(prng, format);
    }
    while (program.records < records) {
        uint64_t which = prng_below(prng, 4);
        struct trace_record r = {
            .size = 1 + (uint32_t)prng_below(prng, prng_one_in(prng, 9) ? 600 : 16),
            .kind = (enum trace_kind)prng_below(prng, 4)};

        if (prng_one_in(prng, 500)) {
            place[which] = some_place(prng, format);
        }
        place[which] += prng_one_in(prng, 8) ? page : 0;
        r.address = place[which] + prng_below(prng, spread);
        if (r.address + (r.size - 1) >= r.address &&
            quire_va_valid(format, quire_va_at(r.address)) &&
            quire_va_valid(format, quire_va_at(r.address + (r.size - 1)))) {
            program.record[program.records++] = r;
        } else {
            place[which] = some_place(prng, format);
        }
    }
    program_pages(&program, quire_format_page_shift(format));
    return program;
}

/* ---- replaying ----------------------------------------------------------------------------- */

static struct replay replay; /* one at a time; too large for a stack */

/* In batches of all sizes. */
static void replay_program(const struct replay_config *config, const struct program *program)
{
    struct problem problem = {""};
    size_t batch = 1;

    checkf(replay_open(&replay, config, &problem), "%s, %s: %s", config->format->name,
           config->policy->name, problem.text);
    for (size_t i = 0; i < program->records; i += batch) {
        batch = 1 + (batch * 7 + 3) % 10007;
        batch = batch < program->records - i ? batch : program->records - i;
        checkf(replay_run(&replay, program->record + i, batch), "%s, %s: %s", config->format->name,
               config->policy->name, replay.problem.text);
    }
}

static void validate(void)
{
    struct quire_space *spaces[] = {&replay.space};
    const char *what = "";
    enum quire_status status = quire_validate(&replay.machine.system, spaces, 1, &what);

    checkf(status == QUIRE_OK, "%s: %s", replay.config.format->name, what);
}

/* The curve and the counters tell one story. */
static void check_figures(const struct replay_figures *f, const struct program *program)
{
    double columns[7], sum = 0;

    check(f->records == program->records && f->page_references == program->length);
    check(f->touched == program->pages);
    check(f->faults == f->zero_fills + f->swap_ins + f->file_reads);
    check(f->faults == f->evictions + f->resident);
    check(f->disk_reads == f->swap_ins && f->disk_writes == f->swap_outs);
    check(f->tlb_hits <= f->page_references && f->walks >= f->page_references - f->tlb_hits);
    check(f->faults >= f->touched && f->file_reads == 0 && f->dropped_in_file == 0);
    curve_columns(&replay.curve, columns, 7);
    for (unsigned i = 0; i < 7; i++) {
        check(columns[i] >= 0);
        sum += columns[i];
    }
    check(sum > (double)f->faults - 0.01 && sum < (double)f->faults + 0.01);
    check(replay.curve.total == program->records);
}

/* Verification must not change anything. */
static void check_same(const struct replay_figures *a, const struct replay_figures *b)
{
    struct replay_figures other = *b;

    other.verified_loads = a->verified_loads;
    other.verified_bytes = a->verified_bytes;
    other.shadow_bytes = a->shadow_bytes;
    for (size_t i = 0; i < sizeof(other) / sizeof(uint64_t); i++) {
        checkf(((const uint64_t *)a)[i] == ((const uint64_t *)&other)[i],
               "%s, %s: figure %zu: %llu verified, %llu not", replay.config.format->name,
               replay.config.policy->name, i, (unsigned long long)((const uint64_t *)a)[i],
               (unsigned long long)((const uint64_t *)&other)[i]);
    }
}

static struct replay_figures run_twice(struct replay_config *config, const struct program *program)
{
    struct replay_figures verified, unverified;

    config->verify = true;
    replay_program(config, program);
    verified = replay_figures(&replay);
    check_figures(&verified, program);
    check(verified.shadow_bytes == (uint64_t)program->pages << replay.page_shift);
    check(verified.verified_bytes >= verified.verified_loads);
    validate();
    replay_close(&replay);

    config->verify = false;
    replay_program(config, program);
    unverified = replay_figures(&replay);
    check_figures(&unverified, program);
    check(unverified.verified_bytes == 0 && unverified.shadow_bytes == 0);
    replay_close(&replay);
    check_same(&verified, &unverified);
    return verified;
}

/* ---- against the model --------------------------------------------------------------------- */

static const uint64_t tlbs[][2] = {{0, 0}, {1, 1}, {4, 0}, {6, 2}, {16, 0}, {64, 4}};
enum { TLBS = sizeof(tlbs) / sizeof(tlbs[0]), LARGE_TLBS = 2 /* the last */ };

enum { FEW = 4 }; /* frames that tiny formats have room for */

/* Can the machine be built at all, and with how many frames? Tiny formats reach little memory. */
static bool fits(const struct replay_config *config)
{
    struct problem problem;

    if (!replay_open(&replay, config, &problem)) {
        return false;
    }
    replay_close(&replay);
    return true;
}

static void check_program(struct prng *prng, const struct quire_format *format,
                          const struct program *program, uint32_t frames)
{
    for (unsigned p = 0; p < PAGER_POLICIES; p++) {
        struct replay_config config = {
            .format = format, .policy = policies[p].ops, .frames = frames};
        unsigned tlb = (unsigned)prng_below(prng, TLBS);
        uint64_t expected;
        struct replay_figures f;

        if (config.policy->wants_accessed && format->leaf.accessed.mask == 0) {
            check(!fits(&config));
            continue;
        }
        config.tlb_entries = tlbs[tlb][0];
        config.tlb_ways = tlbs[tlb][1];
        expected = pager_faults((enum pager_policy)p, program->string, program->length,
                                program->pages, frames);
        f = run_twice(&config, program);
        checkf(f.faults == expected, "%s, %s, %u frames, TLB %u: %llu faults instead of %llu",
               format->name, config.policy->name, frames, (unsigned)config.tlb_entries,
               (unsigned long long)f.faults, (unsigned long long)expected);
    }
}

/* Formats in which an address space finds room for itself and FEW pages, wherever the program
 * goes. */
static bool usable(const struct quire_format *format)
{
    struct replay_config config = {.format = format, .policy = &quire_policy_fifo, .frames = FEW};
    unsigned shift = quire_format_page_shift(format);
    struct problem problem;
    bool fine;

    if (!replay_open(&replay, &config, &problem)) {
        return false;
    }
    for (uint64_t page = 0; page < 4096 && page >> (format->va_bits - shift) == 0; page++) {
        quire_va va = quire_space_va(&replay.space, page);
        struct trace_record record = {va.at, 1, TRACE_STORE};
        replay_run(&replay, &record, 1);
    }
    fine = replay.outcome == REPLAY_OK;
    replay_close(&replay);
    return fine;
}

static void test_random_references_in_every_format(void **state)
{
    struct prng prng = prng_new(1);
    unsigned used = 0;

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        const struct quire_format *format = test_formats[i];

        if (!usable(format)) {
            printf("# no room in %s\n", format->name);
            continue;
        }
        used++;
        for (unsigned round = 0; round < 3; round++) {
            struct program program = random_program(&prng, format, 1500);
            check_program(&prng, format, &program, 1 + (uint32_t)prng_below(&prng, FEW));
            program_end(&program);
        }
    }
    check(used >= 5); /* those that come with quire, but for one of 128 tiny frames */
}

static void test_many_frame_counts(void **state)
{
    static const struct quire_format *const formats[] = {&quire_format_i386, &quire_format_x86_64};
    struct prng prng = prng_new(2);

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct program program = random_program(&prng, formats[i % 2], 20000);
        uint32_t frames = 1 + (uint32_t)prng_below(&prng, program.pages + 3);

        check_program(&prng, formats[i % 2], &program, frames);
        program_end(&program);
    }
}

/* The whole machine within --ram: tables, nodes and records compete with pages. Nothing to
 * compare the faults with, but every byte must be right. */
static void test_everything_in_little_memory(void **state)
{
    struct prng prng = prng_new(3);

    (void)state;
    for (unsigned p = 0; p < PAGER_POLICIES; p++) {
        for (uint64_t kib = 256; kib >= 128; kib -= 64) {
            struct replay_config config = {.format = &quire_format_i386,
                                           .policy = policies[p].ops,
                                           .ram_bytes = kib * 1024,
                                           .tlb_entries = 16,
                                           .tlb_ways = 4,
                                           .swap_bytes = 16 << 20};
            struct program program = random_program(&prng, &quire_format_i386, 5000);

            run_twice(&config, &program);
            program_end(&program);
        }
    }
}

/* ---- real programs ------------------------------------------------------------------------- */

static struct program load_program(const char *path, size_t most)
{
    struct trace *trace = trace_open(path);
    size_t room = 0, n;
    struct program program = {0};

    do {
        if (room - program.records < 65536) {
            room = room * 2 + 65536;
            program.record = realloc(program.record, room * sizeof(struct trace_record));
            check(program.record != NULL);
        }
        n = trace_read(trace, program.record + program.records, room - program.records);
        program.records += n;
    } while (n != 0 && program.records < most);
    checkf(trace_error(trace) == NULL, "%s", trace_error(trace));
    trace_close(trace);
    program.records = program.records < most ? program.records : most;
    program_pages(&program, 12);
    return program;
}

static void check_real(const struct program *program, enum pager_policy policy, uint32_t frames,
                       uint64_t expected)
{
    unsigned tlb = TLBS - 1 - frames % LARGE_TLBS; /* small ones take long */
    struct replay_config config = {.format = &quire_format_x86_64,
                                   .policy = policies[policy].ops,
                                   .frames = frames,
                                   .tlb_entries = tlbs[tlb][0],
                                   .tlb_ways = tlbs[tlb][1]};
    struct replay_figures f = run_twice(&config, program);

    checkf(f.faults == expected, "%s, %u frames: %llu faults instead of %llu", config.policy->name,
           frames, (unsigned long long)f.faults, (unsigned long long)expected);
}

/* The trace that the repository carries, with a quarter and half of the pages that it touches. */
static void test_a_real_program(void **state)
{
    glob_t found;
    struct program program;

    (void)state;
    if (glob("examples/traces/*.qtrace", 0, NULL, &found) != 0) {
        skip();
    }
    program = load_program(found.gl_pathv[0], 1500000);
    globfree(&found);
    for (unsigned policy = 0; policy < PAGER_POLICIES; policy++) {
        for (uint32_t share = 4; share >= 2; share /= 2) {
            uint32_t frames = program.pages / share;
            check_real(&program, (enum pager_policy)policy, frames,
                       pager_faults((enum pager_policy)policy, program.string, program.length,
                                    program.pages, frames));
        }
    }
    program_end(&program);
}

#ifdef QUIRE_HAVE_ZSTD
static const char *shared_file(const char *name)
{
    static char path[2][400];
    static unsigned next;
    const char *shared = getenv("QUIRE_SHARED");
    char *at = path[next++ % 2];

    snprintf(at, sizeof(path[0]), "%s/traces/%s", shared != NULL ? shared : "../shared", name);
    return at;
}

/* "sqlite,58,FIFO,4001851,32535": true if it is about a policy that quire has. */
static bool csv_line(const char *line, uint32_t *frames, enum pager_policy *policy,
                     unsigned long long *references, unsigned long long *misses)
{
    char name[20];

    if (sscanf(line, "sqlite,%u,%19[^,],%llu,%llu", frames, name, references, misses) != 4) {
        return false;
    }
    for (unsigned p = 0; p < PAGER_POLICIES; p++) {
        if (policies[p].csv != NULL && strcmp(policies[p].csv, name) == 0) {
            *policy = (enum pager_policy)p;
            return true;
        }
    }
    return false;
}

static void test_what_another_simulator_counted(void **state)
{
    FILE *csv = fopen(shared_file("sqlite-misses.csv"), "r");
    struct program program;
    char line[200];
    unsigned long long references, misses;
    enum pager_policy policy;
    uint32_t frames;
    unsigned compared = 0;

    (void)state;
    if (csv == NULL) {
        skip();
    }
    program = load_program(shared_file("sqlite.lackey.zst"), SIZE_MAX);
    check(program.records == 4000000 && program.pages == 465);
    while (fgets(line, sizeof(line), csv) != NULL) {
        if (csv_line(line, &frames, &policy, &references, &misses)) {
            check(program.length == references);
            check_real(&program, policy, frames, misses);
            check(pager_faults(policy, program.string, program.length, program.pages, frames) ==
                  misses);
            compared++;
        }
    }
    check(compared == 9);
    check_real(&program, PAGER_CLOCK_MMU, 116,
               pager_faults(PAGER_CLOCK_MMU, program.string, program.length, program.pages, 116));
    fclose(csv);
    program_end(&program);
}
#else
static void test_what_another_simulator_counted(void **state)
{
    (void)state;
    skip(); /* the trace is in zstd */
}
#endif

/* ---- what verification finds --------------------------------------------------------------- */

enum { STORED = 0x10000, PAGES = 12 };

static struct trace_record access_to(enum trace_kind kind, unsigned page, unsigned offset,
                                     uint32_t size)
{
    struct trace_record record = {STORED + 4096 * (uint64_t)page + offset, size, kind};

    return record;
}

/* 4 frames, and 12 pages that were stored to: 8 are in swap. */
static void open_with_pages_in_swap(void)
{
    struct replay_config config = {.format = &quire_format_i386,
                                   .policy = &quire_policy_fifo,
                                   .frames = 4,
                                   .tlb_entries = 64,
                                   .tlb_ways = 4,
                                   .verify = true};
    struct problem problem;

    check(replay_open(&replay, &config, &problem));
    for (unsigned page = 0; page < PAGES; page++) {
        struct trace_record record = access_to(TRACE_STORE, page, 100, 16);
        check(replay_run(&replay, &record, 1));
    }
    check(replay.space.swapped == PAGES - 4);
}

static void check_mismatch(uint64_t number, uint64_t address)
{
    char start[100];

    check(replay.outcome == REPLAY_MISMATCH && replay.done == number);
    snprintf(start, sizeof(start), "reference %llu: address 0x%llx was loaded as ",
             (unsigned long long)number, (unsigned long long)address);
    checkf(strncmp(replay.problem.text, start, strlen(start)) == 0, "%s", replay.problem.text);
}

/* One byte on the disk is not what was written there. */
static void test_a_lying_disk_is_found_out(void **state)
{
    (void)state;
    for (unsigned kind = TRACE_FETCH; kind <= TRACE_MODIFY; kind++) {
        struct trace_record record = access_to((enum trace_kind)kind, 2, 98, 20);
        struct trace_record other = access_to(TRACE_LOAD, 3, 98, 20);
        struct quire_record where;

        open_with_pages_in_swap();
        where = quire_supplement_get(&replay.space.supplement, (STORED >> 12) + 2);
        check(where.kind == QUIRE_RECORD_SWAP);
        replay.machine.disk.bytes[(uint64_t)where.number * 4096 + 105] ^= 0x40;
        check(replay_run(&replay, &other, 1));
        if (kind == TRACE_STORE) { /* it does not look, but whoever loads what is beside it does */
            record.size = 1;
            check(replay_run(&replay, &record, 1));
            record = access_to(TRACE_LOAD, 2, 98, 20);
            check(!replay_run(&replay, &record, 1));
            check_mismatch(PAGES + 3, STORED + 2 * 4096 + 105);
        } else {
            check(!replay_run(&replay, &record, 1));
            check_mismatch(PAGES + 2, STORED + 2 * 4096 + 105);
        }
        check(!replay_run(&replay, &other, 1)); /* there is no going on after that */
        replay_close(&replay);
    }
}

/* A flush that is lost leaves the TLB with a page that is gone. */
static void test_a_lost_flush_is_found_out(void **state)
{
    struct trace_record record;

    (void)state;
    open_with_pages_in_swap();
    replay.machine.faults.flush.in = 1;
    record = access_to(TRACE_LOAD, 0, 100, 16); /* evicts page 8, but the TLB does not hear of it */
    check(replay_run(&replay, &record, 1));
    record = access_to(TRACE_LOAD, 8, 100, 16);
    check(!replay_run(&replay, &record, 1));
    check_mismatch(PAGES + 2, STORED + 8 * 4096 + 100);
    replay_close(&replay);
}

static void check_stuck(const struct trace_record *record, const char *text)
{
    check(!replay_run(&replay, record, 1));
    check(replay.outcome == REPLAY_STUCK);
    checkf(strstr(replay.problem.text, text) != NULL, "%s", replay.problem.text);
    validate();
    replay_close(&replay);
}

static void test_a_failing_disk_is_reported(void **state)
{
    struct trace_record record = access_to(TRACE_LOAD, 0, 0, 1);

    (void)state;
    open_with_pages_in_swap();
    replay.machine.disk.fail_read.in = 1;
    check_stuck(&record, "reference 13: swap: cannot be read or written");
    open_with_pages_in_swap();
    replay.machine.disk.fail_write.in = 1;
    check_stuck(&record, "reference 13: swap: cannot be read or written");
}

static void test_a_full_swap_is_reported(void **state)
{
    struct replay_config config = {.format = &quire_format_i386,
                                   .policy = &quire_policy_lru,
                                   .frames = 2,
                                   .swap_bytes = 8192,
                                   .verify = true};
    struct problem problem;
    struct trace_record record;

    (void)state;
    check(replay_open(&replay, &config, &problem));
    for (unsigned page = 0; page < 4; page++) {
        record = access_to(TRACE_STORE, page, 0, 8);
        check(replay_run(&replay, &record, 1));
    }
    record = access_to(TRACE_STORE, 4, 0, 8);
    check_stuck(&record, "reference 5: swap is full, 8 KiB: expected more (--swap-size)");
}

static void test_too_little_memory_is_reported(void **state)
{
    struct replay_config config = {.format = &quire_format_i386, .policy = &quire_policy_clock};
    struct trace_record record = access_to(TRACE_LOAD, 4, 0, 8);
    unsigned refused = 0, stuck = 0, went_well = 0;

    (void)state;
    for (unsigned pages = 1; pages <= 12; pages++) {
        struct problem problem = {""};

        config.ram_bytes = 4096 * pages;
        if (!replay_open(&replay, &config, &problem)) {
            check(stuck == 0 && went_well == 0);
            check(strncmp(problem.text, "--ram ", 6) == 0 && strlen(problem.text) > 20);
            refused++;
        } else if (!replay_run(&replay, &record, 1)) {
            check(went_well == 0);
            check(strstr(replay.problem.text, "leave no room for pages, expected more") != NULL);
            validate();
            replay_close(&replay);
            stuck++;
        } else {
            replay_close(&replay);
            went_well++;
        }
    }
    check(refused >= 2 && stuck >= 1 && went_well >= 1);
}

static void test_addresses_that_there_are_not(void **state)
{
    static const struct {
        const struct quire_format *format;
        uint64_t address;
        uint32_t size;
        bool fine;
    } cases[] = {
        {&quire_format_i386, 0xfffff000, 4096, true},
        {&quire_format_i386, 0xffffffff, 2, false},
        {&quire_format_i386, UINT64_C(0x1fff0001b0), 8, false},
        {&quire_format_x86_64, UINT64_C(0x00007fffffffffff), 1, true},
        {&quire_format_x86_64, UINT64_C(0x00007fffffffffff), 2, false},
        {&quire_format_x86_64, UINT64_C(0xffff800000000000), 16, true},
        {&quire_format_x86_64, UINT64_C(0xffff7fffffffffff), 1, false},
        {&quire_format_x86_64, UINT64_MAX, 1, true},
        {&quire_format_ptsim, 0x3fff, 1, true},
        {&quire_format_ptsim, 0x4000, 1, false},
        {&full_64, UINT64_MAX - 7, 8, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct replay_config config = {.format = cases[i].format,
                                       .policy = &quire_policy_fifo,
                                       .frames = 3,
                                       .verify = i % 2 == 0};
        struct trace_record record = {cases[i].address, cases[i].size, TRACE_LOAD};
        struct problem problem = {""};

        checkf(replay_open(&replay, &config, &problem), "%s: %s", config.format->name,
               problem.text);
        if (cases[i].fine) {
            check(replay_run(&replay, &record, 1));
            validate();
            replay_close(&replay);
        } else {
            check_stuck(&record, "is outside the ");
        }
    }
}

/* ---- the shadow ---------------------------------------------------------------------------- */

static void test_the_shadow_keeps_every_page(void **state)
{
    enum { MANY = 5000 };
    struct prng prng = prng_new(4);
    struct shadow shadow;

    (void)state;
    check(shadow_open(&shadow, SHADOW_OF_BYTES, 6));
    for (uint64_t i = 0; i < MANY; i++) {
        unsigned char *page = shadow_page(&shadow, i * i * 977);
        check(page != NULL);
        for (unsigned byte = 0; byte < 64; byte++) {
            check(page[byte] == 0);
        }
        memset(page, (int)(i % 251) + 1, 64);
    }
    check(shadow.pages == MANY);
    for (unsigned round = 0; round < 3 * MANY; round++) {
        uint64_t i = prng_below(&prng, MANY);
        const unsigned char *page = shadow_page(&shadow, i * i * 977);
        check(page[0] == i % 251 + 1 && page[63] == i % 251 + 1);
    }
    check(shadow.pages == MANY);
    shadow_close(&shadow);
}

/* Stores differ from each other, and none of their bytes is 0; a part is as the whole. */
static void test_what_stores_write(void **state)
{
    unsigned char a[64], b[64];

    (void)state;
    for (uint64_t number = 1; number < 2000; number++) {
        shadow_bytes(number, a, 64);
        shadow_bytes(number, b, 13);
        check(memcmp(a, b, 13) == 0);
        check(memchr(a, 0, 64) == NULL);
        shadow_bytes(number + 1, b, 64);
        check(memcmp(a, b, 8) != 0 && memcmp(a + 8, a, 8) != 0 && memcmp(a + 8, b, 8) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_references_in_every_format),
        cmocka_unit_test(test_many_frame_counts),
        cmocka_unit_test(test_everything_in_little_memory),
        cmocka_unit_test(test_a_real_program),
        cmocka_unit_test(test_what_another_simulator_counted),
        cmocka_unit_test(test_a_lying_disk_is_found_out),
        cmocka_unit_test(test_a_lost_flush_is_found_out),
        cmocka_unit_test(test_a_failing_disk_is_reported),
        cmocka_unit_test(test_a_full_swap_is_reported),
        cmocka_unit_test(test_too_little_memory_is_reported),
        cmocka_unit_test(test_addresses_that_there_are_not),
        cmocka_unit_test(test_the_shadow_keeps_every_page),
        cmocka_unit_test(test_what_stores_write),
    };
    return unit_run(tests);
}
