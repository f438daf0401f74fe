/*
 * The formats that come with quire. Each is a link unit of its own (src/paging/formats/): what you
 * do not name is not linked, and the core never looks here.
 */
#ifndef QUIRE_FORMATS_H
#define QUIRE_FORMATS_H

#include "quire/format.h"

extern const struct quire_format quire_format_ptsim;   /* seed 004: one level, one-byte entries */
extern const struct quire_format quire_format_ostep14; /* seed 003: 4 + 4 + 6, 4-byte entries */

/* OSTEP's two-level homework machine: 5 + 5 + 5, one-byte entries, valid bit 7, 0x7f unmapped. */
extern const struct quire_format quire_format_ostep_multilevel;

/* OSTEP's linear homework machine: 32-bit entries, valid bit 31. The descriptor that is there has
 * its defaults, 16 KiB of addresses in 4 KiB pages; the builder makes the others. => page_shift 3
 * .. 30, page_shift < va_bits <= page_shift + 26. Else QUIRE_OUT_OF_RANGE. */
extern const struct quire_format quire_format_ostep_linear;
enum quire_status quire_format_ostep_linear_init(struct quire_format *format, unsigned va_bits,
                                                 unsigned page_shift);

extern const struct quire_format quire_format_i386;   /* 10 + 10 + 12, PSE and PSE-36 */
extern const struct quire_format quire_format_x86_64; /* 9 + 9 + 9 + 9 + 12, NX; 4 levels */

#endif
