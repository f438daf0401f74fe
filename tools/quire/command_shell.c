/* quire shell: the language of scenarios at a prompt. */
#include "commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "scenario.h"
#include "shell_line.h"

const char command_shell_help[] =
    "usage: quire shell [FILE...]\n"
    "\n"
    "The language of scenarios (quire run; docs/scenarios.md) at a prompt, after the scenarios in\n"
    "FILE..., if there are any. `help` lists the commands, `help read` explains one; `explain`\n"
    "before a command tells everything that happens; `back` takes the last step back, `back 10` "
    "the\n"
    "last ten, `forward` does them again. Ctrl-C forgets the line, or stops the command that "
    "runs;\n"
    "Ctrl-D or `quit` leaves.\n"
    "\n"
    "With libedit, there are history (arrow keys, Ctrl-R), editing and completion (Tab).\n"
    "\n"
    "Exit status: 0; 2, a FILE is not the language.\n";

static struct scenario *running; /* for the signal handler */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (running != NULL) {
        scenario_stop(running);
    }
}

/* Without SA_RESTART: a line that is being read plainly ends, too. */
static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static void on_unmet(void *context, unsigned long line, const char *text)
{
    (void)context;
    (void)line;
    printf("no: %s\n", text);
}

static bool offer_word(void *context, const char *line, unsigned n, char *word, size_t word_bytes)
{
    return scenario_complete(context, line, n, word, word_bytes);
}

static void run_line(struct scenario *scenario, const char *text, size_t length)
{
    struct scenario_counts before = scenario_counts(scenario), after;
    struct problem problem;
    const char *what;

    if (!scenario_line(scenario, text, length, 0, stdout, &problem)) {
        fail("%s", problem.text);
        return;
    }
    if (scenario_stopped(scenario)) {
        fail("stopped, and taken back");
    }
    after = scenario_counts(scenario);
    if (after.expectations != before.expectations && after.unmet == before.unmet) {
        puts("yes");
    }
    if (!scenario_valid(scenario, &what)) {
        fail("quire itself is wrong here: %s", what);
    }
}

static void run_shell(struct scenario *scenario, struct shell_line *line)
{
    enum shell_line_result result = SHELL_LINE;
    const char *text;
    size_t length;

    if (shell_line_typed(line)) {
        puts("A simulated machine. help lists the commands, quit leaves.");
        if (!shell_line_edited(line)) {
            puts("(Without libedit: no history, no completion.)");
        }
    }
    while (result != SHELL_LINE_END && !scenario_over(scenario) && !output_broken()) {
        result = shell_line_read(line, &text, &length);
        if (result == SHELL_LINE) {
            running = scenario;
            run_line(scenario, text, length);
            running = NULL;
        }
        fflush(stdout);
    }
}

static int run_files(struct scenario *scenario, int argc, char **argv)
{
    static const struct option_spec options[] = {{0}};
    struct arguments arguments = arguments_of(argc, argv);
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        if (found == ARGUMENTS_BAD ||
            scenario_file(scenario, value, SCENARIO_ECHO, stdout) == STATUS_BAD) {
            return STATUS_BAD;
        }
    }
    return STATUS_OK;
}

int command_shell(int argc, char **argv)
{
    struct scenario *scenario = scenario_open(&scenario_no_limits);
    struct shell_line *line = NULL;
    int status = STATUS_OK;

    if (scenario != NULL) {
        status = run_files(scenario, argc, argv);
        scenario_interactive(scenario);
        scenario_on_unmet(scenario, on_unmet, NULL);
        line = shell_line_open("quire> ", offer_word, scenario);
    }
    if (line == NULL) {
        status = fail("shell: no memory");
    } else if (status == STATUS_OK) {
        catch_interrupts();
        run_shell(scenario, line);
    }
    if (line != NULL) {
        shell_line_close(line);
    }
    if (scenario != NULL) {
        scenario_close(scenario);
    }
    return status;
}
