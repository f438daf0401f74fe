/*
 * The adaptive replacement cache (Megiddo, Modha, ARC: A Self-Tuning, Low Overhead Replacement
 * Cache, FAST 2003), figure 4. With memory for c pages:
 *
 *     B1 [ ghosts ] <-- T1 [ used once ]      each in the order of the last use, and T1 is to hold
 *     B2 [ ghosts ] <-- T2 [ used again ]     p pages of the c
 *
 * A reference to a resident page takes it to T2's end. A ghost that comes back goes there too, and
 * moves p: one of B1 by max(1, |B2|/|B1|) up, one of B2 by max(1, |B1|/|B2|) down, within 0 .. c.
 * The victim is T1's oldest if T1 holds more than p, or p and the page that comes is of B2; else
 * T2's. If the page that comes is new and T1 with B1 holds c, the oldest of B1 is forgotten first;
 * if there is no ghost in B1, the oldest of T1 goes and is not remembered; if all four hold 2c, the
 * oldest of B2 is forgotten first. It must be told of every reference.
 *
 * p is no integer. Here it has 32 fraction bits, and each quotient is rounded to the nearest: it is
 * wrong by 2^-33 at most each time that p moves, and right again when p comes to 0 or c. So that
 * thirds make a whole again, p is compared as rounded to 2^-16.
 *
 * The paper changes p and the lists when the page is asked for; that is when the victim is chosen,
 * or when the page comes in if no victim is needed. A ghost that is awaited has moved p already.
 *
 * The paper has memory full whenever there are ghosts, and then there are c of them at most. Pages
 * can leave by other ways here: c is made a rule, and if it is reached, the longer of B1 and B2
 * (B2, if they are the same) forgets its oldest.
 */
#include "policy_ghosts.h"

enum { ONCE, AGAIN }; /* lists, T1 and T2; and of ghosts, B1 and B2; a ghost's note tells it too */

enum { FRACTION = 32, COMPARED = 16 };

struct state {
    struct quire_ghosts ghosts;
    uint64_t p; /* in units of 2^-FRACTION */
};

static size_t state_bytes(uint32_t frames)
{
    return quire_ghosts_bytes(sizeof(struct state), frames, frames);
}

static void init(struct quire_policy *policy)
{
    struct state *state = policy->state;

    quire_ghosts_init(&state->ghosts, state + 1, policy->frames, policy->frames);
}

/* a / b in units of 2^-FRACTION, to the nearest, by long division: there are targets where the
 * compiler would want help for 64 bits. => b != 0; a, b < 2^31 */
static uint64_t ratio(uint32_t a, uint32_t b)
{
    uint64_t quotient = a / b;
    uint32_t rest = a % b;

    for (unsigned bit = 0; bit < FRACTION; bit++) {
        rest *= 2;
        quotient = quotient * 2 + (rest >= b);
        rest -= rest >= b ? b : 0;
    }
    return quotient + (rest * 2 >= b);
}

/* A ghost of this list comes back: its list was too short. => the ghost is counted in it still */
static void adapt(struct quire_policy *policy, unsigned list)
{
    struct state *state = policy->state;
    const struct quire_policy_list *ghosts = state->ghosts.list;
    uint64_t most = (uint64_t)policy->capacity << FRACTION;
    uint64_t step = UINT64_C(1) << FRACTION;

    if (ghosts[!list].length > ghosts[list].length) {
        step = ratio(ghosts[!list].length, ghosts[list].length);
    }
    if (list == ONCE) {
        state->p = state->p + step < most ? state->p + step : most;
    } else {
        state->p = state->p > step ? state->p - step : 0;
    }
}

/* The ghost of the page that is asked for, if there is one; p has been moved for it. */
static uint32_t await(struct quire_policy *policy, uint64_t page)
{
    struct state *state = policy->state;
    uint32_t ghost = quire_ghosts_find(&state->ghosts, page);

    if (ghost != QUIRE_NONE && state->ghosts.node[ghost].word != QUIRE_GHOSTS_AWAITED) {
        adapt(policy, state->ghosts.node[ghost].word);
        quire_ghosts_await(&state->ghosts, page);
    }
    return ghost;
}

