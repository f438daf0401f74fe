/*
 * Seed 000's "lock kept on an error path": every error of every kind of fault, and what it leaves.
 */
#include <stdlib.h>

#include "tests/support/pair.h"
#include "tests/support/unit.h"

enum { W = QUIRE_WRITE | QUIRE_USER, R = QUIRE_READ | QUIRE_USER };

/* Something that a fault at `page` of space `n` meets. */
struct scene {
    const char *name;
    void (*prepare)(struct pair *pair);
    unsigned n, page, access;
    uint32_t limit; /* pages that may be resident */
    bool forks;
};

static void zeros(struct pair *pair)
{
    pair_map(pair, 0, 0, 4, NULL, QUIRE_PRIVATE);
}

static void in_swap(struct pair *pair)
{
    zeros(pair);
    for (unsigned page = 0; page < 4; page++) {
        pair_store(pair, 0, page, (unsigned char)(page + 1));
    }
}

static void of_object(struct pair *pair, enum quire_sharing sharing)
{
    pair_map(pair, 0, 4, 2, NULL, QUIRE_PRIVATE);
    pair_store(pair, 0, 4, 1);
    pair_store(pair, 0, 5, 1);
    pair_map(pair, 0, 0, 2, lab_file(&pair->lab, 0, 2 * pair->lab.page_bytes), sharing);
}

static void private_file(struct pair *pair)
{
    of_object(pair, QUIRE_PRIVATE);
}

static void shared_file(struct pair *pair)
{
    of_object(pair, QUIRE_SHARED);
}

static void shared_memory_in_swap(struct pair *pair)
{
    pair_object(pair, false);
    pair_map(pair, 0, 0, PAIR_FILE_PAGES, &pair->object, QUIRE_SHARED);
    for (unsigned page = 0; page < PAIR_FILE_PAGES; page++) {
        pair_store(pair, 0, page, (unsigned char)(page + 1));
    }
}

static void forked(struct pair *pair)
{
    in_swap(pair);
    pair_load(pair, 0, 0, 1);
    pair_fork(pair);
}

static const struct scene scenes[] = {
    {"zeros", zeros, 0, 0, W, 0, false},
    {"zeros, others have to go", in_swap, 0, 0, R, 2, false},
    {"a page in swap, for a write", in_swap, 0, 1, W, 1, false},
    {"a page of a file", private_file, 0, 0, R, 2, false},
    {"a page of a file, for a write", private_file, 0, 1, W, 2, false},
    {"a shared page of a file", shared_file, 0, 0, R, 1, false},
    {"shared memory in swap", shared_memory_in_swap, 0, 0, W, 2, false},
    {"a page to copy", forked, 1, 0, W, 2, true},
    {"a page to copy, from swap", forked, 1, 1, W, 1, true},
    {"a page to read, of the parent's", forked, 1, 2, R, 2, true},
};
enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

enum mishap { FRAME_REFUSED, NO_FRAMES, TRANSFER_FAILS, NO_TRANSFERS, MISHAPS };
enum answer { AT_ONCE, EARLY, HELD, ANSWERS };

static void note_ready(struct quire_request *request)
{
    (void)request; /* whoever completes a transfer here knows which one it was */
}

static bool moving(const struct quire_supplement *supplement)
{
    struct quire_record record;
    uint64_t vpn = 0;

    for (; quire_supplement_next(supplement, &vpn, UINT64_C(1) << supplement->vpn_bits, &record);
         vpn++) {
        if (record.kind == QUIRE_RECORD_COMING || record.kind == QUIRE_RECORD_GOING) {
            return true;
        }
    }
    return false;
}

