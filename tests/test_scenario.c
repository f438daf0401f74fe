/*
 * Scenarios: steps taken back and done again; telling a story changes nothing; and the examples
 * with a slow disk, with every frame refused and every transfer failing or delayed.
 */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/quire/bytes.h"
#include "tools/quire/registry_run.h"

#include "tests/support/stage.h"
#include "tests/support/unit.h"

/* ---- help ------------------------------------------------------------------------------------ */

static struct bytes read_file(const char *path)
{
    struct problem problem;
    struct bytes bytes;

    checkf(bytes_read(&bytes, path, BYTES_COPY, 1 << 20, &problem), "%s", problem.text);
    return bytes;
}

/* Calls `each` for every example. */
static void each_example(void (*each)(const char *path, const struct bytes *text))
{
    glob_t found;

    check(glob("examples/*.quire", 0, NULL, &found) == 0 && found.gl_pathc >= 10);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct bytes text = read_file(found.gl_pathv[i]);

        each(found.gl_pathv[i], &text);
        bytes_free(&text);
    }
    globfree(&found);
}

/* ---- the table of commands ------------------------------------------------------------------- */

/* What is said of a syntax in scenario_internal.h. */
static void check_syntax(const struct command *command)
{
    const char *syntax = command->syntax;
    uint32_t seen = 0;
    bool keywords = false, repeats = false;
    struct part part;

    while (part_next(&syntax, &part)) {
        checkf(!repeats || part.keyword[0] != '\0', "%s: an operand behind X...", command->name);
        checkf(!keywords || part.keyword[0] != '\0', "%s: an operand behind a small word",
               command->name);
        checkf(part.kind < OPERANDS || part.keyword[0] != '\0', "%s: an operand nobody knows",
               command->name);
        checkf(part.kind == OPERANDS || (seen >> part.kind & 1) == 0, "%s: %s stands there twice",
               command->name, operands[part.kind].name);
        seen |= part.kind < OPERANDS ? UINT32_C(1) << part.kind : 0;
        keywords = keywords || part.keyword[0] != '\0';
        repeats = repeats || part.repeats;
    }
}

/* Does a line of some example have the command, by itself or within another? */
static bool uses(const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at == text || at[-1] == '\n' || at[-1] == ' ';

        if (begins && strchr(" \n", at[length]) != NULL) {
            return true;
        }
    }
    return false;
}

static struct {
    const char *name;
    unsigned examples;
} used;

static void count_use(const char *path, const struct bytes *text)
{
    (void)path;
    used.examples += uses((const char *)text->at, used.name);
}

static void test_every_command_is_in_an_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < scenario_commands_length; i++) {
        used.name = scenario_commands[i].name;
        used.examples = 0;
        each_example(count_use);
        checkf(used.examples > 0, "no example has %s", used.name);
    }
}

static void test_table(void **state)
{
    struct bytes manual = read_file("docs/scenarios.md");

    (void)state;
    for (size_t i = 0; i < scenario_commands_length; i++) {
        const struct command *command = &scenario_commands[i];
        char usage[200];

        check_syntax(command);
        check(command->help[0] != '\0' && command->run != NULL);
        snprintf(usage, sizeof usage, "`%s%s%s`", command->name,
                 command->syntax[0] != '\0' ? " " : "", command->syntax);
        checkf(strstr((const char *)manual.at, usage) != NULL, "docs/scenarios.md lacks %s", usage);
    }
    for (unsigned i = 0; counter_names[i] != NULL; i++) {
        checkf(strstr((const char *)manual.at, counter_names[i]) != NULL,
               "docs/scenarios.md lacks the counter %s", counter_names[i]);
    }
    for (unsigned i = 0; setting_name(i) != NULL; i++) {
        char setting[40];

        snprintf(setting, sizeof setting, "`%s=", setting_name(i));
        checkf(strstr((const char *)manual.at, setting) != NULL, "docs/scenarios.md lacks %s",
               setting);
    }
    bytes_free(&manual);
}

/* ---- random lines ---------------------------------------------------------------------------- */

static const char *pick(struct prng *prng, const char *const *words, unsigned count)
{
    return words[prng_below(prng, count)];
}

static unsigned below(struct prng *prng, unsigned n)
{
    return (unsigned)prng_below(prng, n);
}

