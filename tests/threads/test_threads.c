/* Several processors at once: see processors.h. Built with the core's locks as POSIX mutexes, and
 * under ThreadSanitizer. */
#include "tests/support/check.h"
#include "tests/support/unit.h"
#include "tests/threads/processors.h"

static void run(unsigned cpus, uint32_t limit)
{
    processors_open(cpus, 4000, limit);
    check(processors_run() > cpus * 3000);
    check(processors_evictions() != 0);
    processors_close();
}

static void test_one(void **state)
{
    (void)state;
    run(1, 12);
}

static void test_two(void **state)
{
    (void)state;
    run(2, 12);
}

static void test_four(void **state)
{
    (void)state;
    run(PROCESSORS, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_four),
    };

    return unit_run(tests);
}
