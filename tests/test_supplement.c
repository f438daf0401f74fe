/*
 * The supplement against a flat map of records and a list of the nodes that there must be: every
 * page size, memory seen directly and through windows, every allocation refused in turn.
 */
#include <stdlib.h>
#include <string.h>

#include "quire/supplement.h"
#include "tests/support/arena.h"
#include "tests/support/unit.h"

enum { FRAMES = 512, WINDOWS = 4, WINDOW = 40, PAGES = WINDOWS * WINDOW };

/* Where the pages are that the test uses: at both ends, and around borders of nodes. */
struct model {
    struct arena arena;
    struct quire_supplement s;
    uint64_t vpn[PAGES];
    unsigned pages;
    struct quire_record record[PAGES];
    bool node[QUIRE_SUPPLEMENT_LEVELS_MAX][PAGES]; /* is there the node of that level for page i? */
    uint32_t nodes;
    int64_t refuse_in; /* 1: the next one; 0: never */
};

static bool refuse(void *context, unsigned order)
{
    struct model *m = context;

    assert_int_equal(order, 0);
    return m->refuse_in != 0 && --m->refuse_in == 0;
}

static void add_window(struct model *m, uint64_t first, uint64_t all)
{
    for (uint64_t vpn = first; vpn < all && vpn < first + WINDOW; vpn++) {
        if (m->pages == 0 || vpn > m->vpn[m->pages - 1]) {
            m->vpn[m->pages++] = vpn;
        }
    }
}

static void model_open(struct model *m, enum arena_reach reach, unsigned page_shift,
                       unsigned vpn_bits)
{
    uint64_t all = UINT64_C(1) << vpn_bits;
    uint64_t below_root = UINT64_C(1) << (vpn_bits - 1);

    memset(m, 0, sizeof(*m));
    arena_init(&m->arena, reach, UINT64_C(16) << page_shift, FRAMES, page_shift);
    arena_scramble(&m->arena);
    arena_use_frames(&m->arena);
    m->arena.frames.refuse = refuse;
    m->arena.frames.refuse_context = m;
    add_window(m, 0, all);
    add_window(m, (UINT64_C(1) << (page_shift - 2)) - WINDOW / 2, all);
    add_window(m, below_root < WINDOW ? 0 : below_root - WINDOW / 2, all);
    add_window(m, all < WINDOW ? 0 : all - WINDOW, all);
    assert_int_equal(quire_supplement_create(&m->s, &m->arena.host, vpn_bits), QUIRE_OK);
    m->nodes = 1;
}

static void model_close(struct model *m)
{
    quire_supplement_destroy(&m->s);
    assert_int_equal(m->s.nodes, 0);
    assert_int_equal(m->arena.frames.free, FRAMES - 1);
    assert_int_equal(quire_frames_validate(&m->arena.frames, NULL), QUIRE_OK);
    arena_free(&m->arena);
}

/* ---- what should be there -------------------------------------------------------------------- */

static bool share_node(const struct model *m, unsigned level, unsigned a, unsigned b)
{
    unsigned shift = (level + 1) * m->s.node_bits;

    return shift >= 64 || m->vpn[a] >> shift == m->vpn[b] >> shift;
}

static bool in_use(const struct model *m, unsigned i)
{
    return m->record[i].kind != QUIRE_RECORD_UNTOUCHED;
}

/* Does anything hang below the node of `level` for page i? */
static bool node_needed(const struct model *m, unsigned level, unsigned i)
{
    for (unsigned other = 0; other < m->pages; other++) {
        if (share_node(m, level, i, other) &&
            (level == 0 ? in_use(m, other) : m->node[level - 1][other])) {
            return true;
        }
    }
    return false;
}

static void set_node(struct model *m, unsigned level, unsigned i, bool there)
{
    if (m->node[level][i] != there) {
        m->nodes = there ? m->nodes + 1 : m->nodes - 1;
    }
    for (unsigned other = 0; other < m->pages; other++) {
        if (share_node(m, level, i, other)) {
            m->node[level][other] = there;
        }
    }
}

static void model_reserve(struct model *m, unsigned i)
{
    for (unsigned level = 0; level + 1U < m->s.levels; level++) {
        set_node(m, level, i, true);
    }
}

/* Only nodes without a leaf below them cannot be: a node goes when all below it has gone. */
static void model_trim(struct model *m, uint64_t first, uint64_t end)
{
    for (unsigned i = 0; i < m->pages; i++) {
        for (unsigned level = 0; level + 1U < m->s.levels && first < end; level++) {
            uint64_t low = m->vpn[i] >> m->s.node_bits << m->s.node_bits;
            uint64_t high = low + (UINT64_C(1) << m->s.node_bits);

            if (low < end && high > first && !node_needed(m, level, i)) {
                set_node(m, level, i, false);
            }
        }
    }
}

static bool same(struct quire_record a, struct quire_record b)
{
    return a.kind == b.kind && a.shared == b.shared && a.number == b.number;
}

/* Everything that next() finds in [first, end) is what the model has there, and nothing is missed.
 * */
