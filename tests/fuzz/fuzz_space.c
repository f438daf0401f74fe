/*
 * libFuzzer target: address spaces, with several faults under way at once, frames refused and
 * transfers failing. Everything is validated after every step and every byte compared.
 *
 * The first four bytes choose machine, policy, frames for pages and swap slots; then each step
 * takes three: what to do and in which space, a page, and a number that depends on it.
 */
#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/lab.h"

enum { HEAD = 4, STEP = 3, STEPS_MAX = 200, REQUESTS = 4 };
enum { R = QUIRE_READ | QUIRE_USER, W = QUIRE_WRITE | QUIRE_USER };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct waiting {
    struct quire_request request; /* its space is NULL: nothing is under way */
    bool ready;
};

struct fuzz {
    struct lab lab;
    struct waiting waiting[REQUESTS];
    unsigned n, page, number; /* of the step: space, and the rest */
};

static const struct quire_policy_ops *const policies[] = {
    &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};

static void wake(struct quire_request *request)
{
    ((struct waiting *)request->context)->ready = true;
}

static void ended(struct waiting *w, enum quire_status status)
{
    if (status != QUIRE_PENDING) {
        w->request.space = NULL;
    }
}

/* ---- steps; the model checks each status ----------------------------------------------------- */

static void map(struct fuzz *f)
{
    unsigned pages = 1 + f->number % (LAB_PAGES - f->page);

    lab_map(&f->lab, f->n, f->page, pages, "rwx-k"[(f->number >> 4) % 5]);
}

static void map_file(struct fuzz *f)
{
    unsigned pages = 1 + f->number % 8 % (LAB_PAGES - f->page);

    lab_map_file(&f->lab, f->n, f->page, pages, 'w', f->number >> 3 & 1,
                 (f->number >> 4) * f->lab.page_bytes);
}

static void unmap(struct fuzz *f)
{
    lab_unmap(&f->lab, f->n, f->page, 1 + f->number % (LAB_PAGES - f->page));
}

static void protect(struct fuzz *f)
{
    unsigned pages = 1 + f->number % 16 % (LAB_PAGES - f->page);

    lab_protect(&f->lab, f->n, f->page, pages, "rwx-k"[(f->number >> 4) % 5]);
}

static void read_page(struct fuzz *f)
{
    lab_read(&f->lab, f->n, f->page);
}

static void write_page(struct fuzz *f)
{
    if (f->number & 1) {
        lab_clear(&f->lab, f->n, f->page);
    } else {
        lab_write_some(&f->lab, f->n, f->page);
    }
}

static void begin_fault(struct fuzz *f)
{
    struct waiting *w = &f->waiting[f->number % REQUESTS];
    struct lab_space *s = &f->lab.space[f->n];

    if (w->request.space == NULL) {
        *w = (struct waiting){.request = {.ready = wake, .context = w}};
        f->lab.hold = true;
        ended(w, quire_space_fault(&s->space, lab_va(&f->lab, f->n, f->page),
                                   f->number & 16 ? W : R, &w->request));
        f->lab.hold = false;
    }
}

static void complete(struct fuzz *f)
{
    if (f->lab.held_count != 0) {
        lab_complete(&f->lab, f->page % f->lab.held_count,
                     f->number % 4 == 0 ? QUIRE_IO_ERROR : QUIRE_OK);
    }
}

static void resume(struct fuzz *f)
{
    struct waiting *w = &f->waiting[f->number % REQUESTS];

    if (w->request.space != NULL && w->ready) {
        w->ready = false;
        f->lab.hold = true;
        ended(w, quire_space_resume(&w->request));
        f->lab.hold = false;
    }
}

static void refuse_frames(struct fuzz *f)
{
    f->lab.refuse = (struct lab_trip){f->number % 16, 0, f->page % 4 == 0};
}

static void fail_transfer(struct fuzz *f)
{
    f->lab.fail = (struct lab_trip){f->number % 8, 0, false};
}

/* Space 2 comes and goes; nobody waits in it, and it goes when no page of it is in transit. */
static void create_or_destroy(struct fuzz *f)
{
    if (!f->lab.space[2].alive) {
        (void)lab_create(&f->lab, 2, 0);
    } else if (lab_unmap(&f->lab, 2, 0, LAB_PAGES) == QUIRE_OK) {
        lab_destroy(&f->lab, 2);
    }
}

static void (*const steps[])(struct fuzz *f) = {
    map,           map_file,          unmap,       protect,  read_page, read_page,
    write_page,    write_page,        begin_fault, complete, resume,    refuse_frames,
    fail_transfer, create_or_destroy, begin_fault, complete,
};

/* ---- one input ------------------------------------------------------------------------------- */

static void start(struct fuzz *f, const uint8_t head[HEAD])
{
    unsigned machine = head[0] % LAB_MACHINES;
    struct lab_setup setup = {.policy = policies[head[1] % 4],
                              .limit = head[2] % 12,
                              .slots = head[3] % 48,
                              .concurrent = head[3] >= 128};

    if (machine >= LAB_I386 && machine <= LAB_FULL_64) {
        machine = LAB_SMALL; /* large pages take their time */
    }
    setup.format = lab_machine(machine, &setup.frames);
    if (setup.policy->wants_accessed && setup.format->leaf.accessed.mask == 0) {
        setup.policy = &quire_policy_fifo;
    }
    lab_open(&f->lab, &setup);
    lab_file(&f->lab, 0, 3 * f->lab.page_bytes);
    lab_file(&f->lab, 1, 5 * f->lab.page_bytes / 2);
    for (unsigned n = 0; n < 2; n++) {
        check(lab_create(&f->lab, n, 0) == QUIRE_OK);
        lab_draw(&f->lab, n, "wwwwww");
    }
}

/* Everything that is under way ends, and every byte is there. */
static void finish(struct fuzz *f)
{
    struct lab *lab = &f->lab;

    lab->refuse = lab->fail = (struct lab_trip){0, 0, false};
    for (unsigned rounds = 0; rounds < 16; rounds++) {
        while (lab->held_count != 0) {
            lab_complete(lab, 0, QUIRE_OK);
        }
        for (f->number = 0; f->number < REQUESTS; f->number++) {
            resume(f);
        }
    }
    for (unsigned i = 0; i < REQUESTS; i++) {
        check(f->waiting[i].request.space == NULL);
    }
    for (unsigned i = 0; i < LAB_SPACES * LAB_PAGES; i++) {
        unsigned n = i % LAB_SPACES, page = i / LAB_SPACES;
        if (lab->space[n].alive && lab->space[n].page[page].prot & QUIRE_READ) {
            enum quire_status status = lab_read(lab, n, page);
            check(status == QUIRE_OK || status == QUIRE_NO_SPACE); /* which loses nothing */
        }
    }
    lab_check(lab);
    lab_close(lab);
}

/* The laboratory's noise must not differ from run to run. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return setenv("QUIRE_SEED", "1", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz f;

    if (size < HEAD) {
        return -1;
    }
    f = (struct fuzz){.n = 0};
    start(&f, data);
    for (size_t at = HEAD; at + STEP <= size && at < HEAD + STEP * STEPS_MAX; at += STEP) {
        void (*step)(struct fuzz *) = steps[data[at] % 16];

        f.n = data[at] / 16 % LAB_SPACES;
        f.page = data[at + 1] % LAB_PAGES;
        f.number = data[at + 2];
        if ((f.n == 2 && step == begin_fault) || !f.lab.space[f.n].alive) {
            f.n = 0;
        }
        step(&f);
        lab_check(&f.lab);
    }
    finish(&f);
    return 0;
}
