/*
 * Replacement policies by themselves: random comings, goings, references, marks, ticks and pages
 * that could not be evicted after all, against models on plain arrays; and the lists that a policy
 * keeps.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/policies.h"
#include "tests/support/unit.h"

enum { FRAMES_MAX = 300, PAGES_MAX = 3 * FRAMES_MAX, ROUNDS = 6 * EFFORT, STEPS = 3000 };
enum { TICKS_MAX = 64 /* the aging model's counters */ };

struct scene {
    struct quire_policy policy;
    struct quire_policy_node *node;
    void *state;
    struct model_policy *model;
    uint32_t first, frames; /* frame numbers are [first, first + frames) */
    uint32_t pages;         /* page numbers are [0, pages) */
    uint32_t resident;
    unsigned ticks;
    bool holds[FRAMES_MAX];                       /* by frame: a page that the policy knows */
    uint64_t page[FRAMES_MAX];                    /* by frame: which one */
    bool present[PAGES_MAX];                      /* by page */
    bool accessed[FRAMES_MAX], dirty[FRAMES_MAX]; /* the MMU's marks */
    uint64_t asked;                               /* how often `used` was */
};

/* ---- the scene ----------------------------------------------------------------------------- */

static uint32_t known_frame(const struct scene *scene, quire_pfn pfn)
{
    uint32_t frame = pfn.n - scene->first;

    check(frame < scene->frames && scene->holds[frame]);
    return frame;
}

static bool used(void *context, quire_pfn pfn)
{
    struct scene *scene = context;
    uint32_t frame = known_frame(scene, pfn);
    bool was = scene->accessed[frame];

    check(scene->policy.ops->wants_accessed);
    scene->asked++;
    scene->accessed[frame] = false;
    return was;
}

static bool dirty(void *context, quire_pfn pfn)
{
    struct scene *scene = context;

    return scene->dirty[known_frame(scene, pfn)];
}

static void scene_begin(struct scene *scene, enum model_kind kind, uint32_t first, uint32_t frames,
                        uint32_t capacity)
{
    const struct quire_policy_ops *ops = policies[kind];
    size_t bytes = ops->state_bytes != NULL ? ops->state_bytes(frames) : 0;

    memset(scene, 0, sizeof(*scene));
    scene->first = first;
    scene->frames = frames;
    scene->pages = 3 * frames;
    scene->node = malloc(frames * sizeof(*scene->node));
    scene->state = bytes != 0 ? calloc(1, bytes) : NULL;
    check(scene->node != NULL && (bytes == 0 || scene->state != NULL));
    quire_policy_init(&scene->policy, ops, scene->node, quire_pfn_of(first), frames, scene->state);
    check(scene->policy.capacity == frames);
    scene->policy.capacity = capacity;
    scene->policy.seed = first;
    scene->policy.used = used;
    scene->policy.dirty = dirty;
    scene->policy.context = scene;
    scene->model = model_policy_open(kind, frames, capacity, first);
}

static void scene_end(struct scene *scene)
{
    model_policy_close(scene->model);
    free(scene->node);
    free(scene->state);
}

/* Each resident frame is on exactly one list, no other is on any, and the links agree. */
static void check_lists(const struct scene *scene)
{
    const struct quire_policy *policy = &scene->policy;
    unsigned seen[FRAMES_MAX] = {0};

    for (unsigned i = 0; i < QUIRE_POLICY_LISTS; i++) {
        const struct quire_policy_list *list = &policy->list[i];
        uint32_t before = QUIRE_NONE;
        uint32_t length = 0;

        for (uint32_t at = list->head; at != QUIRE_NONE; at = policy->node[at].next) {
            check(at < scene->frames);
            check(policy->node[at].prev == before);
            check(++seen[at] == 1);
            before = at;
            length++;
        }
        check(list->tail == before);
        check(list->length == length);
    }
    for (uint32_t frame = 0; frame < scene->frames; frame++) {
        check(seen[frame] == scene->holds[frame]);
    }
}

