/* Checks: the message, and what happens after it. */
#include "tests/support/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/prng.h"

void (*check_on_failure)(const char *file, int line);

void check_failed(const char *file, int line, const char *what, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "# %s:%d: failed: %s\n# ", file, line, what);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n# run again with QUIRE_SEED=%#llx\n", (unsigned long long)prng_seed());
    if (check_on_failure != NULL) {
        check_on_failure(file, line);
    }
    abort();
}
