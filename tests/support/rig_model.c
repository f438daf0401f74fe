/* What operations on page tables should do, worked out page by page. */
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/model_walk.h"
#include "tests/support/rig.h"

static uint64_t page_bytes(const struct rig *rig)
{
    return UINT64_C(1) << quire_format_page_shift(rig->format);
}

static uint64_t span_of(const struct rig *rig, unsigned level)
{
    return UINT64_C(1) << rig->format->level[level - 1].shift;
}

static bool translatable(const struct quire_format *format, uint64_t va)
{
    uint64_t above = format->va_bits == 64 ? 0 : va >> format->va_bits;

    if (format->canonical == QUIRE_SIGN_EXTENDED && format->va_bits < 64 &&
        (va >> (format->va_bits - 1) & 1)) {
        return above == UINT64_MAX >> format->va_bits;
    }
    return above == 0;
}

/* What is wrong with a range of addresses? Bits of status; 0: nothing. */
static unsigned range_errors(const struct rig *rig, uint64_t va, uint64_t bytes)
{
    const struct quire_format *format = rig->format;
    uint64_t last = va + bytes - 1;

    if (bytes == 0 || va % page_bytes(rig) != 0 || bytes % page_bytes(rig) != 0 || last < va) {
        return 1U << QUIRE_INVALID;
    }
    if (!translatable(format, va) || !translatable(format, last)) {
        return 1U << QUIRE_OUT_OF_RANGE;
    }
    if (format->canonical == QUIRE_SIGN_EXTENDED && (va >> 63) != (last >> 63)) {
        return 1U << QUIRE_OUT_OF_RANGE;
    }
    return 0;
}

bool rig_range_is_sound(const struct rig *rig, uint64_t va, uint64_t bytes)
{
    return range_errors(rig, va, bytes) == 0;
}

static uint32_t first_at_or_above(const struct rig *rig, uint64_t va)
{
    uint32_t low = 0, high = rig->pages;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rig->page[middle].va < va) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- leaves that are split ------------------------------------------------------------------- */

static bool overlaps(uint64_t a, uint64_t a_bytes, uint64_t first, uint64_t last)
{
    return a <= last && a + (a_bytes - 1) >= first;
}

static bool inside(uint64_t a, uint64_t a_bytes, uint64_t first, uint64_t last)
{
    return a >= first && a + (a_bytes - 1) <= last;
}

/* A page of a large leaf of which only [first, last] changes: the largest leaf that it can still
 * have is wholly inside the change or wholly outside. */
static unsigned level_after_split(const struct rig *rig, const struct rig_page *page,
                                  uint64_t first, uint64_t last)
{
    unsigned level = page->level;

    for (;; level++) {
        uint64_t span = span_of(rig, level), start = page->va & ~(span - 1);
        if (!overlaps(start, span, first, last) || inside(start, span, first, last)) {
            return level;
        }
    }
}

/* Splits what [first, last] covers in part, wherever `splits` says that the leaf changes. False:
 * an address does not fit into the smaller leaf. */
static bool split_around(struct rig *rig, uint64_t first, uint64_t last,
                         bool (*splits)(const struct rig *, const struct rig_op *,
                                        const struct rig_page *),
                         const struct rig_op *op)
{
    for (uint32_t i = 0; i < rig->pages; i++) {
        struct rig_page *page = &rig->next[i];
        uint64_t span, start, pa;
        unsigned level;

        if (page->level == 0) {
            continue;
        }
        span = span_of(rig, page->level);
        start = page->va & ~(span - 1);
        if (!overlaps(start, span, first, last) || inside(start, span, first, last) ||
            !splits(rig, op, page)) {
            continue;
        }
        level = level_after_split(rig, page, first, last);
        pa = page->pa & ~(span_of(rig, level) - 1);
        for (unsigned l = page->level + 1U; l <= level; l++) {
            if (!model_fits(rig->format, l, MODEL_LEAF, pa & ~(span_of(rig, l) - 1))) {
                return false;
            }
        }
        page->level = (uint8_t)level;
    }
    return true;
}

static bool splits_always(const struct rig *rig, const struct rig_op *op,
                          const struct rig_page *page)
{
    (void)rig;
    (void)op;
    (void)page;
    return true;
}

/* ---- map ------------------------------------------------------------------------------------- */