static quire_pfn pfn_of(const struct scene *scene, uint32_t frame)
{
    return quire_pfn_of(scene->first + frame);
}

static void mark(struct scene *scene, uint32_t frame, bool write)
{
    scene->accessed[frame] = true;
    scene->dirty[frame] |= write;
    model_policy_mark(scene->model, frame, write);
}

/* A page comes in, and the access that wanted it is retried. */
static void insert(struct scene *scene, uint32_t frame, uint64_t page)
{
    check(!scene->present[page]);
    scene->policy.ops->insert(&scene->policy, pfn_of(scene, frame), page);
    model_policy_insert(scene->model, frame, page);
    scene->holds[frame] = scene->present[page] = true;
    scene->page[frame] = page;
    scene->accessed[frame] = scene->dirty[frame] = false;
    scene->resident++;
    mark(scene, frame, page % 3 == 0);
}

static void put_back(struct scene *scene, uint32_t frame)
{
    const struct quire_policy_ops *ops = scene->policy.ops;

    (ops->put_back != NULL ? ops->put_back : ops->insert)(&scene->policy, pfn_of(scene, frame),
                                                          scene->page[frame]);
    model_policy_put_back(scene->model, frame);
    scene->holds[frame] = scene->present[scene->page[frame]] = true;
    scene->resident++;
}

static void gone(struct scene *scene, uint32_t frame)
{
    scene->holds[frame] = scene->present[scene->page[frame]] = false;
    scene->resident--;
}

/* To make room for that page. QUIRE_NONE: there is none to evict. */
static uint32_t evict(struct scene *scene, uint64_t coming)
{
    quire_pfn pfn = scene->policy.ops->victim(&scene->policy, coming);
    uint32_t frame = quire_pfn_none(pfn) ? QUIRE_NONE : pfn.n - scene->first;
    uint32_t expected = model_policy_victim(scene->model, coming);

    checkf(frame == expected, "%s, %u of %u frames, capacity %u: victim %d instead of %d",
           scene->policy.ops->name, scene->resident, scene->frames, scene->policy.capacity,
           (int)frame, (int)expected);
    if (frame != QUIRE_NONE) {
        gone(scene, frame);
    }
    return frame;
}

static void reference(struct scene *scene, uint32_t frame, bool write)
{
    const struct quire_policy_ops *ops = scene->policy.ops;

    if (ops->reference != NULL) {
        ops->reference(&scene->policy, pfn_of(scene, frame));
    }
    model_policy_reference(scene->model, frame);
    mark(scene, frame, write);
}

static void tick(struct scene *scene)
{
    if (scene->policy.ops->tick != NULL && scene->ticks < TICKS_MAX) {
        scene->policy.ops->tick(&scene->policy);
        model_policy_tick(scene->model);
        scene->ticks++;
    }
}

/* A page that is not resident is no more. */
static void forget(struct scene *scene, uint64_t page)
{
    if (scene->policy.ops->forget != NULL) {
        scene->policy.ops->forget(&scene->policy, page);
    }
    model_policy_forget(scene->model, page);
}

/* ---- random doings ------------------------------------------------------------------------- */

static uint64_t absent_page(const struct scene *scene, struct prng *prng)
{
    uint64_t page;

    do {
        page = prng_below(prng, scene->pages);
        page = prng_one_in(prng, 2) ? page : page / 2; /* some are wanted more often */
    } while (scene->present[page]);
    return page;
}

/* A fault: room is made, perhaps after some that could not be evicted, and the page comes in; or it
 * does not. */
