/* Errors as one line, and standard output that is known to have been written. */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *output_program = "quire";

/* What users typed may hold anything: a line stays a line. */
static void make_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = '?';
        }
    }
}

bool problem_set(struct problem *problem, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(problem->text, sizeof problem->text, format, list);
    va_end(list);
    make_one_line(problem->text);
    return false;
}

int fail(const char *format, ...)
{
    char text[600];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    make_one_line(text);
    fflush(stdout);
    fprintf(stderr, "quire: %s\n", text);
    return STATUS_BAD;
}

int output_finish(void)
{
    int reason = 0;

    if (fflush(stdout) != 0) {
        reason = errno;
    }
    if (reason == 0 && !ferror(stdout)) {
        return STATUS_OK;
    }
    clearerr(stdout);
    return fail("standard output: cannot be written%s%s", reason != 0 ? ": " : "",
                reason != 0 ? strerror(reason) : "");
}

bool output_broken(void)
{
    return ferror(stdout) != 0;
}

struct grouped grouped(uint64_t value)
{
    char digits[24];
    struct grouped result;
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value);
    size_t to = 0;

    for (size_t from = 0; from < length; from++) {
        if (from > 0 && (length - from) % 3 == 0) {
            result.text[to++] = ',';
        }
        result.text[to++] = digits[from];
    }
    result.text[to] = '\0';
    return result;
}

struct size_text size_text(uint64_t bytes)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct size_text result;
    unsigned u = 0;

    while (bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        u++;
    }
    snprintf(result.text, sizeof result.text, "%" PRIu64 " %s", bytes,
             u == 0 && bytes == 1 ? "byte" : unit[u]);
    return result;
}
