/* From a command to main(), and from main() to the end. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

/* Called by _start. */
_Noreturn void program_begin(char *command);
int main(int argc, char **argv);

enum { WORDS = 32 };

static char *words[WORDS + 1];

/* Cuts the command where it has blanks; what is too much stays with the last word. */
static int split(char *command)
{
    int count = 0;

    while (isspace(*command)) {
        command++;
    }
    while (*command != 0 && count < WORDS) {
        words[count++] = command;
        while (*command != 0 && !isspace(*command)) {
            command++;
        }
        while (count < WORDS && isspace(*command)) {
            *command++ = 0;
        }
    }
    return count;
}

_Noreturn void program_begin(char *command)
{
    int count = split(command);

    exit(main(count, words));
}

_Noreturn void exit(int status)
{
    system_exit(status);
}

_Noreturn void abort(void)
{
    __builtin_trap();
}
