/*
 * A replay as pictures in text: where the program's memory lay, what the frames of the machine hold
 * at the end, and the faults over time.
 */
#ifndef QUIRE_TOOLS_REPLAY_DRAW_H
#define QUIRE_TOOLS_REPLAY_DRAW_H

#include "replay_report.h"

enum draw_how {
    DRAW_AS_TERMINAL, /* Unicode if the locale is UTF-8; colours if it is a terminal */
    DRAW_ASCII        /* neither */
};

/* What cells can be made of. */
struct draw_style {
    bool unicode, colour;
};

/* One kind of cell. */
struct draw_cell {
    const char *unicode;
    char ascii;
    unsigned char colour; /* ANSI foreground; 0: as it is */
    const char *meaning;
};

struct draw_style draw_style_of(enum draw_how how);

/* A row of cells, each named by its number in `cells`. */
void draw_cells(struct draw_style style, const struct draw_cell *cells, const unsigned char *row,
                size_t length);

/* What each of `count` cells means, on one line, indented. */
void draw_legend(struct draw_style style, const struct draw_cell *cells, size_t count);

/* The three pictures. */
void draw_address_space(struct draw_style style, const struct replay_report *report);
void draw_frames(struct draw_style style, const struct replay_report *report);
void draw_curve(struct draw_style style, const struct replay_report *report);

/* All of them. */
void replay_draw(const struct replay_report *report, enum draw_how how);

/* What the run showed, and three commands to try next: they work as printed. */
void replay_draw_outlook(const struct replay_report *report);

#endif
