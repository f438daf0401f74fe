/* A page table and its model: doing the same to both, and comparing. */
#include "tests/support/rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/model_walk.h"

/* ---- beginning and end ----------------------------------------------------------------------- */

static uint64_t page_bytes(const struct rig *rig)
{
    return UINT64_C(1) << quire_format_page_shift(rig->format);
}

static void add_window(struct rig *rig, uint64_t va, uint32_t pages)
{
    rig->page = realloc(rig->page, (rig->pages + pages) * sizeof(*rig->page));
    check(rig->page != NULL);
    for (uint32_t i = 0; i < pages; i++) {
        struct rig_page page = {.va = va + i * page_bytes(rig)};
        rig->page[rig->pages++] = page;
    }
}

/* A large format: pages at both ends, around the middle, and on both sides of the hole. Each window
 * is wide enough for a large leaf with small ones around it. */
static void add_windows(struct rig *rig)
{
    const struct quire_format *format = rig->format;
    uint32_t pages = UINT32_C(3) << format->level[format->levels - 1].bits;
    uint64_t window = pages * page_bytes(rig);
    uint64_t top = format->va_bits == 64 ? 0 : UINT64_C(1) << format->va_bits;

    add_window(rig, 0, pages);
    if (format->levels > 2) {
        add_window(rig, (UINT64_C(1) << format->level[format->levels - 3].shift) - window / 3 * 2,
                   pages);
    }
    if (format->canonical == QUIRE_SIGN_EXTENDED) {
        add_window(rig, top / 2 - window, pages);
        add_window(rig, 0 - top / 2, pages);
        top = 0;
    }
    add_window(rig, top - window, pages);
}

static void add_all(struct rig *rig, unsigned page_number_bits)
{
    const struct quire_format *format = rig->format;
    uint32_t pages = UINT32_C(1) << page_number_bits;

    if (format->canonical == QUIRE_SIGN_EXTENDED) {
        add_window(rig, 0, pages / 2);
        add_window(rig, 0 - pages / 2 * page_bytes(rig), pages / 2);
    } else {
        add_window(rig, 0, pages);
    }
}

static void forget(struct rig *rig)
{
    rig->arena->on_flush = NULL;
    rig->arena->on_free = NULL;
    free(rig->page);
    free(rig->next);
    free(rig->cached);
}

bool rig_init(struct rig *rig, const struct quire_format *format, struct arena *arena,
              uint16_t asid)
{
    unsigned page_number_bits = format->va_bits - quire_format_page_shift(format);
    enum quire_status status;
    uint64_t refusals;

    memset(rig, 0, sizeof(*rig));
    rig->format = format;
    rig->arena = arena;
    rig->frames_before = arena->in_use;
    rig->view.direct = arena->ram;
    rig->view.base = arena->base;
    rig->view.bytes = arena->bytes;
    if (page_number_bits > 10) {
        add_windows(rig);
    } else {
        add_all(rig, page_number_bits);
    }
    rig->next = calloc(rig->pages, sizeof(*rig->next));
    rig->cached = calloc(rig->pages, sizeof(*rig->cached));
    check(rig->next != NULL && rig->cached != NULL);
    refusals = arena->refusals;
    status = quire_table_create(&rig->table, format, &arena->host, asid);
    if (status == QUIRE_NO_MEMORY && arena->refusals != refusals) {
        forget(rig);
        return false;
    }
    checkf(status == QUIRE_OK, "%s: %s", format->name, quire_status_text(status));
    rig_tlb_watch(rig);
    quire_batch_begin(&rig->batch, &arena->host);
    rig->active = true;
    rig_verify(rig);
    return true;
}

void rig_free(struct rig *rig)
{
    uint64_t flushes = rig->arena->flushes;

    rig_commit(rig);
    rig->active = false;
    flushes = rig->arena->flushes;
    quire_table_destroy(&rig->table);
    checkf(rig->arena->flushes > flushes, "destroyed without a flush");
    for (uint32_t i = 0; i < rig->pages; i++) {
        check(!rig->cached[i].valid);
    }
    checkf(rig->arena->in_use == rig->frames_before, "%s: %u frames were left over",
           rig->format->name, rig->arena->in_use - rig->frames_before);
    arena_settled(rig->arena);
    forget(rig);
}

