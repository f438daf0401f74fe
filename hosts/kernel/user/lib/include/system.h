/*
 * System calls, as functions. What each does is said in common/calls.h; an answer that
 * system_failed() is minus an enum quire_status.
 */
#ifndef USER_SYSTEM_H
#define USER_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "calls.h"
#include "quire/types.h"

/* Any number, any arguments. */
static inline intptr_t system_call(uintptr_t number, uintptr_t first, uintptr_t second,
                                   uintptr_t third)
{
    intptr_t result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(second), "d"(third)
                     : "memory", "cc");
    return result;
}

/* Addresses may be in the upper half of all: only the last few numbers are failures. */
static inline bool system_failed(intptr_t result)
{
    return (uintptr_t)result > (uintptr_t)-QUIRE_STATUSES;
}

static inline _Noreturn void system_exit(int status)
{
    for (;;) {
        system_call(CALL_EXIT, (uintptr_t)status, 0, 0);
    }
}

static inline intptr_t system_write(int to, const void *buffer, size_t bytes)
{
    return system_call(CALL_WRITE, (uintptr_t)to, (uintptr_t)buffer, bytes);
}

static inline intptr_t system_read(int from, void *buffer, size_t bytes)
{
    return system_call(CALL_READ, (uintptr_t)from, (uintptr_t)buffer, bytes);
}

static inline intptr_t system_fork(void)
{
    return system_call(CALL_FORK, 0, 0, 0);
}

static inline intptr_t system_exec(const char *command)
{
    return system_call(CALL_EXEC, (uintptr_t)command, 0, 0);
}

static inline intptr_t system_spawn(const char *command)
{
    return system_call(CALL_SPAWN, (uintptr_t)command, 0, 0);
}

static inline intptr_t system_wait(int32_t *status)
{
    return system_call(CALL_WAIT, (uintptr_t)status, 0, 0);
}

static inline intptr_t system_mmap(size_t bytes, unsigned rights)
{
    return system_call(CALL_MMAP, bytes, rights, 0);
}

static inline intptr_t system_munmap(void *at, size_t bytes)
{
    return system_call(CALL_MUNMAP, (uintptr_t)at, bytes, 0);
}

static inline intptr_t system_mprotect(void *at, size_t bytes, unsigned rights)
{
    return system_call(CALL_MPROTECT, (uintptr_t)at, bytes, rights);
}

static inline intptr_t system_brk(void *end)
{
    return system_call(CALL_BRK, (uintptr_t)end, 0, 0);
}

static inline intptr_t system_library(const char *name)
{
    return system_call(CALL_LIBRARY, (uintptr_t)name, 0, 0);
}

static inline void system_yield(void)
{
    system_call(CALL_YIELD, 0, 0, 0);
}

static inline intptr_t system_memory(struct memory_statistics *statistics)
{
    return system_call(CALL_MEMORY, (uintptr_t)statistics, 0, 0);
}

static inline intptr_t system_stop(const char *name)
{
    return system_call(CALL_STOP, (uintptr_t)name, 0, 0);
}

#endif
