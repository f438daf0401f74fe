/*
 * Regions and faults: what may be where, drawn as pictures (tests/support/lab.h tells how to read
 * them), and every cell of the table at the head of src/space/fault.c.
 */
#include <string.h>

#include "quire/formats.h"
#include "tests/support/lab.h"
#include "tests/support/unit.h"

/* ---- every overlap --------------------------------------------------------------------------- */

enum { FEW = 5, RANGES = FEW * (FEW + 1) / 2, CHANGES = 5 * RANGES };

struct change {
    enum { MAP_R, MAP_W, UNMAP, PROTECT_R, PROTECT_W } kind;
    unsigned first, pages;
};

static struct change change_of(unsigned n)
{
    struct change c = {.kind = n / RANGES, .pages = 1};

    for (n %= RANGES; n + c.pages > FEW; n -= FEW + 1 - c.pages, c.pages++) {
    }
    c.first = n;
    return c;
}

/* What the change does to a picture; the status that it must have. */
static enum quire_status draw(char *picture, struct change c)
{
    unsigned mapped = 0;

    for (unsigned i = c.first; i < c.first + c.pages; i++) {
        mapped += picture[i] != '.';
    }
    if (c.kind <= MAP_W && mapped != 0) {
        return QUIRE_EXISTS;
    }
    if (c.kind >= PROTECT_R && mapped != c.pages) {
        return QUIRE_NOT_FOUND;
    }
    memset(picture + c.first, "rw.rw"[c.kind], c.pages);
    return QUIRE_OK;
}

static enum quire_status apply(struct quire_space *space, uint64_t page, struct change c)
{
    static const unsigned prot[] = {QUIRE_READ, QUIRE_READ | QUIRE_WRITE};
    struct quire_region_spec spec = {.va = {c.first * page}, .bytes = c.pages * page};

    if (c.kind == UNMAP) {
        return quire_space_unmap(space, spec.va, spec.bytes);
    }
    if (c.kind >= PROTECT_R) {
        return quire_space_protect(space, spec.va, spec.bytes, prot[c.kind - PROTECT_R]);
    }
    spec.prot = prot[c.kind];
    spec.max_prot = prot[1];
    return quire_space_map(space, &spec);
}

/* Are the regions what the picture shows, and as few as can be? */
static bool regions_are(const struct quire_space *space, uint64_t page, const char *picture)
{
    const struct quire_region *r = space->regions, *below = NULL;

    for (unsigned i = 0, end; i < FEW; i = end) {
        for (end = i + 1; end < FEW && picture[end] == picture[i]; end++) {
        }
        if (picture[i] == '.') {
            continue;
        }
        if (r == NULL || r->va.at != i * page || r->bytes != (end - i) * page || r->prev != below ||
            (r->prot & QUIRE_WRITE) != (picture[i] == 'w' ? QUIRE_WRITE : 0U)) {
            return false;
        }
        below = r;
        r = r->next;
    }
    return r == NULL;
}

static void three_changes(struct lab *lab, const struct change *c)
{
    struct quire_space *space = &lab->space[0].space;
    char picture[FEW + 1] = ".....";

    for (unsigned i = 0; i < 3; i++) {
        enum quire_status expected = draw(picture, c[i]);
        enum quire_status status = apply(space, lab->page_bytes, c[i]);

        checkf(status == expected && regions_are(space, lab->page_bytes, picture),
               "change %u of (%u %u+%u) (%u %u+%u) (%u %u+%u): %s, not %s", i, c[0].kind,
               c[0].first, c[0].pages, c[1].kind, c[1].first, c[1].pages, c[2].kind, c[2].first,
               c[2].pages, quire_status_text(status), picture);
        if (status != QUIRE_OK) {
            break; /* nothing changed: what follows is a case of its own */
        }
    }
    check(quire_space_unmap(space, quire_va_at(0), FEW * lab->page_bytes) == QUIRE_OK);
    check(space->regions == NULL && lab->system.slab_frames == 0);
}

