/* As much of cmocka's interface as quire's own tests use, to run them in the kernel. */
#ifndef USER_CMOCKA_H
#define USER_CMOCKA_H

#include <stddef.h>
#include <stdint.h>

struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    int (*setup_func)(void **state);
    int (*teardown_func)(void **state);
    void *initial_state;
};

#define cmocka_unit_test(f) cmocka_unit_test_setup_teardown(f, NULL, NULL)
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
    { \
        .name = #f, .test_func = f, .setup_func = setup, .teardown_func = teardown \
    }

/* One after the other, a line for each, and how many were right. The number that were not. */
#define cmocka_run_group_tests(tests, setup, teardown) \
    cmocka_run(tests, sizeof(tests) / sizeof((tests)[0]))
int cmocka_run(const struct CMUnitTest *tests, size_t count);

void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the test. */
_Noreturn void _fail(const char *file, int line);

void cmocka_expect(int so, const char *what, const char *file, int line);
void cmocka_expect_equal(unsigned long long a, unsigned long long b, const char *what,
                         const char *file, int line);

#define assert_true(c) cmocka_expect(!!(c), #c, __FILE__, __LINE__)
#define assert_false(c) cmocka_expect(!(c), "not " #c, __FILE__, __LINE__)
#define assert_null(p) cmocka_expect((p) == NULL, #p " is NULL", __FILE__, __LINE__)
#define assert_non_null(p) cmocka_expect((p) != NULL, #p " is not NULL", __FILE__, __LINE__)
#define assert_ptr_equal(a, b) cmocka_expect((a) == (b), #a " is " #b, __FILE__, __LINE__)
#define assert_int_equal(a, b) \
    cmocka_expect_equal((unsigned long long)(a), (unsigned long long)(b), #a " == " #b, __FILE__, \
                        __LINE__)
#define assert_int_not_equal(a, b) cmocka_expect((a) != (b), #a " != " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b) \
    cmocka_expect(strcmp(a, b) == 0, #a " reads " #b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, bytes) \
    cmocka_expect(memcmp(a, b, bytes) == 0, #a " has what " #b " has", __FILE__, __LINE__)

#endif
