/*
 * A paging format as text: docs/formats.md is its manual, examples/formats/ has examples.
 *
 *     format        ostep14
 *     virtual-bits  14
 *     absent        bit 0 clear
 *     level PDE
 *         index          13..10
 *         table-address  31..24 = 13..6
 *
 * One keyword a line; a right that is not said is always granted, a mark that is not said does not
 * exist. Reading and writing are driven by one list of keywords, so that what is written can be
 * read again.
 */
#ifndef QUIRE_TOOLS_FORMAT_FILE_H
#define QUIRE_TOOLS_FORMAT_FILE_H

#include <stdio.h>

#include "output.h"
#include "quire/format.h"

/* A descriptor and the text that it points to: stays where it is. */
struct format_described {
    struct quire_format format;
    char name[32];
    char title[96];
    char level_name[QUIRE_LEVELS_MAX][24];
};

/* Parses and checks. `file` is what errors call the text: "FILE: line 3: ...". */
bool format_parse(struct format_described *described, const char *text, size_t length,
                  const char *file, struct problem *problem);

/* Writes the text of a format: parsed again, it gives the same descriptor. */
void format_write(const struct quire_format *format, FILE *out);

#endif
