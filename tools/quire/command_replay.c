/* quire replay: a real program's memory references on a machine with too little memory. */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "format_list.h"
#include "json.h"
#include "machine_options.h"
#include "options.h"
#include "progress.h"
#include "quire/formats.h"
#include "replay_draw.h"
#include "replay_policy.h"
#include "replay_report.h"

const char command_replay_help[] =
    "usage: quire replay TRACE --ram SIZE [OPTIONS]\n"
    "       quire replay TRACE --frames N [OPTIONS]\n"
    "       quire replay TRACE --save FILE\n"
    "\n"
    "Runs a program's memory references through a demand-paged address space on a simulated "
    "machine.\n"
    "TRACE is what `valgrind --tool=lackey --trace-mem=yes` prints, or a .qtrace file that --save\n"
    "wrote (docs/trace-format.md), plain or zstd; - for standard input.\n"
    "\n"
    "  --ram SIZE        all of the machine's memory: pages, page tables, the system's records\n"
    "  --frames N        frames for pages; tables and records come on top, so that fault counts\n"
    "                    compare with those of other simulators\n"
    "  --format F        a built-in format (quire formats) or a format file (i386)\n"
    "  --policy P        which page goes (clock); --policy help lists them\n"
    "  --tick N          references between ticks, for policies that have them (16 times the\n"
    "                    pages that memory holds); 0: none\n"
    "  --seed N          for --policy random (0)\n"
    "  --tlb ENTRIES[,WAYS]  (64,4); without WAYS fully associative; 0: none\n"
    "  --swap FILE       swap to a file, which is overwritten (default: to the host's memory)\n"
    "  --swap-size SIZE  (16 times the memory; with --frames at least 131072 pages)\n"
    "  --no-verify       do not check that every load gives what was stored\n"
    "  --limit N         stop after N references\n"
    "  --save FILE       write the trace as .qtrace\n"
    "  --draw            pictures: memory, frames, faults over time; --ascii: without Unicode\n"
    "  --json            the figures for programs\n"
    "  --quiet           no report: the exit status says it\n"
    "\n"
    "Exit status: 0, every load gave what was stored; 1, one did not; 2, it could not be done.\n"
    "\n"
    "Example:  valgrind --tool=lackey --trace-mem=yes --log-file=ls.trace ls\n"
    "          quire replay ls.trace --format x86-64 --ram 256K --draw\n";

enum { STATUS_MISMATCH = 1, BATCH = 1024 }; /* a batch stays in the first-level cache */

struct settings {
    const char *trace, *format, *policy, *tick, *seed, *tlb, *swap, *save;
    const char *ram, *frames, *swap_size, *limit;
    bool no_verify, draw, ascii, json, quiet;

    struct format_described described;
    struct replay_config config;
    bool replay;        /* else the trace is only saved */
    bool list_policies; /* and nothing else */
    uint64_t records_limit;
};

/* ---- the command line ---------------------------------------------------------------------- */

/* Opt reads the trace twice, which only a file bears. */
static bool can_be_read_twice(const char *path)
{
    struct stat status;

    return strcmp(path, "-") != 0 && (stat(path, &status) != 0 || S_ISREG(status.st_mode));
}

static bool policy_parse(struct settings *settings)
{
    struct replay_config *config = &settings->config;
    const char *name = settings->policy != NULL ? settings->policy : "clock";

    config->policy = replay_policy_find(name);
    if (config->policy == NULL) {
        fail("replay: --policy %s: expected one of those that --policy help lists", name);
        return false;
    }
    if (config->policy == &replay_policy_opt && !can_be_read_twice(settings->trace)) {
        fail("replay: --policy opt: expected a file, as the trace is read twice, and '%s' is none",
             settings->trace);
        return false;
    }
    config->tick = replay_default_tick(config);
    return (settings->tick == NULL ||
            size_option("replay: --tick", settings->tick, 0, UINT64_MAX, &config->tick)) &&
           (settings->seed == NULL ||
            number_option("replay: --seed", settings->seed, 0, UINT64_MAX, &config->seed));
}

