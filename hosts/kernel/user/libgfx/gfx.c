/*
 * libgfx: see gfx.h. The picture is text all the time, so showing it takes no memory. Its rows are
 * reached through a table of pointers, which need relocation, and its functions call each other as
 * others would, through the procedure linkage table: a library as real ones are.
 */
#include "gfx.h"

#include "system.h"

#define DOTS8 "........"
#define ROW DOTS8 DOTS8 DOTS8 DOTS8 DOTS8 DOTS8 DOTS8 DOTS8 "\n"
#define ROWS8 ROW ROW ROW ROW ROW ROW ROW ROW

enum { COLUMNS = GFX_WIDTH + 1 };

static char picture[] = ROWS8 ROWS8 ROWS8;

#define ROW_AT(y) (picture + (y)*COLUMNS)
#define FOUR_AT(y) ROW_AT(y), ROW_AT(y + 1), ROW_AT(y + 2), ROW_AT(y + 3)
static char *row[GFX_HEIGHT] = {FOUR_AT(0),  FOUR_AT(4),  FOUR_AT(8),
                                FOUR_AT(12), FOUR_AT(16), FOUR_AT(20)};

gfx_clear_function gfx_clear;
gfx_dot_function gfx_dot;
gfx_line_function gfx_line;
gfx_circle_function gfx_circle;
gfx_count_function gfx_count;
gfx_show_function gfx_show;

void gfx_clear(void)
{
    for (int y = 0; y < GFX_HEIGHT; y++) {
        for (int x = 0; x < GFX_WIDTH; x++) {
            row[y][x] = '.';
        }
    }
}

void gfx_dot(int x, int y)
{
    if (x >= 0 && x < GFX_WIDTH && y >= 0 && y < GFX_HEIGHT) {
        row[y][x] = '#';
    }
}

void gfx_line(int x0, int y0, int x1, int y1)
{
    int width = x1 > x0 ? x1 - x0 : x0 - x1, height = y1 > y0 ? y1 - y0 : y0 - y1;
    int right = x1 > x0 ? 1 : -1, down = y1 > y0 ? 1 : -1;
    int error = width - height;

    gfx_dot(x0, y0);
    while (x0 != x1 || y0 != y1) {
        int twice = 2 * error;

        if (twice > -height) {
            error -= height;
            x0 += right;
        }
        if (twice < width) {
            error += width;
            y0 += down;
        }
        gfx_dot(x0, y0);
    }
}

void gfx_circle(int x, int y, int radius)
{
    int error = 1 - radius;

    for (int a = radius, b = 0; b <= a; b++) {
        for (int corner = 0; corner < 4; corner++) {
            int right = (corner & 1) != 0 ? 1 : -1, down = (corner & 2) != 0 ? 1 : -1;

            gfx_dot(x + right * a, y + down * b);
            gfx_dot(x + right * b, y + down * a);
        }
        a -= error > 0;
        error += error > 0 ? 2 * (b - a) + 3 : 2 * b + 3;
    }
}

unsigned gfx_count(void)
{
    unsigned count = 0;

    for (int y = 0; y < GFX_HEIGHT; y++) {
        for (int x = 0; x < GFX_WIDTH; x++) {
            count += row[y][x] == '#';
        }
    }
    return count;
}

void gfx_show(void)
{
    system_write(1, picture, sizeof(picture) - 1);
}
