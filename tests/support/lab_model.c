/* The laboratory's model of regions and pages, and what is compared with it. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/lab.h"

enum { PICTURE = 2 * LAB_PAGES + 1 };

static bool live(const struct lab *lab, unsigned space)
{
    return lab->space[space].alive;
}

/* ---- what is remembered ---------------------------------------------------------------------- */

static uint64_t record_word(struct quire_record record)
{
    return (uint64_t)record.kind << 40 | (uint64_t)record.shared << 32 | record.number;
}

static struct quire_record own_record(const struct lab *lab, unsigned space, unsigned page)
{
    const struct quire_space *s = &lab->space[space].space;

    return quire_supplement_get(&s->supplement, quire_space_vpn(s, lab_va(lab, space, page)));
}

static struct quire_record lower_record(const struct lab *lab, unsigned space, unsigned page)
{
    const struct lab_page *p = &lab->space[space].page[page];
    const struct quire_record none = {QUIRE_RECORD_UNTOUCHED, false, 0};

    if (!p->mapped || p->object == NULL || p->offset >= p->object->bytes) {
        return none;
    }
    return quire_supplement_get(&p->object->pages, p->offset / lab->page_bytes);
}

/* Behind the pages of its object. */
static bool behind(const struct lab_page *page)
{
    return page->object != NULL && page->offset >= page->object->bytes;
}

static bool moving(struct quire_record record)
{
    return record.kind == QUIRE_RECORD_COMING || record.kind == QUIRE_RECORD_GOING;
}

/* What became of a page: of the space's own, or of the object's where there is none. */
static struct quire_record record_at(const struct lab *lab, unsigned space, unsigned page)
{
    struct quire_record record = own_record(lab, space, page);

    return record.kind == QUIRE_RECORD_UNTOUCHED ? lower_record(lab, space, page) : record;
}

/* Where the MMU cannot tell reads from writes, a page may be the space's own that was only read; if
 * that is clean it may be dropped, and then shows the object again. */
unsigned char *lab_model(struct lab *lab, unsigned space, unsigned page)
{
    struct lab_space *s = &lab->space[space];
    struct lab_page *p = &s->page[page];

    if (p->object == NULL || behind(p)) {
        return s->bytes + page * lab->page_bytes;
    }
    if (p->own && own_record(lab, space, page).kind == QUIRE_RECORD_UNTOUCHED) {
        checkf(!p->written && !lab_can_protect(lab), "space %u lost its own page %u", space, page);
        p->own = false;
    }
    return p->own ? s->bytes + page * lab->page_bytes
                  : lab->seen[p->object - lab->file] + p->offset;
}

static void note_dropped(struct lab *lab, unsigned space)
{
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        (void)lab_model(lab, space, i);
    }
}

static void remember_space(struct lab *lab, unsigned n, struct lab_state *state, uint64_t *count)
{
    const struct quire_space *space = &lab->space[n].space;
    uint64_t *word = state->region[n];

    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        const uint64_t words[LAB_REGION_WORDS] = {r->va.at,    r->bytes,   r->prot,
                                                  r->max_prot, r->offset,  (uintptr_t)r->object,
                                                  r->sharing,  r->grows_to};
        check(word + LAB_REGION_WORDS <= state->region[n] + LAB_PAGES * LAB_REGION_WORDS);
        memcpy(word, words, sizeof(words));
        word += LAB_REGION_WORDS;
    }
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        state->record[n][i] = record_word(record_at(lab, n, i));
    }
    count[0] = space->resident;
    count[1] = space->swapped;
    count[2] = space->supplement.nodes;
    count[3] = space->table.tables;
    count[4] = space->table.table_bytes;
}

void lab_remember(struct lab *lab, struct lab_state *state)
{
    memset(state, 0, sizeof(*state));
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        if (live(lab, n)) {
            note_dropped(lab, n);
            remember_space(lab, n, state, &state->count[LAB_COUNTS + 5 * n]);
        }
    }
    for (unsigned i = 0; i < LAB_FILES; i++) {
        uint64_t *count = &state->count[LAB_COUNTS + 5 * LAB_SPACES + 3 * i];
        count[0] = lab->file[i].resident;
        count[1] = lab->file[i].swapped;
        count[2] = lab->file[i].pages.nodes;
    }
    state->count[0] = lab->arena.frames.free;
    state->count[1] = quire_swap_used(&lab->system.swap);
    state->count[2] = lab->system.resident;
    state->count[3] = lab->system.slab_frames;
    state->count[4] = lab->system.committed;
}