/* ---- verifying ------------------------------------------------------------------------------- */

static uint64_t span_of(const struct rig *rig, unsigned level)
{
    return UINT64_C(1) << rig->format->level[level - 1].shift;
}

static uint32_t page_index(const struct rig *rig, uint64_t va)
{
    uint32_t low = 0, high = rig->pages;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (rig->page[middle].va > va) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low;
}

static void verify_page(const struct rig *rig, const struct rig_page *page)
{
    struct quire_mmu mmu = quire_table_mmu(&rig->table);
    struct quire_walk walk;
    enum quire_status status = quire_walk(&mmu, quire_va_at(page->va), 0, &walk);

    if (page->level == 0) {
        checkf(status == QUIRE_FAULT && walk.reason == QUIRE_REASON_NOT_PRESENT,
               "%s: %#" PRIx64 " should not be mapped", rig->format->name, page->va);
        return;
    }
    checkf(status == QUIRE_OK && walk.pa.at == page->pa && walk.attributes == page->attributes &&
               walk.level == page->level,
           "%s: %#" PRIx64 " should lead to %#" PRIx64 " with attributes %#x by level %u;\n"
           "#   it leads to %#" PRIx64 " with %#x by level %u (status %d, reason %d)",
           rig->format->name, page->va, page->pa, page->attributes, page->level, walk.pa.at,
           walk.attributes, walk.level, status, walk.reason);
}

/* What a visitor was told, held against the model. */
struct told {
    struct rig *rig;
    uint64_t first, last; /* the range of the operation */
    bool whole;           /* leaves may begin before the range or end after it */
    unsigned marks;       /* harvest: only leaves with one of these; 0: all */
    uint32_t pages;       /* told so far */
    uint64_t next;        /* where the next leaf may begin */
    bool any;
};

static void hear(void *context, const struct quire_leaf *leaf)
{
    struct told *told = context;
    const struct rig *rig = told->rig;
    uint32_t i = page_index(rig, leaf->va.at);
    uint64_t last = leaf->va.at + (leaf->bytes - 1);

    checkf(leaf->level >= 1 && leaf->level <= rig->format->levels &&
               leaf->bytes == span_of(rig, leaf->level) && leaf->va.at % leaf->bytes == 0 &&
               leaf->pa.at % leaf->bytes == 0,
           "%s: told of a leaf at %#" PRIx64 " of %#" PRIx64 " bytes at level %u",
           rig->format->name, leaf->va.at, leaf->bytes, leaf->level);
    checkf(!told->any || leaf->va.at >= told->next, "leaves out of order");
    checkf(told->whole ? leaf->va.at <= told->last && last >= told->first
                       : leaf->va.at >= told->first && last <= told->last,
           "%s: told of the leaf %#" PRIx64 " - %#" PRIx64 ", outside the range", rig->format->name,
           leaf->va.at, last);
    told->any = true;
    told->next = last + 1;
    check(told->marks == 0 || (leaf->attributes & told->marks) != 0);
    check(model_decode(rig->format, leaf->level, leaf->entry).address == leaf->pa.at);
    for (uint64_t at = leaf->va.at; at - leaf->va.at < leaf->bytes; at += page_bytes(rig), i++) {
        const struct rig_page *page = &rig->page[i];
        checkf(i < rig->pages && page->va == at && page->level != 0 &&
                   page->pa == leaf->pa.at + (at - leaf->va.at) &&
                   page->attributes == leaf->attributes,
               "%s: told of %#" PRIx64 " -> %#" PRIx64 " with %#x", rig->format->name, at,
               leaf->pa.at + (at - leaf->va.at), leaf->attributes);
        told->pages++;
    }
}

/* Pages that the visitor must have been told of. */
static uint32_t to_be_told(const struct told *told)
{
    const struct rig *rig = told->rig;
    uint32_t pages = 0;

    for (uint32_t i = 0; i < rig->pages; i++) {
        const struct rig_page *page = &rig->page[i];
        uint64_t start = page->va, end = page->va + (page_bytes(rig) - 1);

        if (page->level == 0 || (told->marks != 0 && (page->attributes & told->marks) == 0)) {
            continue;
        }
        if (told->whole) {
            uint64_t span = span_of(rig, page->level);
            start &= ~(span - 1);
            end = start + (span - 1);
        }
        pages += start <= told->last && end >= told->first;
    }
    return pages;
}

