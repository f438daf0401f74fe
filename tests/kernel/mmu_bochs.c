/*
 * Bochs's MMU, by its debugger, which stops at machine_mark(). The machine's serial line is a
 * pseudo-terminal.
 *
 * `info tab` tells what is mapped where, in runs; `page` what the two entries of one page say.
 */
#include "mmu.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/support/check.h"

/* Our end of a new pseudo-terminal; `name` is the other one's. */
static int open_terminal(char *name, size_t bytes)
{
    struct termios raw;
    int ours = posix_openpt(O_RDWR | O_NOCTTY);
    int theirs;

    check(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
    snprintf(name, bytes, "%s", ptsname(ours));
    theirs = open(name, O_RDWR | O_NOCTTY); /* stays open: no hang-up before Bochs is there */
    check(theirs >= 0 && tcgetattr(theirs, &raw) == 0);
    cfmakeraw(&raw);
    check(tcsetattr(theirs, TCSANOW, &raw) == 0);
    return ours;
}

static void go_on(struct mmu *mmu)
{
    mmu->length = 0;
    check(write(mmu->to, "c\n", 2) == 2);
    mmu->halted = false;
}

/* arguments: a bochsrc file. */
static void start(struct mmu *mmu, char **arguments)
{
    char name[64], serial[128];
    const char *argv[] = {"bochs", "-q", "-f", arguments[0], "-rc", "/dev/null", serial, NULL};

    mmu->keys = mmu->console = open_terminal(name, sizeof(name));
    snprintf(serial, sizeof(serial), "com1: enabled=1, mode=term, dev=%s", name);
    mmu_spawn(mmu, argv);
    mmu_ask(mmu, NULL);
    go_on(mmu);
}

/* At the mark the UART may still hold the end of a line: a few steps further it is out. */
static bool listen_console(struct mmu *mmu)
{
    struct pollfd fds[] = {{.fd = mmu->console, .events = POLLIN},
                           {.fd = mmu->from, .events = POLLIN}};

    for (;;) {
        if (mmu->halted) {
            mmu_ask(mmu, "s 1000");
        }
        checkf(poll(fds, 2, mmu->halted ? 0 : MMU_PATIENCE * 1000) > 0 || mmu->halted,
               "Bochs: nothing came for %d seconds", MMU_PATIENCE);
        if (fds[0].revents != 0) {
            return true;
        }
        if (fds[1].revents != 0 && !mmu_hear(mmu)) {
            return false;
        }
        mmu->halted = mmu->halted || mmu_is_answered(mmu);
    }
}

static void halt(struct mmu *mmu)
{
    while (!mmu->halted) {
        check(mmu_hear(mmu));
        mmu->halted = mmu_is_answered(mmu);
    }
}

/* 0x0000000000001000-0x0000000000802fff -> 0x000000001000-0x000000802fff */
static void read_run(struct pages *pages, const char *line)
{
    uint64_t va, last, pa;

    if (sscanf(line, "0x%16" SCNx64 "-0x%16" SCNx64 " -> 0x%12" SCNx64, &va, &last, &pa) == 3) {
        checkf(pages_add(pages, va, pa, last + 1 - va, false, false), "info tab: %s", line);
    }
}

/*
 * PDE: 0x0000000000102023    ps         A pcd pwt S W P
 * PTE: 0x0000000000001003       g pat d a pcd pwt S W P
 * linear page 0x0000000000001000 maps to physical page 0x000000001000
 */
static bool read_page(struct mmu *mmu, uint32_t va, struct page *page)
{
    const char *maps, *at;
    char user, write;

    mmu_ask(mmu, "page 0x%" PRIx32, va);
    maps = strstr(mmu->text, " maps to physical page 0x");
    if (maps == NULL) {
        return false;
    }
    *page = (struct page){va, (uint32_t)strtoul(strrchr(maps, 'x') + 1, NULL, 16), true, true};
    for (at = strstr(mmu->text, " pwt "); at != NULL; at = strstr(at + 1, " pwt ")) {
        check(sscanf(at, " pwt %c %c P", &user, &write) == 2);
        page->user &= user == 'U';
        page->write &= write == 'W';
    }
    return true;
}

static void read_state(struct mmu *mmu, struct mmu_state *state)
{
    const char *root;

    mmu_ask(mmu, "creg");
    state->write_protect = strstr(mmu->text, ": PG ") != NULL && strstr(mmu->text, " WP ") != NULL;
    mmu_ask(mmu, "info tab");
    root = strstr(mmu->text, "cr3: 0x");
    check(root != NULL);
    state->root = (uint32_t)strtoul(root + strlen("cr3: 0x"), NULL, 16);
    for (char *at = strtok(mmu->text, "\r\n"); at != NULL; at = strtok(NULL, "\r\n")) {
        read_run(&state->pages, at);
    }
    for (size_t i = 0; i < state->pages.count; i++) {
        struct page *page = &state->pages.page[i];
        uint32_t pa = page->pa;

        checkf(read_page(mmu, page->va, page) && page->pa == pa,
               "page 0x%08" PRIx32 ": other than info tab", page->va);
    }
}

static bool translate(struct mmu *mmu, uint32_t va, uint32_t *pa)
{
    struct page page;
    bool mapped = read_page(mmu, va & ~(uint32_t)(PAGE - 1), &page);

    if (mapped) {
        *pa = page.pa + va % PAGE;
    }
    return mapped;
}

/* There is no exit status on Bochs. */
static int end(struct mmu *mmu)
{
    kill(mmu->pid, SIGKILL);
    check(waitpid(mmu->pid, NULL, 0) == mmu->pid);
    return 0;
}

const struct mmu_ops mmu_bochs = {.name = "Bochs",
                                  .prompt = "<bochs:",
                                  .start = start,
                                  .listen = listen_console,
                                  .halt = halt,
                                  .read = read_state,
                                  .translate = translate,
                                  .go_on = go_on,
                                  .end = end};
