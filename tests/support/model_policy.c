/* Replacement policies on plain arrays. */
#include "tests/support/model_policy.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

/* ---- sequences ----------------------------------------------------------------------------- */

/* The first is the oldest. */
struct sequence {
    uint64_t *item;
    uint32_t n, room;
};

static void insert_at(struct sequence *s, uint32_t place, uint64_t item)
{
    if (s->n == s->room) {
        s->room = s->room * 2 + 16;
        s->item = realloc(s->item, s->room * sizeof(*s->item));
        check(s->item != NULL);
    }
    memmove(&s->item[place + 1], &s->item[place], (s->n - place) * sizeof(*s->item));
    s->item[place] = item;
    s->n++;
}

static void add(struct sequence *s, uint64_t item)
{
    insert_at(s, s->n, item);
}

static uint64_t take(struct sequence *s, uint32_t place)
{
    uint64_t item = s->item[place];

    s->n--;
    memmove(&s->item[place], &s->item[place + 1], (s->n - place) * sizeof(*s->item));
    return item;
}

/* n: it is not there. The last is looked at first, as it is often the one. */
static uint32_t find(const struct sequence *s, uint64_t item)
{
    uint32_t place = 0;

    if (s->n != 0 && s->item[s->n - 1] == item) {
        return s->n - 1;
    }
    while (place < s->n && s->item[place] != item) {
        place++;
    }
    return place;
}

static bool discard(struct sequence *s, uint64_t item)
{
    uint32_t place = find(s, item);

    if (place == s->n) {
        return false;
    }
    take(s, place);
    return true;
}

/* ---- the model ----------------------------------------------------------------------------- */

enum { LISTS = 2, ASIDE = 16 };

struct frame {
    uint64_t page;
    bool accessed, dirty;
    bool fresh; /* no victim was wanted since it came */
    unsigned list;
    unsigned hits;    /* clock and sieve: the use bit */
    uint64_t when;    /* lru, nru: a number that grows; wsclock: ticks */
    uint64_t counter; /* aging */
    unsigned class;   /* nru: as far as known */
    int64_t number;   /* generational */
    unsigned tier;
};

/* A page that was evicted. `of` tells what the policy wants to know of it. */
struct ghost {
    uint64_t page;
    unsigned of;
    uint64_t when;
};

struct model_policy {
    enum model_kind kind;
    uint32_t capacity;
    struct frame *frame;
    struct sequence list[LISTS]; /* of frames */
    struct sequence ghosts[LISTS], aside;
    struct ghost known[4096]; /* what is known of ghosts; entries are found by page */
    uint32_t knowns;
    uint64_t now, stamps, seed;
    uint32_t hand;
    double p;
    int64_t youngest, oldest;
    uint64_t up[2], returned[2];
};

static bool mmu(const struct model_policy *m)
{
    return m->kind == MODEL_SIEVE_MMU || m->kind == MODEL_S3_FIFO_MMU;
}

static uint64_t share(uint64_t whole, unsigned part, unsigned of)
{
    return whole * part / of;
}

static void put(struct model_policy *m, uint32_t frame, unsigned list)
{
    m->frame[frame].list = list;
    add(&m->list[list], frame);
}

/* Takes a frame off, wherever it is. */
static void take_frame(struct model_policy *m, uint32_t frame)
{
    struct sequence *s = &m->list[m->frame[frame].list];
    uint32_t place = find(s, frame);

    check(place < s->n);
    if (m->kind == MODEL_RANDOM) {
        s->item[place] = s->item[s->n - 1];
        s->n--;
        return;
    }
    take(s, place);
    m->hand -= place < m->hand;
}

/* ---- ghosts -------------------------------------------------------------------------------- */

static struct ghost *known(struct model_policy *m, uint64_t page)
{
    for (uint32_t i = 0; i < m->knowns; i++) {
        if (m->known[i].page == page) {
            return &m->known[i];
        }
    }
    return NULL;
}

/* False: there was none. */
static bool forget(struct model_policy *m, uint64_t page)
{
    struct ghost *ghost = known(m, page);
    bool found =
        discard(&m->ghosts[0], page) || discard(&m->ghosts[1], page) || discard(&m->aside, page);

    check(found == (ghost != NULL));
    if (found) {
        *ghost = m->known[--m->knowns];
    }
    return found;
}