/* Or it was seen that a page has no other owners any more. */
static bool could_be_evicted(uint64_t before, uint64_t now)
{
    const uint64_t shared = UINT64_C(1) << 32;
    unsigned kind = (unsigned)(now >> 40);

    return now == (before & ~shared) || (before >> 40 == QUIRE_RECORD_FRAME &&
                                         (kind == QUIRE_RECORD_UNTOUCHED ||
                                          kind == QUIRE_RECORD_ZERO || kind == QUIRE_RECORD_SWAP));
}

void lab_unchanged(struct lab *lab, const struct lab_state *before, enum lab_same same)
{
    struct lab_state now;

    lab_remember(lab, &now);
    check(memcmp(before->region, now.region, sizeof(now.region)) == 0);
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        for (unsigned i = 0; i < LAB_PAGES; i++) {
            uint64_t was = before->record[n][i], is = now.record[n][i];
            checkf(was == is || (same == LAB_BUT_EVICTED && could_be_evicted(was, is)),
                   "space %u, page %u: record %#llx became %#llx", n, i, (unsigned long long)was,
                   (unsigned long long)is);
        }
    }
    for (unsigned i = 0; same == LAB_SAME && i < sizeof(now.count) / sizeof(now.count[0]); i++) {
        checkf(before->count[i] == now.count[i], "count %u: %llu became %llu", i,
               (unsigned long long)before->count[i], (unsigned long long)now.count[i]);
    }
}

/* ---- what pages hold ------------------------------------------------------------------------- */

quire_pfn lab_frame(const struct lab *lab, unsigned space, unsigned page)
{
    struct quire_record record = record_at(lab, space, page);
    bool resident = record.kind == QUIRE_RECORD_FRAME || moving(record);

    return quire_pfn_of(resident ? record.number : QUIRE_NONE);
}

/* What a page is when it is new: zeros of its own, or the object's. */
static void fill_page(struct lab *lab, unsigned space, unsigned page)
{
    struct lab_page *p = &lab->space[space].page[page];

    p->own = behind(p);
    p->written = false;
    memset(lab->space[space].bytes + page * lab->page_bytes, 0, lab->page_bytes);
}

static bool needs_memory(const struct lab_page *page)
{
    return page->mapped && page->sharing == QUIRE_PRIVATE && (page->max_prot & QUIRE_WRITE) != 0;
}

static uint64_t promised_to(const struct lab *lab, unsigned space)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < LAB_PAGES; i++) {
        pages += needs_memory(&lab->space[space].page[i]);
    }
    return pages;
}

uint64_t lab_promised(const struct lab *lab)
{
    uint64_t pages = 0;

    for (unsigned n = 0; n < LAB_SPACES; n++) {
        pages += live(lab, n) ? promised_to(lab, n) : 0;
    }
    for (unsigned i = 0; i < LAB_FILES; i++) {
        const struct quire_object *object = &lab->file[i];
        if (object->system != NULL && object->device.transfer == NULL) {
            pages += (object->bytes + lab->page_bytes - 1) / lab->page_bytes;
        }
    }
    return pages;
}

/* May so many more pages be promised? */
static bool can_promise(const struct lab *lab, uint64_t pages)
{
    return lab->system.commit == QUIRE_OVERCOMMIT ||
           lab_promised(lab) + pages <= lab->system.commit_limit;
}

bool lab_moving(const struct lab *lab, unsigned space, unsigned page)
{
    return moving(record_at(lab, space, page));
}

