/* Lists of mappings: see pages.h. */
#include "pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/check.h"

static void append(struct pages *pages, struct page page)
{
    if (pages->count == pages->room) {
        pages->room = pages->room == 0 ? 4096 : 2 * pages->room;
        pages->page = realloc(pages->page, pages->room * sizeof(page));
        check(pages->page != NULL);
    }
    pages->page[pages->count++] = page;
}

bool pages_add(struct pages *pages, uint64_t va, uint64_t pa, uint64_t bytes, bool user, bool write)
{
    const uint64_t end = UINT64_C(1) << 32;

    if ((va | pa | bytes) % PAGE != 0 || bytes == 0 || va + bytes > end || pa + bytes > end ||
        (pages->count > 0 && va <= pages->page[pages->count - 1].va)) {
        return false;
    }
    for (uint64_t at = 0; at < bytes; at += PAGE) {
        append(pages, (struct page){(uint32_t)(va + at), (uint32_t)(pa + at), user, write});
    }
    return true;
}

void pages_clear(struct pages *pages)
{
    free(pages->page);
    *pages = (struct pages){0};
}

struct page *pages_find(const struct pages *pages, uint32_t va)
{
    size_t first = 0, end = pages->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (pages->page[middle].va + (PAGE - 1) < va) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < pages->count && pages->page[first].va <= va ? &pages->page[first] : NULL;
}

static void describe(const struct page *page, char *text, size_t bytes)
{
    if (page == NULL) {
        snprintf(text, bytes, "not mapped");
    } else {
        snprintf(text, bytes, "-> %08" PRIx32 " %c%c", page->pa, page->user ? 'u' : '-',
                 page->write ? 'w' : '-');
    }
}

static bool same(const struct page *a, const struct page *b)
{
    return a->va == b->va && a->pa == b->pa && a->user == b->user && a->write == b->write;
}

bool pages_differ(const struct pages *a, const char *one, const struct pages *b, const char *other,
                  char *text, size_t bytes)
{
    const struct page *x, *y;
    char first[40], second[40];
    uint32_t va;
    size_t i = 0;

    while (i < a->count && i < b->count && same(&a->page[i], &b->page[i])) {
        i++;
    }
    x = i < a->count ? &a->page[i] : NULL;
    y = i < b->count ? &b->page[i] : NULL;
    if (x == NULL && y == NULL) {
        return false;
    }
    va = y == NULL || (x != NULL && x->va < y->va) ? x->va : y->va;
    describe(x != NULL && x->va == va ? x : NULL, first, sizeof(first));
    describe(y != NULL && y->va == va ? y : NULL, second, sizeof(second));
    snprintf(text, bytes, "%08" PRIx32 ": %s: %s; %s: %s", va, one, first, other, second);
    return true;
}
