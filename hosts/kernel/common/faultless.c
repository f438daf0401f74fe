/* This kernel has no faults to order: ../faulty/faulty.c is for the one that has. */
#include "kernel.h"

bool faulty_option(const char *word)
{
    (void)word;
    return false;
}
