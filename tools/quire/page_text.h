/*
 * Memory and page tables as text, as the homework programs of OSTEP print them.
 *
 * paging-multilevel-translate.py:           paging-linear-translate.py:
 *     page   0:1b1d0501...                      ARG address space size 16k
 *     ...                                       ARG page size 4k
 *     PDBR: 108  (decimal) [...]                  0x8000000c          or   [       0]  0x8000000c
 *     Virtual Address 611c: ...                   VA 0x00003229 (decimal:    12841) --> ...
 *
 * The first is also a way to write down a memory image by hand: `page N:` and the page in
 * hexadecimal digits, with blanks where you like; a '#' begins a comment; pages ascend, and those
 * that are left out are zero.
 */
#ifndef QUIRE_TOOLS_PAGE_TEXT_H
#define QUIRE_TOOLS_PAGE_TEXT_H

#include "output.h"

enum page_text_kind {
    PAGE_TEXT_MEMORY, /* pages, perhaps with a root and addresses to be translated */
    PAGE_TEXT_LINEAR  /* the entries of a linear page table, and addresses */
};

struct page_text {
    enum page_text_kind kind;

    unsigned char *memory; /* MEMORY: what the pages hold. LINEAR: the entries, little-endian */
    size_t bytes;          /* of it that are in use */
    size_t room;
    size_t page_bytes; /* MEMORY: digits in a page / 2; 0: no page was seen */
    size_t pages;      /* page lines seen */

    bool has_root;
    uint64_t root; /* MEMORY: of the PDBR line, a page number */

    uint64_t space_bytes, page_size; /* LINEAR: of the ARG lines; 0: none */

    uint64_t *va; /* addresses asked for */
    size_t vas, va_room;
};

enum page_text_strictness {
    PAGE_TEXT_STRICT, /* a memory image: every line must be one of the above */
    PAGE_TEXT_PROSE   /* a program's output: other lines are prose, and skipped */
};

/* Could this be such a text? Decided by how it begins. */
bool page_text_likely(const unsigned char *text, size_t size);

/* Reads it all. page_text_free() is needed after success only. */
bool page_text_parse(struct page_text *into, const char *text, size_t size,
                     enum page_text_strictness strictness, const char *name,
                     struct problem *problem);

void page_text_free(struct page_text *text);

#endif