/* A line that is the language, and often goes well. */
static void random_line(struct prng *prng, char *line, size_t size)
{
    static const char *const names[] = {"A", "B", "C"};
    static const char *const rights[] = {"r", "rw", "rx", "-", "rwx"};
    static const char *const objects[] = {"F", "M"};
    static const char *const fails[] = {"frame", "read", "write", "nothing"};
    static const char *const policies[] = {"fifo", "lru", "aging", "arc"};
    static const char *const advices[] = {"normal", "sequential", "random"};
    const char *name = pick(prng, names, 3), *other = pick(prng, names, 3);
    unsigned page = 16 + below(prng, 12), pages = 1 + below(prng, 6);

    switch (below(prng, 22)) {
    case 0: snprintf(line, size, "process %s", name); break;
    case 1: snprintf(line, size, "fork %s %s", name, other); break;
    case 2: snprintf(line, size, "exit %s", name); break;
    case 3:
    case 4: snprintf(line, size, "map %s %up %up", name, page, pages); break;
    case 5:
        snprintf(line, size, "map %s %up %up rw of %s at %up%s", name, page, pages,
                 pick(prng, objects, 2), below(prng, 3), below(prng, 2) ? " shared" : "");
        break;
    case 6: snprintf(line, size, "unmap %s %up %up", name, page, pages); break;
    case 7:
        snprintf(line, size, "protect %s %up %up %s", name, page, pages, pick(prng, rights, 5));
        break;
    case 8: snprintf(line, size, "discard %s %up %up", name, page, pages); break;
    case 9:
        if (below(prng, 2) == 0) {
            snprintf(line, size, "sync %s", pick(prng, objects, 2));
        } else {
            snprintf(line, size, "wire %s %up write", name, page);
        }
        break;
    case 10:
        snprintf(line, size, "fail %s", pick(prng, fails, 4));
        if (strcmp(line, "fail nothing") != 0) {
            snprintf(line + strlen(line), size - strlen(line), " %u", 1 + below(prng, 4));
        }
        break;
    case 11: snprintf(line, size, "mark"); break;
    case 12: snprintf(line, size, "explain touch %s %u write", name, page); break;
    case 13: snprintf(line, size, "write %s %up+100 %u", name, page, below(prng, 1000)); break;
    case 14: snprintf(line, size, "read %s %up+100", name, page); break;
    case 15:
        snprintf(line, size, "limit %s %u policy %s", name, below(prng, 5),
                 pick(prng, policies, 4));
        break;
    case 16:
        snprintf(line, size, "advise %s %up %up %s", name, page, pages, pick(prng, advices, 3));
        break;
    case 17: snprintf(line, size, "prefetch %s %up %up", name, page, pages); break;
    case 18: snprintf(line, size, "tick"); break;
    case 19: snprintf(line, size, "repeat 3 touch %s %u-%u", name, page, page + pages); break;
    default: snprintf(line, size, "touch %s %u-%u write", name, page, page + pages); break;
    }
}

enum { LINE_BYTES = 120, LINES = 60 };

static const char *const beginning[] = {
    "machine ram=128K swap=32K resident=6 policy=clock records=beside tlb=8,2",
    "file F 5p",
    "memory M 5p",
    "process A",
    "process B",
    "process C",
};
enum { BEGINNING = sizeof beginning / sizeof beginning[0] };

/* What is added to the machine, by rounds. */
static const char *const speeds[] = {"", " disk=slow", " disk=slow ahead=on around=4"};

/* One history: its lines, what each printed, and the state after each. */
struct history {
    char line[LINES][LINE_BYTES];
    char *said[LINES];
    uint64_t state[LINES + 1]; /* [n]: after n lines */
};

static void run_and_note(struct scenario *scenario, struct history *history, unsigned n)
{
    size_t bytes = 0;
    FILE *out = open_memstream(&history->said[n], &bytes);

    check(out != NULL);
    stage_run(scenario, history->line[n], out);
    fclose(out);
    history->state[n + 1] = stage_state(scenario);
}

static void forget(struct history *history)
{
    for (unsigned n = 0; n < LINES; n++) {
        free(history->said[n]);
    }
}

/* Back by any number of steps is where the history was then; forward says the same as the first
 * time. */
