/* What the files of scenarios share. */
#ifndef QUIRE_TOOLS_SCENARIO_INTERNAL_H
#define QUIRE_TOOLS_SCENARIO_INTERNAL_H

#include <signal.h>

#include "format_file.h"
#include "quire/process.h"
#include "quire/pte.h"
#include "scenario.h"

/* ---- words: scenario_words.c ----------------------------------------------------------------- */

struct word {
    const char *text; /* followed by a zero byte; may hold others if it was quoted */
    size_t length;
    size_t at; /* where it begins in the line */
    bool quoted;
};

struct words {
    struct word *word;
    unsigned count;
    char *text; /* of all of them */
};

/* Cuts a line into words; "#" begins a comment. Words are separated by blanks; "..." is one word,
 * with \n, \t, \", \\ and \xHH in it. words_free() after success. */
bool words_read(struct words *words, const char *line, size_t length, struct problem *problem);
void words_free(struct words *words);

bool word_is(const struct word *word, const char *text);

/* A byte as it could stand in a string. */
struct byte_text {
    char text[5];
};
struct byte_text byte_text(unsigned char byte);

/* ---- commands and their operands: scenario_syntax.c, scenario_table.c ------------------------ */

/*
 * A command's syntax is what people read and what reads the line:
 *
 *     [PROCESS] VA SIZE [RIGHTS] [of OBJECT] [at OFFSET] [shared]
 *
 * Operands are in capitals and come first, in order; [X] may be left out; X... stands once or more.
 * Then parts that begin with a small word, in any order.
 */
enum operand_kind {
    OPERAND_PROCESS,
    OPERAND_OBJECT,
    OPERAND_PROGRAM,
    OPERAND_LIBRARY,
    OPERAND_NEW,
    OPERAND_NAME,
    OPERAND_VA,
    OPERAND_SIZE,
    OPERAND_BYTES,
    OPERAND_OFFSET,
    OPERAND_LIMIT,
    OPERAND_RIGHTS,
    OPERAND_MOST,
    OPERAND_N,
    OPERAND_M,
    OPERAND_NUMBER,
    OPERAND_VALUE,
    OPERAND_BYTE,
    OPERAND_WIDTH,
    OPERAND_PAGES,
    OPERAND_COUNTER,
    OPERAND_OP,
    OPERAND_REASON,
    OPERAND_STATUS,
    OPERAND_PLACE,
    OPERAND_TEXT,
    OPERAND_PATH,
    OPERAND_TOPIC,
    OPERAND_SETTING,
    OPERAND_POLICY,
    OPERAND_ADVICE,
    OPERAND_COMMAND,
    OPERANDS
};

_Static_assert((int)OPERANDS <= 32, "call.has has a bit for each");

struct scenario_process;
struct scenario_object;

/* What was read for an operand; which members are used depends on its kind. */
struct value {
    uint64_t number, last;
    const struct word *word;
    struct scenario_process *process;
    struct scenario_object *object;
    const struct quire_policy_ops *policy;
};

enum { SAID_MAX = 8 };

/* One command on its way. */
struct call {
    struct scenario *scenario;
    const struct command *command;
    const struct word *words; /* behind the name */
    unsigned count;
    uint32_t has; /* 1 << enum operand_kind */
    struct value value[OPERANDS];
    unsigned first, end; /* the words of an operand with "..." */
    const char *said[SAID_MAX];
    FILE *out;
    struct problem *problem;
};

enum command_kind {
    COMMAND_CHANGES, /* a step, which `back` can undo */
    COMMAND_LOOKS,   /* prints, and changes nothing */
    COMMAND_EXPECTS,
    COMMAND_TELLS, /* about the language and the session; needs no machine */
};

struct command {
    const char *name; /* one word or two */
    const char *syntax;
    const char *help;
    enum command_kind kind;
    /* False: the line is bad, and call->problem says why. What the machine answers goes to the
     * scenario's outcome. */
    bool (*run)(struct call *call);
    unsigned variant; /* for functions that serve several commands */
};

extern const struct command scenario_commands[];
extern const size_t scenario_commands_length;

/* The command that the words begin with, the longest name first; *length: words in its name. */
const struct command *command_find(const struct word *words, unsigned count, unsigned *length);

