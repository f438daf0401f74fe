/*
 * cmocka, with our checks wired to it. A test file includes this and ends in
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(...), ...};
 *         return unit_run(tests);
 *     }
 */
#ifndef SUPPORT_UNIT_H
#define SUPPORT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/check.h"
#include "tests/support/prng.h"

/* How much is done, of 4: everything where it is quick; a quarter with sanitizers, and on machines
 * that are probably emulated. */
#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
enum { EFFORT = 4 };
#else
enum { EFFORT = 1 };
#endif

static inline void unit_fail(const char *file, int line)
{
    _fail(file, line);
}

#define unit_run(tests) \
    (check_on_failure = unit_fail, prng_seed(), cmocka_run_group_tests(tests, NULL, NULL))

#endif
