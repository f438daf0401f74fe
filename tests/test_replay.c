/*
 * Replay: fault counts against an independent simulation, on random references in every format;
 * that verification finds what it is there to find; and what is reported when things go wrong. Real
 * programs are in test_replay_counts.c.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/program.h" /* before unit.h: cmocka makes a macro of fail() */

#include "quire/formats.h"
#include "tests/support/formats.h"
#include "tests/support/unit.h"

/* ---- against the model --------------------------------------------------------------------- */

static const uint64_t tlbs[][2] = {{0, 0}, {1, 1}, {4, 0}, {6, 2}, {16, 0}, {64, 4}};
enum { TLBS = sizeof(tlbs) / sizeof(tlbs[0]) };

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

/* Every third policy, each in its turn. */
static void check_program(struct prng *prng, const struct quire_format *format,
                          const struct program *program, uint32_t frames, unsigned turn)
{
    for (unsigned p = turn % 3; p < POLICIES; p += 3) {
        struct replay_config config = {.format = format,
                                       .policy = policies[p],
                                       .frames = frames,
                                       .tick = program->records / (1 + prng_below(prng, 60)) + 1};
        unsigned tlb = (unsigned)prng_below(prng, TLBS);
        uint64_t expected;
        struct replay_figures f;

        if (config.policy->wants_accessed && format->leaf.accessed.mask == 0) {
            check(!fits(&config));
            continue;
        }
        config.tlb_entries = tlbs[tlb][0];
        config.tlb_ways = tlbs[tlb][1];
        expected = program_faults(program, format, p, frames, config.tick);
        f = replay_twice(&config, program);
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
            struct program program = random_program(&prng, format, 1000);
            check_program(&prng, format, &program, 1 + (uint32_t)prng_below(&prng, FEW), round);
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
    for (unsigned i = 0; i < 3 * EFFORT; i++) {
        const struct quire_format *format = formats[i / 3 % 2];
        struct program program = random_program(&prng, format, 7000);
        uint32_t frames = 1 + (uint32_t)prng_below(&prng, program.pages + 3);

        check_program(&prng, format, &program, frames, i);
        program_end(&program);
    }
}

/* The whole machine within --ram: tables, nodes and records compete with pages. Nothing to
 * compare the faults with, but every byte must be right. */
static void test_everything_in_little_memory(void **state)
{
    struct prng prng = prng_new(3);

    (void)state;
    for (unsigned p = 0; p < POLICIES; p++) {
        for (uint64_t kib = 256; kib >= 128; kib -= 64) {
            struct replay_config config = {.format = &quire_format_i386,
                                           .policy = policies[p],
                                           .ram_bytes = kib * 1024,
                                           .tick = 200,
                                           .tlb_entries = 16,
                                           .tlb_ways = 4,
                                           .swap_bytes = 16 << 20};
            struct program program = random_program(&prng, &quire_format_i386, 2500);

            replay_twice(&config, &program);
            program_end(&program);
        }
    }
}

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
    replay_validate();
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
            replay_validate();
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
            replay_validate();
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