struct operand {
    const char *name;                       /* as in a syntax */
    const char *what;                       /* "an address such as 0x8000 or 0x8000+4K" */
    bool (*likes)(const struct word *word); /* could it be one? For operands that may be left out */
    bool (*read)(struct call *call, const struct word *word, struct value *value);
    const char *const *choices; /* for completion; NULL: none, or names of the scenario */
};
extern const struct operand operands[OPERANDS];

/* One part of a syntax. */
struct part {
    bool optional, repeats;
    char keyword[16];       /* "": none */
    enum operand_kind kind; /* OPERANDS: none */
};

/* The next part; false: that was all. */
bool part_next(const char **syntax, struct part *part);

/* Reads call->words as the command's syntax says. */
bool call_read(struct call *call);

static inline bool call_has(const struct call *call, enum operand_kind kind)
{
    return (call->has >> kind & 1) != 0;
}

bool call_said(const struct call *call, const char *keyword);

/* ---- the state: scenario.c, scenario_world.c ------------------------------------------------- */

enum {
    NAME_BYTES = 32,
    NAMED_MAX = 250,    /* processes; objects */
    VALUE_BYTES = 4096, /* the longest that is read at once */
    DEPTH_MAX = 4       /* commands within commands */
};

/* Names stay known after what they named is gone: a script that goes on with it is not wrong. */
struct scenario_process {
    char name[NAME_BYTES];
    bool alive;
    struct quire_space *space; /* in the process, or just a space: then process.usermode is NULL */
    struct quire_process process;
    void *limit_state; /* of the policy that chooses among its pages; NULL: it never had a limit */
};

enum object_kind { OBJECT_FILE, OBJECT_MEMORY, OBJECT_PROGRAM, OBJECT_LIBRARY };

/* What pages come from. All but memory, which processes share, have a disk, which is as slow as
 * that for swap and fails with it: the n-th read is the n-th of any of them. */
struct scenario_object {
    char name[NAME_BYTES];
    bool alive;
    enum object_kind kind;
    struct scenario *scenario;
    struct disk disk; /* bytes NULL: none. Whole pages, and one more, for pages that do not begin
                         at one */

    struct quire_object object;   /* FILE, MEMORY */
    struct quire_image image;     /* PROGRAM, LIBRARY */
    struct quire_library library; /* LIBRARY */
};

enum outcome_kind { OUTCOME_OK, OUTCOME_FAULT, OUTCOME_FAILED };

/* How the last command that did something ended. */
struct outcome {
    enum outcome_kind kind;
    enum quire_refusal refusal; /* FAULT */
    enum quire_status status;   /* FAILED */
    char what[400];             /* for people, unless OK */
    bool has_value, is_text;
    size_t length;
    unsigned char data[VALUE_BYTES];
};

struct steps {
    char **line;
    size_t done, count, room;
};

/* A file of this machine, read once: steps done again see the same. */
struct host_file {
    char *path;
    unsigned char *bytes;
    size_t size;
    struct host_file *next;
};

enum { COUNTERS_MAX = 64 };

struct scenario {
    struct scenario_limits limits;
    struct scenario_mishaps inject;

    bool open; /* there is a machine */
    struct machine machine;
    struct quire_usermode usermode;     /* layout NULL: the format has none */
    struct format_described *described; /* the machine's format, if it is not built in */
    struct scenario_process *process[NAMED_MAX];
    unsigned processes;
    struct scenario_object *object[NAMED_MAX];
    unsigned objects;
    struct scenario_process *running;
    struct registry_run *registry; /* NULL: none was made */
    uint64_t mark[COUNTERS_MAX];   /* counters count from here */

    unsigned long line; /* that runs now */
    struct outcome outcome;
    unsigned long outcome_line;
    bool owed; /* the outcome went wrong, and nobody has said that he expected it */
    bool interactive, over;
    bool stepped; /* the last line was a step */
    volatile sig_atomic_t stop;
    void (*unmet)(void *context, unsigned long line, const char *text);
    void *unmet_context;

    char *said; /* what the last command printed */
    size_t said_bytes;

    struct steps steps;
    struct host_file *files;
    struct scenario_counts counts;