static void fault(struct scene *scene, struct prng *prng)
{
    uint64_t page = absent_page(scene, prng);
    uint32_t kept[4], keep = 0, frame = 0;

    while (prng_one_in(prng, 12) && keep < 4) {
        kept[keep] = evict(scene, page);
        keep += kept[keep] != QUIRE_NONE;
    }
    if (scene->resident + keep >= scene->policy.capacity) {
        evict(scene, prng_one_in(prng, 8) ? absent_page(scene, prng) : page);
    }
    while (keep-- > 0) {
        put_back(scene, kept[keep]);
    }
    while (frame < scene->frames && scene->holds[frame]) {
        frame++;
    }
    if (frame < scene->frames && !scene->present[page] && !prng_one_in(prng, 16)) {
        insert(scene, frame, page);
    }
}

/* One random thing. Every `rest` hits or so there is a fault. */
static void step(struct scene *scene, struct prng *prng, uint64_t rest)
{
    uint32_t frame = (uint32_t)prng_below(prng, scene->frames);

    if (prng_one_in(prng, rest)) {
        fault(scene, prng);
    }
    if (prng_one_in(prng, STEPS / TICKS_MAX)) {
        tick(scene);
    }
    if (prng_one_in(prng, 20)) {
        forget(scene, absent_page(scene, prng));
    }
    if (!scene->holds[frame]) {
        return;
    }
    if (prng_one_in(prng, 40)) {
        scene->policy.ops->remove(&scene->policy, pfn_of(scene, frame));
        model_policy_remove(scene->model, frame);
        gone(scene, frame);
        if (prng_one_in(prng, 2)) { /* it was only wired for a while */
            evict(scene, 0);
            put_back(scene, frame);
        }
        return;
    }
    for (uint64_t n = prng_below(prng, 4); n > 0; n--) {
        reference(scene, frame, prng_one_in(prng, 8));
    }
}

static void test_random_doings_against_the_model(void **state)
{
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned round = 0; round < ROUNDS * MODEL_KINDS; round++) {
        uint32_t frames = 1 + (uint32_t)prng_below(&prng, round % 3 == 0 ? 5 : FRAMES_MAX / 4);
        uint32_t capacity = 1 + (uint32_t)prng_below(&prng, frames);
        uint64_t rest = 1 + prng_below(&prng, 6);
        struct scene scene;

        scene_begin(&scene, (enum model_kind)(round % MODEL_KINDS),
                    (uint32_t)prng_below(&prng, 1000), frames, capacity);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&scene, &prng, rest);
            if (i % 64 == 0) {
                check_lists(&scene);
            }
        }
        while (scene.resident != 0) {
            evict(&scene, 0);
            check_lists(&scene);
        }
        evict(&scene, 0); /* none is left, and it says so */
        scene_end(&scene);
    }
}

/* Pages in a circle, some more than memory holds, and a few of them used much more often: the same
 * ones come back over and over. */
static void run_in_circles(struct scene *scene, struct prng *prng, uint32_t circle, uint32_t often)
{
    uint32_t frames = scene->frames;

    for (uint32_t i = 0; i < 20 * frames + 1000; i++) {
        uint64_t page = prng_one_in(prng, 4) ? prng_below(prng, often) : i % circle;
        uint32_t frame = 0;

        while (frame < frames && !(scene->holds[frame] && scene->page[frame] == page)) {
            frame++;
        }
        if (frame < frames) {
            reference(scene, frame, i % 5 == 0);
        } else {
            frame = scene->resident < frames ? scene->resident : evict(scene, page);
            insert(scene, frame, page);
        }
        if (i % (2 * frames) == 0) {
            tick(scene);
        }
        if (prng_one_in(prng, 50) && (frame = evict(scene, page)) != QUIRE_NONE) {
            put_back(scene, frame);
        }
    }
}

static void test_circles_against_the_model(void **state)
{
    static const uint32_t sizes[] = {1, 2, 8, 15, 29, 50, 90, FRAMES_MAX};
    struct prng prng = prng_new(2);

    (void)state;
    for (enum model_kind kind = 0; kind < MODEL_KINDS; kind++) {
        for (unsigned i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++) {
            uint32_t frames = sizes[i / 4];
            const uint32_t circle[] = {frames + 1 + frames / 4, 2 * frames - 1, 2 * frames,
                                       2 * frames + 1};
            struct scene scene;

            scene_begin(&scene, kind, 7, frames, frames);
            run_in_circles(&scene, &prng, circle[i % 4], 1 + frames / (i % 2 == 0 ? 8 : 2));
            check_lists(&scene);
            scene_end(&scene);
        }
    }
}

