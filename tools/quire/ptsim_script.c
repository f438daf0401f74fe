/* Reading ptsim's commands and printing what they do, to the letter of the assignment. */
#include "ptsim_script.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

/* What an operand is, and its largest value. */
static const struct operand {
    const char *name;
    uint64_t most;
} operand_process = {"process", PTSIM_PROCESSES - 1},
  operand_pages = {"number of pages", INT32_MAX}, operand_address = {"address", PTSIM_BYTES - 1},
  operand_byte = {"byte", 255};

enum { OPERANDS_MAX = 3 };

struct command {
    const char *name, *usage;
    const struct operand *operand[OPERANDS_MAX];
    enum ptsim_outcome (*run)(struct ptsim *machine, const unsigned *value, FILE *out);
};

static enum ptsim_outcome report(enum ptsim_outcome outcome, unsigned process, FILE *out)
{
    if (outcome == PTSIM_NO_TABLE_FRAME || outcome == PTSIM_NO_DATA_FRAME) {
        fprintf(out, "OOM: proc %u: %s\n", process,
                outcome == PTSIM_NO_TABLE_FRAME ? "page table" : "data page");
    }
    return outcome;
}

static enum ptsim_outcome run_np(struct ptsim *machine, const unsigned *value, FILE *out)
{
    return report(ptsim_start(machine, value[0], value[1]), value[0], out);
}

static enum ptsim_outcome run_ap(struct ptsim *machine, const unsigned *value, FILE *out)
{
    return report(ptsim_grow(machine, value[0], value[1]), value[0], out);
}

static enum ptsim_outcome run_kp(struct ptsim *machine, const unsigned *value, FILE *out)
{
    (void)out;
    return ptsim_kill(machine, value[0]);
}

static enum ptsim_outcome run_ppt(struct ptsim *machine, const unsigned *value, FILE *out)
{
    if (!ptsim_has_process(machine, value[0])) {
        return PTSIM_NO_PROCESS;
    }
    fprintf(out, "--- PROCESS %u PAGE TABLE ---\n", value[0]);
    for (unsigned page = 0; page < PTSIM_FRAMES; page++) {
        unsigned frame = ptsim_frame(machine, value[0], page);
        if (frame != 0) {
            fprintf(out, "%02x -> %02x\n", page, frame);
        }
    }
    return PTSIM_DONE;
}

static enum ptsim_outcome run_pfm(struct ptsim *machine, const unsigned *value, FILE *out)
{
    (void)value;
    fputs("--- PAGE FREE MAP ---\n", out);
    for (unsigned frame = 0; frame < PTSIM_FRAMES; frame++) {
        putc(ptsim_frame_used(machine, frame) ? '#' : '.', out);
        if (frame % 16 == 15) {
            putc('\n', out);
        }
    }
    return PTSIM_DONE;
}

static enum ptsim_outcome run_sb(struct ptsim *machine, const unsigned *value, FILE *out)
{
    unsigned pa;
    enum ptsim_outcome outcome =
        ptsim_store(machine, value[0], value[1], (unsigned char)value[2], &pa);

    if (outcome == PTSIM_PAGE_FAULT) {
        fprintf(out, "PAGE FAULT: proc %u, store, vaddr %u\n", value[0], value[1]);
    } else if (outcome == PTSIM_DONE) {
        fprintf(out, "Store proc %u: %u => %u, value=%u\n", value[0], value[1], pa, value[2]);
    }
    return outcome;
}

static enum ptsim_outcome run_lb(struct ptsim *machine, const unsigned *value, FILE *out)
{
    unsigned char byte;
    unsigned pa;
    enum ptsim_outcome outcome = ptsim_load(machine, value[0], value[1], &byte, &pa);

