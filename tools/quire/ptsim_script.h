/* The command language of ptsim: words in, the assignment's lines out. */
#ifndef QUIRE_TOOLS_PTSIM_SCRIPT_H
#define QUIRE_TOOLS_PTSIM_SCRIPT_H

#include <stdio.h>

#include "output.h"
#include "ptsim.h"

/* Runs commands, each with its operands, one after the other. Stops at the first that is wrong,
 * which then has changed nothing: `problem` says what about it. *commands counts up for each. */
bool ptsim_run_words(struct ptsim *machine, char *const *word, unsigned words, FILE *out,
                     unsigned *commands, struct problem *problem);

/* The same for a line of text; a '#' begins a comment. */
bool ptsim_run_line(struct ptsim *machine, const char *line, FILE *out, unsigned *commands,
                    struct problem *problem);

#endif