    unsigned depth;
    uint64_t work; /* references that this line may still make */
    FILE *tale;    /* explain: where events are told; NULL: nowhere */
    unsigned tale_walks;
    uint64_t tale_before[COUNTERS_MAX];
    bool tale_leaf; /* the last entry that was walked, if any since the last fault, maps a page */
    bool tale_told; /* something was */
};

/* Forgets machine, processes, objects and outcome. The steps stay. */
void scenario_reset(struct scenario *scenario);

/* A machine as the settings say, after forgetting the one there is. A layout that does not suit its
 * format is left out. */
bool scenario_machine_open(struct scenario *scenario, const struct machine_config *config,
                           const struct quire_layout *layout, struct problem *problem);
struct machine_config scenario_machine_default(const struct scenario *scenario);

static inline const struct quire_format *scenario_format(const struct scenario *scenario)
{
    return scenario->machine.config.format;
}

static inline unsigned scenario_page_shift(const struct scenario *scenario)
{
    return quire_format_page_shift(scenario_format(scenario));
}

/* Hexadecimal digits of a physical address: enough for the memory there is, and no less than a
 * virtual one has. */
unsigned scenario_pa_digits(const struct scenario *scenario);

/* Finds what a name stands for, alive or not; NULL. */
struct scenario_process *process_find(const struct scenario *scenario, const struct word *name);
struct scenario_object *object_find(const struct scenario *scenario, const struct word *name);
const char *space_name(const struct scenario *scenario, const struct quire_space *space);
const struct scenario_process *process_with(const struct scenario *scenario, uint16_t asid);
const char *asid_name(const struct scenario *scenario, uint16_t asid);
const char *object_name(const struct scenario *scenario, const struct quire_object *object);

/* Makes names known, whether what they name comes to be or not. False: too many, or no memory, and
 * that is the outcome. */
bool names_introduce(struct call *call);

/* A place for a new process or object, not alive yet; NULL: one of that name is, and that is the
 * outcome. */
struct scenario_process *process_place(struct call *call, const struct word *name);
struct scenario_object *object_place(struct call *call, const struct word *name,
                                     enum object_kind kind);

/* The lowest number that no process has. */
uint16_t process_number(const struct scenario *scenario);

/* It runs from now on. */
void process_run(struct scenario *scenario, struct scenario_process *process);
void process_end(struct scenario *scenario, struct scenario_process *process);
void object_end(struct scenario_object *object);

/* A disk of zeros for `bytes` of them, 1 GiB at most; false: no memory. */
bool object_room(struct scenario_object *object, uint64_t bytes);

/* The object that a region or page shows, NULL: none that has a name. */
const struct scenario_object *object_of(const struct scenario *scenario,
                                        const struct quire_object *object);

/* A file of this machine, kept for the session; NULL: problem says why. */
const struct host_file *host_file(struct scenario *scenario, const char *path,
                                  struct problem *problem);

/* What the machine answered was not OK: somebody must expect that. */
void outcome_wrong(struct scenario *scenario, enum outcome_kind kind, const char *what);

/* The same for a command that could not do its work, which is printed, too; an expectation that
 * cannot even be looked at is not met. Always true: the line is not bad. */
__attribute__((format(printf, 3, 4))) bool outcome_failed(struct call *call,
                                                          enum quire_status status,
                                                          const char *format, ...);
bool outcome_of(struct call *call, enum quire_status status);

/* The command's value, printed: a number is little-endian in outcome.data. */
void outcome_value(struct call *call, const unsigned char *data, const struct value *width);

/* The process that the command names, or the running one. */
struct scenario_process *call_process(struct call *call);

/* Runs words as a command of its own. */
bool run_words(struct scenario *scenario, const struct word *words, unsigned count, FILE *out,
               struct problem *problem);

/* An expectation: does it hold? If not, what was wanted and what came. Always true. */
__attribute__((format(printf, 3, 4))) bool expectation(struct call *call, bool holds,
                                                       const char *format, ...);

/* One access by the running processor, told if it is being explained. False: it did not happen, and
 * the outcome says why. */
bool scenario_access(struct call *call, struct scenario_process *process, quire_va va,
                     unsigned access, void *data, uint64_t bytes);

/* ---- counters: scenario_counters.c ----------------------------------------------------------- */