static void remember(struct model_policy *m, unsigned list, uint64_t limit, uint64_t page,
                     unsigned of)
{
    forget(m, page);
    while (m->ghosts[list].n != 0 && m->ghosts[list].n >= limit) {
        forget(m, m->ghosts[list].item[0]);
    }
    if (limit != 0) {
        check(m->knowns < sizeof(m->known) / sizeof(m->known[0]));
        m->known[m->knowns++] = (struct ghost){page, of, m->now};
        add(&m->ghosts[list], page);
    }
}

/* The page is asked for. Returns whether it was a ghost that had not been asked for yet, and which
 * list's. */
static bool set_aside(struct model_policy *m, uint64_t page, unsigned *list)
{
    for (*list = 0; *list < LISTS; ++*list) {
        if (discard(&m->ghosts[*list], page)) {
            if (m->aside.n == ASIDE) {
                forget(m, m->aside.item[0]);
            }
            add(&m->aside, page);
            return true;
        }
    }
    return false;
}

/* ---- arc ----------------------------------------------------------------------------------- */

enum { T1, T2 };

static void arc_ask(struct model_policy *m, uint64_t page)
{
    double b1 = m->ghosts[T1].n, b2 = m->ghosts[T2].n;
    unsigned list;

    if (!set_aside(m, page, &list)) {
        return;
    }
    if (list == T1) {
        m->p += b2 > b1 ? b2 / b1 : 1;
        m->p = m->p > m->capacity ? m->capacity : m->p;
    } else {
        m->p -= b1 > b2 ? b1 / b2 : 1;
        m->p = m->p < 0 ? 0 : m->p;
    }
}

/* True: T1's oldest is to go and be forgotten. */
static bool arc_new_page(struct model_policy *m)
{
    uint32_t l1 = m->list[T1].n + m->ghosts[T1].n;
    uint32_t all = l1 + m->list[T2].n + m->ghosts[T2].n;

    if (l1 >= m->capacity) {
        if (m->ghosts[T1].n == 0) {
            return true;
        }
        forget(m, m->ghosts[T1].item[0]);
    } else if (all >= 2 * m->capacity && m->ghosts[T2].n != 0) {
        forget(m, m->ghosts[T2].item[0]);
    }
    return false;
}

static uint32_t arc_victim(struct model_policy *m, uint64_t coming)
{
    const double near = 1.0 / (1 << 17);
    double t1 = m->list[T1].n;
    bool drop = false, of_b2;
    unsigned from = T2;
    uint32_t frame;

    arc_ask(m, coming);
    of_b2 = known(m, coming) != NULL && known(m, coming)->of == T2;
    if (known(m, coming) == NULL) {
        drop = arc_new_page(m);
    }
    if (m->list[T1].n + m->list[T2].n == 0) {
        return MODEL_NONE;
    }
    if (drop || m->list[T2].n == 0 ||
        (t1 > 0 && (t1 > m->p + near || (of_b2 && t1 >= m->p - near)))) {
        from = T1;
    }
    if (m->list[from].n == 0) {
        return MODEL_NONE;
    }
    frame = (uint32_t)take(&m->list[from], 0);
    if (!drop) {
        if (m->ghosts[T1].n + m->ghosts[T2].n >= m->capacity) {
            forget(m, m->ghosts[m->ghosts[T1].n > m->ghosts[T2].n ? T1 : T2].item[0]);
        }
        remember(m, from, m->capacity, m->frame[frame].page, from);
    }
    return frame;
}

/* ---- 2q, s3-fifo --------------------------------------------------------------------------- */

enum { TRIAL, PROVEN };

static uint32_t two_queues_victim(struct model_policy *m, uint64_t coming)
{
    bool trial = m->list[TRIAL].n > share(m->capacity, 1, 4) || m->list[PROVEN].n == 0;
    struct sequence *from = &m->list[trial ? TRIAL : PROVEN];
    unsigned list;
    uint32_t frame;

    set_aside(m, coming, &list);
    if (from->n == 0) {
        return MODEL_NONE;
    }
    frame = (uint32_t)take(from, 0);
    if (trial) {
        remember(m, 0, share(m->capacity, 1, 2), m->frame[frame].page, 0);
    }
    return frame;
}

/* Hits so far. An accessed bit counts for as many as matter. */
static unsigned s3_hits(struct model_policy *m, uint32_t frame, unsigned worth)
{
    unsigned hits = m->frame[frame].hits;

    if (mmu(m)) {
        hits = m->frame[frame].accessed ? worth : 0;
        m->frame[frame].accessed = false;
    }
    return hits;
}