/* Every frame is in use all the time: no references between, then all of them. */
static void test_all_used_or_none(void **state)
{
    (void)state;
    for (enum model_kind kind = 0; kind < MODEL_KINDS; kind++) {
        struct scene scene;

        scene_begin(&scene, kind, 5, 50, 50);
        for (uint32_t frame = 0; frame < 50; frame++) {
            insert(&scene, frame, frame);
        }
        for (uint32_t round = 0; round < 200; round++) {
            uint64_t page = 50 + round % 100;

            if (round >= 100) {
                for (uint32_t frame = 0; frame < 50; frame++) {
                    reference(&scene, (frame * 7 + round) % 50, false);
                }
            }
            if (!scene.present[page]) {
                insert(&scene, evict(&scene, page), page);
            }
            check_lists(&scene);
        }
        scene_end(&scene);
    }
}

/* More faults than a policy takes aside ghosts for are under way at once. */
static void test_many_are_awaited(void **state)
{
    static const enum model_kind kinds[] = {MODEL_2Q, MODEL_ARC, MODEL_S3_FIFO, MODEL_GENERATIONAL};

    (void)state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct scene scene;

        scene_begin(&scene, kinds[k], 0, 100, 100);
        for (uint64_t page = 0; page < 180; page++) {
            insert(&scene, page < 100 ? (uint32_t)page : evict(&scene, page), page);
        }
        for (uint64_t round = 0; round < 3; round++) {
            uint64_t wanted[40];
            uint32_t frame[40], n = 0;

            for (uint64_t page = round; page < 180 && n < 40; page++) {
                if (!scene.present[page]) {
                    wanted[n] = page;
                    frame[n] = evict(&scene, page);
                    n += frame[n] != QUIRE_NONE;
                }
            }
            for (uint32_t i = 0; i < n; i++) {
                insert(&scene, frame[i], wanted[i]);
            }
            check_lists(&scene);
        }
        scene_end(&scene);
    }
}

/* ---- put back ------------------------------------------------------------------------------ */

/* A page that stayed is no ghost: whatever was tried in vain, what comes later is treated as if it
 * had not been. A ghost in its place would send the page to where returning pages go. */
static void test_what_stays_is_no_ghost(void **state)
{
    static const struct quire_policy_ops *const ghostly[] = {&quire_policy_2q, &quire_policy_arc,
                                                             &quire_policy_s3_fifo};

    (void)state;
    for (unsigned p = 0; p < 3; p++) {
        struct scene scene;
        enum model_kind kind = 0;
        uint32_t frame;

        while (policies[kind] != ghostly[p]) {
            kind++;
        }
        scene_begin(&scene, kind, 0, 20, 20);
        for (uint32_t i = 0; i < 20; i++) {
            insert(&scene, i, i);
        }
        check(scene.policy.list[0].length == 20); /* all on trial */
        frame = evict(&scene, 20);
        put_back(&scene, frame);
        check(scene.policy.list[0].length == 20 && scene.policy.list[1].length == 0);
        scene.policy.ops->remove(&scene.policy, pfn_of(&scene, frame));
        model_policy_remove(scene.model, frame);
        gone(&scene, frame);
        insert(&scene, frame, scene.page[frame]);
        checkf(scene.policy.list[1].length == 0, "%s took it for a ghost", scene.policy.ops->name);
        evict(&scene, 21);
        insert(&scene, 1, 21);
        frame = evict(&scene, 1); /* and this is one: it went */
        insert(&scene, frame, 1);
        check(scene.policy.list[1].length == (ghostly[p] == &quire_policy_arc ? 0 : 1));
        scene_end(&scene);
    }
}

