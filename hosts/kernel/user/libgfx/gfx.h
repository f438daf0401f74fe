/*
 * libgfx: black and white pictures, drawn into the library's own data, so that each process has a
 * picture of its own as soon as it draws.
 *
 * A program asks library_symbol() for these by their names; the types are for it to cast to.
 */
#ifndef LIBGFX_H
#define LIBGFX_H

enum { GFX_WIDTH = 64, GFX_HEIGHT = 24 }; /* dots; (0, 0) is above and left */

typedef void gfx_clear_function(void);
typedef void gfx_dot_function(int x, int y);
typedef void gfx_line_function(int x0, int y0, int x1, int y1);
typedef void gfx_circle_function(int x, int y, int radius);
typedef unsigned gfx_count_function(void); /* of the dots that are black */
typedef void gfx_show_function(void);      /* on the console, '#' and '.' */

#endif