/* Map, unmap and protect, three in a row, on every range of five pages. */
static void test_every_three_changes(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 0);
    for (unsigned i = 0; i < 2 * RANGES; i++) {
        for (unsigned j = 0; j < CHANGES; j++) {
            for (unsigned k = 0; k < CHANGES; k++) {
                struct change c[3] = {change_of(i), change_of(j), change_of(k)};
                three_changes(&lab, c);
            }
        }
    }
    lab_close(&lab);
}

/* Half of a picture's pages are in frames, the other half in swap. */
static void touch_all(struct lab *lab)
{
    for (unsigned i = 0; i < LAB_PAGES; i++) {
        if (lab->space[0].page[i].prot & QUIRE_WRITE) {
            assert_int_equal(lab_write(lab, 0, i), QUIRE_OK);
        } else if (lab->space[0].page[i].mapped && lab->space[0].page[i].prot != 0) {
            assert_int_equal(lab_read(lab, 0, i), QUIRE_OK);
        }
    }
}

/* Each change on each picture, with pages in use: what is outside keeps its bytes, what is mapped
 * anew begins with zeros. */
static void test_changes_of_used_pages(void **state)
{
    static const char *const pictures[] = {"wwwww", "wwrrw", ".www.", "w.w.w", "rw-xw", "ww.rr"};

    (void)state;
    for (unsigned p = 0; p < sizeof(pictures) / sizeof(pictures[0]); p++) {
        for (unsigned n = 0; n < CHANGES; n++) {
            struct change c = change_of(n);
            struct lab lab;

            lab_start(&lab, n % 2 ? LAB_SMALL : LAB_NO_DIRTY, 3, 16);
            lab_draw(&lab, 0, pictures[p]);
            touch_all(&lab);
            if (c.kind == UNMAP) {
                lab_unmap(&lab, 0, c.first, c.pages);
            } else if (c.kind <= MAP_W) {
                lab_map(&lab, 0, c.first, c.pages, "rw"[c.kind]);
            } else {
                lab_protect(&lab, 0, c.first, c.pages, "rw"[c.kind - PROTECT_R]);
            }
            lab_check(&lab);
            lab_compare(&lab);
            touch_all(&lab);
            lab_compare(&lab);
            lab_check(&lab);
            lab_close(&lab);
        }
    }
}

/* ---- joins and cuts -------------------------------------------------------------------------- */

static void test_cut_and_join(void **state)
{
    struct lab lab;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 0);
    lab_draw(&lab, 0, "..rr.www.");
    lab_regions(&lab, 0, "..rr.www.");
    lab_map(&lab, 0, 4, 1, 'w'); /* joins with the one above */
    lab_regions(&lab, 0, "..rrwwww.");
    lab_protect(&lab, 0, 2, 2, 'w');
    lab_regions(&lab, 0, "..wwwwww.");
    lab_protect(&lab, 0, 4, 2, 'r');
    lab_regions(&lab, 0, "..wwrrww.");
    lab_protect(&lab, 0, 3, 4, '-');
    lab_regions(&lab, 0, "..w----w.");
    lab_unmap(&lab, 0, 4, 2);
    lab_regions(&lab, 0, "..w-..-w.");
    lab_unmap(&lab, 0, 0, 16); /* mostly holes */
    lab_regions(&lab, 0, "");
    lab_map(&lab, 0, 0, 2, 'r');
    lab_map(&lab, 0, 3, 2, 'r');
    lab_map(&lab, 0, 2, 1, 'r'); /* joins both ways */
    lab_regions(&lab, 0, "rrrrr");
    lab_check(&lab);
    lab_close(&lab);
}

