/* What may stand behind --format: a built-in format, or the file of a user's own. */
#ifndef QUIRE_TOOLS_FORMAT_LIST_H
#define QUIRE_TOOLS_FORMAT_LIST_H

#include "format_file.h"

/* The built-in formats, in the order in which they are listed. */
extern const struct quire_format *const format_list[];
extern const size_t format_list_length;

/*
 * Finds what `text` names: a built-in format; `ostep-linear:va_bits=V,page=SIZE`; or the path of a
 * file (docs/formats.md). *format points to what is built in, or into *described.
 */
bool format_choose(const char *text, struct format_described *described,
                   const struct quire_format **format, struct problem *problem);

#endif