static uint32_t s3_fifo_victim(struct model_policy *m, uint64_t coming)
{
    struct sequence *small = &m->list[TRIAL], *large = &m->list[PROVEN];
    bool from_small = large->n <= m->capacity - share(m->capacity, 1, 10);
    unsigned list;
    uint32_t frame;

    set_aside(m, coming, &list);
    while (from_small && small->n != 0) {
        frame = (uint32_t)take(small, 0);
        if (s3_hits(m, frame, 2) < 2) {
            remember(m, 0, share(m->capacity, 9, 10), m->frame[frame].page, 0);
            return frame;
        }
        m->frame[frame].hits = 0;
        put(m, frame, PROVEN);
    }
    while (large->n != 0) {
        unsigned hits;

        frame = (uint32_t)take(large, 0);
        hits = s3_hits(m, frame, 1);
        if (hits == 0) {
            return frame;
        }
        m->frame[frame].hits = hits - 1;
        put(m, frame, PROVEN);
    }
    return MODEL_NONE;
}

/* ---- generational -------------------------------------------------------------------------- */

/* One array, oldest first; each frame knows the number of its generation, and they only grow. */

static void join(struct model_policy *m, uint32_t frame, int64_t number)
{
    struct sequence *s = &m->list[0];
    uint32_t place = s->n;

    while (place > 0 && m->frame[s->item[place - 1]].number > number) {
        place--;
    }
    m->frame[frame].number = number;
    m->frame[frame].list = 0;
    insert_at(s, place, frame);
}

static void rejoin(struct model_policy *m, uint32_t frame, int64_t number)
{
    take_frame(m, frame);
    join(m, frame, number);
}

static void make_generation(struct model_policy *m)
{
    struct sequence *s = &m->list[0];
    uint32_t n = s->n;

    m->youngest++;
    if (m->youngest - m->oldest == 4) {
        m->oldest++;
        for (uint32_t i = 0; i < n; i++) {
            struct frame *frame = &m->frame[s->item[i]];
            frame->number = frame->number < m->oldest ? m->oldest : frame->number;
        }
    }
    for (uint32_t i = 0, at = 0; i < n; i++) {
        uint32_t frame = (uint32_t)s->item[at];

        if (m->frame[frame].accessed) {
            m->frame[frame].accessed = false;
            rejoin(m, frame, m->youngest);
        } else {
            at++;
        }
    }
    for (unsigned tier = 0; tier < 2; tier++) {
        m->up[tier] /= 2;
        m->returned[tier] /= 2;
    }
}

/* Is there a page in a generation that may be evicted from? */
static bool has_old(struct model_policy *m)
{
    int64_t first = m->list[0].n != 0 ? m->frame[m->list[0].item[0]].number : m->youngest;

    first = first > m->youngest - 1 ? m->youngest - 1 : first;
    m->oldest = first > m->oldest ? first : m->oldest;
    return m->oldest < m->youngest - 1;
}

static bool spared(const struct model_policy *m, const struct frame *frame)
{
    return frame->tier == 1 && m->returned[1] >= 64 &&
           m->returned[1] * (m->up[0] + 64) > (m->returned[0] + 1) * m->up[1];
}

static uint32_t generational_victim(struct model_policy *m, uint64_t coming)
{
    uint32_t looks = m->list[0].n;
    bool made = false;
    uint32_t frame;
    unsigned list;

    set_aside(m, coming, &list);
    if (looks == 0) {
        return MODEL_NONE;
    }
    for (; looks > 0; looks--) {
        struct frame *f;

        frame = (uint32_t)m->list[0].item[0];
        f = &m->frame[frame];
        if (!has_old(m)) {
            if (made) {
                break;
            }
            made = true;
            make_generation(m);
        } else if (f->accessed) {
            f->accessed = false;
            rejoin(m, frame, m->youngest);
        } else if (spared(m, f)) {
            m->up[1]++;
            rejoin(m, frame, m->oldest + 1);
        } else {
            break;
        }
    }
    frame = (uint32_t)take(&m->list[0], 0);
    remember(m, 0, m->capacity, m->frame[frame].page, m->frame[frame].tier);
    m->now++; /* evictions */
    m->up[m->frame[frame].tier]++;
    return frame;
}

