/* quire_port_check() finds each broken promise of a host, and passes a host that keeps them all. */
#include <string.h>

#include "quire/formats.h"
#include "quire/port.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, FRAMES = 32 };

/* A host over an array, with a TLB of one entry, and one promise of its choice broken. */
enum broken {
    NOTHING,
    NO_FLUSH_HOOK,
    NO_ALLOC_HOOK,
    NO_FREE_HOOK,
    NO_MEMORY_AT_ALL,
    ALLOC_UNALIGNED,
    ALLOC_SAME_FRAME,
    ALLOC_TOO_FEW,
    ALLOC_UNREACHABLE,
    MEMORY_FORGETS,
    ONE_WINDOW,
    FLUSH_DOES_NOTHING,
    ACTIVATE_DOES_NOTHING,
    ACTIVATE_MISSING,
    FREE_LOSES_FRAMES,
    BROKEN
};

static const char *const expected[BROKEN] = {
    [NO_FLUSH_HOOK] = "tlb_flush is not set",
    [NO_ALLOC_HOOK] = "neither frames nor alloc_table is set",
    [NO_FREE_HOOK] = "alloc_table is set, but free_table is not",
    [NO_MEMORY_AT_ALL] = "memory has neither a direct part nor map",
    [ALLOC_UNALIGNED] = "alloc_table: a frame is not aligned to its size",
    [ALLOC_SAME_FRAME] = "alloc_table: the same frame was given out twice",
    [ALLOC_TOO_FEW] = "alloc_table: there are not even eight frames",
    [ALLOC_UNREACHABLE] = "memory: a frame that alloc_table gave cannot be reached",
    [MEMORY_FORGETS] = "memory: a frame does not hold what was written to it",
    [ONE_WINDOW] = "memory: two frames cannot be visible at the same time",
    [FLUSH_DOES_NOTHING] = "tlb_flush: a replaced translation was still used",
    [ACTIVATE_DOES_NOTHING] = "activate: the MMU does not use the table",
    [ACTIVATE_MISSING] = "activate is not set",
    [FREE_LOSES_FRAMES] = "free_table: frames that were freed do not come back",
};

struct bench {
    enum broken broken;
    _Alignas(PAGE) unsigned char memory[FRAMES * PAGE];
    unsigned char window[PAGE]; /* ONE_WINDOW: the same for every frame */
    bool used[FRAMES];
    struct quire_host host;
    quire_pa root;
    bool cached;
    quire_pa cached_pa;
};

static enum quire_status alloc_table(void *context, unsigned order, quire_pa *pa)
{
    struct bench *b = context;
    unsigned limit = b->broken == ALLOC_TOO_FEW ? 5 : FRAMES;

    (void)order;
    for (unsigned i = 1; i < limit; i++) {
        if (!b->used[i] || b->broken == ALLOC_SAME_FRAME) {
            b->used[i] = true;
            pa->at = (uint64_t)i * PAGE + (b->broken == ALLOC_UNALIGNED ? 8 : 0);
            pa->at += b->broken == ALLOC_UNREACHABLE ? sizeof(b->memory) : 0;
            return QUIRE_OK;
        }
    }
    return QUIRE_NO_MEMORY;
}

static void free_table(void *context, unsigned order, quire_pa pa)
{
    struct bench *b = context;

    (void)order;
    b->used[pa.at / PAGE % FRAMES] = b->broken == FREE_LOSES_FRAMES;
}

static void tlb_flush(void *context, const struct quire_flush *flush)
{
    struct bench *b = context;

    (void)flush;
    b->cached = b->cached && b->broken == FLUSH_DOES_NOTHING;
}

static void activate(void *context, quire_pa root, uint16_t asid)
{
    struct bench *b = context;

    (void)asid;
    b->root = b->broken == ACTIVATE_DOES_NOTHING ? quire_pa_at(0) : root;
    b->cached = false;
}

static void *map(void *context, quire_pa pa, uint64_t bytes)
{
    struct bench *b = context;

    if (pa.at + bytes > sizeof(b->memory)) {
        return NULL;
    }
    if (b->broken == MEMORY_FORGETS) {
        memset(b->memory + pa.at, 0, bytes);
    }
    return b->broken == ONE_WINDOW ? b->window : b->memory + pa.at;
}

static uint64_t read_virtual(void *context, quire_va va)
{
    struct bench *b = context;
    const struct quire_memory memory = {.direct = b->memory, .bytes = sizeof(b->memory)};
    const struct quire_mmu mmu = {&quire_format_i386, &memory, b->root};
    uint64_t value = 0;

    if (!b->cached && quire_translate(&mmu, va, &b->cached_pa) == QUIRE_OK) {
        b->cached = true;
    }
    if (b->cached) {
        memcpy(&value, b->memory + b->cached_pa.at, sizeof(value));
    }
    return value;
}

static void restore(void *context)
{
    struct bench *b = context;

    b->cached = false;
}

/* Windows for those failures that only windows have; a direct map for the rest. */
static bool by_windows(enum broken broken)
{
    return broken == MEMORY_FORGETS || broken == ONE_WINDOW || broken == ALLOC_UNREACHABLE;
}

static enum quire_status check_with(enum broken broken, const char **what)
{
    static struct bench b;
    struct quire_port port = {.host = &b.host,
                              .format = &quire_format_i386,
                              .scratch = {0x40000000},
                              .read = read_virtual,
                              .restore = restore,
                              .context = &b};

    memset(&b, 0, sizeof(b));
    b.broken = broken;
    b.host = (struct quire_host){.context = &b,
                                 .memory = {.direct = b.memory, .bytes = sizeof(b.memory)},
                                 .alloc_table = broken == NO_ALLOC_HOOK ? NULL : alloc_table,
                                 .free_table = broken == NO_FREE_HOOK ? NULL : free_table,
                                 .tlb_flush = broken == NO_FLUSH_HOOK ? NULL : tlb_flush,
                                 .activate = broken == ACTIVATE_MISSING ? NULL : activate};
    if (by_windows(broken)) {
        b.host.memory = (struct quire_memory){.map = map, .context = &b};
    } else if (broken == NO_MEMORY_AT_ALL) {
        b.host.memory = (struct quire_memory){.bytes = 0};
    }
    return quire_port_check(&port, what);
}

static void a_good_host_passes(void **state)
{
    const char *what = "unset";

    (void)state;
    assert_int_equal(check_with(NOTHING, &what), QUIRE_OK);
    assert_null(what);
}

static void each_broken_promise_is_named(void **state)
{
    (void)state;
    for (enum broken broken = NOTHING + 1; broken < BROKEN; broken++) {
        const char *what = "unset";

        assert_int_equal(check_with(broken, &what), QUIRE_INVALID);
        assert_string_equal(what, expected[broken]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_host_passes),
        cmocka_unit_test(each_broken_promise_is_named),
    };

    return unit_run(tests);
}
