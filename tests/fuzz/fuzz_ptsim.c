/*
 * ptsim's commands: after every line the machine is sound; a line that is refused has changed
 * nothing but by the commands before the wrong one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"
#include "tools/quire/ptsim_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a single wrong command leaves behind: nothing. */
static void check_unchanged(const struct ptsim *before, const struct ptsim *after)
{
    check(memcmp(before->memory, after->memory, PTSIM_BYTES) == 0);
    check(before->frames.free == after->frames.free);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ptsim machine, before;
    char *text = malloc(size + 1);
    char *said = NULL, *rest;
    size_t length = 0;
    FILE *out = open_memstream(&said, &length);

    check(text != NULL && out != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    ptsim_init(&machine);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct problem problem = {""};
        unsigned commands = 0;

        before = machine;
        if (!ptsim_run_line(&machine, line, out, &commands, &problem)) {
            check(problem.text[0] != '\0' && strchr(problem.text, '\n') == NULL);
            if (commands == 1) {
                check_unchanged(&before, &machine);
            }
        }
        check(ptsim_valid(&machine));
    }
    fclose(out);
    free(said);
    free(text);
    return 0;
}
