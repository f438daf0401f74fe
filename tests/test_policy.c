/*
 * Replacement policies by themselves: random comings, goings and references against models on plain
 * arrays, and the lists that a policy keeps.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/policy.h"
#include "tests/support/unit.h"

enum { FRAMES_MAX = 300, ROUNDS = 60, STEPS = 3000 };

/*
 * The model: resident frames, oldest first. For fifo that is the order in which they go; for the
 * clocks the hand is before the first; for lru `used` decides alone.
 */
struct model {
    uint32_t frame[FRAMES_MAX];
    uint32_t count;
    bool bit[FRAMES_MAX];      /* by frame: the use bit */
    uint64_t used[FRAMES_MAX]; /* by frame: when last */
    uint64_t now;
};

struct scene {
    struct quire_policy policy;
    struct quire_policy_node *node;
    void *state;
    struct model model;
    uint32_t first, frames; /* frame numbers are [first, first + frames) */
    bool resident[FRAMES_MAX];
    uint64_t asked; /* how often `used` was */
};

static const struct quire_policy_ops *const policies[] = {
    &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};
enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

/* ---- the model ----------------------------------------------------------------------------- */

static void model_insert(struct model *model, const struct quire_policy_ops *ops, uint32_t frame)
{
    model->frame[model->count++] = frame;
    model->bit[frame] = ops == &quire_policy_clock_mmu; /* the retried access sets it */
    model->used[frame] = ++model->now;
}

static void model_reference(struct model *model, uint32_t frame)
{
    model->bit[frame] = true;
    model->used[frame] = ++model->now;
}

static uint32_t model_take(struct model *model, uint32_t place)
{
    uint32_t frame = model->frame[place];

    model->count--;
    memmove(&model->frame[place], &model->frame[place + 1],
            (model->count - place) * sizeof(model->frame[0]));
    return frame;
}

static void model_remove(struct model *model, uint32_t frame)
{
    uint32_t place = 0;

    while (model->frame[place] != frame) {
        place++;
    }
    model_take(model, place);
}

static uint32_t model_victim(struct model *model, const struct quire_policy_ops *ops)
{
    uint32_t place = 0;

    if (ops == &quire_policy_lru) {
        for (uint32_t i = 1; i < model->count; i++) {
            if (model->used[model->frame[i]] < model->used[model->frame[place]]) {
                place = i;
            }
        }
    } else if (ops != &quire_policy_fifo) {
        while (model->bit[model->frame[0]]) {
            uint32_t frame = model_take(model, 0);
            model->bit[frame] = false;
            model->frame[model->count++] = frame;
        }
    }
    return model_take(model, place);
}

/* ---- the scene ----------------------------------------------------------------------------- */

/* The MMU's accessed bits are the model's use bits. */
static bool used(void *context, quire_pfn pfn)
{
    struct scene *scene = context;
    uint32_t frame = pfn.n - scene->first;
    bool was = scene->model.bit[frame];

    check(frame < scene->frames && scene->resident[frame]);
    scene->asked++;
    scene->model.bit[frame] = false;
    return was;
}

static void scene_begin(struct scene *scene, const struct quire_policy_ops *ops, uint32_t first,
                        uint32_t frames)
{
    size_t bytes = ops->state_bytes != NULL ? ops->state_bytes(frames) : 0;

    memset(scene, 0, sizeof(*scene));
    scene->first = first;
    scene->frames = frames;
    scene->node = malloc(frames * sizeof(*scene->node));
    scene->state = bytes != 0 ? calloc(1, bytes) : NULL;
    check(scene->node != NULL && (bytes == 0 || scene->state != NULL));
    quire_policy_init(&scene->policy, ops, scene->node, quire_pfn_of(first), frames, scene->state);
    if (ops->wants_accessed) {
        scene->policy.used = used;
        scene->policy.context = scene;
    }
}

static void scene_end(struct scene *scene)
{
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
        check(seen[frame] == scene->resident[frame]);
    }
}

static void insert(struct scene *scene, uint32_t frame)
{
    const struct quire_policy_ops *ops = scene->policy.ops;

    ops->insert(&scene->policy, quire_pfn_of(scene->first + frame), 1000 + frame);
    model_insert(&scene->model, ops, frame);
    scene->resident[frame] = true;
}

static uint32_t evict(struct scene *scene)
{
    const struct quire_policy_ops *ops = scene->policy.ops;
    struct model before = scene->model; /* clock-mmu's bits are cleared by the policy's questions */
    quire_pfn pfn = ops->victim(&scene->policy, 0);
    uint32_t expected = QUIRE_NONE;

    if (before.count != 0) {
        expected = model_victim(&before, ops);
        if (ops->wants_accessed) {
            check(memcmp(before.bit, scene->model.bit, sizeof(before.bit)) == 0);
        }
        scene->model = before;
    }
    checkf(pfn.n == (expected == QUIRE_NONE ? QUIRE_NONE : scene->first + expected),
           "%s: victim %u instead of %u + %u", ops->name, pfn.n, scene->first, expected);
    if (expected != QUIRE_NONE) {
        scene->resident[expected] = false;
    }
    return expected;
}

