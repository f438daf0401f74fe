/*
 * Executable files in the ELF format: what they say about themselves, believed only where it is
 * sound.
 *
 * System V Application Binary Interface, generic part, chapters 4 (object files) and 5 (program
 * loading); processor supplements for i386 and x86-64. Files of 32 and 64 bits, of either byte
 * order; executables (ET_EXEC) and what can be anywhere (ET_DYN: position-independent executables
 * and libraries). Only program headers are read: nothing of sections, symbols, relocations.
 */
#ifndef QUIRE_ELF_H
#define QUIRE_ELF_H

#include "quire/image.h"

/* Why a file is refused. */
enum quire_elf_reason {
    QUIRE_ELF_SOUND,
    QUIRE_ELF_UNREADABLE,      /* the reading function failed */
    QUIRE_ELF_SHORT,           /* the file ends inside the header */
    QUIRE_ELF_MAGIC,           /* not ELF at all */
    QUIRE_ELF_CLASS,           /* neither 32 nor 64 bits, or not what is wanted */
    QUIRE_ELF_ORDER,           /* neither byte order, or not what is wanted */
    QUIRE_ELF_VERSION,         /* not version 1 */
    QUIRE_ELF_TYPE,            /* neither executable nor position-independent */
    QUIRE_ELF_MACHINE,         /* for another processor */
    QUIRE_ELF_LOADER,          /* wants a loader, and that is not allowed */
    QUIRE_ELF_HEADER_SIZE,     /* headers are not as long as their class says */
    QUIRE_ELF_HEADERS_OUTSIDE, /* program headers reach beyond the end of the file */
    QUIRE_ELF_NO_SEGMENTS,     /* nothing to load */
    QUIRE_ELF_MANY_SEGMENTS,   /* more than QUIRE_IMAGE_SEGMENTS, or than e_phnum can say */
    QUIRE_ELF_OUTSIDE,         /* a segment reaches beyond the end of the file */
    QUIRE_ELF_FILE_LARGER,     /* a segment has more bytes in the file than in memory */
    QUIRE_ELF_WRAPS,           /* a segment's addresses go round the end of all addresses */
    QUIRE_ELF_TOO_LARGE,       /* a segment is larger than QUIRE_IMAGE_BYTES, or lies so far back */
    QUIRE_ELF_ALIGN,           /* alignment that is no power of two */
    QUIRE_ELF_MISALIGNED,      /* file and memory do not have the same place in a page */
    QUIRE_ELF_UNSORTED,        /* segments are not in order of address */
    QUIRE_ELF_OVERLAP,         /* segments overlap, or share a page */
    QUIRE_ELF_WRITE_EXECUTE,   /* a segment is writable and executable, and that is not allowed */
    QUIRE_ELF_TOO_HIGH,        /* a segment lies beyond the highest address */
    QUIRE_ELF_ENTRY,           /* execution would not begin in an executable segment */
    QUIRE_ELF_REASONS
};
/* A phrase to go after "FILE: "; never NULL. */
const char *quire_elf_reason_text(enum quire_elf_reason reason);

/* Where the bytes of the file come from. */
struct quire_elf_source {
    /* Copies [offset, offset + bytes), which lies within the file. It may take its time: the core
     * holds nothing meanwhile. A kernel that may not wait there reads the first page beforehand. */
    enum quire_status (*read)(void *context, uint64_t offset, void *to, uint32_t bytes);
    void *context;
    uint64_t bytes; /* of the file */
};

/* A reading function for files that are in memory, or the beginning of one: the context is this. */
struct quire_elf_memory {
    const void *at;
    uint64_t bytes; /* that are there; reading beyond them fails */
};
enum quire_status quire_elf_read_memory(void *context, uint64_t offset, void *to, uint32_t bytes);

/* The machine's numbers, e_machine. */
enum { QUIRE_ELF_I386 = 3, QUIRE_ELF_X86_64 = 62 };
enum quire_elf_order { QUIRE_ELF_ANY_ORDER, QUIRE_ELF_LITTLE, QUIRE_ELF_BIG };

/* What is accepted. All zero but for page_bytes: any sound file for any machine. */
struct quire_elf_rules {
    uint64_t page_bytes; /* of the MMU; a power of two */
    uint64_t last;       /* highest address of a segment; 0: no limit */
    uint16_t machine;    /* e_machine; 0: any */
    uint8_t bits;        /* 32 or 64; 0: either */
    enum quire_elf_order order;
    bool no_write_execute; /* no segment may be both */
    bool no_loader;        /* the file must be ready to run as it is: no PT_INTERP */
    bool library;          /* it need not have an entry */
};

/*
 * Describes the image in an ELF file; image->name and image->device are the caller's to set, before
 * or after. QUIRE_ELF_SOUND; or why not: then the image has no segments, and *header (may be NULL)
 * is the number of the program header that is wrong, if it is one. => the image is not open
 */
enum quire_elf_reason quire_elf_parse(struct quire_image *image,
                                      const struct quire_elf_source *source,
                                      const struct quire_elf_rules *rules, unsigned *header);

#endif
