/*
 * Replacement policies on examples that others have worked out, in textbooks and papers, or that a
 * reader can follow by hand; and what is known of all strings of references.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/pager.h"
#include "tests/support/policies.h"
#include "tests/support/unit.h"

enum { FRAMES_MAX = 1000 };

/* A policy with memory for `frames` pages. Frames are filled in order, from 0 on. */
struct memory {
    struct quire_policy policy;
    struct quire_policy_node node[FRAMES_MAX];
    void *state;
    uint32_t frames, used;
    uint64_t page[FRAMES_MAX]; /* by frame */
    bool accessed[FRAMES_MAX], dirty[FRAMES_MAX];
    uint64_t gone; /* the last page that was evicted */
    unsigned faults;
};

static struct memory memory; /* one at a time; too large for a stack */

static bool used(void *context, quire_pfn pfn)
{
    bool was = memory.accessed[pfn.n];

    (void)context;
    memory.accessed[pfn.n] = false;
    return was;
}

static bool dirty(void *context, quire_pfn pfn)
{
    (void)context;
    return memory.dirty[pfn.n];
}

static void begin(const struct quire_policy_ops *ops, uint32_t frames)
{
    memset(&memory, 0, sizeof(memory));
    memory.frames = frames;
    if (ops->state_bytes != NULL) {
        memory.state = calloc(1, ops->state_bytes(frames));
        check(memory.state != NULL);
    }
    quire_policy_init(&memory.policy, ops, memory.node, quire_pfn_of(0), frames, memory.state);
    memory.policy.used = used;
    memory.policy.dirty = dirty;
}

static void end(void)
{
    free(memory.state);
}

static uint32_t frame_of(uint64_t page)
{
    uint32_t frame = 0;

    while (frame < memory.used && memory.page[frame] != page) {
        frame++;
    }
    return frame;
}

static bool resident(uint64_t page)
{
    return frame_of(page) < memory.used;
}

static void refer(uint64_t page)
{
    uint32_t frame = frame_of(page);

    if (frame < memory.used) {
        if (memory.policy.ops->reference != NULL) {
            memory.policy.ops->reference(&memory.policy, quire_pfn_of(frame));
        }
    } else {
        memory.faults++;
        if (frame == memory.frames) {
            frame = memory.policy.ops->victim(&memory.policy, page).n;
            check(frame < memory.used);
            memory.gone = memory.page[frame];
        } else {
            memory.used++;
        }
        memory.page[frame] = page;
        memory.policy.ops->insert(&memory.policy, quire_pfn_of(frame), page);
    }
    memory.accessed[frame] = true;
}

/* One letter a page. */
static void refer_all(const char *pages)
{
    for (; *pages != '\0'; pages++) {
        refer((unsigned char)*pages);
    }
}

static unsigned faults(const struct quire_policy_ops *ops, uint32_t frames, const char *pages)
{
    begin(ops, frames);
    refer_all(pages);
    end();
    return memory.faults;
}

static uint32_t optimum(const char *pages, uint32_t frames)
{
    uint32_t string[100], n = 0;

    for (; pages[n] != '\0'; n++) {
        string[n] = (unsigned char)pages[n];
    }
    return (uint32_t)pager_optimum(string, n, 128, frames);
}

/* These go next, in this order. */
static void check_order(const char *pages)
{
    for (; *pages != '\0'; pages++) {
        uint32_t frame = memory.policy.ops->victim(&memory.policy, 0).n;

        check(frame < memory.used);
        checkf(memory.page[frame] == (unsigned char)*pages, "%c went instead of %c",
               (char)memory.page[frame], *pages);
    }
}

/* ---- strings ------------------------------------------------------------------------------- */

/* Belady, Nelson, Shedler, An Anomaly in Space-Time Characteristics of Certain Programs Running in
 * a Paging Machine, 1969: more memory and more faults. */
static void test_beladys_anomaly(void **state)
{
    (void)state;
    check(faults(&quire_policy_fifo, 3, "123412512345") == 9);
    check(faults(&quire_policy_fifo, 4, "123412512345") == 10);
    check(faults(&quire_policy_lru, 3, "123412512345") == 10);
    check(faults(&quire_policy_lru, 4, "123412512345") == 8);
}

/* Silberschatz, Galvin, Gagne, Operating System Concepts, 9.4. */
static void test_a_textbooks_string(void **state)
{
    static const char string[] = "70120304230321201701";

    (void)state;
    check(faults(&quire_policy_fifo, 3, string) == 15);
    check(faults(&quire_policy_lru, 3, string) == 12);
    check(optimum(string, 3) == 9);
}

/* Those that keep what they would keep with less memory: more of it never costs a fault. And nobody
 * has fewer than the optimum. */
