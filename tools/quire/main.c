/* quire: the command line. Finds the command and hands over. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "0.1"
#endif

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"formats", "the paging formats there are; one of them drawn", command_formats,
     command_formats_help},
    {"translate", "what an MMU makes of virtual addresses, given a memory image", command_translate,
     command_translate_help},
    {"size", "bytes of page tables that a mapping needs, linear against multi-level", command_size,
     command_size_help},
    {"ptsim", "the 16 KB teaching machine: processes, page tables, loads and stores", command_ptsim,
     command_ptsim_help},
    {"run", "scenarios: a whole machine, step by step, and what should come of it", command_run,
     command_run_help},
    {"shell", "the same at a prompt, with a way back", command_shell, command_shell_help},
    {"replay", "a real program's memory references on a machine with too little memory",
     command_replay, command_replay_help},
    {"registry", "page tables of 100,000 address spaces, seen in the kernel's own addresses",
     command_registry, command_registry_help},
    {"boot", "the same core as a kernel on a real MMU, with programs, in QEMU", command_boot,
     command_boot_help},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    fputs("quire - virtual memory you can watch\n\n"
          "usage: quire COMMAND ARGUMENTS...\n"
          "       quire COMMAND --help          what it takes, with an example\n\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++) {
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nTry:  quire formats i386\n"
          "      quire ptsim np 1 2 ppt 1 pfm\n",
          stdout);
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            return true;
        }
    }
    return false;
}

static int run(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2 || is_help(argv[1])) {
        print_help();
        return STATUS_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("quire " QUIRE_VERSION);
        return STATUS_OK;
    }
    command = command_find(argv[1]);
    if (command == NULL) {
        return fail("no %s '%s' (quire --help lists the commands)",
                    argv[1][0] == '-' ? "option" : "command", argv[1]);
    }
    if (asks_for_help(argc - 1, argv + 1)) {
        fputs(command->help, stdout);
        return STATUS_OK;
    }
    return command->run(argc - 1, argv + 1);
}

/* In the place of a standard file that is closed the next file would be that is opened, and read or
 * written for it. What is there now has nothing to read, and cannot be written. */
static void fill_standard_files(void)
{
    int file;

    do {
        file = open("/dev/null", O_RDONLY);
    } while (file >= 0 && file <= STDERR_FILENO);
    if (file >= 0) {
        close(file);
    }
}

int main(int argc, char **argv)
{
    int status;

    fill_standard_files();
    output_program = argc > 0 ? argv[0] : output_program;
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is a write error, reported like any other */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that must not grow further (ulimit -f) */
    status = run(argc, argv);
    if (status != STATUS_OK) {
        return status;
    }
    return output_finish();
}
