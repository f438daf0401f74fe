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

/* What became of a page: of the space's own, or of the object's where there is none. */
static struct quire_record record_at(const struct lab *lab, unsigned space, unsigned page)
{
    struct quire_record record = own_record(lab, space, page);

    return record.kind == QUIRE_RECORD_UNTOUCHED ? lower_record(lab, space, page) : record;
}

static void remember_space(struct lab *lab, unsigned n, struct lab_state *state, uint64_t *count)
{
    const struct quire_space *space = &lab->space[n].space;
    uint64_t *word = state->region[n];

    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        const uint64_t words[6] = {r->va.at,    r->bytes,  r->prot,
                                   r->max_prot, r->offset, (uintptr_t)r->object};
        check(word + 6 <= state->region[n] + LAB_PAGES * 6);
        memcpy(word, words, sizeof(words));
        word += 6;
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
            remember_space(lab, n, state, &state->count[4 + 5 * n]);
        }
    }
    state->count[0] = lab->arena.frames.free;
    state->count[1] = quire_swap_used(&lab->system.swap);
    state->count[2] = lab->system.resident;
    state->count[3] = lab->system.slab_frames;
}

static bool could_be_evicted(uint64_t before, uint64_t now)
{
    unsigned kind = (unsigned)(now >> 40);

    return before >> 40 == QUIRE_RECORD_FRAME &&
           (kind == QUIRE_RECORD_UNTOUCHED || kind == QUIRE_RECORD_ZERO ||
            kind == QUIRE_RECORD_SWAP);
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
    for (unsigned i = 0; same == LAB_SAME && i < 4 + 5 * LAB_SPACES; i++) {
        checkf(before->count[i] == now.count[i], "count %u: %llu became %llu", i,
               (unsigned long long)before->count[i], (unsigned long long)now.count[i]);
    }
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

/* What a page is when it is new: zeros, or the object's bytes as far as it goes. */
static void fill_page(struct lab *lab, unsigned space, unsigned page)
{
    const struct lab_page *p = &lab->space[space].page[page];
    unsigned char *bytes = lab->space[space].bytes + page * lab->page_bytes;
    const struct lab_disk *disk;

    memset(bytes, 0, lab->page_bytes);
    if (p->object != NULL && p->offset < p->object->bytes) {
        uint64_t rest = p->object->bytes - p->offset;
        disk = p->object->device.context;
        memcpy(bytes, disk->data + p->offset, rest < lab->page_bytes ? rest : lab->page_bytes);
    }
}

static enum quire_status map(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                             const struct lab_page *what)
{
    struct lab_space *s = &lab->space[space];
    struct quire_region_spec spec = {.va = lab_va(lab, space, first),
                                     .bytes = pages * lab->page_bytes,
                                     .prot = what->prot,
                                     .max_prot = what->max_prot,
                                     .object = what->object,
                                     .offset = what->offset};
    bool exists = false;
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    for (unsigned i = first; i < first + pages; i++) {
        exists = exists || s->page[i].mapped;
    }
    status = quire_space_map(&s->space, &spec);
    check(exists ? status == QUIRE_EXISTS : status == QUIRE_OK || status == QUIRE_NO_MEMORY);
    if (status != QUIRE_OK) {
        lab_unchanged(lab, &before, LAB_SAME);
        return status;
    }
    for (unsigned i = first; i < first + pages; i++) {
        s->page[i] = *what;
        s->page[i].mapped = true;
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

    return map(lab, space, first, pages, &page);
}

enum quire_status lab_map_file(struct lab *lab, unsigned space, unsigned first, unsigned pages,
                               char what, unsigned file, uint64_t offset)
{
    struct lab_page page = {.prot = lab_rights(what),
                            .max_prot = QUIRE_RIGHTS,
                            .object = &lab->file[file],
                            .offset = offset};

    return map(lab, space, first, pages, &page);
}

static bool moving(struct quire_record record)
{
    return record.kind == QUIRE_RECORD_COMING || record.kind == QUIRE_RECORD_GOING;
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
           below->object == p->object &&
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
        region = region->next;
    }
    check(region == NULL);
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

void lab_check(struct lab *lab)
{
    struct quire_space *spaces[LAB_SPACES];
    const struct quire_system *system = &lab->system;
    uint64_t used = lab->arena.total - 1 - lab->arena.frames.free;
    uint64_t known = system->resident + system->slab_frames + system->own_frames;
    const char *what = NULL;
    unsigned count = 0;
    enum quire_status status;

    for (unsigned n = 0; n < LAB_SPACES; n++) {
        if (live(lab, n)) {
            struct quire_space *space = &lab->space[n].space;
            spaces[count++] = space;
            known += space->supplement.nodes + (space->table.table_bytes >> lab->arena.page_shift);
            check_regions(lab, n);
            check_tlb(lab, n);
        }
    }
    for (const struct quire_object *o = system->objects; o != NULL; o = o->next) {
        known += o->pages.nodes;
    }
    status = quire_validate(&lab->system, spaces, count, &what);
    checkf(status == QUIRE_OK, "%s: %s: %s", lab->format->name, quire_status_text(status),
           what == NULL ? "" : what);
    checkf(used == known, "%s: %u frames are in use, %u are accounted for", lab->format->name,
           (unsigned)used, (unsigned)known);
    check(system->batch.ranges == 0 && system->batch.frames == 0 && !system->batch.tables);
    arena_settled(&lab->arena);
}
