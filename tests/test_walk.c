/*
 * The walk against MMUs written by hand and against a reading of the descriptor bit by bit, on
 * memory full of plausible and of meaningless entries; and all ways to ask against each other.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "quire/walk.h"
#include "tests/support/formats.h"
#include "tests/support/model_walk.h"
#include "tests/support/soup.h"
#include "tests/support/unit.h"

enum { ROUNDS = 4, WALKS = 300 * EFFORT, RANDOM_FORMATS = 40 * EFFORT };

/* One memory, asked in every way. */
struct scene {
    const struct quire_format *format;
    struct quire_format interpreted; /* the same without its own code */
    struct arena *arena;
    unsigned char *before; /* the arena's memory when the walk began */
    unsigned char *after;  /* ... after the first of the walkers */
    unsigned ok, faults[QUIRE_REASONS];
};

static void scene_begin(struct scene *scene, const struct quire_format *format, struct arena *arena)
{
    memset(scene, 0, sizeof(*scene));
    scene->format = format;
    scene->interpreted = *format;
    scene->interpreted.code = NULL;
    scene->arena = arena;
    scene->before = malloc(arena->bytes);
    scene->after = malloc(arena->bytes);
    check(scene->before != NULL && scene->after != NULL);
}

static void scene_end(struct scene *scene)
{
    arena_settled(scene->arena);
    free(scene->before);
    free(scene->after);
}

static unsigned some_access(struct prng *prng)
{
    static const unsigned kind[] = {0, QUIRE_READ, QUIRE_WRITE, QUIRE_EXECUTE,
                                    QUIRE_READ | QUIRE_WRITE};
    unsigned access = kind[prng_below(prng, 5)];

    access |= prng_one_in(prng, 2) ? QUIRE_USER : 0;
    return access | (prng_one_in(prng, 4) ? QUIRE_ACCESSED : 0);
}

/* Two results of the core: every field, whatever it means. */
static void same_result(const struct quire_walk *a, const struct quire_walk *b)
{
    check(a->pa.at == b->pa.at && a->page_bytes == b->page_bytes);
    check(a->attributes == b->attributes && a->reason == b->reason && a->level == b->level);
    check(a->index == b->index && a->entry_at.at == b->entry_at.at && a->entry == b->entry);
}

/* One of the ways to walk: the same answer as the model, and the same memory afterwards. */
static void one_walk(struct scene *scene, const struct quire_format *format, bool traced,
                     uint64_t root, uint64_t va, unsigned access, const struct quire_walk *expected,
                     enum quire_status expected_status, const struct quire_trace *expected_trace)
{
    struct quire_mmu mmu = {format, &scene->arena->host.memory, quire_pa_at(root)};
    struct quire_walk walk;
    struct quire_trace trace;
    enum quire_status status;

    memset(&walk, 0xee, sizeof(walk));
    memset(&trace, 0xee, sizeof(trace));
    memcpy(scene->arena->ram, scene->before, scene->arena->bytes);
    status = traced ? quire_walk_traced(&mmu, quire_va_at(va), access, &walk, &trace)
                    : quire_walk(&mmu, quire_va_at(va), access, &walk);
    model_same_walk(traced                 ? "traced"
                    : format->code != NULL ? "fast"
                                           : "interpreted",
                    format, va, access, expected_status, expected, status, &walk);
    checkf(memcmp(scene->arena->ram, scene->after, scene->arena->bytes) == 0,
           "%s: memory after walking %#llx, access %#x", format->name, (unsigned long long)va,
           access);
    arena_settled(scene->arena);
    if (traced) {
        check(trace.steps == expected_trace->steps);
        for (unsigned i = 0; i < trace.steps; i++) {
            const struct quire_step *a = &trace.step[i], *b = &expected_trace->step[i];
            check(a->table.at == b->table.at && a->index == b->index);
            check(a->entry_at.at == b->entry_at.at && a->entry == b->entry);
            checkf(a->rights == b->rights, "%s: rights %#x instead of %#x at step %u", format->name,
                   a->rights, b->rights, i + 1);
        }
    }
}

static void translations(struct scene *scene, uint64_t root, uint64_t va)
{
    struct quire_mmu fast = {scene->format, &scene->arena->host.memory, quire_pa_at(root)};
    struct quire_mmu slow = {&scene->interpreted, &scene->arena->host.memory, quire_pa_at(root)};
    struct quire_walk walk;
    struct quire_pa_pair {
        quire_pa fast, slow;
    } pa = {{0}, {0}};
    enum quire_status status = model_walk(scene->format, scene->arena, root, va, 0, &walk, NULL);

    check(quire_translate(&fast, quire_va_at(va), &pa.fast) == status);
    check(quire_translate(&slow, quire_va_at(va), &pa.slow) == status);
    if (status == QUIRE_OK) {
        check(pa.fast.at == walk.pa.at && pa.slow.at == walk.pa.at);
    }
    arena_settled(scene->arena);
}