void lab_expect_bytes(struct lab *lab, unsigned space, unsigned page, const unsigned char *where)
{
    const struct lab_page *p = &lab->space[space].page[page];
    unsigned char *model = lab_model(lab, space, page);
    uint64_t bytes = lab->page_bytes;

    if (p->object != NULL && !p->own && p->object->device.transfer != NULL &&
        p->object->bytes - p->offset < bytes) {
        bytes = p->object->bytes - p->offset;
        if (memcmp(where + bytes, model + bytes, lab->page_bytes - bytes) != 0) {
            memset(model + bytes, 0, lab->page_bytes - bytes);
        }
    }
    for (uint64_t i = 0; i < lab->page_bytes; i++) {
        checkf(where[i] == model[i], "%s: space %u, page %u, byte %u: %#x instead of %#x",
               lab->format->name, space, page, (unsigned)i, where[i], model[i]);
    }
}

void lab_faulted(struct lab *lab, unsigned space, unsigned page, unsigned access)
{
    struct lab_space *s = &lab->space[space];
    struct lab_page *p = &s->page[page];
    const unsigned char *where;

    if (p->object == NULL || p->sharing == QUIRE_SHARED || p->own ||
        ((access & QUIRE_WRITE) == 0 && lab_can_protect(lab))) {
        return;
    }
    where =
        arena_at(&lab->arena, quire_pfn_pa(lab_frame(lab, space, page), lab->arena.page_shift).at,
                 lab->page_bytes);
    lab_expect_bytes(lab, space, page, where);
    memcpy(s->bytes + page * lab->page_bytes, where, lab->page_bytes);
    p->own = true;
    p->written = false;
}

/* The lowest mapped page above, if it is a stack's. */
static const struct lab_page *stack_above(const struct lab *lab, unsigned space, unsigned page)
{
    const struct lab_page *p = lab->space[space].page;

    while (page < LAB_PAGES && !p[page].mapped) {
        page++;
    }
    return page < LAB_PAGES && p[page].stack != 0 ? &p[page] : NULL;
}

static bool can_grow(const struct lab *lab, unsigned space, unsigned page,
                     const struct lab_page *stack)
{
    const struct lab_page *p = lab->space[space].page;

    for (unsigned i = page < QUIRE_STACK_GUARD ? 0 : page - QUIRE_STACK_GUARD; i < page; i++) {
        if (p[i].mapped) {
            return false;
        }
    }
    return page >= stack->stack - 1 &&
           (!needs_memory(stack) || can_promise(lab, (uint64_t)(stack - &p[page])));
}

void lab_grown(struct lab *lab, unsigned space, unsigned page)
{
    struct lab_page *p = lab->space[space].page;
    unsigned top = page;

    while (!p[top].mapped) {
        top++;
    }
    for (unsigned i = page; i < top; i++) {
        p[i] = p[top];
        p[i].wired = 0;
        p[i].stack = i == page ? p[top].stack : 0;
        fill_page(lab, space, i);
    }
    p[top].stack = 0; /* it is the lowest no more */
}

enum quire_refusal lab_judge(const struct lab *lab, unsigned space, unsigned page, unsigned access)
{
    const struct lab_page *p = &lab->space[space].page[page];
    const struct lab_page *stack = p->mapped ? NULL : stack_above(lab, space, page);
    unsigned missing;

    p = stack != NULL ? stack : p;
    missing = access & QUIRE_RIGHTS & ~p->prot;
    return !p->mapped                                            ? QUIRE_REFUSAL_NO_REGION
           : missing & QUIRE_USER                                ? QUIRE_REFUSAL_USER
           : missing & QUIRE_WRITE                               ? QUIRE_REFUSAL_WRITE
           : missing & QUIRE_EXECUTE                             ? QUIRE_REFUSAL_EXECUTE
           : missing & QUIRE_READ                                ? QUIRE_REFUSAL_READ
           : stack != NULL && !can_grow(lab, space, page, stack) ? QUIRE_REFUSAL_STACK
                                                                 : QUIRE_REFUSAL_NONE;
}

/* ---- doings ---------------------------------------------------------------------------------- */

enum quire_status lab_create(struct lab *lab, unsigned space, uint64_t base)
{
    struct lab_space *s = &lab->space[space];
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    status = quire_space_create(&s->space, &lab->system, lab->format, (uint16_t)(space + 1));
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    s->alive = true;
    s->base = base;
    memset(s->page, 0, sizeof(s->page));
    memset(s->cached, 0, sizeof(s->cached));
    return QUIRE_OK;
}

