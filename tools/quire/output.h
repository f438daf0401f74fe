/*
 * What every command says and how it ends.
 *
 * Errors: one line on standard error, `quire: what, where, what was expected`, and exit status 2.
 * Code that can be used without a command (parsers, the ptsim machine) does not print: it fills in
 * a struct problem, and the command shows it.
 */
#ifndef QUIRE_TOOLS_OUTPUT_H
#define QUIRE_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATUS_OK = 0, STATUS_BAD = 2 };

/* How the user called this program, for commands that are suggested to him. Set by main(). */
extern const char *output_program;

struct problem {
    char text[400]; /* one line, no newline at its end */
};

/* Notes what is wrong; always false, so that a parser can `return problem_set(...)`. */
__attribute__((format(printf, 2, 3))) bool problem_set(struct problem *problem, const char *format,
                                                       ...);

/* Prints "quire: ..." as one line to standard error, whatever the text contains, after what was
 * printed to standard output so far. Always STATUS_BAD. */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

/* Writes out standard output: STATUS_OK, or STATUS_BAD and an error if some of it could not be
 * written. The last thing a command does. */
int output_finish(void);

/* Has writing to standard output failed already? Loops that print much give up then. */
bool output_broken(void);

/* `value` with a comma after every three digits: "1,024". */
struct grouped {
    char text[28];
};
struct grouped grouped(uint64_t value);

/* A power of two, or any size, as people write it: "64 bytes", "4 KiB", "512 GiB". */
struct size_text {
    char text[32];
};
struct size_text size_text(uint64_t bytes);

#endif