static void test_stack_policies(void **state)
{
    struct prng prng = prng_new(1);

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        char string[100] = "";
        unsigned lru = 100, best = 100;

        for (unsigned i = 0; i < 99; i++) {
            string[i] = (char)('A' + prng_below(&prng, 1 + prng_below(&prng, 20)));
        }
        for (uint32_t frames = 1; frames <= 20; frames++) {
            unsigned now = faults(&quire_policy_lru, frames, string);
            uint32_t least = optimum(string, frames);

            check(now <= lru && least <= best);
            lru = now;
            best = least;
            for (enum model_kind kind = 0; kind < MODEL_KINDS; kind++) {
                checkf(faults(policies[kind], frames, string) >= least, "%s, %u frames: %s",
                       policies[kind]->name, frames, string);
            }
        }
    }
}

/* ---- textbooks ----------------------------------------------------------------------------- */

/*
 * Tanenbaum, Modern Operating Systems, an exercise of chapter 3: four pages,
 *
 *     page  loaded  last used  R  M        nru takes 2, fifo 3, lru 1, second chance 2
 *     0     126     280        1  0
 *     1     230     265        0  1
 *     2     140     270        0  0
 *     3     110     285        1  1
 */
static void begin_exercise(const struct quire_policy_ops *ops)
{
    begin(ops, 4);
    refer_all("3021"); /* as loaded */
    memory.policy.ops->tick != NULL ? memory.policy.ops->tick(&memory.policy) : (void)0;
    memset(memory.accessed, 0, sizeof(memory.accessed));
    if (ops->reference != NULL) {
        refer_all("1203"); /* as last used */
    }
    memory.accessed[frame_of('0')] = memory.accessed[frame_of('3')] = true;
    memory.dirty[frame_of('1')] = memory.dirty[frame_of('3')] = true;
}

static void test_tanenbaums_four_pages(void **state)
{
    static const struct {
        const struct quire_policy_ops *ops;
        const char *first;
    } answer[] = {{&quire_policy_nru, "2"},
                  {&quire_policy_fifo, "3"},
                  {&quire_policy_lru, "1"},
                  {&quire_policy_clock_mmu, "2"}};

    (void)state;
    for (unsigned i = 0; i < sizeof(answer) / sizeof(answer[0]); i++) {
        begin_exercise(answer[i].ops);
        check_order(answer[i].first);
        end();
    }
    begin_exercise(&quire_policy_nru);
    check_order("2103"); /* class by class */
    end();
    begin_exercise(&quire_policy_clock_m);
    check_order("2"); /* (0, 0) */
    check_order("1"); /* nothing else is unused; its use bits are cleared on the way */
    check_order("0"); /* the clean one */
    end();
}

/* The same book's figure of aging: the accessed bits of pages 0 to 5 at five ticks, and what the
 * counters are then. */
static void test_tanenbaums_aging(void **state)
{
    static const char *const bits[] = {"101011", "110010", "110101", "100010", "011000"};
    /* 01111000 10110000 10001000 00100000 01011000 00101000 */

    (void)state;
    begin(&quire_policy_aging, 6);
    refer_all("012345");
    memset(memory.accessed, 0, sizeof(memory.accessed));
    for (unsigned tick = 0; tick < 5; tick++) {
        for (unsigned page = 0; page < 6; page++) {
            memory.accessed[page] = bits[tick][page] == '1';
        }
        memory.policy.ops->tick(&memory.policy);
    }
    check_order("354021");
    end();
}

/* A page leaves the working set when it was not found used for more than four ticks. */
static void test_wsclock_by_hand(void **state)
{
    (void)state;
    begin(&quire_policy_wsclock, 4);
    refer_all("ABCD");
    memset(memory.accessed, 0, sizeof(memory.accessed));
    memory.dirty[frame_of('A')] = memory.dirty[frame_of('B')] = true;
    for (unsigned tick = 0; tick < 5; tick++) {
        memory.policy.ops->tick(&memory.policy);
    }
    memory.accessed[frame_of('D')] = true;
    refer('E'); /* A and B are old and dirty; C is old and clean */
    check(memory.gone == 'C');
    refer('F'); /* D was used. The hand is around: of those queued, A comes first */
    check(memory.gone == 'A');
    memory.accessed[frame_of('B')] = true;
    refer('G'); /* B was queued, but is used again: all are in the working set. E came in behind the
                   hand, before that passed D */
    check(memory.gone == 'E');
    memset(memory.dirty, true, sizeof(memory.dirty));
    memory.dirty[frame_of('F')] = false;
    refer('H'); /* the clean one */
    check(memory.gone == 'F');
    memory.dirty[frame_of('H')] = true;
    refer('I'); /* none is clean: the first */
    check(memory.gone == 'D');
    end();
}

/* ---- papers -------------------------------------------------------------------------------- */

/* Pages go from old to new under the hand; those that were used stay, and stay in place. */
static void test_sieve_by_hand(void **state)
{
    (void)state;
    begin(&quire_policy_sieve, 7);
    refer_all("ABCDEFG");
    refer_all("ABG"); /* these are used */
    refer('H');       /* A and B are passed, C goes; the hand stands on D */
    check(memory.gone == 'C');
    refer_all("AD");
    refer('I'); /* D is passed, E goes */
    check(memory.gone == 'E');
    refer('J');
    check(memory.gone == 'F');
    refer('K'); /* G is passed; H is newer, and unused */
    check(memory.gone == 'H');
    refer_all("IJK");
    refer('L'); /* I, J, K passed, and round to A, which was used again; B was not since */
    check(memory.gone == 'B');
    end();
}

