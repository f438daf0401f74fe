/* Children, and conversations with them: see mmu.h. */
#include "mmu.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/support/check.h"

void mmu_spawn(struct mmu *mmu, const char *const *argv)
{
    int in[2], out[2];

    check(pipe(in) == 0 && pipe(out) == 0);
    mmu->pid = fork();
    check(mmu->pid >= 0);
    if (mmu->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        perror(argv[0]);
        _exit(2);
    }
    close(in[0]);
    close(out[1]);
    mmu->to = in[1];
    mmu->from = out[0];
}

void mmu_wait(const struct mmu *mmu, int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    checkf(poll(&poll_fd, 1, MMU_PATIENCE * 1000) > 0, "%s: nothing came for %d seconds",
           mmu->ops->name, MMU_PATIENCE);
}

bool mmu_is_answered(const struct mmu *mmu)
{
    const char *prompt = mmu->ops->prompt;
    const char *line;

    if (mmu->length == 0) {
        return false;
    }
    line = strrchr(mmu->text, '\n');
    line = line == NULL ? mmu->text : line + 1;
    return strncmp(line, prompt, strlen(prompt)) == 0 && mmu->text[mmu->length - 1] == ' ' &&
           strchr(line, ' ') == mmu->text + mmu->length - 1;
}

bool mmu_hear(struct mmu *mmu)
{
    ssize_t bytes;

    if (mmu->room - mmu->length < 4096) {
        mmu->room = 2 * mmu->room + 65536;
        mmu->text = realloc(mmu->text, mmu->room);
        check(mmu->text != NULL);
    }
    mmu_wait(mmu, mmu->from);
    bytes = read(mmu->from, mmu->text + mmu->length, mmu->room - mmu->length - 1);
    mmu->length += bytes > 0 ? (size_t)bytes : 0;
    mmu->text[mmu->length] = '\0';
    return bytes > 0;
}

void mmu_ask(struct mmu *mmu, const char *format, ...)
{
    char command[100];
    va_list list;

    if (format != NULL) {
        int length;

        va_start(list, format);
        length = vsnprintf(command, sizeof(command), format, list);
        va_end(list);
        check(write(mmu->to, command, (size_t)length) == length && write(mmu->to, "\n", 1) == 1);
    }
    mmu->length = 0;
    do {
        checkf(mmu_hear(mmu), "%s: it has gone; its last words: %s", mmu->ops->name, mmu->text);
    } while (!mmu_is_answered(mmu));
}