void lab_destroy(struct lab *lab, unsigned space)
{
    struct lab_space *s = &lab->space[space];

    quire_space_destroy(&s->space);
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        checkf(!s->cached[i].valid, "page %u is in the TLB after its space is gone", i);
    }
    s->alive = false;
}

unsigned lab_rights(char letter)
{
    static const struct {
        char letter;
        unsigned rights;
    } of[] = {{'-', 0},
              {'r', QUIRE_USER | QUIRE_READ},
              {'w', QUIRE_USER | QUIRE_READ | QUIRE_WRITE},
              {'x', QUIRE_USER | QUIRE_READ | QUIRE_EXECUTE},
              {'k', QUIRE_READ | QUIRE_WRITE}};
    unsigned i = 0;

    while ((of[i].letter | 0x20) != (letter | 0x20)) {
        i++;
        checkf(i < sizeof(of) / sizeof(of[0]), "no such letter: %c", letter);
    }
    return of[i].rights;
}

/* What mapping must answer, if there is memory for the record. */
static enum quire_status map_answer(const struct lab *lab, unsigned space, unsigned first,
                                    unsigned pages, const struct lab_page *what)
{
    struct lab_page page = *what;

    page.mapped = true;
    if (what->sharing == QUIRE_SHARED &&
        what->offset + (pages - 1) * lab->page_bytes >= what->object->bytes) {
        return QUIRE_OUT_OF_RANGE;
    }
    for (unsigned i = first; i < first + pages; i++) {
        if (lab->space[space].page[i].mapped) {
            return QUIRE_EXISTS;
        }
    }
    return needs_memory(&page) && !can_promise(lab, pages) ? QUIRE_NO_SPACE : QUIRE_OK;
}

enum quire_status lab_map_as(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                             const struct lab_page *what)
{
    enum quire_status expected = map_answer(lab, space, first, pages, what);
    struct lab_space *s = &lab->space[space];
    struct quire_region_spec spec = {.va = lab_va(lab, space, first),
                                     .bytes = pages * lab->page_bytes,
                                     .prot = what->prot,
                                     .max_prot = what->max_prot,
                                     .object = what->object,
                                     .offset = what->offset,
                                     .sharing = what->sharing};
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    if (what->stack != 0) {
        spec.stack_limit = (first + pages - (what->stack - 1)) * lab->page_bytes;
    }
    status = quire_space_map(&s->space, &spec);
    checkf(status == expected || (status == QUIRE_NO_MEMORY && expected <= QUIRE_NO_SPACE),
           "%s instead of %s", quire_status_text(status), quire_status_text(expected));
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    for (unsigned i = first; i < first + pages; i++) {
        s->page[i] = *what;
        s->page[i].mapped = true;
        s->page[i].stack = i == first && what->stack <= first ? what->stack : 0;
        if (what->object != NULL) {
            s->page[i].offset = what->offset + (i - first) * lab->page_bytes;
        }
        fill_page(lab, space, i);
    }
    return QUIRE_OK;
}

enum quire_status lab_map(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                          char what)
{
    struct lab_page page = {.prot = lab_rights(what), .max_prot = QUIRE_RIGHTS};

    return lab_map_as(lab, space, first, pages, &page);
}

enum quire_status lab_map_file(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                               char what, unsigned file, uint64_t offset)
{
    struct lab_page page = {.prot = lab_rights(what),
                            .max_prot = QUIRE_RIGHTS,
                            .object = &lab->file[file],
                            .offset = offset};

    return lab_map_as(lab, space, first, pages, &page);
}

enum quire_status lab_map_shared(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                                 char what, unsigned file, uint64_t offset)
{
    struct lab_page page = {.prot = lab_rights(what),
                            .max_prot = QUIRE_RIGHTS,
                            .object = &lab->file[file],
                            .offset = offset,
                            .sharing = QUIRE_SHARED};

    return lab_map_as(lab, space, first, pages, &page);
}

enum quire_status lab_map_stack(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                                char what, unsigned lowest)
{
    struct lab_page page = {
        .prot = lab_rights(what), .max_prot = QUIRE_RIGHTS, .stack = lowest + 1};

    return lab_map_as(lab, space, first, pages, &page);
}