static void verify_visit(struct rig *rig, uint64_t va, uint64_t bytes)
{
    struct told told = {.rig = rig, .first = va, .last = va + (bytes - 1), .whole = true};
    const struct quire_visitor visitor = {hear, &told};

    check(quire_table_visit(&rig->table, quire_va_at(va), bytes, &visitor) == QUIRE_OK);
    checkf(told.pages == to_be_told(&told), "%s: visited %u pages of %u", rig->format->name,
           told.pages, to_be_told(&told));
}

/* All addresses, as few ranges as may be: 2^64 bytes cannot be said in one. */
static void verify_visit_all(struct rig *rig)
{
    const struct quire_format *format = rig->format;
    uint64_t half = UINT64_C(1) << (format->va_bits - 1);

    if (format->canonical == QUIRE_SIGN_EXTENDED) {
        verify_visit(rig, 0, half);
        verify_visit(rig, 0 - half, half);
    } else if (format->va_bits == 64) {
        verify_visit(rig, 0, half);
        verify_visit(rig, half, half);
    } else {
        verify_visit(rig, 0, half * 2);
    }
}

/* Tables that can be reached, counted from the raw memory. */
static uint64_t count_reachable(const struct rig *rig, uint64_t table, unsigned level)
{
    const struct quire_format *format = rig->format;
    uint64_t count = 1, entry;

    for (uint64_t i = 0; i < UINT64_C(1) << format->level[level - 1].bits; i++) {
        struct model_entry is;
        check(arena_peek(rig->arena, table + i * format->pte_bytes, format->pte_bytes,
                         format->big_endian, &entry));
        is = model_decode(format, level, entry);
        if (is.kind == MODEL_TABLE) {
            count += count_reachable(rig, is.address, level + 1);
        }
        check(is.kind != MODEL_RESERVED);
    }
    return count;
}

static void verify_tables(const struct rig *rig)
{
    uint64_t tables, bytes;
    quire_va at = {0};

    checkf(quire_table_validate(&rig->table, &at) == QUIRE_OK, "%s: not valid at %#" PRIx64,
           rig->format->name, at.at);
    rig_expect_tables(rig, rig->page, &tables, &bytes);
    checkf(rig->table.tables == tables && rig->table.table_bytes == bytes,
           "%s: %" PRIu64 " tables (%" PRIu64 " bytes) instead of %" PRIu64 " (%" PRIu64 ")",
           rig->format->name, rig->table.tables, rig->table.table_bytes, tables, bytes);
    if (rig->pages <= 1024) {
        check(count_reachable(rig, rig->table.root.at, 1) == tables);
    }
    if (!rig->open && rig->arena->host.frames == NULL) {
        uint64_t in_use = rig->arena->in_use - rig->frames_before;
        checkf(in_use << quire_format_page_shift(rig->format) == bytes,
               "%s: %" PRIu64 " frames in use for %" PRIu64 " bytes of tables", rig->format->name,
               in_use, bytes);
    }
}

static void verify_query(const struct rig *rig, const struct rig_page *page)
{
    struct quire_leaf leaf;
    enum quire_status status = quire_table_query(&rig->table, quire_va_at(page->va), &leaf);

    if (page->level == 0) {
        check(status == QUIRE_NOT_FOUND);
        return;
    }
    check(status == QUIRE_OK && leaf.level == page->level);
    check(leaf.bytes == span_of(rig, page->level) && leaf.va.at == (page->va & ~(leaf.bytes - 1)));
    check(leaf.pa.at == (page->pa & ~(leaf.bytes - 1)) && leaf.attributes == page->attributes);
}

void rig_verify(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->pages; i++) {
        verify_page(rig, &rig->page[i]);
        if (i % 7 == 0 || rig->pages < 64) {
            verify_query(rig, &rig->page[i]);
        }
    }
    verify_tables(rig);
    verify_visit_all(rig);
    arena_settled(rig->arena);
}

