/* Bad deeds: system calls with arguments that make no sense. */
#include "hostile.h"

#include <string.h>

#include "pattern.h"
#include "system.h"

enum { READ_WRITE = QUIRE_READ | QUIRE_WRITE };

#define KERNEL_END UINT32_C(0x800000)
#define TEXT_AT UINT32_C(0x801000)

static bool fails(intptr_t result, enum quire_status status)
{
    return result == -(intptr_t)status;
}

/* ---- pointers -------------------------------------------------------------------------------- */

/* Pointers at which no 4 bytes can be used; the first ones are fixed, the last ones are made. */
static const uintptr_t nowhere[] = {0,          1,          0x1000,     0xfffff,    0x100000,
                                    0x7ff000,   0x7ffffc,   0x7fffff,   0xfffffff0, 0xfffffff8,
                                    0xfffffffc, 0xffffffff, 0x7f000000, 0x80000000};
enum { NOWHERE = sizeof(nowhere) / sizeof(nowhere[0]), POINTERS = NOWHERE + 4 };

/* The last bytes of memory that may be used; nothing is behind them. */
static uintptr_t edge(void)
{
    uint8_t *page = hostile_pages(2);

    memset(page, 'x', PAGE);
    system_munmap(page + PAGE, PAGE);
    return (uintptr_t)page + PAGE;
}

/* Pages that are there, but not to be used. */
static uintptr_t forbidden(void)
{
    uint8_t *page = hostile_pages(2);

    memset(page, 'x', 2 * PAGE);
    system_mprotect(page + PAGE, PAGE, 0);
    return (uintptr_t)page + PAGE;
}

static uintptr_t bad_pointer(unsigned i)
{
    switch (i) {
    case NOWHERE: return edge() - 3;
    case NOWHERE + 1: return edge() - 1;
    case NOWHERE + 2: return forbidden() - 3;
    case NOWHERE + 3: return forbidden();
    default: return nowhere[i];
    }
}

/* A call that takes one pointer, to a text or to room for a result. */
static bool bad_pointers(uintptr_t number)
{
    for (unsigned i = 0; i < POINTERS; i++) {
        uintptr_t at = bad_pointer(i);

        if (!fails(system_call(number, at, 0, 0), QUIRE_FAULT)) {
            return false;
        }
    }
    return true;
}

static bool bad_write(uintptr_t argument)
{
    (void)argument;
    for (unsigned i = 0; i < POINTERS; i++) {
        uintptr_t at = bad_pointer(i);

        if (!fails(system_call(CALL_WRITE, 1, at, 8), QUIRE_FAULT)) {
            return false;
        }
    }
    return true;
}

static bool huge_write(uintptr_t bytes)
{
    return fails(system_call(CALL_WRITE, 1, edge() - 4, bytes), QUIRE_FAULT);
}

static bool bad_read(uintptr_t bytes)
{
    for (unsigned i = 0; i < POINTERS; i++) {
        if (!fails(system_call(CALL_READ, 0, bad_pointer(i), bytes), QUIRE_FAULT)) {
            return false;
        }
    }
    return fails(system_call(CALL_READ, 0, TEXT_AT, bytes), QUIRE_FAULT);
}

static bool write_elsewhere(uintptr_t to)
{
    return fails(system_call(CALL_WRITE, to, TEXT_AT, 1), QUIRE_INVALID);
}

static bool read_elsewhere(uintptr_t from)
{
    char byte;

    return fails(system_call(CALL_READ, from, (uintptr_t)&byte, 1), QUIRE_INVALID);
}

/* The child that has ended is still there afterwards; and without one nothing is written. */
static bool bad_wait(uintptr_t argument)
{
    intptr_t child = system_fork();
    int32_t status = 0;

    (void)argument;
    if (child == 0) {
        system_exit(7);
    }
    for (unsigned i = 1; i < POINTERS; i++) { /* NULL is allowed */
        if (!fails(system_call(CALL_WAIT, bad_pointer(i), 0, 0), QUIRE_FAULT)) {
            return false;
        }
    }
    return fails(system_call(CALL_WAIT, TEXT_AT, 0, 0), QUIRE_FAULT) &&
           system_wait(&status) == child && status == 7 &&
           fails(system_wait(&status), QUIRE_NOT_FOUND) && status == 7;
}

/* Results that would have to be written where only reading is allowed. */
static bool read_only_result(uintptr_t argument)
{
    uint8_t *page = hostile_pages(2);

    (void)argument;
    system_mprotect(page + PAGE, PAGE, QUIRE_READ);
    return fails(system_call(CALL_MEMORY, TEXT_AT, 0, 0), QUIRE_FAULT) &&
           fails(system_call(CALL_MEMORY, (uintptr_t)page + PAGE, 0, 0), QUIRE_FAULT) &&
           fails(system_call(CALL_MEMORY, (uintptr_t)page + PAGE - 4, 0, 0), QUIRE_FAULT);
}