static void test_back_and_forward(void **state)
{
    static struct history history;
    struct prng prng = prng_new(prng_seed());

    (void)state;
    for (unsigned round = 0; round < 3 * EFFORT; round++) {
        struct scenario *scenario = stage_open();
        struct problem problem;

        memset(&history, 0, sizeof history);
        for (unsigned n = 0; n < LINES; n++) {
            if (n < BEGINNING) {
                snprintf(history.line[n], LINE_BYTES, "%s%s", beginning[n],
                         n == 0 ? speeds[round % 3] : "");
            } else {
                random_line(&prng, history.line[n], LINE_BYTES);
            }
            run_and_note(scenario, &history, n);
        }
        for (unsigned i = 0; i < 10; i++) {
            unsigned n = below(&prng, LINES + 1);
            char *said = NULL, *expected = NULL;
            size_t bytes = 0, expected_bytes = 0;
            FILE *out = open_memstream(&said, &bytes);
            FILE *all = open_memstream(&expected, &expected_bytes);

            check(scenario_steps(scenario) == LINES && out != NULL && all != NULL);
            check(scenario_back(scenario, n, &problem));
            check(scenario_undone(scenario) == n && scenario_steps(scenario) == LINES - n);
            checkf(stage_state(scenario) == history.state[LINES - n], "back %u is elsewhere", n);
            stage_check(scenario, "back");
            check(scenario_forward(scenario, n, out, &problem));
            checkf(stage_state(scenario) == history.state[LINES], "forward %u is elsewhere", n);
            for (unsigned k = LINES - n; k < LINES; k++) {
                fputs(history.said[k], all);
            }
            fclose(out);
            fclose(all);
            checkf(strcmp(said, expected) == 0, "forward %u: expected\n%s\ngot\n%s", n, expected,
                   said);
            free(said);
            free(expected);
        }
        scenario_close(scenario);
        forget(&history);
    }
}

/* A new step after `back` ends what could be done again. */
static void test_new_step_after_back(void **state)
{
    struct scenario *scenario = stage_open();
    struct problem problem;

    (void)state;
    stage_run(scenario, "process A", NULL);
    stage_run(scenario, "map 0x10000 1p", NULL);
    stage_run(scenario, "write 0x10000 1", NULL);
    stage_run(scenario, "back 2", NULL);
    check(scenario_undone(scenario) == 2);
    stage_run(scenario, "show steps", NULL);
    check(scenario_undone(scenario) == 2);
    stage_run(scenario, "map 0x20000 1p", NULL);
    check(scenario_undone(scenario) == 0 && scenario_steps(scenario) == 2);
    check(!scenario_forward(scenario, 1, NULL, &problem));
    stage_run(scenario, "back 2", NULL);
    check(scenario_machine(scenario) == NULL);
    scenario_close(scenario);
}

/* ---- the examples ---------------------------------------------------------------------------- */

/* What a run of an example came to. */
struct came {
    unsigned unmet;
    uint64_t state;
    uint64_t frames, reads, writes; /* asked for on one machine, the most of all it makes */
};

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void note(struct came *came, const struct scenario *scenario)
{
    const struct machine *machine = scenario_machine(scenario);

    if (machine != NULL) {
        const uint64_t *events = machine->system.events;

        came->frames = most(came->frames, machine->frames.allocs);
        came->reads = most(came->reads, machine->disk.reads + events[QUIRE_EVENT_FILE_READ]);
        came->writes = most(came->writes, machine->disk.writes + events[QUIRE_EVENT_FILE_WRITE]);
    }
}

static void count_unmet(void *context, unsigned long line, const char *text)
{
    (void)line;
    (void)text;
    ++*(unsigned *)context;
}

/* Is what is made to go wrong still to come? Until then all is as in a run where nothing is. */
static bool is_to_come(struct scenario *scenario, const struct scenario_mishaps *mishaps)
{
    const struct machine *machine = scenario_machine(scenario);

    return machine != NULL && ((mishaps->frame.in != 0 && machine->faults.frame.in != 0) ||
                               (mishaps->read.in != 0 && machine->disk.fail_read.in != 0) ||
                               (mishaps->write.in != 0 && machine->disk.fail_write.in != 0) ||
                               (mishaps->delay.in != 0 && machine->disk.delay.in != 0));
}