static void compare(struct scene *scene, uint64_t root, uint64_t va, unsigned access)
{
    struct quire_walk expected, described, fast, slow;
    struct quire_trace trace, described_trace;
    struct quire_mmu mmu = {scene->format, &scene->arena->host.memory, quire_pa_at(root)};
    enum quire_status status;

    memcpy(scene->before, scene->arena->ram, scene->arena->bytes);
    status = model_walk(scene->format, scene->arena, root, va, access, &expected, &trace);
    memcpy(scene->after, scene->arena->ram, scene->arena->bytes);

    /* The descriptor says what the manual says. */
    memcpy(scene->arena->ram, scene->before, scene->arena->bytes);
    check(model_walk_described(scene->format, scene->arena, root, va, access, &described,
                               &described_trace) == status);
    model_same_walk("described", scene->format, va, access, status, &expected, status, &described);

    one_walk(scene, scene->format, false, root, va, access, &expected, status, &trace);
    one_walk(scene, &scene->interpreted, false, root, va, access, &expected, status, &trace);
    one_walk(scene, scene->format, true, root, va, access, &expected, status, &trace);

    memset(&fast, 0x55, sizeof(fast));
    memset(&slow, 0x55, sizeof(slow));
    access &= ~(unsigned)QUIRE_ACCESSED;
    quire_walk(&mmu, quire_va_at(va), access, &fast);
    mmu.format = &scene->interpreted;
    quire_walk(&mmu, quire_va_at(va), access, &slow);
    same_result(&fast, &slow);
    translations(scene, root, va);
    if (status == QUIRE_OK) {
        scene->ok++;
    } else {
        scene->faults[expected.reason]++;
    }
}

static void walk_in(struct prng *prng, const struct quire_format *format, enum arena_reach reach,
                    bool meaningless, unsigned walks, struct scene *scene)
{
    struct arena arena;

    soup_arena(prng, format, reach, &arena);
    scene_begin(scene, format, &arena);
    if (meaningless) {
        arena_scramble(&arena);
    } else {
        soup_fill(prng, format, &arena);
    }
    for (unsigned i = 0; i < walks; i++) {
        uint64_t root = soup_root(prng, format, &arena);
        compare(scene, root, soup_va(prng, format), some_access(prng));
    }
    scene_end(scene);
    arena_free(&arena);
}

/* Walks cost a copy of the memory: fewer where that is large. */
static unsigned walks_for(const struct quire_format *format)
{
    return quire_format_page_shift(format) > 9 ? WALKS / 5 : WALKS;
}

static void test_all_formats_on_plausible_memory(void **state)
{
    struct prng prng = prng_new(1);
    unsigned ok = 0;

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct scene scene;
            walk_in(&prng, test_formats[i], (enum arena_reach)(round % 3), false,
                    walks_for(test_formats[i]), &scene);
            ok += scene.ok;
        }
    }
    checkf(ok > 500 * EFFORT, "only %u walks got through: the test is too tame", ok);
}

static void test_all_formats_on_meaningless_memory(void **state)
{
    struct prng prng = prng_new(2);

    (void)state;
    for (unsigned i = 0; i < TEST_FORMATS; i++) {
        struct scene scene;
        walk_in(&prng, test_formats[i], ARENA_DIRECT, true, walks_for(test_formats[i]), &scene);
        walk_in(&prng, test_formats[i], ARENA_WINDOWS, true, walks_for(test_formats[i]) / 4,
                &scene);
    }
}

static void test_random_formats(void **state)
{
    struct prng prng = prng_new(3);
    struct scene scene;
    unsigned ok = 0, faults[QUIRE_REASONS] = {0};

    (void)state;
    for (unsigned i = 0; i < RANDOM_FORMATS; i++) {
        struct quire_format format;
        random_format(&prng, &format);
        walk_in(&prng, &format, (enum arena_reach)(i % 3), false, 200, &scene);
        ok += scene.ok;
        for (unsigned r = 0; r < QUIRE_REASONS; r++) {
            faults[r] += scene.faults[r];
        }
    }
    check(ok > 0);
    for (unsigned r = QUIRE_REASON_NOT_PRESENT; r < QUIRE_REASONS; r++) {
        checkf(faults[r] > 0, "reason %u never happened: the test is too tame", r);
    }
}

