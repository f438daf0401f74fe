/* The replacement policies that a replay can have: all that come with quire, and opt. */
#ifndef QUIRE_TOOLS_REPLAY_POLICY_H
#define QUIRE_TOOLS_REPLAY_POLICY_H

#include "quire/policy.h"

struct replay_policy {
    const struct quire_policy_ops *ops; /* NULL: the list ends here */
    const char *what;                   /* a few words */
};
extern const struct replay_policy replay_policies[];

/* NULL: there is none of that name. */
const struct quire_policy_ops *replay_policy_find(const char *name);

/* Prints the list, for people. */
void replay_policy_list(void);

#endif
