/* quire ptsim: the machine of seed 004 on the command line. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "options.h"
#include "ptsim_script.h"

const char command_ptsim_help[] =
    "usage: quire ptsim COMMANDS...\n"
    "       quire ptsim -f FILE\n"
    "       quire ptsim -                     commands from standard input\n"
    "\n"
    "A fresh machine of 16 KB: 64 pages of 256 bytes, up to 64 processes (0 - 63). Page 0 holds "
    "the\n"
    "free map and where each process's page table is; everything lies in the 16 KB.\n"
    "\n"
    "  np PROCESS PAGES          start a process with so many pages\n"
    "  ap PROCESS PAGES          give it more pages\n"
    "  kp PROCESS                kill it and free its pages\n"
    "  ppt PROCESS               print its page table\n"
    "  pfm                       print the free map: # used, . free\n"
    "  sb PROCESS ADDRESS BYTE   store a byte at a virtual address\n"
    "  lb PROCESS ADDRESS        load it\n"
    "\n"
    "In a file, commands stand one or more a line; a # begins a comment. Running out of memory "
    "and\n"
    "page faults are results and are printed. A command that is wrong changes nothing, is named "
    "on\n"
    "standard error, and ends the run with status 2.\n"
    "\n"
    "Example:  quire ptsim np 1 2 ppt 1 sb 1 10 99 lb 1 10 pfm\n";

enum { LINE_BYTES = 65536 };

enum line { LINE_READ, LINE_NONE, LINE_BAD };

/* The next line, without its end. BAD: too long, or a zero byte in it. */
static enum line read_line(FILE *in, char *line)
{
    size_t length = 0;
    int c = getc(in);

    if (c == EOF) {
        return LINE_NONE;
    }
    for (; c != '\n' && c != EOF; c = getc(in)) {
        if (c == '\0' || length == LINE_BYTES - 1) {
            return LINE_BAD;
        }
        line[length++] = (char)c;
    }
    line[length] = '\0';
    return LINE_READ;
}

/* Runs every line of a stream, as it comes. */
static int run_stream(struct ptsim *machine, FILE *in, const char *name)
{
    static char line[LINE_BYTES];
    struct problem problem;
    unsigned commands = 0;
    enum line got;

    for (unsigned long number = 1; (got = read_line(in, line)) != LINE_NONE; number++) {
        if (got == LINE_BAD) {
            return fail("%s: line %lu: not text, or longer than %d bytes", name, number,
                        LINE_BYTES - 1);
        }
        if (!ptsim_run_line(machine, line, stdout, &commands, &problem)) {
            return fail("%s: line %lu: %s", name, number, problem.text);
        }
        if (in == stdin) {
            fflush(stdout); /* somebody may be waiting for the answer */
        }
        if (output_broken()) {
            return STATUS_OK;
        }
    }
    if (ferror(in)) {
        return fail("%s: cannot be read: %s", name, strerror(errno));
    }
    return commands > 0 ? STATUS_OK : fail("%s: holds no commands", name);
}

static int run_file(struct ptsim *machine, const char *path)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    int status;

    if (in == NULL) {
        return fail("%s: cannot be opened: %s", path, strerror(errno));
    }
    status = run_stream(machine, in, input_name(path));
    if (in != stdin) {
        fclose(in);
    }
    return status;
}

static int run_operands(struct ptsim *machine, char **word, int words)
{
    struct problem problem;
    unsigned commands = 0;

    if (ptsim_run_words(machine, word, (unsigned)words, stdout, &commands, &problem)) {
        return STATUS_OK;
    }
    return fail("ptsim: command %u: %s", commands, problem.text);
}

int command_ptsim(int argc, char **argv)
{
    static const struct option_spec options[] = {{"file", 'f', "FILE"}, {0}};
    static struct ptsim machine;
    struct arguments arguments = arguments_of(argc, argv);
    const char *value;
    int found = arguments_next(&arguments, options, &value);

    ptsim_init(&machine);
    if (found == ARGUMENTS_BAD) {
        return STATUS_BAD;
    }
    if (found == ARGUMENTS_END) {
        return fail("ptsim: expected commands, -f FILE or - (see quire ptsim --help)");
    }
    if (found == ARGUMENTS_OPERAND && strcmp(value, "-") != 0) {
        return run_operands(&machine, argv + arguments.at - 1, argc - arguments.at + 1);
    }
    if (arguments.at < argc) {
        return fail("ptsim: commands come from %s; nothing can follow, and '%s' does",
                    input_name(value), argv[arguments.at]);
    }
    return run_file(&machine, value);
}