/* Regions of a file are one only where the file goes on. */
static void test_join_of_files(void **state)
{
    struct lab lab;
    uint64_t page;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 0);
    page = lab.page_bytes;
    lab_file(&lab, 0, 8 * page);
    lab_file(&lab, 1, 8 * page);
    lab_map_file(&lab, 0, 0, 2, 'r', 0, 3 * page);
    lab_map_file(&lab, 0, 2, 2, 'r', 0, 5 * page);
    lab_regions(&lab, 0, "RRRR");
    lab_map_file(&lab, 0, 4, 1, 'r', 0, 6 * page);
    lab_map_file(&lab, 0, 5, 1, 'r', 1, 7 * page);
    lab_map_file(&lab, 0, 6, 1, 'r', 1, 0);
    lab_regions(&lab, 0, "RRRR|R|R|R");
    lab_protect(&lab, 0, 1, 2, 'w');
    lab_regions(&lab, 0, "RWWR|R|R|R");
    lab_compare(&lab);
    lab_protect(&lab, 0, 0, 4, 'r');
    lab_regions(&lab, 0, "RRRR|R|R|R");
    lab_unmap(&lab, 0, 1, 1);
    lab_map(&lab, 0, 1, 1, 'r');
    lab_regions(&lab, 0, "RrRR|R|R|R");
    lab_compare(&lab);
    lab_check(&lab);
    lab_close(&lab);
}

/* ---- statuses -------------------------------------------------------------------------------- */

static enum quire_status map_at(struct lab *lab, uint64_t va, uint64_t bytes, unsigned prot,
                                unsigned max_prot)
{
    struct quire_region_spec spec = {
        .va = {va}, .bytes = bytes, .prot = prot, .max_prot = max_prot};

    return quire_space_map(&lab->space[0].space, &spec);
}

static void test_max_prot(void **state)
{
    struct lab lab;
    struct quire_space *space = &lab.space[0].space;
    const unsigned r = QUIRE_USER | QUIRE_READ, w = r | QUIRE_WRITE;
    uint64_t page;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 0);
    page = lab.page_bytes;
    assert_int_equal(map_at(&lab, 0, page, w, r), QUIRE_INVALID);
    assert_int_equal(map_at(&lab, 0, page, r, w), QUIRE_OK);
    assert_int_equal(map_at(&lab, page, page, r, 0), QUIRE_OK); /* 0: the same as prot */
    lab_regions(&lab, 0, "r|r"); /* not one: they may not become one */
    assert_int_equal(quire_space_protect(space, quire_va_at(0), page, w), QUIRE_OK);
    assert_int_equal(quire_space_protect(space, quire_va_at(page), page, w), QUIRE_INVALID);
    assert_int_equal(quire_space_protect(space, quire_va_at(0), 2 * page, w), QUIRE_INVALID);
    assert_int_equal(quire_space_protect(space, quire_va_at(0), 2 * page, 0), QUIRE_OK);
    lab_regions(&lab, 0, "-|-");
    assert_int_equal(quire_space_protect(space, quire_va_at(0), 2 * page, r), QUIRE_OK);
    lab_regions(&lab, 0, "r|r");
    assert_int_equal(quire_space_protect(space, quire_va_at(0), 3 * page, r), QUIRE_NOT_FOUND);
    assert_int_equal(quire_space_unmap(space, quire_va_at(0), 2 * page), QUIRE_OK);
    lab_close(&lab);
}