static void generational_insert(struct model_policy *m, uint32_t frame)
{
    const struct ghost *ghost = known(m, m->frame[frame].page);

    if (ghost != NULL && m->now - ghost->when <= m->capacity) {
        m->returned[ghost->of]++;
        m->frame[frame].tier = 1;
    }
    forget(m, m->frame[frame].page);
    join(m, frame, m->youngest);
}

/* ---- those of one queue -------------------------------------------------------------------- */

static void pass(struct sequence *s)
{
    add(s, take(s, 0));
}

/* Clock, with its own bits or the MMU's: the first without one, once around at most. */
static uint32_t clock_victim(struct model_policy *m)
{
    struct sequence *s = &m->list[0];

    for (;;) {
        struct frame *frame = &m->frame[s->item[0]];
        bool bit = m->kind == MODEL_CLOCK ? frame->hits != 0 : frame->accessed;

        if (!bit) {
            return (uint32_t)take(s, 0);
        }
        frame->hits = 0;
        frame->accessed = false;
        pass(s);
    }
}

static uint32_t clock_m_victim(struct model_policy *m)
{
    struct sequence *s = &m->list[0];

    for (unsigned step = 0;; step++) {
        for (uint32_t i = 0; i < s->n; i++) {
            const struct frame *frame = &m->frame[s->item[i]];

            if (!frame->accessed && frame->dirty == (step % 2 == 1)) {
                for (; i > 0; i--) { /* those before it are passed */
                    m->frame[s->item[0]].accessed &= step % 2 == 0;
                    pass(s);
                }
                return (uint32_t)take(s, 0);
            }
        }
        for (uint32_t i = 0; i < s->n && step % 2 == 1; i++) {
            m->frame[s->item[i]].accessed = false;
        }
    }
}

/* wsclock's pages: not looked at in this tick; old and dirty; in the working set; and dirty. */
enum { WS_UNSEEN, WS_QUEUED, WS_SEEN, WS_DIRTY };

/* The place of the first page: by class, and in it by counter. */
static uint32_t wsclock_first(const struct model_policy *m)
{
    const struct sequence *s = &m->list[0];
    uint32_t best = 0;

    for (uint32_t i = 1; i < s->n; i++) {
        const struct frame *a = &m->frame[s->item[i]], *b = &m->frame[s->item[best]];
        if (a->class < b->class || (a->class == b->class && a->counter < b->counter)) {
            best = i;
        }
    }
    return best;
}

static uint32_t wsclock_victim(struct model_policy *m)
{
    for (;;) {
        uint32_t at = wsclock_first(m);
        struct frame *frame = &m->frame[m->list[0].item[at]];
        bool old, was_queued = frame->class == WS_QUEUED;

        if (frame->class <= WS_QUEUED && frame->accessed) {
            frame->when = m->now;
            frame->accessed = false;
        }
        old = m->now - frame->when > 4;
        if (frame->class == WS_DIRTY || (frame->class == WS_SEEN && !frame->dirty) ||
            (frame->class <= WS_QUEUED && old && (was_queued || !frame->dirty))) {
            return (uint32_t)take(&m->list[0], at);
        }
        frame->class = frame->class == WS_SEEN ? WS_DIRTY : old ? WS_QUEUED : WS_SEEN;
        frame->counter = ++m->stamps;
    }
}

static void wsclock_tick(struct model_policy *m)
{
    struct sequence all = {NULL, 0, 0};

    m->now++;
    while (m->list[0].n != 0) {
        add(&all, take(&m->list[0], wsclock_first(m)));
    }
    for (uint32_t i = 0; i < all.n; i++) {
        m->frame[all.item[i]].class = WS_UNSEEN;
        m->frame[all.item[i]].counter = ++m->stamps;
        add(&m->list[0], all.item[i]);
    }
    free(all.item);
}

static uint32_t sieve_victim(struct model_policy *m)
{
    struct sequence *s = &m->list[0];

    for (;;) {
        struct frame *frame;
        bool bit;

        m->hand = m->hand < s->n ? m->hand : 0;
        frame = &m->frame[s->item[m->hand]];
        bit = mmu(m) ? frame->accessed : frame->hits != 0;
        if (!bit) {
            uint32_t victim = (uint32_t)take(s, m->hand);
            m->hand = m->hand < s->n ? m->hand : 0;
            return victim;
        }
        frame->hits = 0;
        frame->accessed = false;
        m->hand = (m->hand + 1) % s->n;
    }
}

