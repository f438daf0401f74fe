/*
 * The ptsim machine against a model: the assignment's own words as a plain program with arrays of
 * its own, fed the same random commands; every line of output must be the same, and after every
 * command the machine must be sound.
 */
#include "tools/quire/ptsim_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/unit.h"

enum { COMMANDS = 4000, MACHINES = 12, PROCESSES = 64, FRAMES = 64, PAGE = 256 };

struct model {
    bool used[FRAMES];
    bool runs[PROCESSES];
    unsigned table[PROCESSES];         /* its frame */
    unsigned frame[PROCESSES][FRAMES]; /* of each page; 0: not mapped */
    unsigned char data[FRAMES][PAGE];  /* of frames that hold data */
    bool known[FRAMES][PAGE];          /* stored to by a process, and never a page table since */
};

static unsigned take_frame(struct model *model)
{
    for (unsigned frame = 1; frame < FRAMES; frame++) {
        if (!model->used[frame]) {
            model->used[frame] = true;
            return frame;
        }
    }
    return 0;
}

static void add_pages(struct model *model, unsigned process, unsigned pages, FILE *out)
{
    unsigned page = 0;

    while (model->frame[process][page] != 0) {
        page++;
    }
    for (; pages > 0; pages--) {
        unsigned frame = take_frame(model);
        if (frame == 0) {
            fprintf(out, "OOM: proc %u: data page\n", process);
            return;
        }
        model->frame[process][page++] = frame;
    }
}

static void start(struct model *model, unsigned process, unsigned pages, FILE *out)
{
    unsigned frame = take_frame(model);

    if (frame == 0) {
        fprintf(out, "OOM: proc %u: page table\n", process);
        return;
    }
    model->runs[process] = true;
    model->table[process] = frame;
    memset(model->known[frame], 0, PAGE);
    add_pages(model, process, pages, out);
}

static void stop(struct model *model, unsigned process)
{
    for (unsigned page = 0; page < FRAMES; page++) {
        if (model->frame[process][page] != 0) {
            model->used[model->frame[process][page]] = false;
            model->frame[process][page] = 0;
        }
    }
    model->used[model->table[process]] = false;
    model->runs[process] = false;
}

static void print_map(const struct model *model, FILE *out)
{
    fprintf(out, "--- PAGE FREE MAP ---\n");
    for (unsigned frame = 0; frame < FRAMES; frame++) {
        fprintf(out, "%c%s", frame == 0 || model->used[frame] ? '#' : '.',
                frame % 16 == 15 ? "\n" : "");
    }
}

static void print_table(const struct model *model, unsigned process, FILE *out)
{
    fprintf(out, "--- PROCESS %u PAGE TABLE ---\n", process);
    for (unsigned page = 0; page < FRAMES; page++) {
        if (model->frame[process][page] != 0) {
            fprintf(out, "%02x -> %02x\n", page, model->frame[process][page]);
        }
    }
}

/* A load or store. What a frame holds that nobody stored to is not the model's business: `value` is
 * then what the machine said. */
static void touch(struct model *model, bool store, unsigned process, unsigned va, unsigned *value,
                  FILE *out)
{
    unsigned frame = model->frame[process][va / PAGE];
    unsigned pa = frame * PAGE + va % PAGE;

    if (frame == 0) {
        fprintf(out, "PAGE FAULT: proc %u, %s, vaddr %u\n", process, store ? "store" : "load", va);
        return;
    }
    if (store || !model->known[frame][va % PAGE]) {
        model->data[frame][va % PAGE] = (unsigned char)*value;
        model->known[frame][va % PAGE] = true;
    }
    fprintf(out, "%s proc %u: %u => %u, value=%u\n", store ? "Store" : "Load", process, va, pa,
            model->data[frame][va % PAGE]);
}

/* ---- both, command by command ---- */

struct pair {
    struct ptsim machine;
    struct model model;
    char *said, *expected;
    size_t said_length, expected_length;
    FILE *says, *expects;
};

static void pair_begin(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    ptsim_init(&pair->machine);
    pair->says = open_memstream(&pair->said, &pair->said_length);
    pair->expects = open_memstream(&pair->expected, &pair->expected_length);
    check(pair->says != NULL && pair->expects != NULL);
}

static void pair_end(struct pair *pair)
{
    fclose(pair->says);
    fclose(pair->expects);
    free(pair->said);
    free(pair->expected);
}

static unsigned random_process(const struct pair *pair, struct prng *prng)
{
    unsigned process = (unsigned)prng_below(prng, PROCESSES);

    for (unsigned tries = 0; tries < 20 && !pair->model.runs[process]; tries++) {
        process = (unsigned)prng_below(prng, prng_one_in(prng, 2) ? 8 : PROCESSES);
    }
    return process;
}