/* Neither the request nor any record holds on to something. */
static void nothing_held(struct pair *pair, const struct quire_request *request, const char *name)
{
    const struct quire_system *system = &pair->lab.system;

    checkf(quire_pfn_none(request->pfn) && quire_pfn_none(request->victim),
           "%s: the request still has a frame", name);
    for (unsigned n = 0; n < PAIR_SPACES; n++) {
        checkf(!pair->alive[n] || !moving(&pair->space[n].supplement), "%s: in transit", name);
    }
    for (const struct quire_object *o = system->objects; o != NULL; o = o->next) {
        checkf(!moving(&o->pages), "%s: in transit, in an object", name);
    }
    check(pair->lab.held_count == 0 && system->batch.ranges == 0 && system->batch.frames == 0);
    pair_validate(pair);
}

/* Nodes of all supplements. */
static uint32_t nodes(const struct pair *pair)
{
    uint32_t count = 0;

    for (unsigned n = 0; n < PAIR_SPACES; n++) {
        count += pair->alive[n] ? pair->space[n].supplement.nodes : 0;
    }
    for (const struct quire_object *o = pair->lab.system.objects; o != NULL; o = o->next) {
        count += o->pages.nodes;
    }
    return count;
}

/* Somebody else wants the page while it is on its way: he is told so, and keeps nothing either. */
static void somebody_else(struct pair *pair, const struct scene *scene, unsigned *busy)
{
    struct quire_request other = {.ready = note_ready};
    enum quire_status status = quire_space_fault(
        &pair->space[scene->n], quire_va_at(pair_at(pair, scene->page)), scene->access, &other);

    if (status == QUIRE_BUSY) {
        check(quire_pfn_none(other.pfn) && quire_pfn_none(other.victim));
        pair_validate(pair);
        ++*busy;
    }
    while (status == QUIRE_PENDING) { /* the first one only waits for a victim's sake */
        lab_complete(&pair->lab, pair->lab.held_count - 1, QUIRE_OK);
        status = quire_space_resume(&other);
    }
}

/* A fault from beginning to end; others come in between, if *busy is to count those refused. */
static enum quire_status serve(struct pair *pair, const struct scene *scene,
                               struct quire_request *request, unsigned *busy)
{
    struct lab *lab = &pair->lab;
    enum quire_status status;

    *request = (struct quire_request){.ready = note_ready};
    status = quire_space_fault(&pair->space[scene->n], quire_va_at(pair_at(pair, scene->page)),
                               scene->access, request);
    while (status == QUIRE_PENDING) {
        if (busy != NULL) {
            somebody_else(pair, scene, busy);
        }
        if (lab->held_count != 0) {
            lab_complete(lab, 0, lab_trips(&lab->fail) ? QUIRE_IO_ERROR : QUIRE_OK);
        }
        status = quire_space_resume(request);
    }
    return status;
}

/* The n-th thing that can go wrong does; false: there are not so many. */
static bool goes_wrong(const struct scene *scene, unsigned machine, enum mishap mishap,
                       enum answer answer, uint64_t n, unsigned *busy)
{
    struct lab_trip trip = {n, 0, mishap == NO_FRAMES || mishap == NO_TRANSFERS};
    struct quire_request request;
    enum quire_status status;
    struct pair pair;
    uint32_t before;
    bool struck;

    pair_start(&pair, machine, scene->limit, 16);
    pair_create(&pair, 0);
    scene->prepare(&pair);
    before = nodes(&pair);
    pair.lab.hold = answer == HELD;
    pair.lab.early = answer == EARLY;
    *(mishap < TRANSFER_FAILS ? &pair.lab.refuse : &pair.lab.fail) = trip;
    status = serve(&pair, scene, &request, NULL);
    struck = pair.lab.refuse.struck + pair.lab.fail.struck != 0;
    checkf(status == QUIRE_OK || struck, "%s: %s", scene->name, quire_status_text(status));
    pair.lab.refuse = pair.lab.fail = (struct lab_trip){0, 0, false};
    nothing_held(&pair, &request, scene->name);
    checkf(status == QUIRE_OK || nodes(&pair) <= before, "%s: empty nodes are left", scene->name);