/* `plainly`: without explaining. */
static struct came run_example(const struct bytes *text, struct scenario_mishaps mishaps,
                               bool plainly)
{
    struct scenario *scenario = stage_open();
    struct came came = {0};
    const char *at = (const char *)text->at;

    scenario_on_unmet(scenario, count_unmet, &came.unmet);
    scenario_inject(scenario, &mishaps);
    while (*at != '\0' && !scenario_over(scenario)) {
        size_t length = strcspn(at, "\n");
        size_t skip = plainly && strncmp(at, "explain ", 8) == 0 ? 8 : 0;
        uint64_t steps = scenario_steps(scenario);
        struct problem problem;

        if (strncmp(at + skip, "machine", 7) == 0) {
            stage_leave(scenario); /* another comes */
        }
        checkf(scenario_line(scenario, at + skip, length - skip, 1, NULL, &problem), "%.*s: %s",
               (int)length, at, problem.text);
        if (scenario_steps(scenario) != steps) {
            if (!is_to_come(scenario, &mishaps)) {
                stage_check(scenario, at);
            }
            note(&came, scenario);
        }
        at += length + (at[length] == '\n');
    }
    scenario_end(scenario);
    came.state = stage_state(scenario);
    stage_leave(scenario);
    scenario_close(scenario);
    return came;
}

static const struct scenario_mishaps no_mishaps = {.frame = {0}};

static void check_telling(const char *path, const struct bytes *text)
{
    struct came told = run_example(text, no_mishaps, false);
    struct came plain = run_example(text, no_mishaps, true);

    checkf(told.unmet == 0 && plain.unmet == 0, "%s: expectations do not hold", path);
    checkf(told.state == plain.state, "%s: explaining changes what happens", path);
}

static void test_explaining_changes_nothing(void **state)
{
    (void)state;
    each_example(check_telling);
}

/* The same lines, each that makes a machine with "disk=slow" behind it; but for those that read
 * ahead, which is then done later. */
static struct bytes slowed(const struct bytes *text)
{
    char *slow = NULL, *line, *rest, *copy = strdup((const char *)text->at);
    size_t bytes = 0;
    FILE *out = open_memstream(&slow, &bytes);

    check(out != NULL && copy != NULL);
    for (line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        bool machine = strncmp(line, "machine ", 8) == 0 && strstr(line, "ahead=") == NULL;

        fprintf(out, "%s%s\n", line, machine ? " disk=slow" : "");
    }
    fclose(out);
    free(copy);
    return (struct bytes){.at = (unsigned char *)slow, .count = bytes};
}

enum { STRIDE = EFFORT == 4 ? 1 : 7 };

/* The n-th transfer is delayed, for every n or some (0: none is), and all expectations hold; but
 * for what was read ahead, as a program may be there before it now. */
static void delay_each(const char *path, const struct bytes *text, const char *disk,
                       unsigned stride)
{
    struct came came = run_example(text, no_mishaps, false);
    uint64_t transfers = came.reads + came.writes;
    bool ahead = strstr((const char *)text->at, "ahead=") != NULL;

    for (uint64_t n = 0; n <= transfers; n += stride) {
        came = run_example(text, (struct scenario_mishaps){.delay = {n, 0}}, false);
        checkf(came.unmet == 0 || (ahead && n != 0),
               "%s: on a %s disk, with transfer %llu delayed, %u expectations do not hold", path,
               disk, (unsigned long long)n, came.unmet);
    }
}

/* How long devices take makes no difference to what a program sees. */
static void check_slow(const char *path, const struct bytes *text)
{
    struct bytes slow = slowed(text);

    delay_each(path, text, "fast", STRIDE);
    delay_each(path, &slow, "slow", 4 * STRIDE);
    bytes_free(&slow);
}

static void test_examples_with_a_slow_disk(void **state)
{
    (void)state;
    each_example(check_slow);
}

/* The n-th frame refused, the n-th transfer failing, for many n: a line stays a line (the checks in
 * run_example), the machine is sound after each, and whoever leaves leaves nothing. How many runs
 * were not as expected. */
static uint64_t fail_each(const struct bytes *text, unsigned stride)
{
    struct came came = run_example(text, no_mishaps, false);
    uint64_t noticed = 0;

    for (uint64_t n = 1; n <= came.frames; n += stride) {
        noticed += run_example(text, (struct scenario_mishaps){.frame = {n, 0}}, false).unmet != 0;
    }
    for (uint64_t n = 1; n <= came.reads; n += stride) {
        noticed += run_example(text, (struct scenario_mishaps){.read = {n, 0}}, false).unmet != 0;
    }
    for (uint64_t n = 1; n <= came.writes; n += stride) {
        noticed += run_example(text, (struct scenario_mishaps){.write = {n, 0}}, false).unmet != 0;
    }
    return noticed;
}