static void verify_range(const struct model *m, uint64_t first, uint64_t end)
{
    struct quire_record record;
    uint64_t vpn = first;

    for (unsigned i = 0; i < m->pages; i++) {
        if (m->vpn[i] >= first && m->vpn[i] < end && in_use(m, i)) {
            assert_true(quire_supplement_next(&m->s, &vpn, end, &record));
            checkf(vpn == m->vpn[i] && same(record, m->record[i]), "page %#llx instead of %#llx",
                   (unsigned long long)vpn, (unsigned long long)m->vpn[i]);
            vpn++;
        }
    }
    assert_false(quire_supplement_next(&m->s, &vpn, end, &record));
    assert_true(vpn >= end);
}

static void verify(const struct model *m)
{
    for (unsigned i = 0; i < m->pages; i++) {
        check(same(quire_supplement_get(&m->s, m->vpn[i]), m->record[i]));
    }
    verify_range(m, 0, UINT64_C(1) << m->s.vpn_bits);
    assert_int_equal(m->s.nodes, m->nodes);
    assert_int_equal(quire_supplement_bytes(&m->s), (uint64_t)m->nodes << m->arena.page_shift);
    assert_int_equal(m->arena.total - 1 - m->arena.frames.free, m->nodes);
    arena_settled(&m->arena);
}

/* ---- random operations ----------------------------------------------------------------------- */

static struct quire_record random_record(struct prng *prng)
{
    static const uint32_t number[] = {0, 1, 2, QUIRE_RECORD_NUMBERS - 1, QUIRE_RECORD_NUMBERS / 2};
    struct quire_record record = {(uint8_t)prng_below(prng, QUIRE_RECORD_GOING + 1), false, 0};

    if (record.kind != QUIRE_RECORD_UNTOUCHED) {
        record.shared = prng_one_in(prng, 2);
        record.number = prng_one_in(prng, 2) ? number[prng_below(prng, 5)]
                                             : (uint32_t)prng_below(prng, QUIRE_RECORD_NUMBERS);
    }
    return record;
}

/* Reserves, perhaps with the n-th allocation refused: then everything is as it was, but for nodes
 * on the way that nobody uses. */
static bool reserve(struct model *m, struct prng *prng, unsigned i)
{
    enum quire_status status;

    m->refuse_in = prng_one_in(prng, 4) ? 1 + (int64_t)prng_below(prng, m->s.levels) : 0;
    status = quire_supplement_reserve(&m->s, m->vpn[i]);
    if (status == QUIRE_OK) {
        model_reserve(m, i);
    } else {
        assert_int_equal(status, QUIRE_NO_MEMORY);
        assert_int_equal(m->refuse_in, 0);
        model_trim(m, m->vpn[i], m->vpn[i] + 1);
    }
    m->refuse_in = 0;
    return status == QUIRE_OK;
}

static void random_step(struct model *m, struct prng *prng)
{
    unsigned i = (unsigned)prng_below(prng, m->pages), j = (unsigned)prng_below(prng, m->pages);
    uint64_t first = m->vpn[i < j ? i : j], end = m->vpn[i < j ? j : i] + prng_below(prng, 2);

    switch (prng_below(prng, 8)) {
    case 0:
        quire_supplement_trim(&m->s, first, end);
        model_trim(m, first, end);
        break;
    case 1: verify_range(m, first, end); break;
    case 2:
        for (unsigned k = i; k < j; k++) {
            if (in_use(m, k)) { /* was set before: needs no room */
                m->record[k] = (struct quire_record){QUIRE_RECORD_UNTOUCHED, false, 0};
                quire_supplement_set(&m->s, m->vpn[k], m->record[k]);
            }
        }
        break;
    default:
        if (reserve(m, prng, i)) {
            m->record[i] = random_record(prng);
            quire_supplement_set(&m->s, m->vpn[i], m->record[i]);
        }
    }
}

static void random_run(enum arena_reach reach, unsigned page_shift, unsigned vpn_bits,
                       unsigned steps, struct prng *prng)
{
    struct model m;

    model_open(&m, reach, page_shift, vpn_bits);
    for (unsigned step = 0; step < steps; step++) {
        random_step(&m, prng);
        if (reach == ARENA_DIRECT || step % 16 == 0) { /* windows are slow */
            verify(&m);
        }
    }
    verify(&m);
    model_close(&m);
}

static void test_random_operations(void **state)
{
    static const unsigned page_shift[] = {4, 6, 8, 12};
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned bits = 6; bits <= 52; bits += bits < 12 ? 1 : 6) {
            random_run(ARENA_DIRECT, page_shift[p], bits > 30 && p == 0 ? 30 : bits, 150, &prng);
        }
    }
    random_run(ARENA_DIRECT, 12, 20, 1500, &prng); /* the seed's shape */
    random_run(ARENA_DIRECT, 12, 36, 1500, &prng); /* x86-64 */
    random_run(ARENA_WINDOWS, 12, 36, 60, &prng);
    random_run(ARENA_MIXED, 6, 17, 60, &prng);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Seed 000: a first level of 1 << 10, reserved at once; second levels of 1 << 10 when first used.
 * */