static bool sizes_parse(struct settings *settings)
{
    struct replay_config *config = &settings->config;
    uint64_t page = quire_format_page_bytes(config->format);

    if (settings->ram != NULL && !size_option("replay: --ram", settings->ram, page,
                                              page * REPLAY_PAGES_MAX, &config->ram_bytes)) {
        return false;
    }
    if (config->ram_bytes % page != 0) {
        fail("replay: --ram %s: expected a multiple of the page, %s", settings->ram,
             size_text(page).text);
        return false;
    }
    if (settings->frames != NULL &&
        !size_option("replay: --frames", settings->frames, 1, REPLAY_PAGES_MAX, &config->frames)) {
        return false;
    }
    if (settings->swap_size != NULL &&
        !size_option("replay: --swap-size", settings->swap_size, page, page * REPLAY_SLOTS_MAX,
                     &config->swap_bytes)) {
        return false;
    }
    config->swap_bytes -= config->swap_bytes % page;
    return true;
}

/* One file may not be both read and written. */
static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return strcmp(a, "-") != 0 && stat(a, &sa) == 0 && stat(b, &sb) == 0 && S_ISREG(sa.st_mode) &&
           sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static bool files_differ(const struct settings *settings)
{
    const struct {
        const char *option, *path, *other;
    } pairs[] = {{"--swap", settings->swap, settings->trace},
                 {"--swap", settings->swap, settings->save},
                 {"--save", settings->save, settings->trace}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].path != NULL && pairs[i].other != NULL &&
            (strcmp(pairs[i].path, pairs[i].other) == 0 ||
             same_file(pairs[i].other, pairs[i].path))) {
            fail("replay: %s %s: expected another file than %s", pairs[i].option, pairs[i].path,
                 pairs[i].other == settings->trace ? "the trace" : "that of --save");
            return false;
        }
    }
    return true;
}

static bool machine_parse(struct settings *settings)
{
    struct problem problem;
    struct replay_config *config = &settings->config;

    settings->format = settings->format != NULL ? settings->format : "i386";
    if (!format_choose(settings->format, &settings->described, &config->format, &problem)) {
        fail("replay: %s", problem.text);
        return false;
    }
    config->swap_path = settings->swap;
    config->verify = !settings->no_verify;
    if (!tlb_choose(settings->tlb != NULL ? settings->tlb : "64,4", &config->tlb_entries,
                    &config->tlb_ways, &problem)) {
        fail("replay: --tlb %s", problem.text);
        return false;
    }
    return sizes_parse(settings) && policy_parse(settings);
}

static bool settings_finish(struct settings *settings)
{
    settings->replay = settings->ram != NULL || settings->frames != NULL;
    settings->records_limit = UINT64_MAX;
    settings->list_policies = settings->policy != NULL && strcmp(settings->policy, "help") == 0;
    if (settings->list_policies) {
        return true;
    }
    if (settings->trace == NULL) {
        fail("replay: no trace: expected quire replay TRACE --ram SIZE (see quire replay --help)");
        return false;
    }
    if (settings->ram != NULL && settings->frames != NULL) {
        fail("replay: --ram and --frames exclude each other: expected one of them");
        return false;
    }
    if (!settings->replay && settings->save == NULL) {
        fail("replay: how much memory? expected --ram SIZE or --frames N, such as --ram 1M");
        return false;
    }
    if (settings->json && settings->draw) {
        fail("replay: --json and --draw exclude each other");
        return false;
    }
    if (settings->limit != NULL &&
        !size_option("replay: --limit", settings->limit, 1, UINT64_MAX, &settings->records_limit)) {
        return false;
    }
    return machine_parse(settings) && files_differ(settings);
}