/* Behind the last byte of a text there need not be any memory. */
static bool text_at_edge(uintptr_t argument)
{
    static const char name[] = "libgfx";
    char *text = (char *)edge() - sizeof(name);

    (void)argument;
    memcpy(text, name, sizeof(name));
    return !system_failed(system_library(text));
}

/* A child that says it was killed, and one that says what fits in no byte. */
static bool false_status(uintptr_t number)
{
    int32_t status = 0;
    intptr_t child = system_fork();

    if (child == 0) {
        system_exit((int)number);
    }
    return system_wait(&status) == child && status == STATUS_MOST;
}

static bool endless_text(uintptr_t number)
{
    char text[COMMAND_BYTES + 1];

    memset(text, 'x', sizeof(text));
    return fails(system_call(number, (uintptr_t)text, 0, 0), QUIRE_INVALID);
}

static bool no_such_name(uintptr_t number)
{
    return fails(system_call(number, (uintptr_t) "nobody", 0, 0), QUIRE_NOT_FOUND) &&
           fails(system_call(number, (uintptr_t) "", 0, 0), QUIRE_NOT_FOUND) &&
           fails(system_call(number, (uintptr_t) "  ", 0, 0), QUIRE_NOT_FOUND);
}

static bool program_as_library(uintptr_t argument)
{
    (void)argument;
    return system_failed(system_library("hello"));
}

static bool library_as_program(uintptr_t argument)
{
    (void)argument;
    return system_failed(system_spawn("libgfx")) && system_failed(system_exec("libgfx"));
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool no_such_call(uintptr_t argument)
{
    static const uintptr_t number[] = {CALLS,      CALLS + 1,  255,        256,       0xffff,
                                       0x7fffffff, 0x80000000, 0xc0000000, 0xffffffff};

    (void)argument;
    for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]); i++) {
        if (!fails(system_call(number[i], 0, 0, 0), QUIRE_INVALID)) {
            return false;
        }
    }
    return true;
}

/* Nothing of these may be given away. */
static bool bad_mmap(uintptr_t argument)
{
    (void)argument;
    return fails(system_mmap(0, READ_WRITE), QUIRE_INVALID) &&
           system_failed(system_mmap(0xffffffff, READ_WRITE)) &&
           system_failed(system_mmap(0xfffff000, READ_WRITE)) &&
           system_failed(system_mmap(0xff800000, READ_WRITE)) &&
           fails(system_mmap(PAGE, QUIRE_USER), QUIRE_INVALID) &&
           fails(system_mmap(PAGE, 0xffffffff), QUIRE_INVALID);
}

static bool bad_munmap(uintptr_t argument)
{
    uint8_t *page = hostile_pages(3);

    (void)argument;
    return system_failed(system_munmap((void *)TEXT_AT, PAGE)) &&
           system_failed(system_munmap(NULL, PAGE)) && system_failed(system_munmap(NULL, 0)) &&
           system_failed(system_munmap((void *)0x100000, PAGE)) &&
           system_failed(system_munmap((void *)(KERNEL_END - PAGE), PAGE)) &&
           system_failed(system_munmap((void *)0xfffff000, 2 * PAGE)) &&
           system_failed(system_munmap((void *)PAGE, 0xffffe000)) &&
           system_failed(system_munmap(page + 1, PAGE)) &&
           system_failed(system_munmap(page, PAGE + 1)) &&
           system_failed(system_munmap(page, 4 * PAGE)) && system_failed(system_munmap(page, 0)) &&
           system_failed(system_munmap((void *)((uintptr_t)&page & ~(uintptr_t)(PAGE - 1)), PAGE));
}

static bool bad_mprotect(uintptr_t argument)
{
    uint8_t *page = hostile_pages(3);

    (void)argument;
    system_munmap(page + PAGE, PAGE);
    return system_failed(system_mprotect((void *)0x100000, PAGE, READ_WRITE)) &&
           system_failed(system_mprotect((void *)(KERNEL_END - PAGE), PAGE, READ_WRITE)) &&
           system_failed(system_mprotect(NULL, KERNEL_END, READ_WRITE)) &&
           system_failed(system_mprotect(NULL, 0xfffff000, READ_WRITE)) &&
           system_failed(system_mprotect((void *)0xfffff000, 2 * PAGE, READ_WRITE)) &&
           system_failed(system_mprotect(page + 1, PAGE, READ_WRITE)) &&
           system_failed(system_mprotect(page, 1, READ_WRITE)) &&
           system_failed(system_mprotect(page, 3 * PAGE, QUIRE_READ)) &&
           system_failed(system_mprotect(page, PAGE, 0xffffffff)) &&
           system_failed(system_mprotect(page, PAGE, QUIRE_USER));
}

