/* The story of one walk, for people. */
#ifndef QUIRE_TOOLS_EXPLAIN_H
#define QUIRE_TOOLS_EXPLAIN_H

#include <stdio.h>

#include "quire/walk.h"

/* Hexadecimal digits of the format's virtual and physical addresses and of its entries. */
unsigned va_digits(const struct quire_format *format);
unsigned pa_digits(const struct quire_format *format);
unsigned entry_digits(const struct quire_format *format);

/* How the address is cut up, and every entry that was read with the meaning of its bits; not the
 * result. */
void explain_walk(const struct quire_mmu *mmu, quire_va va, const struct quire_walk *walk,
                  const struct quire_trace *trace, FILE *out);

#endif