/* Machines with fewer physical address bits: i386 and x86-64 by their manuals. */
static void test_narrowed_machines(void **state)
{
    static const struct {
        const struct quire_format *format;
        unsigned pa_bits;
    } cases[] = {{&quire_format_i386, 32},
                 {&quire_format_i386, 36},
                 {&quire_format_i386, 39},
                 {&quire_format_x86_64, 36},
                 {&quire_format_x86_64, 40},
                 {&quire_format_x86_64, 46},
                 {&quire_format_x86_64, 51},
                 {&sv32, 32},
                 {&sv39, 38},
                 {&sv39, 50}};
    struct prng prng = prng_new(4);
    unsigned ok = 0, reserved = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quire_format format = *cases[i].format;
        struct scene scene;
        check(quire_format_limit_pa(&format, cases[i].pa_bits) == QUIRE_OK);
        walk_in(&prng, &format, ARENA_DIRECT, false, WALKS / 3, &scene);
        ok += scene.ok;
        reserved += scene.faults[QUIRE_REASON_RESERVED];
    }
    check(ok > 0 && reserved > 0);
}

/* Every address of every page of a small machine, exhaustively, on a soup. */
static void test_every_address(void **state)
{
    static const struct quire_format *const small[] = {&tiny2,         &tiny2_large, &tiny_split,
                                                       &tiny_inverted, &tiny_zero,   &tiny_rights};
    struct prng prng = prng_new(5);

    (void)state;
    for (unsigned i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        struct arena arena;
        struct scene scene;
        soup_arena(&prng, small[i], ARENA_DIRECT, &arena);
        scene_begin(&scene, small[i], &arena);
        soup_fill(&prng, small[i], &arena);
        for (uint64_t va = 0; va < UINT64_C(1) << small[i]->va_bits; va++) {
            for (unsigned access = 0; access <= QUIRE_RIGHTS; access++) {
                compare(&scene, arena.base, va, access);
            }
        }
        scene_end(&scene);
        arena_free(&arena);
    }
}

/* ---- seed 003 -------------------------------------------------------------------------------- */

static void seed_003_entry(struct arena *arena, unsigned pfn, unsigned index, unsigned to,
                           unsigned attributes)
{
    uint64_t entry =
        quire_pte_leaf(&quire_format_ostep14, 2, quire_pa_at(to * UINT64_C(64)), attributes);

    arena_poke(arena, pfn * UINT64_C(64) + index * UINT64_C(4), 4, false, entry);
}

/* The document's directory and its two tables, in the frames that it names; directory in 99. */
static void seed_003_fill(struct arena *arena)
{
    const unsigned rx = QUIRE_READ | QUIRE_EXECUTE, rw = QUIRE_READ | QUIRE_WRITE;

    memset(arena->ram, 0, arena->bytes);
    arena_poke(arena, 99 * 64, 4, false,
               quire_pte_table(&quire_format_ostep14, 1, quire_pa_at(100 * 64)));
    arena_poke(arena, 99 * 64 + 15 * 4, 4, false,
               quire_pte_table(&quire_format_ostep14, 1, quire_pa_at(101 * 64)));
    seed_003_entry(arena, 100, 0, 10, rx);
    seed_003_entry(arena, 100, 1, 23, rx);
    seed_003_entry(arena, 100, 4, 89, rw);
    seed_003_entry(arena, 101, 14, 55, rw);
    seed_003_entry(arena, 101, 15, 45, rw);
}