static void insert(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct state *state = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);

    state->ghosts.held[index] = page;
    await(policy, page);
    quire_policy_put(policy, index, quire_ghosts_forget(&state->ghosts, page) ? AGAIN : ONCE);
}

static void put_back(struct quire_policy *policy, quire_pfn pfn, uint64_t page)
{
    struct state *state = policy->state;
    uint32_t index = quire_policy_index(policy, pfn);

    quire_ghosts_forget(&state->ghosts, page);
    quire_policy_put(policy, index, policy->node[index].word & QUIRE_POLICY_WHICH);
}

static void reference(struct quire_policy *policy, quire_pfn pfn)
{
    uint32_t index = quire_policy_index(policy, pfn);

    if (policy->list[AGAIN].tail != index) {
        quire_policy_take(policy, index);
        quire_policy_put(policy, index, AGAIN);
    }
}

static void remember(struct quire_policy *policy, unsigned list, uint64_t page)
{
    struct quire_ghosts *ghosts = &((struct state *)policy->state)->ghosts;

    if (ghosts->list[ONCE].length + ghosts->list[AGAIN].length >= policy->capacity) {
        bool once = ghosts->list[ONCE].length > ghosts->list[AGAIN].length;
        quire_ghosts_drop_oldest(ghosts, once ? ONCE : AGAIN);
    }
    quire_ghosts_add(ghosts, list, policy->capacity, page, list);
}

/* The paper's REPLACE: which list gives the victim? */
static unsigned replace(const struct quire_policy *policy, uint32_t ghost)
{
    const struct state *state = policy->state;
    bool of_b2 = ghost != QUIRE_NONE && state->ghosts.ghost[ghost].note == AGAIN;
    uint64_t p = (state->p + (UINT64_C(1) << (FRACTION - COMPARED - 1))) >> (FRACTION - COMPARED);
    uint64_t once = (uint64_t)policy->list[ONCE].length << COMPARED;

    if (policy->list[AGAIN].length == 0) {
        return ONCE;
    }
    return once != 0 && (once > p || (of_b2 && once == p)) ? ONCE : AGAIN;
}

/* Case IV of the paper: room among the ghosts for a new page. True: T1's oldest goes, and is not
 * remembered. */
static bool make_room(struct quire_policy *policy)
{
    struct quire_ghosts *ghosts = &((struct state *)policy->state)->ghosts;
    uint32_t once = policy->list[ONCE].length + ghosts->list[ONCE].length;
    uint32_t again = policy->list[AGAIN].length + ghosts->list[AGAIN].length;

    if (once >= policy->capacity) {
        bool ghost = ghosts->list[ONCE].length != 0;
        quire_ghosts_drop_oldest(ghosts, ONCE);
        return !ghost;
    }
    if (once + again >= 2 * policy->capacity) {
        quire_ghosts_drop_oldest(ghosts, AGAIN);
    }
    return false;
}

static quire_pfn victim(struct quire_policy *policy, uint64_t coming)
{
    struct state *state = policy->state;
    uint32_t ghost = await(policy, coming);
    bool forget = ghost == QUIRE_NONE && make_room(policy);
    unsigned list = forget ? ONCE : replace(policy, ghost);
    uint32_t index = policy->list[list].head;

    if (index != QUIRE_NONE) {
        quire_policy_take(policy, index);
        if (!forget) {
            remember(policy, list, state->ghosts.held[index]);
        }
    }
    return quire_policy_pfn(policy, index);
}

const struct quire_policy_ops quire_policy_arc = {
    .name = "arc",
    .wants_references = true,
    .state_bytes = state_bytes,
    .init = init,
    .insert = insert,
    .remove = quire_policy_remove,
    .reference = reference,
    .victim = victim,
    .put_back = put_back,
    .forget = quire_policy_forget_ghost,
};
