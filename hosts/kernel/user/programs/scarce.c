/*
 * scarce: every call that needs memory, each of which may find none, once (refuse-frame=N of the
 * faulty kernel): what it answers then is that there is none, and nothing was changed. The kernel
 * finds out itself whether all came back.
 */
#include <stdio.h>
#include <string.h>

#include "system.h"

enum { PAGE = 4096, PAGES = 9 };

static unsigned refused;

/* Did it work? If not, for no other reason than memory. */
static bool done(const char *what, intptr_t answer)
{
    if (!system_failed(answer)) {
        return true;
    }
    refused++;
    if (answer != -QUIRE_NO_MEMORY) {
        printf("scarce: %s: %d\n", what, (int)answer);
        system_exit(1);
    }
    return false;
}

static void use_heap(void)
{
    intptr_t at = system_mmap(PAGES * PAGE, QUIRE_READ | QUIRE_WRITE);
    intptr_t only_read = system_mmap(PAGES * PAGE, QUIRE_READ);
    intptr_t end = system_brk(NULL);

    if (done("mmap", at)) {
        char *memory = (char *)at;

        memset(memory, 1, PAGES * PAGE);
        done("mprotect", system_mprotect(memory + PAGE, PAGE, QUIRE_READ));
        done("mprotect", system_mprotect(memory + 4 * PAGE, PAGE, 0));
        done("munmap", system_munmap(memory + 6 * PAGE, PAGE));
        if (memory[0] != 1 || memory[PAGE] != 1 || memory[8 * PAGE] != 1) {
            printf("scarce: what was written is gone\n");
            system_exit(1);
        }
    }
    if (done("mmap", only_read) && *(const volatile char *)only_read != 0) {
        system_exit(1);
    }
    if (done("brk", end) && done("brk", system_brk((char *)end + 3 * PAGE))) {
        memset((char *)end, 2, 3 * PAGE);
    }
    done("library", system_library("libgfx"));
}

static void reap(intptr_t child)
{
    int32_t status;

    if (done("child", child) && (system_failed(system_wait(&status)) || status != 0)) {
        refused++;
        if (status != STATUS_KILLED) {
            printf("scarce: a child ended with %d\n", (int)status);
            system_exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    intptr_t child;

    (void)argv;
    use_heap();
    if (argc > 1) {
        return 0;
    }
    child = system_fork();
    if (child == 0) {
        done("exec", system_exec("scarce again"));
        return 0;
    }
    reap(child);
    reap(system_spawn("scarce again"));
    printf("scarce: refused %u\n", refused);
    return 0;
}