/* The space's own page, or the object's page behind it. */
static bool in_transit(const struct lab *lab, unsigned space, unsigned first, unsigned pages)
{
    for (unsigned i = first; i < first + pages; i++) {
        if (moving(own_record(lab, space, i)) || moving(lower_record(lab, space, i))) {
            return true;
        }
    }
    return false;
}

enum quire_status lab_unmap(struct lab *lab, unsigned space, unsigned first, unsigned pages)
{
    struct lab_space *s = &lab->space[space];
    bool busy = in_transit(lab, space, first, pages);
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    status = quire_space_unmap(&s->space, lab_va(lab, space, first), pages * lab->page_bytes);
    check(busy ? status == QUIRE_BUSY : status == QUIRE_OK || status == QUIRE_NO_MEMORY);
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    memset(&s->page[first], 0, pages * sizeof(s->page[0]));
    return QUIRE_OK;
}

enum quire_status lab_protect(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                              char what)
{
    struct lab_space *s = &lab->space[space];
    unsigned prot = lab_rights(what);
    enum quire_status status, expected = QUIRE_OK;
    struct lab_state before;

    lab_remember(lab, &before);
    for (unsigned i = first; i < first + pages && expected == QUIRE_OK; i++) {
        expected = !s->page[i].mapped                   ? QUIRE_NOT_FOUND
                   : (prot & ~s->page[i].max_prot) != 0 ? QUIRE_INVALID
                                                        : QUIRE_OK;
    }
    status =
        quire_space_protect(&s->space, lab_va(lab, space, first), pages * lab->page_bytes, prot);
    check(status == expected || (status == QUIRE_NO_MEMORY && expected == QUIRE_OK));
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    for (unsigned i = first; i < first + pages; i++) {
        s->page[i].prot = prot;
    }
    return QUIRE_OK;
}

enum quire_status lab_discard(struct lab *lab, unsigned space, unsigned first, unsigned pages)
{
    bool busy = in_transit(lab, space, first, pages);
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    status = quire_space_discard(&lab->space[space].space, lab_va(lab, space, first),
                                 pages * lab->page_bytes);
    check(status == (busy ? QUIRE_BUSY : QUIRE_OK));
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    for (unsigned i = first; i < first + pages; i++) {
        if (lab->space[space].page[i].sharing == QUIRE_PRIVATE) {
            fill_page(lab, space, i);
        }
    }
    return QUIRE_OK;
}

/* What forking must answer, if there is memory. */
static enum quire_status fork_answer(const struct lab *lab, unsigned parent)
{
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        if (needs_memory(&lab->space[parent].page[i]) && !lab_can_protect(lab)) {
            return QUIRE_INVALID;
        }
    }
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        if (moving(own_record(lab, parent, i))) {
            return QUIRE_BUSY;
        }
    }
    return can_promise(lab, promised_to(lab, parent)) ? QUIRE_OK : QUIRE_NO_SPACE;
}

enum quire_status lab_fork(struct lab *lab, unsigned child, unsigned parent)
{
    struct lab_space *to = &lab->space[child], *from = &lab->space[parent];
    enum quire_status status, expected = fork_answer(lab, parent);
    struct lab_state before;

    lab_remember(lab, &before);
    status = quire_space_fork(&to->space, &from->space, (uint16_t)(child + 1));
    checkf(status == expected || (status == QUIRE_NO_MEMORY && expected != QUIRE_INVALID),
           "%s instead of %s", quire_status_text(status), quire_status_text(expected));
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    to->alive = true;
    to->base = from->base;
    memcpy(to->page, from->page, sizeof(to->page));
    memcpy(to->bytes, from->bytes, LAB_PAGES * lab->page_bytes);
    memset(to->cached, 0, sizeof(to->cached));
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        to->page[i].wired = 0;
    }
    return QUIRE_OK;
}

enum quire_status lab_unwire(struct lab *lab, unsigned space, unsigned page)
{
    struct lab_page *p = &lab->space[space].page[page];
    quire_pfn pfn = lab_frame(lab, space, page);
    bool wired = !quire_pfn_none(pfn) && quire_system_page(&lab->system, pfn)->wired != 0;
    enum quire_status status =
        quire_space_unwire(&lab->space[space].space, lab_va(lab, space, page));