/* ---- doing ----------------------------------------------------------------------------------- */

void rig_commit(struct rig *rig)
{
    quire_batch_commit(&rig->batch);
    rig->open = false;
    rig_tlb_check(rig);
    arena_settled(rig->arena);
}

static enum quire_status do_to_table(struct rig *rig, const struct rig_op *op, uint64_t *progress,
                                     struct told *told)
{
    const struct quire_visitor visitor = {hear, told};
    struct quire_mmu mmu = quire_table_mmu(&rig->table);
    quire_va va = quire_va_at(op->va);
    struct quire_mapping mapping = {.va = va,
                                    .pa = quire_pa_at(op->pa),
                                    .bytes = op->bytes,
                                    .attributes = op->attributes,
                                    .existing = op->existing,
                                    .largest_leaf = op->largest_leaf};
    struct quire_walk walk;

    switch (op->kind) {
    case RIG_MAP: return quire_table_map(&rig->table, &rig->batch, &mapping, progress);
    case RIG_UNMAP:
        /* Half of the time nobody listens: another path through the core. */
        return quire_table_unmap(&rig->table, &rig->batch, va, op->bytes,
                                 op->largest_leaf % 2 ? NULL : &visitor);
    case RIG_PROTECT:
        return quire_table_protect(&rig->table, &rig->batch, va, op->bytes, op->attributes,
                                   progress);
    case RIG_HARVEST:
        return quire_table_harvest(&rig->table, &rig->batch, va, op->bytes, op->attributes,
                                   &visitor);
    default: return quire_walk(&mmu, va, op->attributes | QUIRE_ACCESSED, &walk);
    }
}

static void check_told(const struct rig *rig, const struct rig_op *op, const struct told *told)
{
    bool told_all = (op->kind == RIG_UNMAP && op->largest_leaf % 2 == 0) ||
                    (op->kind == RIG_HARVEST && told->marks != 0);

    checkf(told->pages == (told_all ? to_be_told(told) : 0), "%s: the visitor heard of %u pages",
           rig->format->name, told->pages);
}

/* The whole of the tables' memory: a failed operation must not change a byte of it. */
static void copy_tables(const struct rig *rig, unsigned char *copy)
{
    for (uint32_t i = 0; i < rig->arena->total; i++) {
        uint64_t bytes = UINT64_C(1) << rig->arena->page_shift, at = i * bytes;
        if (rig->arena->order_of[i] != 0) {
            memcpy(copy + at, rig->arena->ram + at, bytes);
        } else {
            memset(copy + at, 0, bytes);
        }
    }
}

static void check_unchanged(const struct rig *rig, const struct rig_op *op,
                            const unsigned char *copy)
{
    unsigned char *now = malloc(rig->arena->bytes);

    check(now != NULL);
    copy_tables(rig, now);
    checkf(memcmp(now, copy, rig->arena->bytes) == 0, "%s: failed, but changed the tables: %s",
           rig->format->name, rig_op_text(op));
    free(now);
}

/* May the table fail for want of frames? Hooks tell that they refused. With the bundled allocator:
 * if there are fewer frames than the new tables and the splitting of leaves at both ends can take.
 * */
static bool may_lack_frames(const struct rig *rig, uint64_t refusals, uint64_t tables)
{
    uint64_t most = 2U * rig->format->levels;

    if (rig->arena->host.frames == NULL) {
        return rig->arena->refusals != refusals;
    }
    return rig->arena->frames.free <
           most + (tables > rig->table.tables ? tables - rig->table.tables : 0);
}

enum quire_status rig_apply(struct rig *rig, const struct rig_op *op)
{
    uint64_t expected_progress, progress = 0, tables, bytes, before = rig->table.tables;
    uint64_t refusals = rig->arena->refusals, allocs = rig->arena->allocs;
    unsigned char *copy;
    unsigned allowed;
    enum quire_status status;
    struct told told = {.rig = rig,
                        .first = op->va,
                        .last = op->va + (op->bytes - 1),
                        .whole = op->kind == RIG_HARVEST,
                        .marks = op->kind == RIG_HARVEST ? op->attributes & QUIRE_MARKS : 0};