/* Would a leaf of this level here stand where there is a table? */
static bool has_table(const struct rig *rig, uint32_t i, unsigned level)
{
    uint64_t span = span_of(rig, level), start = rig->page[i].va & ~(span - 1);

    for (uint32_t k = first_at_or_above(rig, start);
         k < rig->pages && rig->page[k].va - start < span; k++) {
        if (rig->page[k].level > level) {
            return true;
        }
    }
    return false;
}

/* The largest leaf for page i; 0: not even the smallest holds the address. */
static unsigned choose_level(const struct rig *rig, const struct rig_op *op, uint32_t i,
                             uint64_t pa)
{
    uint64_t va = rig->page[i].va, last = op->va + op->bytes - 1;

    for (unsigned level = 1; level <= rig->format->levels; level++) {
        uint64_t span = span_of(rig, level);

        if (rig->format->level[level - 1].leaf && va % span == 0 && pa % span == 0 &&
            inside(va, span, op->va, last) && (op->largest_leaf == 0 || span <= op->largest_leaf) &&
            !has_table(rig, i, level) && model_fits(rig->format, level, MODEL_LEAF, pa)) {
            return level;
        }
    }
    return 0;
}

static unsigned expect_map(struct rig *rig, const struct rig_op *op, uint64_t *mapped)
{
    uint64_t last = op->va + op->bytes - 1;
    unsigned wrong = range_errors(rig, op->va, op->bytes);
    uint32_t i;

    if (op->pa % page_bytes(rig) != 0 ||
        (op->largest_leaf != 0 && op->largest_leaf < page_bytes(rig))) {
        wrong |= 1U << QUIRE_INVALID;
    }
    if (wrong != 0) {
        return wrong;
    }
    if (op->pa + op->bytes - 1 < op->pa) {
        return 1U << QUIRE_OUT_OF_RANGE | 1U << QUIRE_INVALID;
    }
    if (op->existing == QUIRE_EXISTING_REPLACE &&
        !split_around(rig, op->va, last, splits_always, op)) {
        wrong |= 1U << QUIRE_OUT_OF_RANGE;
    }
    for (i = first_at_or_above(rig, op->va); i < rig->pages && rig->page[i].va <= last;) {
        uint64_t pa = op->pa + (rig->page[i].va - op->va), pages;
        unsigned level;

        if (rig->page[i].level != 0 && op->existing != QUIRE_EXISTING_REPLACE) {
            wrong |= op->existing == QUIRE_EXISTING_FAIL ? 1U << QUIRE_EXISTS : 0;
            i++;
            continue;
        }
        level = choose_level(rig, op, i, pa);
        if (level == 0) {
            wrong |= 1U << QUIRE_OUT_OF_RANGE;
            i++;
            continue;
        }
        pages = span_of(rig, level) / page_bytes(rig);
        for (uint64_t k = 0; k < pages; k++, i++) {
            rig->next[i].pa = pa + k * page_bytes(rig);
            rig->next[i].attributes = model_granted(rig->format, op->attributes);
            rig->next[i].level = (uint8_t)level;
            *mapped += page_bytes(rig);
        }
    }
    return wrong != 0 ? wrong : 1U << QUIRE_OK;
}

/* ---- the others ------------------------------------------------------------------------------ */

static unsigned expect_unmap(struct rig *rig, const struct rig_op *op)
{
    uint64_t last = op->va + op->bytes - 1;

    if (!split_around(rig, op->va, last, splits_always, op)) {
        return 1U << QUIRE_OUT_OF_RANGE | 1U << QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rig->pages; i++) {
        if (rig->page[i].va >= op->va && rig->page[i].va <= last) {
            memset(&rig->next[i], 0, sizeof(rig->next[i]));
            rig->next[i].va = rig->page[i].va;
        }
    }
    return 1U << QUIRE_OK;
}

/* Marks that are bits of the format: those that can change. */
static unsigned real_marks(const struct quire_format *format)
{
    return (format->leaf.accessed.mask != 0 ? QUIRE_ACCESSED : 0) |
           (format->leaf.dirty.mask != 0 ? QUIRE_DIRTY : 0);
}

