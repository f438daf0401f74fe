/* Answers to the questions that OSTEP's homework programs print, in the lines that the programs
 * themselves print when asked to solve them (-c). */
#ifndef QUIRE_TOOLS_OSTEP_ANSWER_H
#define QUIRE_TOOLS_OSTEP_ANSWER_H

#include <stdio.h>

#include "page_text.h"

/* `name` is what errors call the text. */
bool ostep_answer(const struct page_text *text, const char *name, FILE *out,
                  struct problem *problem);

#endif
