/* Choices, each in turn. */
#include "tests/support/explorer.h"

#include "tests/support/check.h"

unsigned explorer_choose(struct explorer *e, unsigned options)
{
    check(e->depth < EXPLORER_STEPS);
    if (e->depth == e->length) {
        e->choice[e->length++] = 0;
    }
    e->options[e->depth] = options;
    return e->choice[e->depth++];
}

bool explorer_next(struct explorer *e)
{
    while (e->length != 0 && e->choice[e->length - 1] + 1 == e->options[e->length - 1]) {
        e->length--;
    }
    e->depth = 0;
    if (e->length == 0) {
        return false;
    }
    e->choice[e->length - 1]++;
    return true;
}
