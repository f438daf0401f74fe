/* sh: reads commands and runs programs, one at a time. `help` says what else it knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

static bool help(char *arguments)
{
    (void)arguments;
    puts("PROGRAM [ARGUMENT ...]   runs it and waits for its end\n"
         "memory                   what there is of it, and who has it\n"
         "exit [STATUS]            ends the shell\n"
         "Programs: hello, hog, sort, malloc, forks, tlb, hostile, cost; with layout=seed proc1");
    return true;
}

static bool memory(char *arguments)
{
    struct memory_statistics m;

    (void)arguments;
    system_memory(&m);
    printf("machine  %u frames of %u bytes, %u free, %u of these the kernel's\n", m.frames,
           m.page_bytes, m.frames_free, m.low_free);
    printf("swap     %u pages, %u used; %u swapped in, %u out\n", m.slots, m.slots_used,
           m.swapped_in, m.swapped_out);
    printf("pages    %u zeroed, %u copied; %u flushes\n", m.zeroed, m.copied, m.flushes);
    printf("process  %u of %u: %u pages, %u resident (%u shared), %u swapped, %u faults\n",
           m.process, m.processes, m.mapped, m.resident, m.shared, m.swapped, m.faults);
    return true;
}

static bool leave(char *arguments)
{
    exit(atoi(arguments));
}

static const struct {
    const char *name;
    bool (*run)(char *arguments);
} builtins[] = {{"help", help}, {"memory", memory}, {"exit", leave}};

static bool run_builtin(char *line)
{
    size_t length = strcspn(line, " ");

    for (unsigned i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
        if (strlen(builtins[i].name) == length && strncmp(line, builtins[i].name, length) == 0) {
            return builtins[i].run(line + length);
        }
    }
    return false;
}

static void run_program(const char *command)
{
    int length = (int)strcspn(command, " ");
    intptr_t child = system_spawn(command);
    int32_t status = 0;

    if (system_failed(child)) {
        printf("sh: %.*s: %s\n", length, command,
               child == -QUIRE_NOT_FOUND ? "no such program"
                                         : quire_status_text((enum quire_status) - child));
        return;
    }
    while (system_wait(&status) != child) {
    }
    if (status == STATUS_KILLED) {
        printf("sh: %.*s was killed\n", length, command);
    } else if (status != 0) {
        printf("sh: %.*s ended with status %d\n", length, command, (int)status);
    }
}

int main(void)
{
    char line[COMMAND_BYTES];

    for (;;) {
        char *command;

        fputs("$ ", stdout);
        if (fgets(line, sizeof(line), stdin) == NULL) {
            fputs("\n", stdout);
            return 0;
        }
        line[strcspn(line, "\r\n")] = 0;
        command = line + strspn(line, " ");
        if (*command != 0 && !run_builtin(command)) {
            run_program(command);
        }
    }
}
