/* What proc1 and proc2 share: taking turns, and libgfx. */
#ifndef SUPPORT_SEED_H
#define SUPPORT_SEED_H

#include <stdbool.h>
#include <stdint.h>

#include "hosts/kernel/user/libgfx/gfx.h"

/*
 * Turns. There are no messages between processes here; but all can see how many pages the machine
 * has filled with zeros. Who passes the turn takes a page, PASS_PAGES times, and gives it back each
 * time; who waits for it yields until so many were filled, and then no more for a while. No frame
 * is held afterwards.
 */
struct turn {
    uint32_t zeroed;
};
void turn_begin(struct turn *turn);
void turn_pass(struct turn *turn);
void turn_wait(struct turn *turn);

/* Ends the program, with status 1, if this is not so. */
void expect(bool so, const char *otherwise);

void say(const char *text);

/* Loads libgfx, which must come to lie there. Nothing of it is touched. */
void gfx_open(uintptr_t where);
/* One of its functions: for the caller to cast. */
uintptr_t gfx(const char *name);

/* Frames above the kernel's 8 MiB that are free. */
uint32_t user_frames_free(void);

#endif