/* The kernel's memory does not become a program's by asking for it. */
static bool take_kernel(uintptr_t at)
{
    system_mprotect((void *)at, PAGE, READ_WRITE);
    *(volatile uint32_t *)at = 0;
    return true;
}

static bool bad_brk(uintptr_t argument)
{
    intptr_t now = system_brk(NULL);
    uint8_t *in_the_way = (uint8_t *)hostile_pages(1) + 1;

    (void)argument;
    return !system_failed(now) && system_failed(system_brk((void *)(now - PAGE))) &&
           system_failed(system_brk((void *)1)) && system_failed(system_brk((void *)0x100000)) &&
           system_failed(system_brk((void *)TEXT_AT)) && system_failed(system_brk(in_the_way)) &&
           system_failed(system_brk(in_the_way + PAGE)) && system_brk(NULL) == now;
}

/* Where the last addresses are a break, they look like an error. */
static bool brk_to_the_end(uintptr_t argument)
{
    intptr_t now = system_brk(NULL);

    return system_failed(system_brk((void *)argument)) && system_brk(NULL) == now;
}

const struct deed call_deeds[] = {
    {"calls that do not exist", REFUSED, no_such_call, 0},
    {"write from nowhere", REFUSED, bad_write, 0},
    {"write 4 GiB - 1 bytes", REFUSED, huge_write, 0xffffffff},
    {"write 2 GiB", REFUSED, huge_write, 0x80000000},
    {"write 5 bytes, of which 4 are there", REFUSED, huge_write, 5},
    {"read to nowhere", REFUSED, bad_read, 8},
    {"read 4 GiB - 1 bytes to nowhere", REFUSED, bad_read, 0xffffffff},
    {"write to the keyboard", REFUSED, write_elsewhere, 0},
    {"write to number 3", REFUSED, write_elsewhere, 3},
    {"write to number -1", REFUSED, write_elsewhere, 0xffffffff},
    {"read from the screen", REFUSED, read_elsewhere, 1},
    {"read from number -1", REFUSED, read_elsewhere, 0xffffffff},
    {"exec of nowhere", REFUSED, bad_pointers, CALL_EXEC},
    {"spawn of nowhere", REFUSED, bad_pointers, CALL_SPAWN},
    {"library of nowhere", REFUSED, bad_pointers, CALL_LIBRARY},
    {"stop of nowhere", REFUSED, bad_pointers, CALL_STOP},
    {"memory to nowhere", REFUSED, bad_pointers, CALL_MEMORY},
    {"memory to where it cannot be written", REFUSED, read_only_result, 0},
    {"wait to nowhere", REFUSED, bad_wait, 0},
    {"library whose name ends where memory does", HARMLESS, text_at_edge, 0},
    {"exit with a status that is the kernel's", HARMLESS, false_status, STATUS_KILLED},
    {"exit with a status of -1", HARMLESS, false_status, 0xffffffff},
    {"exec of an endless text", REFUSED, endless_text, CALL_EXEC},
    {"spawn of an endless text", REFUSED, endless_text, CALL_SPAWN},
    {"library of an endless text", REFUSED, endless_text, CALL_LIBRARY},
    {"stop of an endless text", REFUSED, endless_text, CALL_STOP},
    {"exec of no program", REFUSED, no_such_name, CALL_EXEC},
    {"spawn of no program", REFUSED, no_such_name, CALL_SPAWN},
    {"library that is none", REFUSED, no_such_name, CALL_LIBRARY},
    {"program as a library", REFUSED, program_as_library, 0},
    {"library as a program", REFUSED, library_as_program, 0},
    {"mmap of nothing, and of too much", REFUSED, bad_mmap, 0},
    {"munmap of what is not mmap's", REFUSED, bad_munmap, 0},
    {"mprotect of what is not there", REFUSED, bad_mprotect, 0},
    {"mprotect, and write to the kernel", KILLED, take_kernel, 0x100000},
    {"mprotect, and write to its last page", KILLED, take_kernel, KERNEL_END - PAGE},
    {"brk of what is not brk's", REFUSED, bad_brk, 0},
    {"brk to where memory ends", REFUSED, brk_to_the_end, UINTPTR_MAX},
};
const size_t call_deeds_count = sizeof(call_deeds) / sizeof(call_deeds[0]);