static bool settings_parse(struct settings *settings, int argc, char **argv)
{
    static const struct option_spec options[] = {{"ram", 0, "SIZE"},
                                                 {"frames", 0, "N"},
                                                 {"format", 0, "F"},
                                                 {"policy", 0, "P"},
                                                 {"tick", 0, "N"},
                                                 {"seed", 0, "N"},
                                                 {"tlb", 0, "ENTRIES"},
                                                 {"swap", 0, "FILE"},
                                                 {"swap-size", 0, "SIZE"},
                                                 {"limit", 0, "N"},
                                                 {"save", 0, "FILE"},
                                                 {"no-verify", 0, NULL},
                                                 {"draw", 0, NULL},
                                                 {"ascii", 0, NULL},
                                                 {"json", 0, NULL},
                                                 {"quiet", 'q', NULL},
                                                 {0}};
    const char **text[] = {&settings->ram,    &settings->frames, &settings->format,
                           &settings->policy, &settings->tick,   &settings->seed,
                           &settings->tlb,    &settings->swap,   &settings->swap_size,
                           &settings->limit,  &settings->save};
    bool *flag[] = {&settings->no_verify, &settings->draw, &settings->ascii, &settings->json,
                    &settings->quiet};
    enum { TEXTS = sizeof(text) / sizeof(text[0]) };
    struct arguments arguments = arguments_of(argc, argv);
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        if (found == ARGUMENTS_BAD) {
            return false;
        }
        if (found == ARGUMENTS_OPERAND && settings->trace != NULL) {
            fail("replay: one trace at a time, and '%s' is a second", value);
            return false;
        }
        if (found == ARGUMENTS_OPERAND) {
            settings->trace = value;
        } else if (found < TEXTS) {
            *text[found] = value;
        } else {
            *flag[found - TEXTS] = true;
        }
    }
    return settings_finish(settings);
}

/* ---- signals ------------------------------------------------------------------------------- */

/* What --save has written so far, under a name that is not yet its own. */
static const char *volatile unfinished;

/* The signal, at its default again, comes back as soon as this returns. */
static void on_end(int number)
{
    if (unfinished != NULL) {
        unlink(unfinished);
    }
    raise(number);
}

/* A signal that ends the program takes the unfinished file with it. */
static void remove_at_end(const char *path)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};
    struct sigaction action = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND}, before;

    unfinished = path;
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(ending[i], &action, NULL);
        }
    }
}

/* ---- the run ------------------------------------------------------------------------------- */

/* Who wants the trace; NULL: does not. */
struct readers {
    struct trace_writer *writer;
    struct replay *replay;
    struct future *future;
};

/* Reads the trace to its end or limit, and hands it to who wants it. False: it or one of them has
 * an error. */
static bool run(const struct settings *settings, struct trace *trace, const struct readers *to)
{
    static struct trace_record batch[BATCH];
    uint64_t left = settings->records_limit;
    struct progress progress;
    bool fine = true;
    size_t n;

    progress_start(&progress);
    while (fine && left != 0 &&
           (n = trace_read(trace, batch, left < BATCH ? (size_t)left : BATCH)) != 0) {
        left -= n;
        fine = (to->writer == NULL || trace_writer_put(to->writer, batch, n)) &&
               (to->replay == NULL || replay_run(to->replay, batch, n)) &&
               (to->future == NULL || future_add(to->future, batch, n));
        progress_show(&progress, settings->records_limit - left, trace_position(trace),
                      trace_size(trace));
    }
    progress_end(&progress);
    return fine && trace_error(trace) == NULL;
}

/* What went wrong in run(), said and turned into a status. */
static int report_failure(const struct trace *trace, const struct readers *to)
{
    if (to->replay != NULL && to->replay->outcome != REPLAY_OK) {
        fail("replay: %s", to->replay->problem.text);
        return to->replay->outcome == REPLAY_MISMATCH ? STATUS_MISMATCH : STATUS_BAD;
    }
    if (trace_error(trace) != NULL) {
        return fail("%s", trace_error(trace));
    }
    if (to->future != NULL) {
        return fail("replay: --policy opt: not enough memory for %zu page references and more",
                    to->future->length);
    }
    return fail("%s", trace_writer_error(to->writer));
}

