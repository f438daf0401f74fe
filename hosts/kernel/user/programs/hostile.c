/*
 * hostile: what a program must not be able to do, tried: each deed in a child of its own, and a
 * line for each about how it ended. Those that should be killed are, the others are refused or do
 * no harm; the kernel and the other processes go on.
 */
#include "support/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pattern.h"
#include "system.h"

enum { DID_HARM = 50, READ_WRITE = QUIRE_READ | QUIRE_WRITE, DIRTY_PAGES = 200, CHAIN_MOST = 1000 };
enum { BAD_FILES = 8 };

static unsigned wrong;

void *hostile_pages(size_t pages)
{
    intptr_t at = system_mmap(pages * PAGE, READ_WRITE | QUIRE_EXECUTE);

    if (system_failed(at)) {
        printf("hostile: no memory: %d\n", (int)at);
        exit(1);
    }
    return (void *)at;
}

/* ---- one deed -------------------------------------------------------------------------------- */

static const char *judge(const struct deed *deed, int32_t status)
{
    static const char *const good[OUTCOMES] = {"killed", "refused", "harmless", "killed"};

    if (deed->outcome == FORBIDDEN && status == DID_HARM) {
        return "machine cannot forbid";
    }
    if (status == (deed->outcome == KILLED || deed->outcome == FORBIDDEN ? STATUS_KILLED : 0)) {
        return good[deed->outcome];
    }
    wrong++;
    return status == STATUS_KILLED ? "WRONG: killed" : "WRONG: it was possible";
}

static void try(const struct deed *deed)
{
    intptr_t child = system_fork();
    int32_t status = -1;

    if (child == 0) {
        system_exit(deed->act(deed->argument) && deed->outcome != KILLED ? 0 : DID_HARM);
    }
    if (system_failed(child) || system_wait(&status) != child) {
        status = -1;
    }
    printf("hostile: %s: %s\n", deed->name, judge(deed, status));
}

static void try_all(const struct deed *deeds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        try(&deeds[i]);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool read_at(uintptr_t at)
{
    (void)*(volatile uint8_t *)at;
    return true;
}

static bool write_at(uintptr_t at)
{
    *(volatile uint8_t *)at = 1;
    return true;
}

static bool execute_at(uintptr_t at)
{
    ((void (*)(void))at)();
    return true;
}

/* Down to whatever is below. */
static bool run_down(uintptr_t depth)
{
    volatile uint8_t room[512];

    room[0] = (uint8_t)depth;
    return depth == 0 || (run_down(depth - 1) && room[0] == (uint8_t)depth);
}

/* Its own text, made writable: then it is a copy, and nobody else sees it. */
static bool own_text(uintptr_t argument)
{
    static const volatile uint32_t mark = 0x600d600d;
    volatile uint32_t *at = (volatile uint32_t *)(uintptr_t)&mark;
    void *page = (void *)((uintptr_t)at & ~(uintptr_t)(PAGE - 1));

    (void)argument;
    if (system_fork() == 0) {
        if (system_mprotect(page, PAGE, READ_WRITE | QUIRE_EXECUTE) == 0) {
            *at = 0xbad;
        }
        system_exit(0);
    }
    system_wait(NULL);
    return *at == 0x600d600d;
}

static void try_memory(void)
{
    static const uintptr_t at[] = {0,        0x1000,   0x100000,   0x180000,  0x7ff000,
                                   0x7fffff, 0x7f0000, 0xffffffff, 0x70000000};
    static const struct {
        const char *name;
        bool (*act)(uintptr_t at);
    } access[] = {{"read", read_at}, {"write", write_at}, {"execute", execute_at}};

    for (unsigned i = 0; i < 3 * sizeof(at) / sizeof(at[0]); i++) {
        char name[32];
        struct deed deed = {name, KILLED, access[i % 3].act, at[i / 3]};

        snprintf(name, sizeof(name), "%s 0x%08x", access[i % 3].name, (unsigned)at[i / 3]);
        try(&deed);
    }
}

/* ---- what others left behind ----------------------------------------------------------------- */

static bool all_zero(const uint8_t *at, size_t bytes)
{
    size_t i = 0;

    while (i < bytes && at[i] == 0) {
        i++;
    }
    return i == bytes;
}

/* Fills pages of all kinds with what must not be seen, and leaves without clearing up. */
static void leave_dirt(void)
{
    intptr_t brk = system_brk(NULL);

    if (system_brk((void *)(brk + 8 * PAGE)) == brk + 8 * PAGE) {
        memset((void *)brk, 0xdb, 8 * PAGE);
        memset(hostile_pages(DIRTY_PAGES), 0xdb, DIRTY_PAGES * PAGE);
    }
    system_exit(0);
}

/* In fresh pages of all kinds. What brk gives comes first, as mappings could be in its way. */
static bool find_dirt(uintptr_t argument)
{
    static uint8_t bss[4 * PAGE];

    (void)argument;
    for (unsigned round = 0; round < 4; round++) {
        intptr_t brk = system_brk(NULL);
        uint8_t *page;

        if (system_fork() == 0) {
            leave_dirt();
        }
        system_wait(NULL);
        if (system_brk((void *)(brk + 4 * PAGE)) != brk + 4 * PAGE) {
            return false;
        }
        page = hostile_pages(DIRTY_PAGES);
        if (!all_zero(page, DIRTY_PAGES * PAGE) || !all_zero((uint8_t *)brk, 4 * PAGE) ||
            !all_zero(bss, sizeof(bss))) {
            return false;
        }
        system_munmap(page, DIRTY_PAGES * PAGE);
        system_brk((void *)brk);
    }
    return true;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Each bears one more, until the kernel will not; then they all end. */
static bool fork_on(uintptr_t argument)
{
    (void)argument;
    for (unsigned depth = 0; depth < CHAIN_MOST; depth++) {
        intptr_t child = system_fork();

        if (child != 0) {
            if (!system_failed(child)) {
                system_wait(NULL);
            }
            if (depth == 0) {
                return !system_failed(child);
            }
            system_exit(0);
        }
    }
    system_exit(0);
}

/* The archive has some that are not as files should be; see bad.S. */
static bool bad_file(uintptr_t number)
{
    char command[16];

    snprintf(command, sizeof(command), "bad-%u", (unsigned)number);
    return system_spawn(command) == -QUIRE_INVALID && system_exec(command) == -QUIRE_INVALID;
}

static void try_files(void)
{
    for (uintptr_t i = 1; i <= BAD_FILES; i++) {
        char name[32];
        struct deed deed = {name, REFUSED, bad_file, i};

        snprintf(name, sizeof(name), "program bad-%u", (unsigned)i);
        try(&deed);
    }
}

static const struct deed deeds[] = {
    {"write to its own text", KILLED, write_at, 0x801000},
    {"write to its own text, made writable", HARMLESS, own_text, 0},
    {"run the stack down", KILLED, run_down, 1 << 20},
    {"look for what others left", HARMLESS, find_dirt, 0},
    {"fork without end", HARMLESS, fork_on, 0},
};

int main(void)
{
    struct memory_statistics before, after;

    system_memory(&before);
    try_memory();
    try_all(deeds, sizeof(deeds) / sizeof(deeds[0]));
    try_all(machine_deeds, machine_deeds_count);
    try_all(call_deeds, call_deeds_count);
    try_files();
    system_memory(&after);
    if (after.processes != before.processes) {
        printf("hostile: WRONG: %u processes are left\n", after.processes - before.processes);
        wrong++;
    }
    printf("hostile: %u wrong\n", wrong);
    return wrong != 0;
}
