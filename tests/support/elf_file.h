/*
 * ELF files made to order, for both classes and byte orders, by the system's own <elf.h>; and what
 * must hold of everything that quire_elf_parse() accepts.
 */
#ifndef SUPPORT_ELF_FILE_H
#define SUPPORT_ELF_FILE_H

#include "quire/elf.h"

enum { ELF_FILE_ENTRIES = 24, ELF_FILE_BYTES = 0x4000 };

struct elf_entry {
    uint32_t type, flags;
    uint64_t offset, va, file_bytes, bytes, align;
};

/* What to write, right or wrong. */
struct elf_plan {
    unsigned bits; /* which shape the headers have; the file says `class` */
    bool big_endian;
    unsigned char magic[4], class, order, ident_version;
    uint32_t version;
    uint16_t type, machine, header_bytes, entry_bytes, entries;
    uint64_t entry, entries_at;
    struct elf_entry entry_of[ELF_FILE_ENTRIES]; /* as many as `entries`, and as fit */
    uint64_t bytes;                              /* of the file, at most ELF_FILE_BYTES */
};

/* A sound executable of three segments: headers, text, data with bss behind it; between them
 * entries that mean nothing to a kernel. */
struct elf_plan elf_plan(unsigned bits, bool big_endian);
enum { ELF_PLAN_STACK, ELF_PLAN_HEADERS, ELF_PLAN_TEXT, ELF_PLAN_NOTE, ELF_PLAN_DATA };

/* Headers as planned, noise elsewhere, into ELF_FILE_BYTES bytes. */
void elf_write(const struct elf_plan *plan, unsigned char *file);

/* Checks an image that was found sound: it lies within the file, nothing overlaps, and the rules
 * are kept. */
void elf_check_image(const struct quire_image *image, uint64_t file_bytes,
                     const struct quire_elf_rules *rules);

#endif
