/*
 * The table of seed 002: see five_steps.h. Where its text errs in step 5, this is the correction:
 * the last range of proc2 begins at 0x00808000.
 */
#include "five_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 0x800000, RANGES = 4, STEPS = 5, PROCESSES = 2 };

/* Ends at a range without a name. What is behind all of them is free. */
struct ranges {
    struct stop_range range[RANGES];
};

#define KERNEL \
    { \
        0x00000000, 0x007fffff, "kernel" \
    }

static const struct ranges physical[STEPS] = {
    {{KERNEL}},
    {{KERNEL, {0x00800000, 0x00802fff, "proc1"}}},
    {{KERNEL, {0x00800000, 0x00802fff, "proc1"}, {0x00803000, 0x00807fff, "proc2"}}},
    {{KERNEL,
      {0x00800000, 0x00802fff, "proc1"},
      {0x00803000, 0x00807fff, "proc2"},
      {0x00808000, 0x0080afff, "libgfx"}}},
    {{KERNEL,
      {0x00800000, 0x00802fff, "proc1"},
      {0x00803000, 0x00807fff, "proc2"},
      {0x00808000, 0x0080afff, "libgfx"}}},
};

/* Of each process, if it is there at that step. */
static const struct ranges virtual[STEPS][PROCESSES] = {
    {{{{0}}}, {{{0}}}},
    {{{KERNEL, {0x00800000, 0x00802fff, "proc1"}}}, {{{0}}}},
    {{{KERNEL, {0x00800000, 0x00802fff, "proc1"}}}, {{KERNEL, {0x00800000, 0x00804fff, "proc2"}}}},
    {{{KERNEL, {0x00800000, 0x00802fff, "proc1"}, {0x00803000, 0x00805fff, "libgfx"}}},
     {{KERNEL, {0x00800000, 0x00804fff, "proc2"}}}},
    {{{KERNEL, {0x00800000, 0x00802fff, "proc1"}, {0x00803000, 0x00805fff, "libgfx"}}},
     {{KERNEL, {0x00800000, 0x00804fff, "proc2"}, {0x00805000, 0x00807fff, "libgfx"}}}},
};

static const char *const names[STEPS] = {"kernel", "step-2", "step-3", "step-4", "step-5"};

/* Neighbours of one name as one; without what is free at the end. */
static struct stop_ranges joined(const struct stop_ranges *ranges)
{
    struct stop_ranges result = {0};

    for (unsigned i = 0; i < ranges->count; i++) {
        const struct stop_range *range = &ranges->range[i];
        struct stop_range *last = result.count > 0 ? &result.range[result.count - 1] : NULL;

        if (last != NULL && strcmp(last->name, range->name) == 0 &&
            last->last + 1 == range->first) {
            last->last = range->last;
        } else if (strcmp(range->name, "free") != 0 || range->last != UINT32_MAX) {
            result.range[result.count++] = *range;
        }
    }
    return result;
}

static bool ranges_check(const char *what, const struct stop_ranges *found,
                         const struct ranges *expected, char *text, size_t bytes)
{
    static const struct stop_range none = {0, 0, "nothing more"};
    const struct stop_ranges all = joined(found);

    for (unsigned i = 0; i <= all.count; i++) {
        const struct stop_range *is = i < all.count ? &all.range[i] : &none;
        const struct stop_range *should =
            i < RANGES && expected->range[i].name[0] != '\0' ? &expected->range[i] : &none;

        if (is->first != should->first || is->last != should->last ||
            strcmp(is->name, should->name) != 0) {
            snprintf(text, bytes,
                     "%s: %08" PRIx32 "-%08" PRIx32 " %s; expected: %08" PRIx32 "-%08" PRIx32 " %s",
                     what, is->first, is->last, is->name, should->first, should->last,
                     should->name);
            return false;
        }
    }
    return true;
}

/* Where the physical range of that name begins. */
static uint32_t physical_of(unsigned step, const char *name)
{
    unsigned i = 0;

    while (strcmp(physical[step].range[i].name, name) != 0) {
        i++;
    }
    return physical[step].range[i].first;
}

/* Of the programs' part, the MMU has these ranges mapped, page for page in the physical ranges of
 * the same name, and nothing else. */
static bool mmu_check(unsigned step, const struct ranges *expected, const struct pages *mmu,
                      char *text, size_t bytes)
{
    struct pages should = {0};
    struct pages is = {0};
    bool differ;

    for (unsigned i = 1; i < RANGES && expected->range[i].name[0] != '\0'; i++) {
        const struct stop_range *range = &expected->range[i];

        pages_add(&should, range->first, physical_of(step, range->name),
                  (uint64_t)range->last + 1 - range->first, true, false);
    }
    for (size_t i = 0; i < mmu->count; i++) {
        if (mmu->page[i].va >= USERS) {
            pages_add(&is, mmu->page[i].va, mmu->page[i].pa, PAGE, mmu->page[i].user, false);
        }
    }
    differ = pages_differ(&should, "seed 002", &is, "MMU", text, bytes);
    pages_clear(&should);
    pages_clear(&is);
    return !differ;
}

bool five_steps_check(const struct stop *stop, const struct pages *mmu, char *text, size_t bytes)
{
    static const struct ranges none;
    const struct ranges *expected = &none;
    unsigned step = 0;

    while (step < STEPS && strcmp(names[step], stop->name) != 0) {
        step++;
    }
    if (step == STEPS || stop->process > PROCESSES) {
        snprintf(text, bytes, "seed 002 has no such step or process");
        return false;
    }
    if (stop->process > 0) {
        expected = &virtual[step][stop->process - 1];
    }
    return ranges_check("physical", &stop->physical, &physical[step], text, bytes) &&
           ranges_check("virtual", &stop->virtual, expected, text, bytes) &&
           mmu_check(step, expected, mmu, text, bytes);
}
