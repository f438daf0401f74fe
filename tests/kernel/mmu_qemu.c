/*
 * QEMU's MMU, by its monitor on a socket.
 *
 * `info tlb` tells every leaf's address and its own flags, `info mem` in runs what all levels allow
 * together, each from a walk of its own through the tables: both must speak of the same pages.
 */
#include "mmu.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"

enum { ARGUMENTS = 64, LARGE = 1024 * PAGE };

static void connect_monitor(struct mmu *mmu)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/monitor", mmu->directory);
    mmu->to = mmu->from = socket(AF_UNIX, SOCK_STREAM, 0);
    checkf(connect(mmu->to, (const struct sockaddr *)&address, sizeof(address)) == 0,
           "%s: no monitor", address.sun_path);
    unlink(address.sun_path);
    mmu_ask(mmu, NULL);
}

/* arguments: quire, boot, its options. */
static void start(struct mmu *mmu, char **arguments)
{
    const char *argv[ARGUMENTS + 4];
    char monitor[128];
    unsigned count = 0;

    strcpy(mmu->directory, "/tmp/quire-witness-XXXXXX");
    check(mkdtemp(mmu->directory) != NULL);
    snprintf(monitor, sizeof(monitor), "unix:%s/monitor,server=on,wait=off", mmu->directory);
    for (; arguments[count] != NULL; count++) {
        check(count < ARGUMENTS);
        argv[count] = arguments[count];
    }
    argv[count++] = "--";
    argv[count++] = "-monitor";
    argv[count++] = monitor;
    argv[count] = NULL;
    mmu_spawn(mmu, argv);
    mmu->keys = mmu->to;
    mmu->console = mmu->from;
    mmu_wait(mmu, mmu->console); /* then there is a monitor */
    connect_monitor(mmu);
}

static bool listen_console(struct mmu *mmu)
{
    mmu_wait(mmu, mmu->console);
    return true;
}

/* The kernel waits for a character all the time that we ask. */
static void halt(struct mmu *mmu)
{
    (void)mmu;
}

static void go_on(struct mmu *mmu)
{
    (void)mmu;
}

/* 0000000000801000: 0000000000801000 XGPDACTUW, each letter or a dash */
static void read_leaf(struct pages *pages, const char *line)
{
    uint64_t va, pa;
    char flags[12];

    if (sscanf(line, "%16" SCNx64 ": %16" SCNx64 " %9[-XGPDACTUW]", &va, &pa, flags) == 3) {
        uint64_t bytes = flags[2] == 'P' ? LARGE : PAGE;

        checkf(pages_add(pages, va, pa, bytes, false, false), "info tlb: %s", line);
    }
}

/* 0000000000801000-0000000000802000 0000000000001000 ur- */
static uint64_t read_rights(const struct pages *pages, const char *line)
{
    uint64_t first, end, bytes;
    char rights[4];

    if (sscanf(line, "%16" SCNx64 "-%16" SCNx64 " %16" SCNx64 " %3[-urw]", &first, &end, &bytes,
               rights) != 4) {
        return 0;
    }
    check(end - first == bytes);
    for (uint64_t at = first; at < end; at += PAGE) {
        struct page *page = pages_find(pages, (uint32_t)at);

        checkf(page != NULL, "info mem has %08" PRIx64 ", info tlb has not", at);
        page->user = rights[0] == 'u';
        page->write = rights[2] == 'w';
    }
    return bytes;
}

static uint32_t control_register(const struct mmu *mmu, const char *name)
{
    const char *at = strstr(mmu->text, name);

    checkf(at != NULL, "info registers: no %s", name);
    return (uint32_t)strtoul(at + strlen(name), NULL, 16);
}

static void read_state(struct mmu *mmu, struct mmu_state *state)
{
    const uint32_t paging_and_wp = 0x80010000;
    uint64_t bytes = 0;

    mmu_ask(mmu, "info registers");
    state->root = control_register(mmu, "CR3=");
    state->write_protect = (control_register(mmu, "CR0=") & paging_and_wp) == paging_and_wp;
    mmu_ask(mmu, "info tlb");
    for (char *at = strtok(mmu->text, "\r\n"); at != NULL; at = strtok(NULL, "\r\n")) {
        read_leaf(&state->pages, at);
    }
    mmu_ask(mmu, "info mem");
    for (char *at = strtok(mmu->text, "\r\n"); at != NULL; at = strtok(NULL, "\r\n")) {
        bytes += read_rights(&state->pages, at);
    }
    checkf(bytes / PAGE == state->pages.count, "info mem has %" PRIu64 " pages, info tlb %zu",
           bytes / PAGE, state->pages.count);
}

static bool translate(struct mmu *mmu, uint32_t va, uint32_t *pa)
{
    const char *answer;

    mmu_ask(mmu, "gva2gpa 0x%" PRIx32, va);
    answer = strstr(mmu->text, "gpa: ");
    checkf(answer != NULL || strstr(mmu->text, "Unmapped") != NULL, "gva2gpa: %s", mmu->text);
    if (answer != NULL) {
        *pa = (uint32_t)strtoul(answer + strlen("gpa: "), NULL, 16);
    }
    return answer != NULL;
}

static int end(struct mmu *mmu)
{
    int status;

    rmdir(mmu->directory);
    check(waitpid(mmu->pid, &status, 0) == mmu->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const struct mmu_ops mmu_qemu = {.name = "QEMU",
                                 .prompt = "(qemu) ",
                                 .start = start,
                                 .listen = listen_console,
                                 .halt = halt,
                                 .read = read_state,
                                 .translate = translate,
                                 .go_on = go_on,
                                 .end = end};
