/* quire run: scenarios from files. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "scenario.h"

const char command_run_help[] =
    "usage: quire run [OPTIONS] FILE...\n"
    "       quire run -                       a scenario from standard input\n"
    "\n"
    "Runs scenarios: a simulated machine is made, processes are started, read and write, and what\n"
    "should come of it is checked. One command a line; # begins a comment. docs/scenarios.md is "
    "the\n"
    "manual, `echo help | quire run -` the list of commands.\n"
    "\n"
    "  --quiet  print only what is not as expected\n"
    "  --json   for programs: every line with its output\n"
    "\n"
    "Exit status: 0, all is as expected; 1, something is not; 2, a scenario is not the language.\n"
    "\n"
    "Example:  quire run examples/fork.quire\n";

int command_run(int argc, char **argv)
{
    static const struct option_spec options[] = {{"quiet", 'q', NULL}, {"json", 0, NULL}, {0}};
    enum { QUIET, JSON };
    enum scenario_report report = SCENARIO_ECHO;
    struct arguments arguments = arguments_of(argc, argv);
    int status = STATUS_OK, files = 0, found;
    const char *value;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        if (found == ARGUMENTS_BAD) {
            return STATUS_BAD;
        }
        report = found == JSON ? SCENARIO_JSON : found == QUIET ? SCENARIO_QUIET : report;
        files += found == ARGUMENTS_OPERAND;
    }
    if (files == 0) {
        return fail("run: expected FILE... or - (see quire run --help)");
    }
    arguments = arguments_of(argc, argv);
    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        if (found == ARGUMENTS_OPERAND) {
            struct scenario *scenario = scenario_open(&scenario_no_limits);
            int one = scenario != NULL ? scenario_file(scenario, value, report, stdout)
                                       : fail("run: no memory");

            if (scenario != NULL) {
                scenario_close(scenario);
            }
            status = one > status ? one : status;
        }
    }
    return status;
}