/* Arguments that are wrong change nothing. */
static void test_bad_arguments(void **state)
{
    struct lab lab;
    struct quire_space *space = &lab.space[0].space;
    struct quire_region_spec spec = {.prot = QUIRE_READ};
    uint64_t page;
    struct lab_state before;

    (void)state;
    lab_start(&lab, LAB_SMALL, 0, 0);
    page = lab.page_bytes;
    lab_draw(&lab, 0, "ww");
    spec.object = lab_file(&lab, 0, page);
    lab_remember(&lab, &before);
    assert_int_equal(map_at(&lab, 2 * page, 0, QUIRE_READ, 0), QUIRE_INVALID);
    assert_int_equal(map_at(&lab, 2 * page, page - 1, QUIRE_READ, 0), QUIRE_INVALID);
    assert_int_equal(map_at(&lab, 2 * page + 1, page, QUIRE_READ, 0), QUIRE_INVALID);
    assert_int_equal(map_at(&lab, 2 * page, UINT64_MAX - page + 1, QUIRE_READ, 0), QUIRE_INVALID);
    assert_int_equal(map_at(&lab, 2 * page, page, QUIRE_DIRTY, QUIRE_DIRTY), QUIRE_INVALID);
    assert_int_equal(map_at(&lab, 2 * page, page, QUIRE_READ, QUIRE_READ | QUIRE_GLOBAL),
                     QUIRE_INVALID);
    assert_int_equal(map_at(&lab, UINT64_C(1) << 14, page, QUIRE_READ, 0), QUIRE_OUT_OF_RANGE);
    assert_int_equal(map_at(&lab, page, page, QUIRE_READ, 0), QUIRE_EXISTS);
    assert_int_equal(quire_space_unmap(space, quire_va_at(1), page), QUIRE_INVALID);
    assert_int_equal(quire_space_unmap(space, quire_va_at(0), 0), QUIRE_INVALID);
    assert_int_equal(quire_space_unmap(space, quire_va_at(1 << 13), 1 << 14), QUIRE_OUT_OF_RANGE);
    assert_int_equal(quire_space_protect(space, quire_va_at(0), page / 2, 0), QUIRE_INVALID);
    assert_int_equal(quire_space_protect(space, quire_va_at(0), page, QUIRE_DIRTY), QUIRE_INVALID);

    spec.va = quire_va_at(2 * page);
    spec.bytes = 4 * page;
    spec.offset = 1;
    assert_int_equal(quire_space_map(space, &spec), QUIRE_INVALID);
    spec.offset = 0 - 2 * page; /* the region would begin behind the end and end at the beginning */
    assert_int_equal(quire_space_map(space, &spec), QUIRE_INVALID);
    lab_unchanged(&lab, &before, LAB_SAME);
    lab_check(&lab);
    lab_close(&lab);
}

/* A space wants a format with the machine's page, and one with accessed bits if the policy asks. */
static void test_create_refused(void **state)
{
    struct lab_setup setup = {.policy = &quire_policy_clock_mmu, .frames = 64};
    struct quire_space space;
    struct lab lab;

    (void)state;
    setup.format = lab_machine(LAB_NO_MARKS, NULL);
    lab_open(&lab, &setup);
    assert_int_equal(lab_create(&lab, 0, 0), QUIRE_INVALID);
    assert_int_equal(quire_space_create(&space, &lab.system, &quire_format_ptsim, 1),
                     QUIRE_INVALID);
    assert_int_equal(quire_space_create(&space, &lab.system, lab_machine(LAB_NO_DIRTY, NULL), 1),
                     QUIRE_OK);
    quire_space_destroy(&space);
    lab_close(&lab);
}

/* ---- the ends of the address space ----------------------------------------------------------- */

/* The last pages, on machines whose last address is 2^14 - 1, 2^32 - 1 and 2^64 - 1: the end of a
 * region there is one more than can be said. */
