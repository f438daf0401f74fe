/*
 * tests [seed=N] [SUITE ...]: the core's own tests in this kernel, each suite in a process of its
 * own; without names all there are. suites.h is made by user.mk, a line for each.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

#define SUITE(name) int suite_test_##name(void);
#include "suites.h"
#undef SUITE

static const struct {
    const char *name;
    int (*run)(void);
} suites[] = {
#define SUITE(name) {#name, suite_test_##name},
#include "suites.h"
#undef SUITE
};

static bool wanted(const char *name, int words, char **word)
{
    for (int i = 0; i < words; i++) {
        if (strcmp(word[i], name) == 0) {
            return true;
        }
    }
    return words == 0;
}

static bool run(unsigned i)
{
    intptr_t child = system_fork();
    int32_t status = -1;

    if (child == 0) {
        exit(suites[i].run());
    }
    if (system_failed(child) || system_wait(&status) != child) {
        status = -1;
    }
    printf("tests: %s: %s\n", suites[i].name, status == 0 ? "right" : "WRONG");
    return status == 0;
}

int main(int argc, char **argv)
{
    int words = argc - 1, failed = 0, ran = 0;
    char **word = argv + 1;

    if (words > 0 && strncmp(word[0], "seed=", 5) == 0) {
        setenv("QUIRE_SEED", word[0] + 5, 1);
        words--;
        word++;
    }
    for (unsigned i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (wanted(suites[i].name, words, word)) {
            failed += !run(i);
            ran++;
        }
    }
    printf("tests: %d suites, %d wrong\n", ran, failed);
    return failed != 0 || ran == 0;
}
