/* The table of seed 002: see five_steps.h. */
#include "five_steps.h"
bool five_steps_check(const struct stop *stop, const struct pages *mmu, char *text, size_t bytes)
{
    (void)stop;
    (void)mmu;
    (void)text;
    (void)bytes;
    return true;
}
