/* The environment: nothing, but for what a program puts there itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { VARIABLES = 8 };

static struct {
    const char *name, *value;
} variable[VARIABLES];

char *getenv(const char *name)
{
    for (unsigned i = 0; i < VARIABLES && variable[i].name != NULL; i++) {
        if (strcmp(variable[i].name, name) == 0) {
            return (char *)(uintptr_t)variable[i].value;
        }
    }
    return NULL;
}

int setenv(const char *name, const char *value, int replace)
{
    unsigned i = 0;

    while (i < VARIABLES && variable[i].name != NULL && strcmp(variable[i].name, name) != 0) {
        i++;
    }
    if (i == VARIABLES) {
        return -1;
    }
    if (variable[i].name == NULL || replace) {
        variable[i].name = name;
        variable[i].value = value;
    }
    return 0;
}
