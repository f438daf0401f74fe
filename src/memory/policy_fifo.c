/* First in, first out. */
#include "quire/policy.h"

const struct quire_policy_ops quire_policy_fifo = {
    .name = "fifo",
    .insert = quire_policy_queue_insert,
    .remove = quire_policy_queue_remove,
    .victim = quire_policy_queue_oldest,
};