static void test_last_page(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        const struct quire_format *format = lab_machine(i, NULL);
        bool sign = format->canonical == QUIRE_SIGN_EXTENDED;
        uint64_t last =
            sign || format->va_bits == 64 ? UINT64_MAX : (UINT64_C(1) << format->va_bits) - 1;
        struct lab lab;

        lab_start(&lab, i, 2, 16);
        lab_destroy(&lab, 0);
        assert_int_equal(lab_create(&lab, 0, last - (LAB_PAGES * lab.page_bytes - 1)), QUIRE_OK);
        lab_draw(&lab, 0, "..........wwwwww");
        touch_all(&lab);
        lab_compare(&lab);
        assert_int_equal(lab_protect(&lab, 0, 14, 2, 'r'), QUIRE_OK);
        lab_regions(&lab, 0, "..........wwwwrr");
        lab_compare(&lab);
        assert_int_equal(lab_protect(&lab, 0, 15, 1, 'w'), QUIRE_OK);
        lab_regions(&lab, 0, "..........wwwwrw");
        assert_int_equal(lab_write(&lab, 0, 15), QUIRE_OK);
        assert_int_equal(lab_unmap(&lab, 0, 14, 1), QUIRE_OK);
        lab_regions(&lab, 0, "..........wwww.w");
        assert_int_equal(lab_map(&lab, 0, 14, 2, 'w'), QUIRE_EXISTS);
        lab_check(&lab);
        assert_int_equal(lab_unmap(&lab, 0, 12, 4), QUIRE_OK);
        lab_regions(&lab, 0, "..........ww....");
        lab_compare(&lab);
        assert_int_equal(lab_read(&lab, 0, 15), QUIRE_FAULT);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* Sign-extended addresses: nothing crosses the hole, and what is in it does not exist. */
static void test_hole_in_the_middle(void **state)
{
    struct lab lab;
    struct quire_space *space = &lab.space[0].space;
    struct quire_request request = {.ready = NULL};
    uint64_t below = (UINT64_C(1) << 47) - 2 * 4096;

    (void)state;
    lab_start(&lab, LAB_X86_64, 3, 16);
    lab_destroy(&lab, 0);
    assert_int_equal(lab_create(&lab, 0, below), QUIRE_OK);
    assert_int_equal(lab_create(&lab, 1, UINT64_C(0xffff800000000000)), QUIRE_OK);
    assert_int_equal(map_at(&lab, below, 3 * 4096, QUIRE_READ, 0), QUIRE_OUT_OF_RANGE);
    assert_int_equal(map_at(&lab, below, UINT64_C(0xffff800000001000) - below, QUIRE_READ, 0),
                     QUIRE_OUT_OF_RANGE);
    lab_draw(&lab, 0, "ww");
    lab_draw(&lab, 1, "ww");
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(lab_write(&lab, i / 2, i % 2), QUIRE_OK);
    }
    lab_compare(&lab);
    assert_int_equal(quire_space_fault(space, quire_va_at(below + 2 * 4096), QUIRE_READ, &request),
                     QUIRE_FAULT);
    assert_int_equal(request.refusal, QUIRE_REFUSAL_NO_REGION);
    assert_int_equal(quire_space_vpn(space, quire_va_at(UINT64_C(0xffff800000000000))), UINT64_C(1)
                                                                                            << 35);
    assert_int_equal(quire_space_va(space, UINT64_C(1) << 35).at, UINT64_C(0xffff800000000000));
    assert_int_equal(quire_space_va(space, (UINT64_C(1) << 35) - 1).at, below + 4096);
    lab_check(&lab);
    lab_close(&lab);
}

/* ---- the fault table ------------------------------------------------------------------------- */

static uint64_t events(const struct lab *lab, enum quire_event_kind kind)
{
    return lab->system.events[kind];
}

/* With one frame for pages: evicts whatever is in it, by means of page 15. */
static void push_out(struct lab *lab)
{
    if (!lab->space[0].page[15].mapped) {
        assert_int_equal(lab_map(lab, 0, 15, 1, 'r'), QUIRE_OK);
    }
    assert_int_equal(lab_read(lab, 0, 15), QUIRE_OK);
    assert_int_equal(lab->space[0].space.resident, 1);
}

/* A region of zeros: page 0 is untouched, zero, in swap, in a frame. */
static void zero_region(struct lab *lab, unsigned machine)
{
    uint64_t fills;

    lab_start(lab, machine, 1, 4);
    lab_draw(lab, 0, "w");
    assert_int_equal(lab_read(lab, 0, 0), QUIRE_OK); /* untouched */
    lab_pages(lab, 0, "#");
    assert_int_equal(events(lab, QUIRE_EVENT_ZERO_FILL), 1);

    push_out(lab);
    fills = events(lab, QUIRE_EVENT_ZERO_FILL);
    assert_int_equal(lab_read(lab, 0, 0), QUIRE_OK); /* zero */
    assert_int_equal(events(lab, QUIRE_EVENT_ZERO_FILL), fills + 1);
    assert_int_equal(lab->swap.reads + lab->swap.writes, 0);

    assert_int_equal(lab_write(lab, 0, 0), QUIRE_OK); /* in a frame; perhaps for write */
    push_out(lab);
    lab_pages(lab, 0, "s..............#");
    assert_int_equal(lab->swap.writes, 1);
    fills = events(lab, QUIRE_EVENT_ZERO_FILL);
    assert_int_equal(lab_read(lab, 0, 0), QUIRE_OK); /* in swap */
    assert_int_equal(lab->swap.reads, 1);
    assert_int_equal(events(lab, QUIRE_EVENT_SWAP_IN), 1);
    assert_int_equal(events(lab, QUIRE_EVENT_ZERO_FILL), fills);
    lab_pages(lab, 0, "#");
    lab_check(lab);
}

