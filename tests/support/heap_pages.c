/* A source of pages for heaps: see heap_pages.h. */
#include "tests/support/heap_pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/support/check.h"

enum { NO_PLACE = -1, JUNK = 0x5a, HOST_PAGE = 4096, MISFIT = 1 << 16 };

/* Pages that are smaller than the host's share its pages: those cannot be protected. */
static bool protectable(const struct heap_pages *pages)
{
    return 1 << pages->page_shift >= HOST_PAGE;
}

static void allow(struct heap_pages *pages, void *at, size_t bytes)
{
    if (protectable(pages)) {
        check(mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0);
    }
}

static void forbid(struct heap_pages *pages, void *at, size_t bytes)
{
    if (protectable(pages)) {
        check(mprotect(at, bytes, PROT_NONE) == 0);
    } else {
        memset(at, JUNK, bytes);
    }
}

static void fill_new(struct heap_pages *pages, void *at, size_t bytes)
{
    if (!pages->zeroed || !protectable(pages)) {
        memset(at, pages->zeroed ? 0 : JUNK, bytes);
    } else {
        check(madvise(at, bytes, MADV_DONTNEED) == 0);
    }
}

static bool all_free(const struct heap_pages *pages, size_t first, size_t count)
{
    if (first > pages->pages || count > pages->pages - first) {
        return false;
    }
    for (size_t i = first; i < first + count; i++) {
        if (pages->taken[i]) {
            return false;
        }
    }
    return true;
}

/* The next place at or after `from` with so many free pages, going up or down. */
static long search(const struct heap_pages *pages, size_t from, size_t count, long step)
{
    long at = (long)from;

    while (at >= 0 && (size_t)at + count <= pages->pages) {
        if (all_free(pages, (size_t)at, count)) {
            return at;
        }
        at += step;
    }
    return NO_PLACE;
}

static long choose(struct heap_pages *pages, void *wish, size_t count)
{
    size_t wished = (size_t)((unsigned char *)wish - pages->memory) >> pages->page_shift;
    bool can = wish != NULL && all_free(pages, wished, count);
    long place = NO_PLACE;

    if (count > pages->pages) {
        return NO_PLACE;
    }
    switch (pages->kind) {
    case PAGES_BRK: return search(pages, pages->break_page, count, (long)pages->pages);
    case PAGES_ADJACENT: return can ? (long)wished : search(pages, 0, count, 1);
    case PAGES_DESCENDING: return search(pages, pages->pages - count, count, -1);
    case PAGES_RANDOM:
        if (can && prng_one_in(&pages->prng, 3)) {
            return (long)wished;
        }
        place = search(pages, prng_below(&pages->prng, pages->pages), count, 1);
        return place != NO_PLACE ? place : search(pages, 0, count, 1);
    case PAGES_KINDS: break;
    }
    return NO_PLACE;
}

static void *get(void *context, void *wish, size_t bytes)
{
    struct heap_pages *pages = context;
    size_t count = bytes >> pages->page_shift;
    unsigned char *at;
    long place;

    check(count != 0 && count << pages->page_shift == bytes);
    pages->gets++;
    if (pages->gets == pages->refuse_at ||
        (pages->refuse_after != 0 && pages->gets >= pages->refuse_after)) {
        return NULL;
    }
    place = choose(pages, wish, count);
    if (place == NO_PLACE) {
        return NULL;
    }
    memset(pages->taken + place, true, count);
    pages->break_page = pages->kind == PAGES_BRK ? (size_t)place + count : 0;
    at = pages->memory + ((size_t)place << pages->page_shift);
    allow(pages, at, bytes);
    fill_new(pages, at, bytes);
    pages->got += bytes;
    return at;
}

/* The number of the first page. Checks that the heap has all of them. */
static size_t whose(const struct heap_pages *pages, const void *at, size_t bytes)
{
    size_t offset = (size_t)((const unsigned char *)at - pages->memory);
    size_t first = offset >> pages->page_shift, count = bytes >> pages->page_shift;

    check(first << pages->page_shift == offset && count << pages->page_shift == bytes);
    checkf(count != 0 && first < pages->pages && count <= pages->pages - first,
           "pages %zu and %zu more of %zu", first, count, pages->pages);
    for (size_t i = first; i < first + count; i++) {
        checkf(pages->taken[i], "page %zu (of %zu from %zu on) is not the heap's", i, count, first);
    }
    return first;
}

static bool give(void *context, void *at, size_t bytes)
{
    struct heap_pages *pages = context;
    size_t first = whose(pages, at, bytes);
    size_t count = bytes >> pages->page_shift;

    if (pages->kind == PAGES_BRK && first + count != pages->break_page) {
        return false;
    }
    pages->break_page = first; /* of a break; else not used */
    memset(pages->taken + first, false, count);
    forbid(pages, at, bytes);
    pages->given += bytes;
    return true;
}

static void discard(void *context, void *at, size_t bytes)
{
    struct heap_pages *pages = context;

    whose(pages, at, bytes);
    fill_new(pages, at, bytes);
}

void heap_pages_open(struct heap_pages *pages, enum heap_pages_kind kind, unsigned page_shift,
                     bool zeroed)
{
    *pages = (struct heap_pages){.kind = kind, .page_shift = page_shift, .zeroed = zeroed};
    pages->prng = prng_new(0x9a6e5 + kind);
    pages->pages = HEAP_PAGES_BYTES >> page_shift;
    pages->taken = calloc(pages->pages, 1);
    pages->mapped = mmap(NULL, HEAP_PAGES_BYTES + QUIRE_HEAP_WINDOW, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(pages->taken != NULL && pages->mapped != MAP_FAILED);
    /* Aligned as the largest pages are, but not as the heap would like it best. */
    pages->memory =
        pages->mapped + (-((uintptr_t)pages->mapped + MISFIT) & (QUIRE_HEAP_WINDOW - 1));
    forbid(pages, pages->memory, HEAP_PAGES_BYTES);
}

void heap_pages_close(struct heap_pages *pages)
{
    munmap(pages->mapped, HEAP_PAGES_BYTES + QUIRE_HEAP_WINDOW);
    free(pages->taken);
}

struct quire_heap_source heap_pages_source(struct heap_pages *pages)
{
    return (struct quire_heap_source){
        get, give, discard, pages, (uint8_t)pages->page_shift, pages->zeroed || pages->lies};
}

size_t heap_pages_held(const struct heap_pages *pages)
{
    size_t held = 0;

    for (size_t i = 0; i < pages->pages; i++) {
        held += (size_t)pages->taken[i] << pages->page_shift;
    }
    return held;
}

void heap_pages_foreign(struct heap_pages *pages)
{
    check(pages->kind == PAGES_BRK);
    pages->break_page++;
}
