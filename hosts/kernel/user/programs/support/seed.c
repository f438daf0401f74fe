/* Taking turns, and libgfx: see seed.h. No buffers: the stack is one page. */
#include "seed.h"

#include <library.h>
#include <string.h>

#include "system.h"

enum { PASS_PAGES = 16, PAGE = 4096, QUIET_LOOKS = 6, PATIENCE = 1000000 };

static void *libgfx;

void say(const char *text)
{
    system_write(1, text, strlen(text));
}

void expect(bool so, const char *otherwise)
{
    if (!so) {
        say(otherwise);
        say("\n");
        system_exit(1);
    }
}

static struct memory_statistics look(void)
{
    struct memory_statistics memory;

    system_memory(&memory);
    return memory;
}

uint32_t user_frames_free(void)
{
    struct memory_statistics memory = look();

    return memory.frames_free - memory.low_free;
}

/* ---- turns ----------------------------------------------------------------------------------- */

void turn_begin(struct turn *turn)
{
    turn->zeroed = look().zeroed;
}

void turn_pass(struct turn *turn)
{
    for (unsigned i = 0; i < PASS_PAGES; i++) {
        intptr_t at = system_mmap(PAGE, QUIRE_READ | QUIRE_WRITE);

        expect(!system_failed(at), "no page to pass the turn with");
        *(volatile unsigned char *)at = 1;
        expect(system_munmap((void *)at, PAGE) == 0, "a page cannot be given back");
    }
    turn_begin(turn);
}

void turn_wait(struct turn *turn)
{
    uint32_t last = turn->zeroed;

    for (unsigned looks = 0, quiet = 0; quiet < QUIET_LOOKS; looks++) {
        uint32_t zeroed;

        system_yield();
        zeroed = look().zeroed;
        quiet = zeroed - turn->zeroed >= PASS_PAGES && zeroed == last ? quiet + 1 : 0;
        last = zeroed;
        expect(looks < PATIENCE, "waited for a turn in vain");
    }
    turn->zeroed = last;
}

/* ---- libgfx ---------------------------------------------------------------------------------- */

void gfx_open(uintptr_t where)
{
    libgfx = library_open("libgfx");
    expect(libgfx != NULL, "libgfx cannot be loaded");
    expect((uintptr_t)libgfx == where, "libgfx is not where it should be");
}

uintptr_t gfx(const char *name)
{
    void *function = library_symbol(libgfx, name);

    expect(function != NULL, "libgfx lacks a function");
    return (uintptr_t)function;
}
