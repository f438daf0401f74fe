/*
 * QEMU as a child.
 *
 *     standard input ----> pipe ----> | QEMU      |
 *     standard output <--- pipe <---- | its UART  |     standard error: the same for both
 *
 * It stands in a process group of its own and never sees the terminal: so Ctrl-C is for us, and
 * whether the machine said anything is known.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "hosts/kernel/common/calls.h"
#include "output.h"

enum { END_OF_INPUT = 4 }; /* Ctrl-D */

struct boot {
    pid_t pid;
    int keys;          /* to the machine; -1: closed */
    int console;       /* from the machine */
    bool said;         /* it printed something */
    bool more;         /* standard input is not at its end */
    char pending[512]; /* from standard input, for the machine: bytes at .. end */
    size_t at, end;
    sigset_t outside; /* the signals that were blocked before */
};

static volatile sig_atomic_t stopped_by;

static void note_signal(int number)
{
    stopped_by = number;
}

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { STOPPING = sizeof stopping / sizeof stopping[0] };

/* From here on the signals that stop us arrive in wait_for() only. */
static void hold_signals(struct boot *boot)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigset_t held;

    sigemptyset(&held);
    for (unsigned i = 0; i < STOPPING; i++) {
        sigaddset(&held, stopping[i]);
        sigaction(stopping[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &held, &boot->outside);
}

/* ---- the child ------------------------------------------------------------------------------- */

/* Becomes QEMU. `report` closes when that has worked, and gets errno when it has not. */
_Noreturn static void become(const struct boot *boot, const char *const *argv, const int *keys,
                             const int *console, const int *report)
{
    int reason;

    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of us */
#endif
    sigprocmask(SIG_SETMASK, &boot->outside, NULL);
    dup2(keys[0], STDIN_FILENO);
    dup2(console[1], STDOUT_FILENO);
    close(keys[0]);
    close(keys[1]);
    close(console[0]);
    close(console[1]);
    close(report[0]);
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    execvp(argv[0], (char *const *)(uintptr_t)argv); /* it changes none of them */
    reason = errno;
    (void)!write(report[1], &reason, sizeof reason);
    _exit(BOOT_FAILED);
}

/* STATUS_OK, or an error was printed. */
static int start(struct boot *boot, const char *const *argv)
{
    int keys[2], console[2], report[2];
    int reason;
    ssize_t bytes;

    if (pipe(keys) != 0 || pipe(console) != 0 || pipe(report) != 0 || (boot->pid = fork()) < 0) {
        fail("boot: no process for QEMU: %s", strerror(errno));
        return BOOT_FAILED;
    }
    if (boot->pid == 0) {
        become(boot, argv, keys, console, report);
    }
    close(keys[0]);
    close(console[1]);
    close(report[1]);
    boot->keys = keys[1];
    boot->console = console[0];
    bytes = read(report[0], &reason, sizeof reason);
    close(report[0]);
    if (bytes != (ssize_t)sizeof reason) {
        return STATUS_OK;
    }
    waitpid(boot->pid, NULL, 0);
    return reason == ENOENT
               ? fail("boot: no %s in PATH: it is in Debian's package qemu-system-x86", argv[0])
               : fail("boot: %s cannot be run: %s", argv[0], strerror(reason));
}

/* ---- the terminal ---------------------------------------------------------------------------- */

/* If there is one, keys go to the machine one by one, and the machine shows them; Ctrl-C is still
 * for us. True: `before` has what was changed. */
static bool terminal_open(struct termios *before)
{
    struct termios keys;

    if (tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, before) != 0) {
        return false;
    }
    keys = *before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    keys.c_cc[VSUSP] = _POSIX_VDISABLE; /* it would leave the terminal like that */
    return tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

/* ---- its console ----------------------------------------------------------------------------- */

static void close_keys(struct boot *boot)
{
    close(boot->keys);
    boot->keys = -1;
}

static void read_input(struct boot *boot)
{
    const char *last = boot->end == 0 || boot->pending[boot->end - 1] == '\n' ? "" : "\n";
    ssize_t bytes = read(STDIN_FILENO, boot->pending, sizeof boot->pending);

    if (bytes <= 0) {
        boot->more = false;
        bytes = snprintf(boot->pending, sizeof boot->pending, "%s%c", last, END_OF_INPUT);
    }
    boot->at = 0;
    boot->end = (size_t)bytes;
}

static void send_keys(struct boot *boot)
{
    ssize_t bytes = write(boot->keys, boot->pending + boot->at, boot->end - boot->at);

    if (bytes > 0) {
        boot->at += (size_t)bytes;
    }
    if ((bytes < 0 && errno != EAGAIN) || (boot->at == boot->end && !boot->more)) {
        close_keys(boot);
    }
}

/* False: the machine has ended, or nobody listens any more. */
static bool show_console(struct boot *boot)
{
    char text[4096];
    ssize_t bytes = read(boot->console, text, sizeof text);

    if (bytes <= 0) {
        return false;
    }
    boot->said = true;
    fwrite(text, 1, (size_t)bytes, stdout);
    fflush(stdout);
    return !output_broken();
}

/* Until something can be done, or a signal stops us. */
static bool wait_for(const struct boot *boot, fd_set *in, fd_set *out)
{
    int last = boot->console > boot->keys ? boot->console : boot->keys;
    bool pending = boot->at < boot->end;

    FD_ZERO(in);
    FD_ZERO(out);
    FD_SET(boot->console, in);
    if (boot->keys >= 0) {
        pending ? FD_SET(boot->keys, out) : FD_SET(STDIN_FILENO, in);
    }
    return pselect(last + 1, in, out, NULL, NULL, &boot->outside) > 0;
}

/* Until the machine has ended, or is to end. */
static void relay(struct boot *boot)
{
    fd_set in, out;

    fcntl(boot->keys, F_SETFL, O_NONBLOCK);
    while (stopped_by == 0) {
        if (!wait_for(boot, &in, &out)) {
            continue;
        }
        if (boot->keys >= 0 && FD_ISSET(boot->keys, &out)) {
            send_keys(boot);
        }
        if (FD_ISSET(STDIN_FILENO, &in)) {
            read_input(boot);
        }
        if (FD_ISSET(boot->console, &in) && !show_console(boot)) {
            return;
        }
    }
}

/* ---- its end --------------------------------------------------------------------------------- */

/* What isa-debug-exit makes of a value is odd: twice that, and one. QEMU's own failures are 1, too,
 * but then no machine has said anything. */
static int judge(const struct boot *boot, int ended)
{
    int status = WEXITSTATUS(ended) >> 1;

    if (WIFSIGNALED(ended)) {
        fail("boot: QEMU died of signal %d", WTERMSIG(ended));
        return BOOT_FAILED;
    }
    if (WEXITSTATUS(ended) == 1 && !boot->said) {
        fail("boot: QEMU has not started the machine");
        return BOOT_FAILED;
    }
    if (WEXITSTATUS(ended) % 2 == 0) {
        fail("boot: the machine ended without a status (a triple fault does that)");
        return BOOT_FAILED;
    }
    if (status == STATUS_REFUSED) {
        return fail("boot: the kernel has refused; the console says why");
    }
    if (status == STATUS_KILLED) {
        fail("boot: the program was killed; the console says why");
    } else if (status == STATUS_PANIC) {
        fail("boot: panic: the kernel found itself wrong");
    }
    return status;
}

int boot_disk(uint64_t bytes)
{
    const char *directory = getenv("TMPDIR");
    char name[4096];
    int file;

    snprintf(name, sizeof name, "%s/quire-swap-XXXXXX", directory != NULL ? directory : "/tmp");
    file = mkstemp(name);
    if (file >= 0) {
        unlink(name);
        if (ftruncate(file, (off_t)bytes) != 0) {
            close(file);
            file = -1;
        }
    }
    return file;
}

int boot_run(const char *const *argv)
{
    struct boot boot = {.more = true};
    struct termios before;
    int status, ended;
    bool terminal;

    hold_signals(&boot);
    status = start(&boot, argv);
    if (status != STATUS_OK) {
        return status;
    }
    terminal = terminal_open(&before);
    relay(&boot);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    if (stopped_by != 0 || output_broken()) {
        kill(boot.pid, SIGKILL); /* it has nothing to save */
    }
    waitpid(boot.pid, &ended, 0);
    if (stopped_by != 0) {
        return BOOT_INTERRUPTED + stopped_by;
    }
    return output_broken() ? output_finish() : judge(&boot, ended);
}