    if (op->kind == RIG_COMMIT) {
        rig_commit(rig);
        return QUIRE_OK;
    }
    copy = malloc(rig->arena->bytes);
    check(copy != NULL);
    copy_tables(rig, copy);
    rig_tlb_fill(rig);
    allowed = rig_expect(rig, op, &expected_progress);
    told.marks &= model_granted(rig->format, told.marks);
    status = do_to_table(rig, op, &progress, &told);
    rig->open = true;
    rig_expect_tables(rig, rig->next, &tables, &bytes);
    if (status == QUIRE_NO_MEMORY && may_lack_frames(rig, refusals, tables)) {
        check_unchanged(rig, op, copy);
    } else {
        checkf(allowed >> status & 1, "%s: \"%s\" instead of %#x (bits of status): %s",
               rig->format->name, quire_status_text(status), allowed, rig_op_text(op));
        if (status == QUIRE_OK) {
            checkf(progress == expected_progress || op->kind == RIG_UNMAP ||
                       op->kind == RIG_HARVEST || op->kind == RIG_TOUCH,
                   "%s: %" PRIu64 " bytes instead of %" PRIu64 ": %s", rig->format->name, progress,
                   expected_progress, rig_op_text(op));
            check_told(rig, op, &told);
            memcpy(rig->page, rig->next, rig->pages * sizeof(*rig->page));
            checkf(op->kind != RIG_MAP || rig->arena->host.frames != NULL ||
                       rig->arena->allocs - allocs == tables - before,
                   "%s: %" PRIu64 " frames asked for, %" PRIu64 " needed: %s", rig->format->name,
                   rig->arena->allocs - allocs, tables - before, rig_op_text(op));
        } else {
            check_unchanged(rig, op, copy);
        }
    }
    free(copy);
    arena_settled(rig->arena);
    return status;
}

/* ---- random operations ----------------------------------------------------------------------- */

static uint64_t random_bytes(const struct rig *rig, struct prng *prng, uint32_t pages_left)
{
    uint32_t pages = prng_one_in(prng, 3)   ? 1
                     : prng_one_in(prng, 2) ? 1 + (uint32_t)prng_below(prng, 8)
                                            : 1 + (uint32_t)prng_below(prng, pages_left);

    return (pages <= pages_left ? pages : pages_left) * page_bytes(rig);
}

/* Pages from i on without a gap between them. */
static uint32_t contiguous(const struct rig *rig, uint32_t i)
{
    uint32_t n = 1;

    while (i + n < rig->pages && rig->page[i + n].va == rig->page[i].va + n * page_bytes(rig)) {
        n++;
    }
    return n;
}

/* Aligns the operation outwards or inwards to a level's leaves, so that large ones come up. */
static void align_to_leaf(const struct rig *rig, struct prng *prng, struct rig_op *op)
{
    unsigned level = 1 + (unsigned)prng_below(prng, rig->format->levels);
    uint64_t span = span_of(rig, level);
    uint32_t i = page_index(rig, op->va & ~(span - 1));
    uint64_t room;

    if (rig->page[i].va != (op->va & ~(span - 1))) {
        return;
    }
    room = contiguous(rig, i) * page_bytes(rig);
    op->va = rig->page[i].va;
    if (op->bytes % span != 0 && op->bytes - op->bytes % span + span <= room) {
        op->bytes += span - op->bytes % span;
    } else if (op->bytes > room) {
        op->bytes = room;
    }
}

static uint64_t random_pa(const struct rig *rig, struct prng *prng, const struct rig_op *op)
{
    unsigned pa_bits = rig->format->pa_bits;
    uint64_t pa = prng_next(prng) >> (64 - pa_bits) & ~(page_bytes(rig) - 1);
    uint64_t align = span_of(rig, 1 + (unsigned)prng_below(prng, rig->format->levels));
    const struct quire_level *last = &rig->format->level[rig->format->levels - 1];

    if (!prng_one_in(prng, 4)) { /* where small leaves reach, which may be less far (PSE-36) */
        pa &= model_address(&last->as_leaf, UINT64_MAX);
    }
    if (!prng_one_in(prng, 3)) { /* as far from a leaf's start as the virtual address is */
        pa = (pa & ~(align - 1)) | (op->va & (align - 1));
    }
    if (!prng_one_in(prng, 40) && pa + (op->bytes - 1) > UINT64_MAX >> (64 - pa_bits)) {
        pa &= UINT64_MAX >> (64 - pa_bits) >> 2;
    }
    return pa;
}

