/* Mistakes that a debug build must not survive. */
#include "tests/support/dies.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"

bool dies(void (*mistake)(void *context), void *context)
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        signal(SIGILL, SIG_DFL); /* cmocka would go on with the next test */
        signal(SIGTRAP, SIG_DFL);
        mistake(context);
        _exit(0);
    }
    check(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status);
}