/* A region of a file: the same, and nothing is read from the file that is not wanted. */
static void file_region(struct lab *lab)
{
    struct lab_disk *file = &lab->file_disk[0];
    uint64_t reads = lab->format->leaf.write.mask != 0 ? 2 : 1;

    lab_file(lab, 0, 2 * lab->page_bytes);
    assert_int_equal(lab_map_file(lab, 0, 1, 2, 'w', 0, 0), QUIRE_OK);
    assert_int_equal(lab_read(lab, 0, 1), QUIRE_OK); /* untouched */
    assert_int_equal(file->reads, 1);
    /* In a frame. The object's page has to go for a copy, as there is but one frame: so it is read
     * again, into a page of the space's own, unless that is what it was from the beginning. */
    assert_int_equal(lab_clear(lab, 0, 1), QUIRE_OK);
    assert_int_equal(file->reads, reads);
    push_out(lab);
    lab_pages(lab, 0, "s0.............#");
    assert_int_equal(lab_read(lab, 0, 1), QUIRE_OK); /* zero, though the file says something else */
    assert_int_equal(file->reads, reads);
    assert_int_equal(lab_write_some(lab, 0, 1), QUIRE_OK);
    push_out(lab);
    lab_pages(lab, 0, "ss.............#");
    assert_int_equal(lab_read(lab, 0, 1), QUIRE_OK); /* in swap */
    assert_int_equal(file->reads, reads);
    assert_int_equal(events(lab, QUIRE_EVENT_FILE_READ), reads);
    lab_check(lab);
}

static void test_fault_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        zero_region(&lab, i);
        file_region(&lab);
        lab_compare(&lab);
        lab_close(&lab);
    }
}

static enum quire_refusal refusal_of(struct lab *lab, unsigned page, unsigned access)
{
    struct quire_request request = {.ready = NULL};
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    status = quire_space_fault(&lab->space[0].space, lab_va(lab, 0, page), access, &request);
    if (status == QUIRE_FAULT) {
        lab_unchanged(lab, &before, LAB_SAME);
        assert_int_not_equal(request.refusal, QUIRE_REFUSAL_NONE);
    } else {
        assert_int_equal(status, QUIRE_OK);
    }
    return request.refusal;
}

/* Every access on every kind of region, pages touched and untouched. */
static void test_refusals(void **state)
{
    static const unsigned kinds[] = {QUIRE_READ, QUIRE_WRITE, QUIRE_EXECUTE};
    struct lab lab;

    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        lab_start(&lab, i, 2, 16);
        lab_draw(&lab, 0, "rwx-k.");
        for (unsigned n = 0; n < 2 * 6 * 3 * 2; n++) {
            unsigned page = n / 6 % 6;
            unsigned access = kinds[n % 3] | (n / 3 % 2 ? (unsigned)QUIRE_USER : 0U);
            assert_int_equal(refusal_of(&lab, page, access), lab_judge(&lab, 0, page, access));
        }
        assert_int_equal(refusal_of(&lab, 4, QUIRE_READ | QUIRE_USER), QUIRE_REFUSAL_USER);
        assert_int_equal(refusal_of(&lab, 0, QUIRE_WRITE | QUIRE_USER), QUIRE_REFUSAL_WRITE);
        assert_int_equal(refusal_of(&lab, 1, QUIRE_EXECUTE | QUIRE_USER), QUIRE_REFUSAL_EXECUTE);
        assert_int_equal(refusal_of(&lab, 3, QUIRE_READ), QUIRE_REFUSAL_READ);
        assert_int_equal(refusal_of(&lab, 5, QUIRE_READ), QUIRE_REFUSAL_NO_REGION);
        lab_check(&lab);
        lab_close(&lab);
    }
    for (unsigned i = 0; i <= QUIRE_REFUSALS; i++) {
        assert_true(strlen(quire_refusal_text((enum quire_refusal)i)) > 3);
    }
}