    if (outcome == PTSIM_PAGE_FAULT) {
        fprintf(out, "PAGE FAULT: proc %u, load, vaddr %u\n", value[0], value[1]);
    } else if (outcome == PTSIM_DONE) {
        fprintf(out, "Load proc %u: %u => %u, value=%u\n", value[0], value[1], pa, byte);
    }
    return outcome;
}

static const struct command commands[] = {
    {"np", "np PROCESS PAGES", {&operand_process, &operand_pages}, run_np},
    {"ap", "ap PROCESS PAGES", {&operand_process, &operand_pages}, run_ap},
    {"kp", "kp PROCESS", {&operand_process}, run_kp},
    {"ppt", "ppt PROCESS", {&operand_process}, run_ppt},
    {"pfm", "pfm", {NULL}, run_pfm},
    {"sb", "sb PROCESS ADDRESS BYTE", {&operand_process, &operand_address, &operand_byte}, run_sb},
    {"lb", "lb PROCESS ADDRESS", {&operand_process, &operand_address}, run_lb},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool read_operand(const struct command *command, const struct operand *operand,
                         const char *word, unsigned *value, struct problem *problem)
{
    const char *digits = word[0] == '-' ? word + 1 : word;
    uint64_t number;

    if (!number_parse(digits, &number)) {
        return problem_set(problem, "%s: '%s' is no %s (expected %s)", command->name, word,
                           operand->name, command->usage);
    }
    if ((word[0] == '-' && number != 0) || number > operand->most) {
        return problem_set(problem, "%s: %s %s is outside 0 - %" PRIu64, command->name,
                           operand->name, word, operand->most);
    }
    *value = (unsigned)number;
    return true;
}

static bool run_command(struct ptsim *machine, const struct command *command, const unsigned *value,
                        FILE *out, struct problem *problem)
{
    switch (command->run(machine, value, out)) {
    case PTSIM_NO_PROCESS:
        return problem_set(problem, "%s: there is no process %u", command->name, value[0]);
    case PTSIM_PROCESS_EXISTS:
        return problem_set(problem, "%s: process %u runs already", command->name, value[0]);
    default: return true;
    }
}

bool ptsim_run_words(struct ptsim *machine, char *const *word, unsigned words, FILE *out,
                     unsigned *commands_run, struct problem *problem)
{
    unsigned at = 0;

    while (at < words) {
        const struct command *command = command_find(word[at]);
        unsigned value[OPERANDS_MAX];

        ++*commands_run;
        if (command == NULL) {
            return problem_set(problem, "no command '%s' (np ap kp ppt pfm sb lb)", word[at]);
        }
        at++;
        for (unsigned i = 0; i < OPERANDS_MAX && command->operand[i] != NULL; i++) {
            if (at == words) {
                return problem_set(problem, "%s: expected %s, and there is no %s", command->name,
                                   command->usage, command->operand[i]->name);
            }
            if (!read_operand(command, command->operand[i], word[at], &value[i], problem)) {
                return false;
            }
            at++;
        }
        if (!run_command(machine, command, value, out, problem)) {
            return false;
        }
    }
    return true;
}

bool ptsim_run_line(struct ptsim *machine, const char *line, FILE *out, unsigned *commands_run,
                    struct problem *problem)
{
    static const char blanks[] = " \t\r\n\f\v";
    size_t length = strcspn(line, "#");
    char *copy = malloc(length + 1);
    char **word = malloc((length / 2 + 1) * sizeof *word);
    unsigned words = 0;
    char *rest;
    bool fine;

    if (copy == NULL || word == NULL) {
        free(copy);
        free(word);
        return problem_set(problem, "no memory for a line of %zu bytes", length);
    }
    memcpy(copy, line, length);
    copy[length] = '\0';
    for (char *next = strtok_r(copy, blanks, &rest); next != NULL;
         next = strtok_r(NULL, blanks, &rest)) {
        word[words++] = next;
    }
    fine = ptsim_run_words(machine, word, words, out, commands_run, problem);
    free(copy);
    free(word);
    return fine;
}