/* With transfers that are over at once, and with those that end later, in any order. */
static void check_failures(const char *path, const struct bytes *text)
{
    struct bytes slow = slowed(text);

    checkf(fail_each(text, 3 * STRIDE) != 0, "%s: nobody noticed any failure", path);
    checkf(fail_each(&slow, 4 * STRIDE) != 0, "%s: nobody noticed any failure of a slow disk",
           path);
    bytes_free(&slow);
}

static void test_every_failure_in_every_example(void **state)
{
    (void)state;
    each_example(check_failures);
}

/* ---- the registry ---------------------------------------------------------------------------- */

static const char *const registry_lines[] = {
    "machine ram=256K records=beside",
    "registry ram 9320K kernel 8M",
    "registry new",
    "registry new",
    "registry grow 0",
    "registry grow 0",
    "registry grow 1",
    "registry grow 0",
    "show registry",
    "show window 1",
    "registry 3 pages 4 ram 10M",
};
enum { REGISTRY_LINES = sizeof registry_lines / sizeof registry_lines[0], REGISTRY_ALONE = 2 };

/* With the n-th frame refused; how many lines went wrong. What went wrong is done again, and
 * comes to the same as if nothing had. */
static unsigned registry_refused(uint64_t n, uint64_t *came)
{
    struct scenario *scenario = stage_open();
    unsigned wrong_lines = 0;

    for (unsigned i = 0; i < REGISTRY_LINES; i++) {
        struct registry_run *run_there;
        uint32_t spaces;

        if (i == REGISTRY_ALONE) {
            char line[40];

            snprintf(line, sizeof line, "fail frame %" PRIu64, n);
            stage_run(scenario, line, NULL);
        }
        run_there = scenario->registry;
        spaces = run_there != NULL ? run_there->registry.spaces : 0;
        stage_run(scenario, registry_lines[i], NULL);
        if (scenario->outcome.kind != OUTCOME_OK) {
            check(scenario->outcome.status == QUIRE_NO_MEMORY);
            check(scenario->registry != run_there || run_there->registry.spaces == spaces);
            wrong_lines++;
            stage_run(scenario, registry_lines[i], NULL);
            check(scenario->outcome.kind == OUTCOME_OK);
        }
    }
    stage_run(scenario, "fail nothing", NULL);
    *came = scenario->registry->registry.count.moved << 32 | scenario->registry->registry.spaces;
    scenario_close(scenario);
    return wrong_lines;
}

/* i386 has 1,024 tables, and no more. */
static void test_registry_space_is_full(void **state)
{
    struct scenario *scenario = stage_open();

    (void)state;
    stage_run(scenario, "registry", NULL);
    stage_run(scenario, "registry new", NULL);
    stage_run(scenario, "repeat 1024 registry grow 0", NULL);
    check(scenario->outcome.kind == OUTCOME_OK && scenario->registry->data_pages == 1024);
    stage_run(scenario, "registry grow 0", NULL);
    check(scenario->outcome.kind == OUTCOME_FAILED && scenario->outcome.status == QUIRE_NO_SPACE);
    check(scenario->registry->data_pages == 1024);
    scenario_close(scenario);
}

static void test_registry_without_frames(void **state)
{
    uint64_t undisturbed, came;
    uint64_t n = 1;

    (void)state;
    check(registry_refused(UINT64_C(1) << 40, &undisturbed) == 0);
    while (registry_refused(n, &came) != 0) {
        checkf(came == undisturbed, "frame %" PRIu64 " refused: another registry", n);
        n++;
    }
    checkf(n > 20, "only %" PRIu64 " frames are asked for", n);
}

/* ---- PHYS and VIRT --------------------------------------------------------------------------- */

/* What the command prints, and what the core's own pictures say, which find it in another way. */
struct pictures {
    char *shown, *expected;
    size_t shown_bytes, expected_bytes;
    FILE *out;
};

static void pictures_open(struct pictures *pictures, struct scenario *scenario, const char *command)
{
    FILE *shown = open_memstream(&pictures->shown, &pictures->shown_bytes);

    check(shown != NULL);
    stage_run(scenario, command, shown);
    fclose(shown);
    pictures->out = open_memstream(&pictures->expected, &pictures->expected_bytes);
    check(pictures->out != NULL);
}