/* K = 8: A1in gives while it holds more than 2, A1out remembers 4. */
static void test_2q_by_hand(void **state)
{
    (void)state;
    begin(&quire_policy_2q, 8);
    refer_all("ABCDEFGH");
    refer_all("AAAA"); /* on trial, use means nothing */
    refer('I');
    check(memory.gone == 'A');
    refer('A'); /* remembered: into Am, and B goes */
    check(memory.gone == 'B');
    refer_all("JKLM"); /* C D E F go; A1out is C D E F: B was pushed out */
    check(memory.gone == 'F' && resident('A'));
    refer('B'); /* new to it */
    check(memory.gone == 'G');
    refer_all("DEF"); /* all remembered, so to Am: A D E F. H I J go; left on trial: K L M B */
    check(memory.gone == 'J');
    refer_all("HIJ"); /* remembered too: Am is A D E F H I, and K L go, then A as 2 are on trial */
    check(resident('M') && resident('B') && !resident('A'));
    refer_all("DN"); /* D is used again: now E is Am's oldest */
    check(memory.gone == 'E');
    end();
}

/* c = 4; figure 4 of the paper, step by step. */
static void test_arc_by_hand(void **state)
{
    (void)state;
    begin(&quire_policy_arc, 4);
    refer_all("ABCDAB"); /* T1: C D, T2: A B */
    refer('E');          /* case IV: p = 0, so T1 gives C. B1: C */
    check(memory.gone == 'C');
    refer('C'); /* case II: p = 1; T1 holds 2 > 1 and gives D. T1: E, T2: A B C, B1: D */
    check(memory.gone == 'D');
    refer('F'); /* T1 holds 1, not more than p: T2 gives A. T1: E F, B2: A */
    check(memory.gone == 'A');
    refer('A'); /* case III: p = 0; T1 gives E. T1: F, T2: B C A, B1: D E */
    check(memory.gone == 'E');
    refer_all("DE"); /* case II twice: p = 1: T1 holds no more, T2 gives B; p = 2: T2 gives C */
    check(!resident('B') && memory.gone == 'C' && resident('F'));
    end();
}

/* K = 10: one page on trial, nine proven, nine remembered. */
static void test_s3_fifo_by_hand(void **state)
{
    (void)state;
    begin(&quire_policy_s3_fifo, 10);
    refer_all("ABCDEFGHIJ");
    refer_all("AABCC"); /* A and C are hit twice, B once */
    refer('K');         /* A moves on, B goes */
    check(memory.gone == 'B');
    refer('B'); /* it comes back: proven. C moves on, D goes */
    check(memory.gone == 'D');
    refer_all("LMNOPQ"); /* E to J go: on trial are K to Q, three are proven */
    check(memory.gone == 'J' && resident('A') && resident('B') && resident('C'));
    refer_all("EFGHIJ"); /* back, and proven, as D would be: that makes nine. K to P go */
    check(memory.gone == 'P' && resident('Q'));
    refer('P'); /* proven too, while Q goes: ten now, which is more than the share */
    check(memory.gone == 'Q');
    refer('A'); /* a hit saves it once */
    refer('R');
    check(memory.gone == 'C' && resident('A'));
    end();
}

/* The first numbers of splitmix64 from 1234567, as published with it, choose from 1000 pages. */
static void test_random_numbers(void **state)
{
    static const uint64_t published[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};

    (void)state;
    for (unsigned n = 0; n < 5; n++) {
        uint32_t frame = 0;

        begin(&quire_policy_random, 1000);
        memory.policy.seed = 1234567;
        for (uint64_t page = 0; page < 1000; page++) {
            refer(page);
        }
        for (unsigned i = 0; i <= n; i++) { /* each time it comes back, last in the array */
            frame = memory.policy.ops->victim(&memory.policy, 0).n;
            if (i < n) {
                uint32_t place = memory.node[frame].word;
                memory.policy.ops->insert(&memory.policy, quire_pfn_of(frame), frame);
                check(place == (published[i] >> 32) * 1000 >> 32);
            }
        }
        check(memory.node[frame].word == (published[n] >> 32) * 1000 >> 32);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beladys_anomaly),  cmocka_unit_test(test_a_textbooks_string),
        cmocka_unit_test(test_stack_policies),   cmocka_unit_test(test_tanenbaums_four_pages),
        cmocka_unit_test(test_tanenbaums_aging), cmocka_unit_test(test_wsclock_by_hand),
        cmocka_unit_test(test_sieve_by_hand),    cmocka_unit_test(test_2q_by_hand),
        cmocka_unit_test(test_arc_by_hand),      cmocka_unit_test(test_s3_fifo_by_hand),
        cmocka_unit_test(test_random_numbers),
    };
    return unit_run(tests);
}