static void test_seed_000_shape(void **state)
{
    struct quire_record record = {QUIRE_RECORD_SWAP, false, 77};
    struct model m;

    (void)state;
    model_open(&m, ARENA_DIRECT, 12, 20);
    assert_int_equal(m.s.levels, 2);
    assert_int_equal(UINT32_C(1) << m.s.node_bits, 1 << 10);
    assert_int_equal(m.s.nodes, 1);
    for (uint64_t vpn = 0; vpn < 1 << 20; vpn += 1 << 10) {
        if (m.s.nodes == 200) {
            break; /* the arena is not that large */
        }
        assert_int_equal(quire_supplement_reserve(&m.s, vpn + 1023), QUIRE_OK);
        quire_supplement_set(&m.s, vpn + 1023, record);
        assert_int_equal(m.s.nodes, 2 + (vpn >> 10));
        assert_int_equal(quire_supplement_reserve(&m.s, vpn), QUIRE_OK); /* the same node */
        assert_int_equal(m.s.nodes, 2 + (vpn >> 10));
    }
    model_close(&m);
}

/* A page that is touched costs 4 bytes, whatever the format, and an untouched one nothing. */
static void test_size(void **state)
{
    static const struct {
        unsigned page_shift, vpn_bits, pages_bits;
    } shape[] = {{6, 8, 8}, {6, 12, 12}, {8, 14, 14}, {12, 20, 18}, {12, 36, 18}};
    struct quire_record record = {QUIRE_RECORD_ZERO, false, 0};

    (void)state;
    for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        uint64_t pages = UINT64_C(1) << shape[i].pages_bits;
        unsigned node_bits = shape[i].page_shift - 2;
        uint64_t nodes = 1, wanted = pages;
        struct model m;

        model_open(&m, ARENA_DIRECT, shape[i].page_shift, shape[i].vpn_bits);
        for (uint64_t vpn = 0; vpn < pages; vpn++) {
            assert_int_equal(quire_supplement_reserve(&m.s, vpn), QUIRE_OK);
            quire_supplement_set(&m.s, vpn, record);
        }
        for (unsigned level = 0; level + 1U < m.s.levels; level++) {
            wanted = (wanted + (UINT64_C(1) << node_bits) - 1) >> node_bits;
            nodes += wanted;
        }
        assert_int_equal(m.s.nodes, nodes);
        assert_true(quire_supplement_bytes(&m.s) <=
                    4 * pages + ((nodes - (pages >> node_bits)) << shape[i].page_shift));
        quire_supplement_trim(&m.s, 0, pages);
        assert_int_equal(m.s.nodes, nodes); /* they are in use */
        for (uint64_t vpn = 0; vpn < pages; vpn++) {
            quire_supplement_set(&m.s, vpn,
                                 (struct quire_record){QUIRE_RECORD_UNTOUCHED, false, 0});
        }
        quire_supplement_trim(&m.s, 0, pages);
        assert_int_equal(m.s.nodes, 1);
        model_close(&m);
    }
}

/* Nothing is kept when it cannot be made. */
static void test_create_fails(void **state)
{
    struct quire_supplement s;
    struct model m;

    (void)state;
    model_open(&m, ARENA_DIRECT, 3, 16);
    assert_int_equal(m.s.levels, 16);
    assert_int_equal(quire_supplement_create(&s, &m.arena.host, 17), QUIRE_OUT_OF_RANGE);
    m.refuse_in = 1;
    assert_int_equal(quire_supplement_create(&s, &m.arena.host, 16), QUIRE_NO_MEMORY);
    assert_int_equal(m.arena.frames.free, FRAMES - 2);
    model_close(&m);
}

/* Memory runs out in earnest, in every place of a path of six nodes. */
static void test_no_memory(void **state)
{
    struct quire_record record = {QUIRE_RECORD_FRAME, false, 5};

    (void)state;
    for (uint32_t left = 0; left < 6; left++) {
        struct model m;
        quire_pfn pfn;

        model_open(&m, ARENA_DIRECT, 6, 24);
        assert_int_equal(m.s.levels, 6);
        while (m.arena.frames.free > left) {
            assert_int_equal(quire_frames_alloc(&m.arena.frames, 0, &pfn), QUIRE_OK);
        }
        assert_int_equal(quire_supplement_reserve(&m.s, 0xabcdef),
                         left == 5 ? QUIRE_OK : QUIRE_NO_MEMORY);
        assert_int_equal(m.s.nodes, left == 5 ? 6 : 1);
        assert_int_equal(m.arena.frames.free, left == 5 ? 0 : left);
        if (left == 5) {
            quire_supplement_set(&m.s, 0xabcdef, record);
            assert_true(same(quire_supplement_get(&m.s, 0xabcdef), record));
        }
        while (m.arena.frames.free + m.s.nodes < FRAMES - 1) {
            quire_frames_unref(&m.arena.frames, pfn);
            pfn.n--;
        }
        model_close(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_seed_000_shape),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_create_fails),
        cmocka_unit_test(test_no_memory),
    };

    return unit_run(tests);
}