/* ---- what policies say and ask ------------------------------------------------------------- */

static void test_what_policies_say_of_themselves(void **state)
{
    (void)state;
    for (unsigned p = 0; p < MODEL_KINDS; p++) {
        const struct quire_policy_ops *ops = policies[p];
        size_t length = strlen(ops->name);
        bool mmu = length > 4 && strcmp(ops->name + length - 4, "-mmu") == 0;

        check(ops->insert != NULL && ops->remove != NULL && ops->victim != NULL);
        check(ops->wants_references == (ops->reference != NULL));
        check(!(ops->wants_references && ops->wants_accessed));
        check(!mmu || ops->wants_accessed);
        check(ops->tick == NULL || ops->wants_accessed);
        for (unsigned q = 0; q < p; q++) {
            check(strcmp(ops->name, policies[q]->name) != 0);
        }
    }
}

/* More memory than a pointer can reach must not look like less. */
static void test_state_that_is_too_large(void **state)
{
    (void)state;
    for (unsigned p = 0; p < MODEL_KINDS; p++) {
        const struct quire_policy_ops *ops = policies[p];

        if (ops->state_bytes != NULL) {
            size_t one = ops->state_bytes(1), some = ops->state_bytes(1000);
            size_t most = ops->state_bytes((UINT32_C(1) << 28) - 1);

            check(one <= some && some <= most);
            check(one == some || most >= (size_t)1 << 29);
        }
    }
}

/* clock-mmu asks once for each page that it passes. */
static void test_how_often_the_mmu_is_asked(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, MODEL_CLOCK_MMU, 0, 10, 10);
    for (uint32_t frame = 0; frame < 10; frame++) {
        insert(&scene, frame, frame);
    }
    check(evict(&scene, 10) == 0); /* all bits were set: once around, and the first again */
    check(scene.asked == 10 || scene.asked == 11);
    scene.asked = 0;
    check(evict(&scene, 10) == 1);
    check(scene.asked == 1);
    reference(&scene, 2, false);
    reference(&scene, 3, false);
    scene.asked = 0;
    check(evict(&scene, 10) == 4);
    check(scene.asked == 3);
    scene_end(&scene);
}

/* Other processors mark pages as fast as marks are cleared: there is a victim all the same, after
 * no more looks than four for each page. */
static bool always_used(void *context, quire_pfn pfn)
{
    struct scene *scene = context;

    known_frame(scene, pfn);
    scene->asked++;
    return true;
}

static void test_pages_that_are_always_used(void **state)
{
    (void)state;
    for (enum model_kind kind = 0; kind < MODEL_KINDS; kind++) {
        struct scene scene;

        if (!policies[kind]->wants_accessed) {
            continue;
        }
        scene_begin(&scene, kind, 0, 64, 64);
        scene.policy.used = always_used;
        for (uint32_t frame = 0; frame < 64; frame++) {
            insert(&scene, frame, frame);
        }
        for (uint32_t left = 64; left > 0; left--) {
            quire_pfn pfn;

            scene.asked = 0;
            pfn = scene.policy.ops->victim(&scene.policy, 100);
            gone(&scene, known_frame(&scene, pfn));
            checkf(scene.asked <= 4 * left, "%s asked %llu times", policies[kind]->name,
                   (unsigned long long)scene.asked);
            check_lists(&scene);
        }
        scene_end(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_doings_against_the_model),
        cmocka_unit_test(test_circles_against_the_model),
        cmocka_unit_test(test_all_used_or_none),
        cmocka_unit_test(test_many_are_awaited),
        cmocka_unit_test(test_what_stays_is_no_ghost),
        cmocka_unit_test(test_what_policies_say_of_themselves),
        cmocka_unit_test(test_state_that_is_too_large),
        cmocka_unit_test(test_how_often_the_mmu_is_asked),
        cmocka_unit_test(test_pages_that_are_always_used),
    };
    return unit_run(tests);
}
