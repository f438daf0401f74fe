/*
 * Replay: fault counts of real programs, against models and against what another simulator counted
 * on the same trace, through the whole machine.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/program.h" /* before unit.h: cmocka makes a macro of fail() */

#include "quire/formats.h"
#include "tests/support/unit.h"

enum { TICKS = 60 };

/* Verified with one policy only, as it must not make a difference; and in some quite small TLBs. */
static void check_real(const struct program *program, unsigned policy, uint32_t frames,
                       uint64_t expected)
{
    struct replay_config config = {.format = &quire_format_x86_64,
                                   .policy = policies[policy],
                                   .frames = frames,
                                   .tlb_entries = frames % 2 == 0 ? 64 : 16,
                                   .tlb_ways = 4,
                                   .tick = program->records / TICKS};
    struct replay_figures f;

    if (policy == MODEL_CLOCK) {
        f = replay_twice(&config, program);
    } else {
        replay_program(&config, program);
        f = replay_end(program);
    }
    checkf(f.faults == expected, "%s, %u frames: %llu faults instead of %llu", config.policy->name,
           frames, (unsigned long long)f.faults, (unsigned long long)expected);
}

static uint64_t modelled(const struct program *program, unsigned policy, uint32_t frames)
{
    return program_faults(program, &quire_format_x86_64, policy, frames, program->records / TICKS);
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
    program = load_program(found.gl_pathv[0], 75000 * EFFORT);
    globfree(&found);
    for (unsigned policy = 0; policy < POLICIES; policy++) {
        for (uint32_t share = 4; share >= 2; share /= 2) {
            uint32_t frames = program.pages / share;
            check_real(&program, policy, frames, modelled(&program, policy, frames));
        }
    }
    program_end(&program);
}

/* ---- another simulator --------------------------------------------------------------------- */

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

/* What sqlite-misses.csv calls them. */
static const char *const names[POLICIES] = {
    [MODEL_FIFO] = "FIFO",      [MODEL_CLOCK] = "Clock", [MODEL_LRU] = "LRU",
    [MODEL_2Q] = "2Q",          [MODEL_ARC] = "ARC",     [MODEL_SIEVE] = "Sieve",
    [MODEL_S3_FIFO] = "S3FIFO", [OPTIMAL] = "Belady",
};

/* "sqlite,58,FIFO,4001851,32535" */
struct count {
    uint32_t frames;
    unsigned policy;
    unsigned long long references, misses;
};

static struct count count_of(const char *line)
{
    struct count count = {.policy = 0};
    char name[20];

    checkf(sscanf(line, "sqlite,%u,%19[^,],%llu,%llu", &count.frames, name, &count.references,
                  &count.misses) == 4,
           "%s", line);
    while (count.policy < POLICIES &&
           (names[count.policy] == NULL || strcmp(names[count.policy], name) != 0)) {
        count.policy++;
    }
    checkf(count.policy < POLICIES, "%s", line);
    return count;
}

/* The models are checked too, where there is most to see. */
static void test_what_another_simulator_counted(void **state)
{
    FILE *csv = fopen(shared_file("sqlite-misses.csv"), "r");
    struct program program;
    char line[200];
    unsigned compared = 0;

    (void)state;
    if (csv == NULL) {
        skip();
    }
    program = load_program(shared_file("sqlite.lackey.zst"), SIZE_MAX);
    check(program.records == 4000000 && program.pages == 465);
    check(fgets(line, sizeof(line), csv) != NULL); /* the headings */
    while (fgets(line, sizeof(line), csv) != NULL) {
        struct count count = count_of(line);

        check(program.length == count.references);
        check_real(&program, count.policy, count.frames, count.misses);
        if (count.frames == 58) {
            check(modelled(&program, count.policy, count.frames) == count.misses);
        }
        compared++;
    }
    check(compared == 24);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_real_program),
        cmocka_unit_test(test_what_another_simulator_counted),
    };
    return unit_run(tests);
}