static unsigned protected_as(const struct rig *rig, const struct rig_op *op,
                             const struct rig_page *page)
{
    unsigned given = op->attributes & (QUIRE_RIGHTS | QUIRE_GLOBAL | QUIRE_TYPE);

    return (model_granted(rig->format, given) & ~(unsigned)QUIRE_MARKS) |
           (page->attributes & QUIRE_MARKS);
}

static bool changes(const struct rig *rig, const struct rig_op *op, const struct rig_page *page)
{
    return protected_as(rig, op, page) != page->attributes;
}

static unsigned expect_protect(struct rig *rig, const struct rig_op *op, uint64_t *changed)
{
    uint64_t last = op->va + op->bytes - 1;

    if (!split_around(rig, op->va, last, changes, op)) {
        return 1U << QUIRE_OUT_OF_RANGE | 1U << QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rig->pages; i++) {
        const struct rig_page *page = &rig->page[i];
        if (page->va >= op->va && page->va <= last && page->level != 0 && changes(rig, op, page)) {
            rig->next[i].attributes = protected_as(rig, op, page);
            *changed += page_bytes(rig);
        }
    }
    return 1U << QUIRE_OK;
}

static unsigned expect_harvest(struct rig *rig, const struct rig_op *op)
{
    uint64_t last = op->va + op->bytes - 1;
    unsigned marks = op->attributes & QUIRE_MARKS & real_marks(rig->format);

    for (uint32_t i = 0; i < rig->pages; i++) {
        const struct rig_page *page = &rig->page[i];
        uint64_t span = page->level != 0 ? span_of(rig, page->level) : 1;
        if (page->level != 0 && overlaps(page->va & ~(span - 1), span, op->va, last)) {
            rig->next[i].attributes &= ~marks;
        }
    }
    return 1U << QUIRE_OK;
}

/* An access by the MMU: it marks the whole leaf. */
static unsigned expect_touch(struct rig *rig, const struct rig_op *op)
{
    uint32_t i = first_at_or_above(rig, op->va & ~(page_bytes(rig) - 1));
    const struct rig_page *page = &rig->page[i];
    unsigned marks = QUIRE_ACCESSED | (op->attributes & QUIRE_WRITE ? QUIRE_DIRTY : 0);
    uint64_t span, start;

    if (i == rig->pages || page->va > op->va || page->level == 0 ||
        (op->attributes & QUIRE_RIGHTS & ~page->attributes) != 0) {
        return 1U << QUIRE_FAULT;
    }
    span = span_of(rig, page->level);
    start = page->va & ~(span - 1);
    for (uint32_t k = first_at_or_above(rig, start);
         k < rig->pages && rig->page[k].va - start < span; k++) {
        rig->next[k].attributes |= marks & real_marks(rig->format);
    }
    return 1U << QUIRE_OK;
}

unsigned rig_expect(struct rig *rig, const struct rig_op *op, uint64_t *bytes)
{
    unsigned wrong;

    memcpy(rig->next, rig->page, rig->pages * sizeof(*rig->page));
    *bytes = 0;
    if (op->kind == RIG_MAP) {
        return expect_map(rig, op, bytes);
    }
    if (op->kind == RIG_TOUCH) {
        return expect_touch(rig, op);
    }
    wrong = range_errors(rig, op->va, op->bytes);
    if (wrong != 0) {
        return wrong;
    }
    return op->kind == RIG_UNMAP     ? expect_unmap(rig, op)
           : op->kind == RIG_PROTECT ? expect_protect(rig, op, bytes)
                                     : expect_harvest(rig, op);
}

void rig_expect_tables(const struct rig *rig, const struct rig_page *page, uint64_t *tables,
                       uint64_t *bytes)
{
    const struct quire_format *format = rig->format;

    *tables = 0;
    *bytes = 0;
    for (unsigned level = 1; level <= format->levels; level++) {
        uint64_t frames = page_bytes(rig), count = level == 1, last = 0;
        bool any = false;

        for (uint32_t i = 0; i < rig->pages && level > 1; i++) {
            uint64_t where = page[i].va >> format->level[level - 2].shift;
            if (page[i].level >= level && (!any || where != last)) {
                any = true;
                last = where;
                count++;
            }
        }
        while (frames < (uint64_t)format->pte_bytes << format->level[level - 1].bits) {
            frames *= 2;
        }
        *tables += count;
        *bytes += count * frames;
    }
}