    check(status == (wired ? QUIRE_OK : QUIRE_NOT_FOUND));
    check(p->wired == 0 || wired);
    p->wired -= p->wired != 0;
    return status;
}

void lab_draw(struct lab *lab, unsigned space, const char *picture)
{
    for (unsigned first = 0, end; picture[first] != '\0'; first = end) {
        for (end = first + 1; picture[end] == picture[first]; end++) {
        }
        if (picture[first] != '.') {
            check(lab_map(lab, space, first, end - first, picture[first]) == QUIRE_OK);
        }
    }
}

/* ---- pictures -------------------------------------------------------------------------------- */

static char region_letter(const struct quire_region *region)
{
    const char *letter = "-rwxk";

    if (region == NULL) {
        return '.';
    }
    while (*letter != '\0' && lab_rights(*letter) != region->prot) {
        letter++;
    }
    if (*letter == '\0') {
        return '?';
    }
    return (char)(region->object != NULL ? *letter & ~0x20 : *letter);
}

/* Pages that are not drawn are empty. */
static void compare_pictures(const char *file, int line, const char *expected, const char *drawn)
{
    size_t n = strlen(expected);

    if (strncmp(expected, drawn, n) != 0 || strspn(drawn + n, ".") != strlen(drawn + n)) {
        check_failed(file, line, "the picture", "expected %s\n#       it is %s", expected, drawn);
    }
}

void lab_expect_regions(const char *file, int line, struct lab *lab, unsigned space,
                        const char *picture)
{
    const struct quire_region *below = NULL;
    char drawn[PICTURE];
    unsigned at = 0;

    for (unsigned i = 0; i < LAB_PAGES; i++) {
        const struct quire_region *region =
            quire_space_region(&lab->space[space].space, lab_va(lab, space, i));

        if (region != below && region_letter(region) == region_letter(below)) {
            drawn[at++] = '|';
        }
        drawn[at++] = region_letter(region);
        below = region;
    }
    drawn[at] = '\0';
    compare_pictures(file, line, picture, drawn);
}

void lab_expect_pages(const char *file, int line, struct lab *lab, unsigned space,
                      const char *picture)
{
    static const char letter[] = {
        [QUIRE_RECORD_UNTOUCHED] = '.', [QUIRE_RECORD_ZERO] = '0',   [QUIRE_RECORD_FRAME] = '#',
        [QUIRE_RECORD_SWAP] = 's',      [QUIRE_RECORD_COMING] = '<', [QUIRE_RECORD_GOING] = '>'};
    char drawn[PICTURE];

    for (unsigned i = 0; i < LAB_PAGES; i++) {
        drawn[i] = letter[record_at(lab, space, i).kind];
    }
    drawn[LAB_PAGES] = '\0';
    compare_pictures(file, line, picture, drawn);
}

/* ---- looking it all over --------------------------------------------------------------------- */

/* Is the page part of the same region as the one before it? */
static bool goes_on(const struct lab *lab, const struct lab_page *below, const struct lab_page *p)
{
    return below->mapped && p->mapped && below->prot == p->prot && below->max_prot == p->max_prot &&
           below->object == p->object && below->sharing == p->sharing && p->stack == 0 &&
           (p->object == NULL || below->offset + lab->page_bytes == p->offset);
}

/* As few regions as can say what the model says. */
static void check_regions(struct lab *lab, unsigned space)
{
    const struct lab_space *s = &lab->space[space];
    const struct quire_region *region = s->space.regions;

    for (unsigned i = 0, end; i < LAB_PAGES; i = end) {
        const struct lab_page *p = &s->page[i];

        end = i + 1;
        if (!p->mapped) {
            continue;
        }
        while (end < LAB_PAGES && goes_on(lab, &s->page[end - 1], &s->page[end])) {
            end++;
        }
        checkf(region != NULL && region->va.at == lab_va(lab, space, i).at &&
                   region->bytes == (end - i) * lab->page_bytes,
               "space %u: no region of pages %u to %u", space, i, end - 1);
        check(region->prot == p->prot && region->max_prot == p->max_prot);
        check(region->object == p->object);
        check(region->object == NULL || region->offset == p->offset);
        check(region->sharing == p->sharing);
        check(region->grows_to == (p->stack == 0 ? 0 : lab_va(lab, space, p->stack - 1).at));
        region = region->next;
    }
    check(region == NULL);
}

