/* proc2: the other process of seed 002. proc1 tells what they do. */
#include "support/seed.h"
#include "system.h"

enum { LIBGFX_AT = 0x805000 };

int main(void)
{
    gfx_circle_function *circle;
    gfx_count_function *count;
    gfx_show_function *show;
    struct turn turn;
    uint32_t free;
    unsigned dots;

    turn_begin(&turn);
    system_stop("step-3");
    turn_pass(&turn);
    turn_wait(&turn);

    free = user_frames_free();
    gfx_open(LIBGFX_AT);
    expect(user_frames_free() == free, "libgfx is in memory twice");
    system_stop("step-5");
    turn_pass(&turn);
    turn_wait(&turn);

    circle = (gfx_circle_function *)gfx("gfx_circle");
    count = (gfx_count_function *)gfx("gfx_count");
    show = (gfx_show_function *)gfx("gfx_show");
    expect(count() == 0, "proc2 sees what proc1 has drawn");
    circle(32, 12, 11);
    circle(32, 12, 7);
    dots = count();
    expect(dots != 0, "proc2 has drawn nothing");
    turn_pass(&turn);
    turn_wait(&turn);

    expect(count() == dots, "proc2 has lost its ring");
    show();
    return 0;
}