static unsigned random_attributes(struct prng *prng)
{
    unsigned attributes =
        (unsigned)prng_next(prng) & (QUIRE_RIGHTS | QUIRE_MARKS | QUIRE_GLOBAL | QUIRE_TYPE);

    return prng_one_in(prng, 2) ? attributes : attributes | QUIRE_READ | QUIRE_WRITE | QUIRE_USER;
}

/* What is not allowed: one bit is wrong. Not where it makes a sound range of pages that the model
 * does not have. */
static struct rig_op spoil(const struct rig *rig, struct prng *prng, struct rig_op op)
{
    struct rig_op spoilt = op;
    uint64_t *part[] = {&spoilt.va, &spoilt.bytes, &spoilt.pa};

    *part[prng_below(prng, 3)] ^= UINT64_C(1) << prng_below(prng, 64);
    if (op.kind == RIG_MAP && rig_range_is_sound(rig, spoilt.va, spoilt.bytes)) {
        uint32_t i = page_index(rig, spoilt.va);
        if (rig->page[i].va != spoilt.va || contiguous(rig, i) < spoilt.bytes / page_bytes(rig)) {
            return op;
        }
    }
    return spoilt;
}

struct rig_op rig_random_op(const struct rig *rig, struct prng *prng)
{
    static const enum rig_kind kinds[] = {RIG_MAP,   RIG_MAP,     RIG_MAP,     RIG_MAP,
                                          RIG_UNMAP, RIG_UNMAP,   RIG_PROTECT, RIG_PROTECT,
                                          RIG_TOUCH, RIG_HARVEST, RIG_COMMIT};
    struct rig_op op = {.kind = kinds[prng_below(prng, sizeof(kinds) / sizeof(kinds[0]))]};
    uint32_t i = (uint32_t)prng_below(prng, rig->pages);

    op.va = rig->page[i].va;
    op.bytes = random_bytes(rig, prng, contiguous(rig, i));
    if (op.kind == RIG_TOUCH) {
        op.va += prng_below(prng, page_bytes(rig));
        op.bytes = 1;
        op.attributes = (unsigned)prng_next(prng) & QUIRE_RIGHTS;
        return op;
    }
    if (prng_one_in(prng, 2)) {
        align_to_leaf(rig, prng, &op);
    }
    op.attributes = random_attributes(prng);
    op.largest_leaf = prng_one_in(prng, 3) ? page_bytes(rig) << prng_below(prng, 12) : 0;
    op.existing = (enum quire_existing)prng_below(prng, 3);
    op.pa = random_pa(rig, prng, &op);
    if (op.kind == RIG_UNMAP) {
        op.largest_leaf = prng_below(prng, 2);
    }
    if (op.kind != RIG_MAP && prng_one_in(prng, 20)) { /* over everything to the end of a half */
        uint32_t k = i + (uint32_t)prng_below(prng, rig->pages - i);
        if (rig->page[k].va >> 63 == op.va >> 63 && rig->page[k].va >= op.va) {
            op.bytes = rig->page[k].va - op.va + page_bytes(rig);
        }
    }
    return prng_one_in(prng, 50) ? spoil(rig, prng, op) : op;
}

const char *rig_op_text(const struct rig_op *op)
{
    static const char *const kind[RIG_KINDS] = {"map",     "unmap", "protect",
                                                "harvest", "touch", "commit"};
    static const char *const existing[] = {"fail", "keep", "replace"};
    static char text[200];

    snprintf(text, sizeof(text),
             "%s va %#" PRIx64 " bytes %#" PRIx64 " pa %#" PRIx64
             " attributes %#x largest %#" PRIx64 " existing %s",
             kind[op->kind], op->va, op->bytes, op->pa, op->attributes, op->largest_leaf,
             existing[op->existing]);
    return text;
}
