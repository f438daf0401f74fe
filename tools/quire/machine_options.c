/* Choosing the parts of a simulated machine. */
#include "machine_options.h"

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "replay_opt.h"
#include "replay_policy.h"

enum { TLB_ENTRIES_MAX = 65536 };

bool policy_choose(const char *text, const struct quire_policy_ops **policy,
                   struct problem *problem)
{
    *policy = replay_policy_find(text);
    if (*policy == NULL || *policy == &replay_policy_opt) {
        return problem_set(problem,
                           "%s: expected one of those that quire replay --policy help lists, "
                           "but for opt",
                           text);
    }
    return true;
}

bool tlb_choose(const char *text, uint64_t *entries, uint64_t *ways, struct problem *problem)
{
    char first[24];
    size_t length = strcspn(text, ",");
    bool fine = length < sizeof first;

    *ways = 0;
    if (fine) {
        memcpy(first, text, length);
        first[length] = '\0';
        fine = number_parse(first, entries) &&
               (text[length] == '\0' || number_parse(text + length + 1, ways));
    }
    if (!fine || *entries > TLB_ENTRIES_MAX ||
        (text[length] != '\0' && (*ways == 0 || *entries % *ways != 0))) {
        return problem_set(problem,
                           "%s: expected ENTRIES or ENTRIES,WAYS, at most %d and a multiple of the "
                           "ways",
                           text, TLB_ENTRIES_MAX);
    }
    return true;
}
