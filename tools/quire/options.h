/*
 * Command lines and numbers, read the same way by every command.
 *
 *     static const struct option_spec options[] = {{"format", 0, "F"}, {"json", 0, NULL}, {0}};
 *     enum { FORMAT, JSON };
 *     struct arguments arguments = arguments_of(argc, argv);
 *     while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
 *         switch (found) {
 *         case FORMAT: ...
 *         case ARGUMENTS_OPERAND: ...
 *         case ARGUMENTS_BAD: return STATUS_BAD;
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`; options and operands in any order; `--` ends the
 * options. `-` alone and `-5` are operands.
 */
#ifndef QUIRE_TOOLS_OPTIONS_H
#define QUIRE_TOOLS_OPTIONS_H

#include "output.h"

struct option_spec {
    const char *name;  /* without the dashes; NULL ends the list */
    char letter;       /* 0: none */
    const char *value; /* what the value is called in messages; NULL: the option takes none */
};

struct arguments {
    int argc;
    char **argv;
    int at;
    bool operands_only;
};

enum { ARGUMENTS_END = -1, ARGUMENTS_OPERAND = -2, ARGUMENTS_BAD = -3 };

struct arguments arguments_of(int argc, char **argv);

/* The next option (its index in the list, with its value) or operand. BAD: an error was printed. */
int arguments_next(struct arguments *arguments, const struct option_spec *options,
                   const char **value);

/* 4096 or 0x1000: all of the text, no sign, at most 2^64 - 1. A leading zero means nothing. */
bool number_parse(const char *text, uint64_t *value);

/* A number, or one followed by K, M, G, T, P or E (powers of 1024; a "B" or "iB" behind it, and
 * small letters, are fine). */
bool size_parse(const char *text, uint64_t *value);

/* The same for an option's value, from `least` to `most`; an error is printed. */
bool number_option(const char *what, const char *text, uint64_t least, uint64_t most,
                   uint64_t *value);
bool size_option(const char *what, const char *text, uint64_t least, uint64_t most,
                 uint64_t *value);

#endif