static void test_seed_003(void **state)
{
    static const struct {
        uint64_t va, pa;
        unsigned level, index; /* of the missing entry; 0: none */
    } answers[] = {{0x0000, 0x0280, 0, 0}, {0x0123, 0x1663, 0, 0}, {0x0140, 0, 2, 5},
                   {0x0080, 0, 2, 2},      {0x0400, 0, 1, 1},      {0x3f00, 0, 2, 12},
                   {0x3f80, 0x0dc0, 0, 0}, {0x3fff, 0x0b7f, 0, 0}, {0x3fc0, 0x0b40, 0, 0}};
    struct arena arena;
    struct quire_mmu mmu = {&quire_format_ostep14, &arena.host.memory, quire_pa_at(99 * 64)};
    struct quire_walk walk;
    quire_pa pa;

    (void)state;
    arena_init(&arena, ARENA_DIRECT, 0, 256, 6);
    seed_003_fill(&arena);
    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        enum quire_status status = quire_walk(&mmu, quire_va_at(answers[i].va), 0, &walk);
        enum quire_status translated = quire_translate(&mmu, quire_va_at(answers[i].va), &pa);
        check(status == translated);
        if (answers[i].level == 0) {
            check(status == QUIRE_OK && walk.pa.at == answers[i].pa && pa.at == answers[i].pa);
        } else {
            check(status == QUIRE_FAULT && walk.reason == QUIRE_REASON_NOT_PRESENT);
            check(walk.level == answers[i].level && walk.index == answers[i].index);
        }
    }
    /* "Protection is checked": code may not be written, data not executed. */
    check(quire_walk(&mmu, quire_va_at(0x0123), QUIRE_WRITE, &walk) == QUIRE_OK);
    check(quire_walk(&mmu, quire_va_at(0x0000), QUIRE_EXECUTE, &walk) == QUIRE_OK);
    check(quire_walk(&mmu, quire_va_at(0x0000), QUIRE_WRITE, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_WRITE && walk.level == 2 && walk.index == 0);
    check(quire_walk(&mmu, quire_va_at(0x3f80), QUIRE_EXECUTE, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_EXECUTE && walk.level == 2 && walk.index == 14);
    arena_free(&arena);
}

/* ---- where memory ends ----------------------------------------------------------------------- */

static void test_unreachable_tables(void **state)
{
    struct arena arena;
    struct quire_mmu mmu = {&quire_format_x86_64, &arena.host.memory, quire_pa_at(0x7000)};
    struct quire_walk walk;

    (void)state;
    arena_init(&arena, ARENA_DIRECT, 0x10000, 4, 12);
    memset(arena.ram, 0, arena.bytes);
    check(quire_walk(&mmu, quire_va_at(0), 0, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_UNREACHABLE && walk.level == 0);
    check(walk.entry_at.at == 0x7000);

    mmu.root.at = 0x10000;
    arena_poke(&arena, 0x10000, 8, false, 0x11000 | 7);
    arena_poke(&arena, 0x11008, 8, false, UINT64_C(0xffffffff000) | 7);
    check(quire_walk(&mmu, quire_va_at(UINT64_C(1) << 30), 0, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_UNREACHABLE && walk.level == 2 && walk.index == 1);
    check(walk.entry_at.at == 0x11008 && walk.entry == (UINT64_C(0xffffffff000) | 7));

    /* The last table ends where memory does; the page itself need not be memory. */
    arena_poke(&arena, 0x11008, 8, false, 0x12000 | 7);
    arena_poke(&arena, 0x12000, 8, false, 0x13000 | 7);
    arena_poke(&arena, 0x13ff8, 8, false, UINT64_C(0x000ffffffffff000) | 7);
    check(quire_walk(&mmu, quire_va_at(0x401ff123), QUIRE_WRITE, &walk) == QUIRE_OK);
    check(walk.pa.at == UINT64_C(0x000ffffffffff123));
    arena_free(&arena);
}

/* A direct part shorter than an entry, and one that ends in the middle of one. */
static void test_memory_that_ends_inside_an_entry(void **state)
{
    unsigned char bytes[16] = {0};
    struct quire_memory memory = {.direct = bytes, .base = 0x1000, .bytes = 4};
    struct quire_mmu mmu = {&quire_format_x86_64, &memory, quire_pa_at(0x1000)};
    struct quire_walk walk;

    (void)state;
    check(quire_walk(&mmu, quire_va_at(0), 0, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_UNREACHABLE);
    memory.bytes = 12;
    check(quire_walk(&mmu, quire_va_at(0), 0, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_NOT_PRESENT);
    check(quire_walk(&mmu, quire_va_at(UINT64_C(1) << 39), 0, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_UNREACHABLE);
    memory.bytes = 0;
    memory.direct = NULL;
    check(quire_walk(&mmu, quire_va_at(0), 0, &walk) == QUIRE_FAULT);
    check(walk.reason == QUIRE_REASON_UNREACHABLE);
}

static void test_every_reason_has_a_text(void **state)
{
    (void)state;
    for (unsigned a = 0; a < QUIRE_REASONS; a++) {
        check(quire_reason_text((enum quire_reason)a)[0] != '\0');
        for (unsigned b = 0; b < a; b++) {
            check(strcmp(quire_reason_text((enum quire_reason)a),
                         quire_reason_text((enum quire_reason)b)) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_formats_on_plausible_memory),
        cmocka_unit_test(test_all_formats_on_meaningless_memory),
        cmocka_unit_test(test_random_formats),
        cmocka_unit_test(test_narrowed_machines),
        cmocka_unit_test(test_every_address),
        cmocka_unit_test(test_seed_003),
        cmocka_unit_test(test_unreachable_tables),
        cmocka_unit_test(test_memory_that_ends_inside_an_entry),
        cmocka_unit_test(test_every_reason_has_a_text),
    };

    return unit_run(tests);
}