/* A fault on a page that is there, because a TLB was late: the page's mapping is flushed before the
 * access is tried again, or it would fault for ever. */
static void test_late_tlb(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;

        lab_start(&lab, i, 0, 4);
        lab_draw(&lab, 0, "ww");
        touch_all(&lab);
        assert_true(lab.space[0].cached[0].valid && lab.space[0].cached[1].valid);
        assert_int_equal(lab_fault(&lab, 0, 0, QUIRE_READ | QUIRE_USER), QUIRE_OK);
        assert_false(lab.space[0].cached[0].valid);
        assert_true(lab.space[0].cached[1].valid);
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* No rights are no rights, even for pages that are in a frame and on MMUs that cannot say so. */
static void test_no_rights(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LAB_MACHINES; i++) {
        struct lab lab;
        struct quire_space *space = &lab.space[0].space;

        lab_start(&lab, i, 0, 4);
        lab_draw(&lab, 0, "ww");
        touch_all(&lab);
        assert_int_equal(lab_protect(&lab, 0, 0, 1, '-'), QUIRE_OK);
        assert_null(lab_mmu(&lab, 0, 0, QUIRE_READ));
        assert_null(lab_mmu(&lab, 0, 0, QUIRE_WRITE));
        assert_int_equal(lab_read(&lab, 0, 0), QUIRE_FAULT);
        assert_int_equal(quire_space_protect(space, lab_va(&lab, 0, 1), lab.page_bytes, QUIRE_USER),
                         QUIRE_OK);
        lab.space[0].page[1].prot = QUIRE_USER;
        assert_null(lab_mmu(&lab, 0, 1, QUIRE_READ | QUIRE_USER));
        lab_check(&lab);
        assert_int_equal(lab_protect(&lab, 0, 0, 2, 'r'), QUIRE_OK);
        lab_compare(&lab);
        lab_check(&lab);
        lab_close(&lab);
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

/* A region of `pages` pages of a file of so many bytes, from a page of it on; read, written, read,
 * each time out of swap or the file. */
static void one_file(unsigned machine, uint64_t thirds_of_page, unsigned from)
{
    struct lab lab;
    uint64_t bytes;

    lab_start(&lab, machine, 2, 16);
    bytes = thirds_of_page * lab.page_bytes / 3;
    lab_file(&lab, 0, bytes == 0 ? 1 : bytes);
    assert_int_equal(lab_map_file(&lab, 0, 1, 6, 'w', 0, from * lab.page_bytes), QUIRE_OK);
    lab_compare(&lab);
    lab_compare(&lab);
    if (machine != LAB_NO_WRITE && machine != LAB_NO_RIGHTS && lab.format->leaf.write.mask != 0) {
        assert_int_equal(quire_swap_used(&lab.system.swap), 0);
        assert_int_equal(lab.swap.reads + lab.swap.writes, 0);
    }
    for (unsigned i = 1; i < 7; i += 2) {
        assert_int_equal(lab_write_some(&lab, 0, i), QUIRE_OK);
    }
    lab_check(&lab);
    lab_compare(&lab);
    lab_compare(&lab);
    assert_true(lab.swap.writes != 0);
    lab_check(&lab);
    lab_close(&lab);
}

/* Files that end in a page, at the end of one, before the region does, before it begins. */
static void test_files(void **state)
{
    (void)state;
    for (unsigned machine = 0; machine < LAB_MACHINES; machine++) {
        for (unsigned thirds = 0; thirds <= 21; thirds += machine == LAB_SMALL ? 1 : 5) {
            one_file(machine, thirds, 0);
            one_file(machine, thirds, 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_three_changes),
        cmocka_unit_test(test_changes_of_used_pages),
        cmocka_unit_test(test_cut_and_join),
        cmocka_unit_test(test_join_of_files),
        cmocka_unit_test(test_max_prot),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_create_refused),
        cmocka_unit_test(test_last_page),
        cmocka_unit_test(test_hole_in_the_middle),
        cmocka_unit_test(test_fault_table),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_late_tlb),
        cmocka_unit_test(test_no_rights),
        cmocka_unit_test(test_files),
    };

    return unit_run(tests);
}