static void reference(struct scene *scene, uint32_t frame)
{
    const struct quire_policy_ops *ops = scene->policy.ops;

    model_reference(&scene->model, frame);
    if (ops->reference != NULL) {
        ops->reference(&scene->policy, quire_pfn_of(scene->first + frame));
    }
}

/* One random thing. `crowd`: how full to keep it, of 8. */
static void step(struct scene *scene, struct prng *prng, unsigned crowd)
{
    const struct quire_policy_ops *ops = scene->policy.ops;
    uint32_t frame = (uint32_t)prng_below(prng, scene->frames);
    uint32_t kept;

    if (!scene->resident[frame]) {
        if (prng_below(prng, 8) < crowd) {
            insert(scene, frame);
        }
        return;
    }
    switch (prng_below(prng, 16)) {
    case 0:
        ops->remove(&scene->policy, quire_pfn_of(scene->first + frame));
        model_remove(&scene->model, frame);
        scene->resident[frame] = false;
        break;
    case 1:
    case 2: evict(scene); break;
    case 3: /* one that could not be evicted after all */
        kept = evict(scene);
        if (kept != QUIRE_NONE) {
            insert(scene, kept);
        }
        break;
    default:
        for (uint64_t n = prng_below(prng, 8); n > 0; n--) {
            reference(scene, frame);
        }
        break;
    }
}

static void test_random_doings_against_the_model(void **state)
{
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct quire_policy_ops *ops = policies[round % POLICIES];
        uint32_t frames = 1 + (uint32_t)prng_below(&prng, round % 3 == 0 ? 5 : FRAMES_MAX);
        unsigned crowd = 1 + (unsigned)prng_below(&prng, 8);
        struct scene scene;

        scene_begin(&scene, ops, (uint32_t)prng_below(&prng, 1000), frames);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&scene, &prng, crowd);
            if (i % 16 == 0) {
                check_lists(&scene);
            }
        }
        while (scene.model.count != 0) {
            evict(&scene);
            check_lists(&scene);
        }
        evict(&scene); /* none is left, and it says so */
        scene_end(&scene);
    }
}

/* Every frame is in use all the time: no references between, then all of them. */
static void test_all_used_or_none(void **state)
{
    (void)state;
    for (unsigned p = 0; p < POLICIES; p++) {
        struct scene scene;

        scene_begin(&scene, policies[p], 5, 50);
        for (uint32_t frame = 0; frame < 50; frame++) {
            insert(&scene, frame);
        }
        for (unsigned round = 0; round < 200; round++) {
            if (round >= 100) {
                for (uint32_t frame = 0; frame < 50; frame++) {
                    reference(&scene, (frame * 7 + round) % 50);
                }
            }
            insert(&scene, evict(&scene));
            check_lists(&scene);
        }
        scene_end(&scene);
    }
}

/* Belady's own example of his anomaly: fifo faults 9 times with 3 frames and 10 times with 4. */
static void test_beladys_anomaly(void **state)
{
    static const unsigned string[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
    static const unsigned expected[] = {[3] = 9, [4] = 10};

    (void)state;
    for (uint32_t frames = 3; frames <= 4; frames++) {
        unsigned holds[4] = {0}, faults = 0;
        struct scene scene;

        scene_begin(&scene, &quire_policy_fifo, 0, frames);
        for (size_t i = 0; i < sizeof(string) / sizeof(string[0]); i++) {
            uint32_t frame = 0;

            while (frame < frames && holds[frame] != string[i]) {
                frame++;
            }
            if (frame < frames) {
                continue;
            }
            frame = faults < frames ? faults : evict(&scene);
            faults++;
            holds[frame] = string[i];
            insert(&scene, frame);
        }
        check(faults == expected[frames]);
        scene_end(&scene);
    }
}

static void test_what_policies_say_of_themselves(void **state)
{
    (void)state;
    for (unsigned p = 0; p < POLICIES; p++) {
        const struct quire_policy_ops *ops = policies[p];

        check(ops->name != NULL && ops->insert != NULL && ops->remove != NULL &&
              ops->victim != NULL);
        check(ops->wants_references == (ops->reference != NULL));
        check(ops->wants_accessed == (ops == &quire_policy_clock_mmu));
        for (unsigned q = 0; q < p; q++) {
            check(strcmp(ops->name, policies[q]->name) != 0);
        }
    }
}

/* fifo does not ask whether pages were used; clock-mmu asks once for each page that it passes. */
static void test_how_often_the_mmu_is_asked(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, &quire_policy_clock_mmu, 0, 10);
    for (uint32_t frame = 0; frame < 10; frame++) {
        insert(&scene, frame);
    }
    check(evict(&scene) == 0); /* all bits were set: once around, and the first again */
    check(scene.asked == 10 || scene.asked == 11);
    scene.asked = 0;
    check(evict(&scene) == 1);
    check(scene.asked == 1);
    reference(&scene, 2);
    reference(&scene, 3);
    scene.asked = 0;
    check(evict(&scene) == 4);
    check(scene.asked == 3);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_doings_against_the_model),
        cmocka_unit_test(test_all_used_or_none),
        cmocka_unit_test(test_beladys_anomaly),
        cmocka_unit_test(test_what_policies_say_of_themselves),
        cmocka_unit_test(test_how_often_the_mmu_is_asked),
    };
    return unit_run(tests);
}
