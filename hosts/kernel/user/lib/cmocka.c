/* Runs tests that are written for cmocka. */
#include <cmocka.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "files.h"

static jmp_buf out_of_test;
static bool in_test;

void print_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

void _fail(const char *file, int line)
{
    printf("# failed at %s:%d\n", file, line);
    if (!in_test) {
        abort();
    }
    in_test = false;
    longjmp(out_of_test, 1);
}

void cmocka_expect(int so, const char *what, const char *file, int line)
{
    if (!so) {
        printf("# %s:%d: failed: %s\n", file, line, what);
        _fail(file, line);
    }
}

void cmocka_expect_equal(unsigned long long a, unsigned long long b, const char *what,
                         const char *file, int line)
{
    if (a != b) {
        printf("# %s:%d: failed: %s: %#llx, %#llx\n", file, line, what, a, b);
        _fail(file, line);
    }
}

enum result { RIGHT, WRONG, SKIPPED, RESULTS };
static const char *const text[RESULTS] = {"ok", "FAIL", "skip"};

/* Tears down also after a failure, as cmocka does. What failed after it had asked for a file, which
 * it cannot have here, was not tested. */
static enum result run(const struct CMUnitTest *test)
{
    void *state = test->initial_state;
    bool right = test->setup_func == NULL || test->setup_func(&state) == 0;
    unsigned asked = files_asked;

    if (right && setjmp(out_of_test) == 0) {
        in_test = true;
        test->test_func(&state);
    }
    right = right && in_test;
    in_test = false;
    if (test->teardown_func != NULL && test->teardown_func(&state) != 0) {
        right = false;
    }
    return right ? RIGHT : files_asked != asked ? SKIPPED : WRONG;
}

int cmocka_run(const struct CMUnitTest *tests, size_t count)
{
    int results[RESULTS] = {0};

    for (size_t i = 0; i < count; i++) {
        enum result result = run(&tests[i]);

        printf("%s %s\n", text[result], tests[i].name);
        results[result]++;
    }
    printf("%d tests right, %d wrong, %d skipped: they need a file\n", results[RIGHT],
           results[WRONG], results[SKIPPED]);
    return results[WRONG];
}