static void pictures_add(struct pictures *pictures, const struct quire_range *range,
                         const char *free_name)
{
    fprintf(pictures->out, "0x%08" PRIx64 "-0x%08" PRIx64 "  %s\n", range->first, range->last,
            range->owner == QUIRE_OWNER_NONE ? free_name : quire_range_name(range));
}

static void pictures_close(struct pictures *pictures, const char *path)
{
    fclose(pictures->out);
    checkf(strcmp(pictures->shown, pictures->expected) == 0, "%s: expected\n%s\ngot\n%s", path,
           pictures->expected, pictures->shown);
    free(pictures->shown);
    free(pictures->expected);
}

static void compare_pictures(struct scenario *scenario, const char *path)
{
    struct quire_range physical = {.begun = false}, virtual = {.begun = false};
    struct pictures pictures;

    pictures_open(&pictures, scenario, "show phys");
    while (quire_usermode_physical(&scenario->usermode, &physical)) {
        pictures_add(&pictures, &physical, "no-man's land");
    }
    pictures_close(&pictures, path);
    if (scenario->running != NULL) {
        pictures_open(&pictures, scenario, "show virt");
        while (quire_process_virtual(&scenario->running->process, &virtual)) {
            pictures_add(&pictures, &virtual, "unreserved");
        }
        pictures_close(&pictures, path);
    }
}

static void test_pictures(void **state)
{
    static const char *const paths[] = {"examples/seed-002.quire", "examples/library-write.quire",
                                        "examples/programs.quire"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct bytes text = read_file(paths[i]);
        struct scenario *scenario = stage_open();
        char *rest, *line = strtok_r((char *)text.at, "\n", &rest);

        for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
            stage_run(scenario, line, NULL);
            if (scenario_machine(scenario) != NULL) {
                compare_pictures(scenario, paths[i]);
            }
        }
        scenario_close(scenario);
        bytes_free(&text);
    }
}

/* ---- completion ------------------------------------------------------------------------------ */

static const struct {
    const char *line, *words;
} completions[] = {
    {"", NULL}, /* every first word: checked below */
    {"pro", "process program protect"},
    {"show pa", "page"},
    {"show s", "steps supplement swap"},
    {"expect fa", "failure fault"},
    {"expect fault us", "user"},
    {"expect counter zero", "zero-fills"},
    {"read ", "A bytes: kernel text: u16 u32 u64 u8"},
    {"read A 0x10000 u", "u16 u32 u64 u8"},
    {"map 0 4K of ", "F"},
    {"load ", "A lib"},
    {"spawn X of ", "prog"},
    {"machine po", "policy="},
    {"machine policy=c", "policy=clock policy=clock-m policy=clock-mmu"},
    {"machine format=x", "format=x86-64"},
    {"explain rea", "read"},
    {"repeat 3 tou", "touch"},
    {"explain repeat 3 tou", "touch"},
    {"help sho", "show"},
    {"nonsense ", ""},
    {"write 0 \"", ""},
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_completion(void **state)
{
    struct scenario *scenario = stage_open();

    (void)state;
    stage_run(scenario, "process A", NULL);
    stage_run(scenario, "file F 4K", NULL);
    stage_run(scenario, "program prog 4K", NULL);
    stage_run(scenario, "library lib 4K", NULL);
    for (size_t i = 0; i < sizeof completions / sizeof completions[0]; i++) {
        char words[100][64], all[100 * 65 + 1] = "";
        unsigned n = 0;

        while (n < 100 && scenario_complete(scenario, completions[i].line, n, words[n], 64)) {
            n++;
        }
        qsort(words, n, 64, by_text);
        for (unsigned k = 0; k < n; k++) {
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", k > 0 ? " " : "",
                     words[k]);
        }
        checkf(completions[i].words == NULL || strcmp(all, completions[i].words) == 0,
               "'%s': expected '%s', got '%s'", completions[i].line, completions[i].words, all);
        check(completions[i].words != NULL || (n > 30 && strstr(all, " show ") != NULL));
    }
    scenario_close(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_command_is_in_an_example),
        cmocka_unit_test(test_back_and_forward),
        cmocka_unit_test(test_new_step_after_back),
        cmocka_unit_test(test_explaining_changes_nothing),
        cmocka_unit_test(test_examples_with_a_slow_disk),
        cmocka_unit_test(test_every_failure_in_every_example),
        cmocka_unit_test(test_registry_without_frames),
        cmocka_unit_test(test_registry_space_is_full),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_completion),
    };

    return unit_run(tests);
}