static unsigned class_of(const struct frame *frame)
{
    return frame->accessed * 2u + frame->dirty;
}

/* The lowest class; in it, who has been known to be in it for longest. What is found to have risen
 * is known from then on. */
static uint32_t nru_victim(struct model_policy *m)
{
    struct sequence *s = &m->list[0];

    for (unsigned class = 0; class < 4; class ++) {
        for (;;) {
            uint32_t best = s->n;
            struct frame *frame;

            for (uint32_t i = 0; i < s->n; i++) {
                frame = &m->frame[s->item[i]];
                if (frame->class == class &&
                    (best == s->n || frame->when < m->frame[s->item[best]].when)) {
                    best = i;
                }
            }
            if (best == s->n) {
                break;
            }
            frame = &m->frame[s->item[best]];
            if ((frame->class | class_of(frame)) == class) {
                return (uint32_t)take(s, best);
            }
            frame->class |= class_of(frame);
            frame->when = ++m->now;
        }
    }
    return MODEL_NONE;
}

/* By class, and in each in the order so far. */
static void nru_tick(struct model_policy *m)
{
    uint64_t before = ++m->now;

    for (unsigned class = 0; class < 4; class ++) {
        for (uint64_t next = 0; next != UINT64_MAX;) {
            struct frame *first = NULL;

            for (uint32_t i = 0; i < m->list[0].n; i++) {
                struct frame *frame = &m->frame[m->list[0].item[i]];
                if (frame->class == class && frame->when < before &&
                    (first == NULL || frame->when < first->when)) {
                    first = frame;
                }
            }
            next = first != NULL ? 0 : UINT64_MAX;
            if (first != NULL) {
                first->accessed = false;
                first->class &= 1;
                first->when = ++m->now;
            }
        }
    }
}

/* The place of the least, the first of those that are equal. */
static uint32_t least(const struct model_policy *m, uint64_t (*value)(const struct frame *))
{
    const struct sequence *s = &m->list[0];
    uint32_t best = 0;

    for (uint32_t i = 1; i < s->n; i++) {
        if (value(&m->frame[s->item[i]]) < value(&m->frame[s->item[best]])) {
            best = i;
        }
    }
    return best;
}

static uint64_t counter_of(const struct frame *frame)
{
    return frame->counter;
}

static uint64_t when_of(const struct frame *frame)
{
    return frame->when;
}

/* splitmix64, scaled by its upper half. */
static uint32_t dice(struct model_policy *m, uint32_t sides)
{
    uint64_t z = (m->seed += UINT64_C(11400714819323198485));

    z ^= z >> 30;
    z *= UINT64_C(13787848793156543929);
    z ^= z >> 27;
    z *= UINT64_C(10723151780598845931);
    z ^= z >> 31;
    return (uint32_t)(((z >> 32) * sides) >> 32);
}

/* ---- what happens -------------------------------------------------------------------------- */

struct model_policy *model_policy_open(enum model_kind kind, uint32_t frames, uint32_t capacity,
                                       uint64_t seed)
{
    struct model_policy *m = calloc(1, sizeof(*m));

    check(m != NULL);
    m->kind = kind;
    m->capacity = capacity;
    m->seed = seed;
    m->youngest = 1;
    m->frame = calloc(frames, sizeof(*m->frame));
    check(m->frame != NULL);
    return m;
}

void model_policy_close(struct model_policy *m)
{
    for (unsigned i = 0; i < LISTS; i++) {
        free(m->list[i].item);
        free(m->ghosts[i].item);
    }
    free(m->aside.item);
    free(m->frame);
    free(m);
}

void model_policy_mark(struct model_policy *m, uint32_t frame, bool write)
{
    m->frame[frame].accessed = true;
    m->frame[frame].dirty |= write;
}

void model_policy_insert(struct model_policy *m, uint32_t frame, uint64_t page)
{
    struct frame *f = &m->frame[frame];

    *f = (struct frame){.page = page, .fresh = true, .class = 2, .counter = UINT64_C(1) << 63};
    switch (m->kind) {
    case MODEL_LRU:
    case MODEL_NRU: f->when = ++m->now; break;
    case MODEL_WSCLOCK:
        f->when = m->now;
        f->counter = ++m->stamps;
        f->class = WS_SEEN;
        break;
    case MODEL_ARC: arc_ask(m, page); break;
    case MODEL_GENERATIONAL: generational_insert(m, frame); return;
    default: break;
    }
    put(m, frame, forget(m, page) ? PROVEN : TRIAL);
}

