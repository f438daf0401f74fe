/* Mappings of pages, one for each page: the common language of kernel and witnesses. */
#ifndef KERNEL_PAGES_H
#define KERNEL_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE = 4096 };

struct page {
    uint32_t va, pa;
    bool user, write; /* what all levels together allow */
};

/* By ascending addresses. */
struct pages {
    struct page *page;
    size_t count, room;
};

/* Adds [va, va + bytes). False: not whole pages, or not behind all that is there. */
bool pages_add(struct pages *pages, uint64_t va, uint64_t pa, uint64_t bytes, bool user,
               bool write);
void pages_clear(struct pages *pages);

/* The page that holds va, or NULL. */
struct page *pages_find(const struct pages *pages, uint32_t va);

/* Says in `text` where two first differ, as what `one` and `other` say; false: they do not. */
bool pages_differ(const struct pages *a, const char *one, const struct pages *b, const char *other,
                  char *text, size_t bytes);

#endif
