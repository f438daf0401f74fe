/*
 * proc1: seed 002, told by two programs. The first process of a machine with layout=seed and
 * load=eager; one page of stack is all that each has.
 *
 *   proc1                                      proc2
 *   step 2: is alone; spawns proc2
 *                                              step 3: is there, too
 *   step 4: loads libgfx, touches no data
 *                                              step 5: loads it, too
 *   draws a house
 *                                              its picture is empty; draws a ring
 *   still has its house
 *                                              still has its ring
 */
#include "support/seed.h"
#include "system.h"

enum { PROC2_PAGES = 5, LIBGFX_PAGES = 3, LIBGFX_AT = 0x803000 };

static void draw_house(void)
{
    gfx_line_function *line = (gfx_line_function *)gfx("gfx_line");

    line(12, 22, 52, 22);
    line(12, 22, 12, 11);
    line(52, 22, 52, 11);
    line(6, 12, 32, 1);
    line(58, 12, 32, 1);
}

int main(void)
{
    uint32_t free = user_frames_free();
    gfx_count_function *count;
    gfx_show_function *show;
    struct turn turn;
    int32_t status;
    unsigned dots;

    turn_begin(&turn);
    system_stop("step-2");
    expect(!system_failed(system_spawn("proc2")), "proc1 cannot spawn proc2");
    turn_wait(&turn);
    expect(user_frames_free() == free - PROC2_PAGES, "proc2 should take five frames");

    gfx_open(LIBGFX_AT);
    expect(user_frames_free() == free - PROC2_PAGES - LIBGFX_PAGES, "libgfx should take three");
    system_stop("step-4");
    turn_pass(&turn);
    turn_wait(&turn);

    count = (gfx_count_function *)gfx("gfx_count");
    show = (gfx_show_function *)gfx("gfx_show");
    expect(count() == 0, "proc1 has a picture that it did not draw");
    draw_house();
    dots = count();
    expect(dots != 0, "proc1 has drawn nothing");
    turn_pass(&turn);
    turn_wait(&turn);

    expect(count() == dots, "proc1 has lost its house");
    show();
    turn_pass(&turn);
    expect(system_wait(&status) > 0 && status == 0, "proc2 has failed");
    say("seed-002: one library, two pictures\n");
    return 0;
}