void model_policy_put_back(struct model_policy *m, uint32_t frame)
{
    struct frame *f = &m->frame[frame];

    switch (m->kind) {
    case MODEL_2Q:
    case MODEL_ARC:
    case MODEL_S3_FIFO:
    case MODEL_S3_FIFO_MMU:
        forget(m, f->page);
        f->hits = 0;
        f->fresh = true;
        put(m, frame, f->list);
        break;
    case MODEL_GENERATIONAL:
        if (forget(m, f->page)) {
            m->up[f->tier] -= m->up[f->tier] != 0;
        }
        join(m, frame, m->youngest);
        break;
    default: {
        bool accessed = f->accessed, dirty = f->dirty;
        model_policy_insert(m, frame, f->page);
        f->accessed = accessed;
        f->dirty = dirty;
        break;
    }
    }
}

void model_policy_remove(struct model_policy *m, uint32_t frame)
{
    struct sequence *s = &m->list[0];

    take_frame(m, frame);
    if (m->hand >= s->n || (mmu(m) && m->frame[s->item[m->hand]].fresh)) {
        m->hand = 0; /* no page of the queue is newer */
    }
}

void model_policy_reference(struct model_policy *m, uint32_t frame)
{
    struct frame *f = &m->frame[frame];
    bool last = m->list[PROVEN].n != 0 && m->list[PROVEN].item[m->list[PROVEN].n - 1] == frame;

    f->hits = f->hits < 3 ? f->hits + 1 : 3;
    if (m->kind == MODEL_LRU) {
        f->when = ++m->now;
    }
    if (!last && (m->kind == MODEL_ARC || (m->kind == MODEL_2Q && f->list == PROVEN))) {
        take_frame(m, frame);
        put(m, frame, PROVEN);
    }
}

static uint32_t victim_of_queue(struct model_policy *m)
{
    struct sequence *s = &m->list[0];

    switch (m->kind) {
    case MODEL_CLOCK:
    case MODEL_CLOCK_MMU: return clock_victim(m);
    case MODEL_CLOCK_M: return clock_m_victim(m);
    case MODEL_WSCLOCK: return wsclock_victim(m);
    case MODEL_SIEVE:
    case MODEL_SIEVE_MMU: return sieve_victim(m);
    case MODEL_NRU: return nru_victim(m);
    case MODEL_AGING: return (uint32_t)take(s, least(m, counter_of));
    case MODEL_LRU: return (uint32_t)take(s, least(m, when_of));
    case MODEL_RANDOM: {
        uint32_t victim = (uint32_t)s->item[dice(m, s->n)];
        take_frame(m, victim);
        return victim;
    }
    default: return (uint32_t)take(s, 0);
    }
}

uint32_t model_policy_victim(struct model_policy *m, uint64_t coming)
{
    for (unsigned list = 0; list < LISTS && mmu(m); list++) {
        for (uint32_t i = 0; i < m->list[list].n; i++) {
            struct frame *frame = &m->frame[m->list[list].item[i]];
            frame->accessed = frame->accessed && !frame->fresh;
            frame->fresh = false;
        }
    }
    switch (m->kind) {
    case MODEL_2Q: return two_queues_victim(m, coming);
    case MODEL_ARC: return arc_victim(m, coming);
    case MODEL_S3_FIFO:
    case MODEL_S3_FIFO_MMU: return s3_fifo_victim(m, coming);
    case MODEL_GENERATIONAL: return generational_victim(m, coming);
    default: return m->list[0].n != 0 ? victim_of_queue(m) : MODEL_NONE;
    }
}

static void aging_tick(struct model_policy *m)
{
    for (uint32_t i = 0; i < m->list[0].n; i++) {
        struct frame *frame = &m->frame[m->list[0].item[i]];
        frame->counter = frame->counter >> 1 | (uint64_t)frame->accessed << 63;
        frame->accessed = false;
    }
}

void model_policy_forget(struct model_policy *m, uint64_t page)
{
    forget(m, page);
}

void model_policy_tick(struct model_policy *m)
{
    switch (m->kind) {
    case MODEL_NRU: nru_tick(m); break;
    case MODEL_AGING: aging_tick(m); break;
    case MODEL_WSCLOCK: wsclock_tick(m); break;
    case MODEL_GENERATIONAL: make_generation(m); break;
    default: break;
    }
}
