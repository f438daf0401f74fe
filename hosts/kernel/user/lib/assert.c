/* What happens when an assertion fails. */
#include <assert.h>
#include <stdio.h>

_Noreturn void assert_failed(const char *what, const char *file, unsigned line,
                             const char *function)
{
    fprintf(stderr, "%s:%u: %s: assertion `%s' failed\n", file, line, function, what);
    abort();
}