/* The names, for completion and reading: NULL ends them. */
extern const char *const counter_names[];

/* The number of the counter of that name; -1: none. */
int counter_find(const char *name);

/* Its value since the mark. `process` NULL: of the machine. False: there is no such counter of a
 * process. */
bool counter_value(struct scenario *scenario, unsigned counter,
                   const struct scenario_process *process, uint64_t *value);
void counters_mark(struct scenario *scenario);

/* What there is now (0 for what is counted), for COUNTERS_MAX values; and what has changed. False:
 * nothing has. */
void counters_now(const struct scenario *scenario, uint64_t *value);
bool counters_tell(const struct scenario *scenario, const uint64_t *before, FILE *out);

/* ---- explaining: scenario_explain.c ---------------------------------------------------------- */

void tale_begin(struct scenario *scenario, FILE *out);
void tale_end(struct scenario *scenario, bool ran); /* was it a command? */
void tale_access(struct scenario *scenario, const struct scenario_process *process, quire_va va,
                 unsigned access, uint64_t bytes);

/* Where a page is, in words: "in frame 0x12", "in swap slot 3". */
struct place_text {
    char text[160];
};
struct place_text place_of(const struct scenario *scenario, const struct quire_space *space,
                           quire_va va);

/* "rwx", "r--", with "kernel" instead of user pages. */
struct rights_text {
    char text[16];
};
struct rights_text rights_text(unsigned rights);

/* ---- the registry of seed 001: scenario_registry.c ------------------------------------------- */

void registry_end(struct scenario *scenario);
bool registry_valid(struct scenario *scenario, const char **what);

/* ---- commands -------------------------------------------------------------------------------- */

/* The settings of `machine`, for completion; NULL: no more. */
const char *setting_name(unsigned n);

bool run_machine(struct call *call);
bool run_fail(struct call *call);
bool run_mark(struct call *call);
bool run_say(struct call *call);
bool run_help(struct call *call);
bool run_back(struct call *call);
bool run_forward(struct call *call);
bool run_quit(struct call *call);
bool run_repeat(struct call *call);
bool run_explain(struct call *call);

bool run_process(struct call *call);
bool run_fork(struct call *call);
bool run_exit(struct call *call);
bool run_switch(struct call *call);
bool run_program(struct call *call);
bool run_library(struct call *call);
bool run_spawn(struct call *call);
bool run_load(struct call *call);
bool run_unload(struct call *call);
bool run_heap(struct call *call);
bool run_file(struct call *call);
bool run_memory(struct call *call);
bool run_drop(struct call *call);
bool run_stored(struct call *call);
bool run_sync(struct call *call);

bool run_registry(struct call *call);
bool run_registry_new(struct call *call);
bool run_registry_grow(struct call *call);
bool run_show_registry(struct call *call);
bool run_show_window(struct call *call);

bool run_map(struct call *call);
bool run_unmap(struct call *call);
bool run_protect(struct call *call);
bool run_discard(struct call *call);
bool run_wire(struct call *call);
bool run_working_set(struct call *call);
bool run_limit(struct call *call);
bool run_advise(struct call *call);
bool run_prefetch(struct call *call);
bool run_tick(struct call *call);
bool run_read(struct call *call);
bool run_write(struct call *call);
bool run_fetch(struct call *call);
bool run_fill(struct call *call);
bool run_touch(struct call *call);

bool run_show_machine(struct call *call);
bool run_show_processes(struct call *call);
bool run_show_objects(struct call *call);
bool run_show_phys(struct call *call);
bool run_show_frames(struct call *call);
bool run_show_virt(struct call *call);
bool run_show_regions(struct call *call);
bool run_show_tables(struct call *call);
bool run_show_walk(struct call *call);
bool run_show_supplement(struct call *call);
bool run_show_page(struct call *call);
bool run_show_tlb(struct call *call);
bool run_show_swap(struct call *call);
bool run_show_counters(struct call *call);
bool run_show_steps(struct call *call);

bool run_expect_value(struct call *call);
bool run_expect_fault(struct call *call);
bool run_expect_failure(struct call *call);
bool run_expect_counter(struct call *call);
bool run_expect_page(struct call *call);
bool run_expect_shows(struct call *call);
bool run_expect_lines(struct call *call);

#endif
