/* Pictures of formats, at most 100 columns wide. */
#ifndef QUIRE_TOOLS_FORMAT_DRAW_H
#define QUIRE_TOOLS_FORMAT_DRAW_H

#include <stdio.h>

#include "quire/format.h"

/* The whole format: sizes, the address cut into indexes, the levels, the bits of every kind of
 * entry. */
void format_draw(const struct quire_format *format, FILE *out);

#endif