/* Reads the trace for what is to come. => opt */
static int read_future(const struct settings *settings, struct future *future)
{
    struct trace *trace = trace_open(settings->trace);
    struct readers to = {.future = future};
    int status = STATUS_OK;

    if (!future_open(future, quire_format_page_shift(settings->config.format))) {
        status = fail("replay: not enough memory for --policy opt");
    } else if (!run(settings, trace, &to)) {
        status = report_failure(trace, &to);
    }
    trace_close(trace);
    return status;
}

static void show(const struct settings *settings, const struct trace *trace,
                 const struct replay *replay, double seconds)
{
    struct replay_report report = {.trace = settings->trace,
                                   .trace_kind = trace_format_name(trace),
                                   .format_argument = settings->format,
                                   .limit = settings->records_limit,
                                   .replay = replay,
                                   .figures = replay_figures(replay),
                                   .seconds = seconds};

    if (settings->quiet) {
        return;
    }
    if (settings->json) {
        replay_report_json(&report);
        return;
    }
    if (settings->draw) {
        replay_draw(&report, settings->ascii ? DRAW_ASCII : DRAW_AS_TERMINAL);
    }
    replay_report_text(&report);
    if (settings->draw) {
        replay_draw_outlook(&report);
    }
}

/* For a trace that was only written anew. */
static void show_saved(const struct settings *settings, uint64_t bytes)
{
    struct json json;

    if (settings->quiet) {
        return;
    }
    if (!settings->json) {
        printf("%s: %s bytes\n", settings->save, grouped(bytes).text);
        return;
    }
    json = json_to(stdout);
    json_open(&json, NULL, '{');
    json_string(&json, "trace", settings->trace);
    json_string(&json, "saved", settings->save);
    json_number(&json, "saved_bytes", bytes);
    json_close(&json);
}

/* The trace, its copy and the replay, as far as they are wanted, are open. */
static int run_and_report(const struct settings *settings, struct trace *trace,
                          const struct readers *to)
{
    double start = progress_clock();

    if ((settings->save != NULL && trace_writer_error(to->writer) != NULL) ||
        !run(settings, trace, to) || (to->writer != NULL && !trace_writer_commit(to->writer))) {
        return report_failure(trace, to);
    }
    if (to->replay != NULL) {
        double seconds = progress_clock() - start;

        show(settings, trace, to->replay, seconds > 1e-9 ? seconds : 1e-9);
    } else {
        show_saved(settings, trace_writer_bytes(to->writer));
    }
    return STATUS_OK;
}

/* From a trace that is open to its end. */
static int replay_and_save(struct settings *settings, struct trace *trace)
{
    static struct replay replay;
    struct readers to = {.replay = settings->replay ? &replay : NULL};
    struct problem problem;
    int status;

    if (trace_error(trace) != NULL) {
        return fail("%s", trace_error(trace));
    }
    if (settings->replay && !replay_open(&replay, &settings->config, &problem)) {
        return fail("replay: %s", problem.text);
    }
    if (settings->save != NULL) {
        to.writer = trace_writer_open(settings->save);
        remove_at_end(trace_writer_temporary(to.writer));
    }
    status = run_and_report(settings, trace, &to);
    unfinished = NULL;
    trace_writer_close(to.writer);
    if (settings->replay) {
        replay_close(&replay);
    }
    return status;
}

int command_replay(int argc, char **argv)
{
    static struct settings settings; /* large, and needed once */
    static struct future future;
    struct trace *trace;
    int status = STATUS_OK;

    if (!settings_parse(&settings, argc, argv)) {
        return STATUS_BAD;
    }
    if (settings.list_policies) {
        replay_policy_list();
        return STATUS_OK;
    }
    if (settings.config.policy == &replay_policy_opt && settings.replay) {
        status = read_future(&settings, &future);
        settings.config.future = &future;
    }
    if (status == STATUS_OK) {
        trace = trace_open(settings.trace);
        status = replay_and_save(&settings, trace);
        trace_close(trace);
    }
    future_close(&future);
    return status;
}
