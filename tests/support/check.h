/*
 * Checks for tests, models and fuzz targets alike. A failed check prints what was expected and the
 * seed of the run; then it fails the cmocka test it is in (unit.h), or aborts where there is none.
 */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

/* What a failed check does after its message. Must not return. */
extern void (*check_on_failure)(const char *file, int line);

/* Prints "what" and the message, then calls check_on_failure. */
void check_failed(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));

#define check(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, " "))

/* With a message in the manner of printf that says what was going on. */
#define checkf(condition, ...) \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))

#endif
