/*
 * meanwhile: do others run while a page is on its way? A child uses a little more memory than there
 * is. Its parent has one turn after the other, and counts those in a row in which no transfer has
 * ended: very many, if the disk takes its time; next to none, if the kernel waits for the disk.
 */
#include <stdio.h>

#include "support/pattern.h"
#include "system.h"

enum { MORE = 16, ENOUGH = 20 };

static _Noreturn void be_hog(uint32_t pages)
{
    intptr_t at = system_mmap((size_t)pages * PAGE, QUIRE_READ | QUIRE_WRITE);

    if (system_failed(at)) {
        system_exit(1);
    }
    for (uint32_t page = 0; page < pages; page++) {
        ((volatile uint32_t *)at)[page * PAGE_WORDS] = page;
    }
    system_exit(0);
}

int main(void)
{
    struct memory_statistics before, now;
    uint32_t turns = 0, most = 0, moved = 0;
    int32_t status = -1;

    system_memory(&before);
    if (system_fork() == 0) {
        be_hog(before.frames_free - before.low_free + MORE);
    }
    for (system_memory(&now); now.processes > before.processes; system_memory(&now)) {
        turns = now.swapped_in + now.swapped_out == moved ? turns + 1 : 0;
        moved = now.swapped_in + now.swapped_out;
        most = moved != 0 && turns > most ? turns : most;
        system_yield();
    }
    system_wait(&status);
    printf("meanwhile: %s, %s\n", now.swapped_out != 0 && status == 0 ? "swapped" : "not swapped",
           most >= ENOUGH ? "and others ran" : "and nobody else ran");
    return most < ENOUGH;
}