    status = serve(&pair, scene, &request, answer == HELD ? busy : NULL);
    checkf(status == QUIRE_OK, "%s, again: %s", scene->name, quire_status_text(status));
    nothing_held(&pair, &request, scene->name);
    pair.lab.hold = false;
    for (unsigned s = 0; s < PAIR_SPACES; s++) {
        if (pair.alive[s]) {
            assert_int_equal(
                quire_space_unmap(&pair.space[s], quire_va_at(0), pair_at(&pair, LAB_PAGES)),
                QUIRE_OK);
        }
    }
    pair_validate(&pair);
    pair_close(&pair);
    return struck;
}

/* "A lock kept on an error path": what can be left locked here is a page in transit, or a frame in
 * a request's hands. Each error of each kind of fault leaves neither. */
static void test_seed_000_no_lock_kept(void **state)
{
    static const unsigned machines[] = {LAB_SMALL, LAB_NO_DIRTY, LAB_NO_WRITE, LAB_I386,
                                        LAB_X86_64};
    unsigned errors = 0, busy = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]) * SCENES; i++) {
        const struct scene *scene = &scenes[i % SCENES];
        unsigned machine = machines[i / SCENES];

        if (scene->forks && !pair_can_fork(lab_machine(machine, NULL))) {
            continue;
        }
        for (unsigned how = 0; how < MISHAPS * ANSWERS; how++) {
            uint64_t n = 1;

            while (goes_wrong(scene, machine, (enum mishap)(how / ANSWERS),
                              (enum answer)(how % ANSWERS), n, &busy)) {
                n++;
                errors++;
            }
        }
    }
    checkf(errors > 100 && busy > 100, "only %u errors, %u times busy", errors, busy);
}

/* Errors that are nobody's mishap: an access that is refused, for each reason; a full swap. */
static void test_seed_000_no_lock_kept_when_refused(void **state)
{
    static const struct {
        unsigned page, prot, access;
        enum quire_refusal refusal;
    } refused[] = {
        {0, 0, R, QUIRE_REFUSAL_NO_REGION},
        {2, QUIRE_READ, R, QUIRE_REFUSAL_USER},
        {3, R, W, QUIRE_REFUSAL_WRITE},
        {4, R, QUIRE_EXECUTE | QUIRE_USER, QUIRE_REFUSAL_EXECUTE},
        {5, QUIRE_EXECUTE | QUIRE_USER, R, QUIRE_REFUSAL_READ},
    };
    struct quire_request request = {.ready = NULL};
    struct pair pair;

    (void)state;
    pair_start(&pair, LAB_I386, 2, 0);
    pair_create(&pair, 0);
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        quire_va va = quire_va_at(pair_at(&pair, refused[i].page));
        struct quire_region_spec spec = {
            .va = va, .bytes = pair.lab.page_bytes, .prot = refused[i].prot};

        if (refused[i].prot != 0) {
            assert_int_equal(quire_space_map(&pair.space[0], &spec), QUIRE_OK);
        }
        assert_int_equal(quire_space_fault(&pair.space[0], va, refused[i].access, &request),
                         QUIRE_FAULT);
        assert_int_equal(request.refusal, refused[i].refusal);
        assert_int_equal(pair.space[0].supplement.nodes, 1);
        nothing_held(&pair, &request, quire_refusal_text(refused[i].refusal));
    }
    pair_map(&pair, 0, 8, 4, NULL, QUIRE_PRIVATE);
    pair_store(&pair, 0, 8, 1);
    pair_store(&pair, 0, 9, 1);
    for (unsigned i = 0; i < 3; i++) {
        quire_va va = quire_va_at(pair_at(&pair, 10));

        assert_int_equal(quire_space_fault(&pair.space[0], va, W, &request), QUIRE_NO_SPACE);
        nothing_held(&pair, &request, "swap is full");
    }
    pair_load(&pair, 0, 8, 1);
    pair_load(&pair, 0, 9, 1);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_000_no_lock_kept),
        cmocka_unit_test(test_seed_000_no_lock_kept_when_refused),
    };

    return unit_run(tests);
}
