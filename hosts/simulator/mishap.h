/*
 * Something that is made to go wrong: at the n-th operation from now, and then, if you like, again
 * every so many operations. Each thing that can fail has one of these, all zero: it never fails.
 *
 *     machine.disk.fail_read = (struct mishap){.in = 3};    the third page read from now on fails
 */
#ifndef SIMULATOR_MISHAP_H
#define SIMULATOR_MISHAP_H

#include <stdbool.h>
#include <stdint.h>

struct mishap {
    uint64_t in;    /* 1: the next operation; 0: none */
    uint64_t every; /* after it has struck, again after so many operations; 0: just once */
};

/* Counts one operation; true: this is the one that fails. */
static inline bool mishap_strikes(struct mishap *mishap)
{
    if (mishap->in == 0 || --mishap->in != 0) {
        return false;
    }
    mishap->in = mishap->every;
    return true;
}

#endif
