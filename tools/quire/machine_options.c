/* Choosing the parts of a simulated machine. */
#include "machine_options.h"

#include <stdio.h>
#include <string.h>

#include "options.h"

enum { TLB_ENTRIES_MAX = 65536 };

const struct quire_policy_ops *const policy_choices[] = {
    &quire_policy_fifo, &quire_policy_clock, &quire_policy_clock_mmu, &quire_policy_lru};
const size_t policy_choices_length = sizeof policy_choices / sizeof policy_choices[0];

bool policy_choose(const char *text, const struct quire_policy_ops **policy,
                   struct problem *problem)
{
    char names[120] = "";

    for (size_t i = 0; i < policy_choices_length; i++) {
        const char *before = i == 0 ? "" : i + 1 < policy_choices_length ? ", " : " or ";
        size_t length = strlen(names);

        if (strcmp(policy_choices[i]->name, text) == 0) {
            *policy = policy_choices[i];
            return true;
        }
        snprintf(names + length, sizeof names - length, "%s%s", before, policy_choices[i]->name);
    }
    return problem_set(problem, "%s: expected %s", text, names);
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
