/* The core's policies, by the model (model_policy.h) that says what each should do; and the optimal
 * one of the tools, which needs no model. */
#ifndef SUPPORT_POLICIES_H
#define SUPPORT_POLICIES_H

#include "quire/policy.h"
#include "tests/support/model_policy.h"

enum { OPTIMAL = MODEL_KINDS, POLICIES };

extern const struct quire_policy_ops *const policies[POLICIES];

#endif
