/* POSIX, as much of it as quire's own tests use: processes and anonymous memory. No files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "system.h"

/* -1 for all failures. */
static int answer(intptr_t result)
{
    return system_failed(result) ? -1 : (int)result;
}

/* ---- processes ------------------------------------------------------------------------------- */

pid_t fork(void)
{
    return answer(system_fork());
}

pid_t waitpid(pid_t child, int *status, int options)
{
    int32_t how = 0;
    intptr_t ended = system_wait(&how);

    (void)child;
    (void)options;
    *status = how;
    return answer(ended);
}

pid_t getpid(void)
{
    struct memory_statistics memory;

    system_memory(&memory);
    return (pid_t)memory.process;
}

void _exit(int status)
{
    system_exit(status);
}

void (*signal(int number, void (*handler)(int)))(int)
{
    (void)number;
    (void)handler;
    return SIG_DFL;
}

time_t time(time_t *also)
{
    if (also != NULL) {
        *also = 0;
    }
    return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

long sysconf(int name)
{
    struct memory_statistics memory;

    system_memory(&memory);
    return name == _SC_PAGESIZE ? (long)memory.page_bytes : -1;
}

void *mmap(void *wish, size_t bytes, int rights, int flags, int file, off_t offset)
{
    intptr_t at = -QUIRE_INVALID;

    (void)wish;
    (void)offset;
    if ((flags & MAP_ANONYMOUS) != 0 && file == -1) {
        at = system_mmap(bytes, (unsigned)rights);
    }
    errno = ENOMEM;
    return system_failed(at) ? MAP_FAILED : (void *)at;
}

int munmap(void *at, size_t bytes)
{
    size_t mask = (size_t)sysconf(_SC_PAGESIZE) - 1;

    return answer(system_munmap(at, (bytes + mask) & ~mask));
}

int mprotect(void *at, size_t bytes, int rights)
{
    size_t mask = (size_t)sysconf(_SC_PAGESIZE) - 1;

    return answer(system_mprotect(at, (bytes + mask) & ~mask, (unsigned)rights));
}

int madvise(void *at, size_t bytes, int advice)
{
    if (advice != MADV_DONTNEED) {
        return -1;
    }
    memset(at, 0, bytes);
    return 0;
}

/* ---- files: none ----------------------------------------------------------------------------- */

unsigned files_asked;

static int no_file(int error)
{
    files_asked++;
    errno = error;
    return -1;
}

FILE *fopen(const char *name, const char *how)
{
    (void)name;
    (void)how;
    no_file(ENOENT);
    return NULL;
}

FILE *tmpfile(void)
{
    no_file(ENOSYS);
    return NULL;
}

int fclose(FILE *file)
{
    (void)file;
    return no_file(ENOENT);
}

int fileno(FILE *file)
{
    (void)file;
    return no_file(ENOENT);
}

int open(const char *name, int how, ...)
{
    (void)name;
    (void)how;
    return no_file(ENOENT);
}

int close(int file)
{
    (void)file;
    return no_file(ENOENT);
}

int ftruncate(int file, off_t bytes)
{
    (void)file;
    (void)bytes;
    return no_file(ENOENT);
}

ssize_t pread(int file, void *to, size_t bytes, off_t offset)
{
    (void)file;
    (void)to;
    (void)bytes;
    (void)offset;
    return no_file(ENOENT);
}

ssize_t pwrite(int file, const void *from, size_t bytes, off_t offset)
{
    (void)file;
    (void)from;
    (void)bytes;
    (void)offset;
    return no_file(ENOENT);
}