/* Wired pages are in memory, and known to be wired as often as they were. */
static void check_wired(struct lab *lab)
{
    int64_t wires = 0;

    for (unsigned i = 0; i < LAB_SPACES * LAB_PAGES; i++) {
        unsigned n = i / LAB_PAGES, page = i % LAB_PAGES;
        unsigned wired = live(lab, n) ? lab->space[n].page[page].wired : 0;
        if (wired != 0) {
            quire_pfn pfn = lab_frame(lab, n, page);
            checkf(!quire_pfn_none(pfn), "space %u: page %u is wired and gone", n, page);
            check(quire_system_page(&lab->system, pfn)->wired >= wired);
            wires += wired;
        }
    }
    for (uint32_t i = 0; i < lab->system.frames; i++) {
        wires -= lab->system.page[i].wired;
    }
    checkf(wires == 0, "%d pages too few are wired", (int)wires);
}

static void check_tlb(const struct lab *lab, unsigned space)
{
    const struct lab_space *s = &lab->space[space];
    struct quire_mmu mmu = {lab->format, &lab->view, s->space.table.root};

    for (unsigned i = 0; i < LAB_PAGES; i++) {
        const struct lab_cached *cached = &s->cached[i];
        struct quire_walk walk;

        if (cached->valid) {
            checkf(quire_walk(&mmu, lab_va(lab, space, i), 0, &walk) == QUIRE_OK &&
                       walk.pa.at == cached->pa && (cached->rights & ~walk.attributes) == 0,
                   "%s: space %u, page %u: the TLB knows what is not so any more",
                   lab->format->name, space, i);
        }
    }
}

/* What the core says of each page is what the model finds, which knows offsets and no regions. */
static void check_told(const struct lab *lab, unsigned space)
{
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        const struct lab_page *p = &lab->space[space].page[i];
        struct quire_record told =
            quire_space_record(&lab->space[space].space, lab_va(lab, space, i));
        struct quire_record is = record_at(lab, space, i);

        if (is.kind == QUIRE_RECORD_UNTOUCHED && p->mapped && behind(p)) {
            is.kind = QUIRE_RECORD_ZERO;
        }
        checkf(told.kind == is.kind && told.number == is.number,
               "space %u, page %u: told to be %u 0x%x, is %u 0x%x", space, i, told.kind,
               (unsigned)told.number, is.kind, (unsigned)is.number);
    }
}

void lab_check(struct lab *lab)
{
    struct quire_space *spaces[LAB_SPACES];
    const struct quire_system *system = &lab->system;
    uint64_t used = lab->arena.total - 1 - lab->arena.frames.free;
    uint64_t known = system->resident + system->slab_frames + system->own_frames;
    const char *what = NULL;
    unsigned count = 0;
    enum quire_status status;

    if (system->registry != NULL) {
        known += lab->kernel.tables + lab->registry.trackers.pcount;
    }
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        if (live(lab, n)) {
            struct quire_space *space = &lab->space[n].space;
            spaces[count++] = space;
            known += space->supplement.nodes + (space->table.table_bytes >> lab->arena.page_shift);
            known += system->registry != NULL ? space->view.spare : 0;
            check_regions(lab, n);
            check_tlb(lab, n);
            check_told(lab, n);
            note_dropped(lab, n);
        }
    }
    for (const struct quire_object *o = system->objects; o != NULL; o = o->next) {
        known += o->pages.nodes;
    }
    check_wired(lab);
    checkf(system->committed == lab_promised(lab), "%u pages are promised, not %u",
           (unsigned)system->committed, (unsigned)lab_promised(lab));
    status = quire_validate(&lab->system, spaces, count, &what);
    checkf(status == QUIRE_OK, "%s: %s: %s", lab->format->name, quire_status_text(status),
           what == NULL ? "" : what);
    checkf(used == known, "%s: %u frames are in use, %u are accounted for", lab->format->name,
           (unsigned)used, (unsigned)known);
    check(system->batch.ranges == 0 && system->batch.frames == 0 && !system->batch.tables);
    arena_settled(&lab->arena);
}