/* Runs one line; the model knows whether it is right. */
static void run(struct pair *pair, const char *line, bool right)
{
    struct problem problem;
    unsigned commands = 0;
    struct ptsim before = pair->machine;
    bool fine = ptsim_run_line(&pair->machine, line, pair->says, &commands, &problem);

    checkf(fine == right, "%s: %s", line, fine ? "was accepted" : problem.text);
    checkf(fine || memcmp(before.memory, pair->machine.memory, PTSIM_BYTES) == 0,
           "%s: wrong, and changed something", line);
    checkf(ptsim_valid(&pair->machine), "%s: left the machine unsound", line);
}

/* The value that the machine's last line gave. */
static unsigned said_value(struct pair *pair)
{
    const char *value;

    fflush(pair->says);
    value = strrchr(pair->said, '=');
    return value != NULL ? (unsigned)strtoul(value + 1, NULL, 10) : 0;
}

static void step(struct pair *pair, struct prng *prng)
{
    struct model *model = &pair->model;
    unsigned process = random_process(pair, prng);
    unsigned pages = (unsigned)prng_below(prng, prng_one_in(prng, 10) ? 70 : 8);
    unsigned va = (unsigned)prng_below(prng, prng_one_in(prng, 3) ? 64 * PAGE : 6 * PAGE);
    unsigned value = (unsigned)prng_below(prng, 256);
    bool runs = model->runs[process];
    char line[60];

    switch (prng_below(prng, 8)) {
    case 0:
        snprintf(line, sizeof line, "np %u %u", process, pages);
        run(pair, line, !runs);
        if (!runs) {
            start(model, process, pages, pair->expects);
        }
        return;
    case 1:
        snprintf(line, sizeof line, "kp %u", process);
        run(pair, line, runs);
        if (runs) {
            stop(model, process);
        }
        return;
    case 2:
        snprintf(line, sizeof line, "ap %u %u", process, pages);
        run(pair, line, runs);
        if (runs) {
            add_pages(model, process, pages, pair->expects);
        }
        return;
    case 3:
        snprintf(line, sizeof line, "ppt %u", process);
        run(pair, line, runs);
        if (runs) {
            print_table(model, process, pair->expects);
        }
        return;
    case 4:
        run(pair, "pfm", true);
        print_map(model, pair->expects);
        return;
    case 5:
        snprintf(line, sizeof line, "sb %u %u %u", process, va, value);
        run(pair, line, runs);
        if (runs) {
            touch(model, true, process, va, &value, pair->expects);
        }
        return;
    default:
        snprintf(line, sizeof line, "lb %u %u", process, va);
        run(pair, line, runs);
        if (runs) {
            value = said_value(pair);
            touch(model, false, process, va, &value, pair->expects);
        }
        return;
    }
}

static void machine_and_model_say_the_same(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < MACHINES; machine++) {
        struct prng prng = prng_new(machine);
        struct pair pair;

        pair_begin(&pair);
        for (unsigned i = 0; i < COMMANDS; i++) {
            step(&pair, &prng);
        }
        fflush(pair.says);
        fflush(pair.expects);
        check(pair.said_length == pair.expected_length);
        check(strcmp(pair.said, pair.expected) == 0);
        check(strstr(pair.said, "OOM") != NULL && strstr(pair.said, "PAGE FAULT") != NULL);
        pair_end(&pair);
    }
}

/* Everything that the machine knows is in its memory. */
static void all_of_it_lies_in_memory(void **state)
{
    struct problem problem;
    struct ptsim machine;
    unsigned commands = 0;
    FILE *out = tmpfile();

    (void)state;
    check(out != NULL);
    ptsim_init(&machine);
    check(ptsim_run_line(&machine, "np 5 2 np 63 1 sb 5 257 77 # and nothing else", out, &commands,
                         &problem));
    check(commands == 3);
    for (unsigned frame = 0; frame < FRAMES; frame++) {
        check(machine.memory[frame] == (frame <= 5)); /* zero page, 1 + 2, 1 + 1 */
    }
    check(machine.memory[64 + 5] == 1 && machine.memory[64 + 63] == 4);
    check(machine.memory[1 * PAGE] == 2 && machine.memory[1 * PAGE + 1] == 3);
    check(machine.memory[4 * PAGE] == 5 && machine.memory[4 * PAGE + 1] == 0);
    check(machine.memory[3 * PAGE + 1] == 77);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_and_model_say_the_same),
        cmocka_unit_test(all_of_it_lies_in_memory),
    };
    return unit_run(tests);
}
