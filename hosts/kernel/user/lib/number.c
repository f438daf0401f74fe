/* Numbers from text. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int errno;

struct number {
    unsigned long long value; /* without its sign */
    bool negative, too_large;
};

static int digit_of(int c)
{
    return isdigit(c) ? c - '0' : isalpha(c) ? tolower(c) - 'a' + 10 : INT_MAX;
}

/* Skips 0x where the base allows it; base 0 is told by how the number begins. */
static const char *find_base(const char *at, int *base)
{
    if ((*base == 0 || *base == 16) && at[0] == '0' && tolower(at[1]) == 'x' && isxdigit(at[2])) {
        *base = 16;
        return at + 2;
    }
    if (*base == 0) {
        *base = *at == '0' ? 8 : 10;
    }
    return at;
}

static struct number parse(const char *text, char **end, int base)
{
    struct number number = {0};
    const char *at = text;
    const char *first;

    while (isspace(*at)) {
        at++;
    }
    number.negative = *at == '-';
    at += *at == '-' || *at == '+';
    first = at = find_base(at, &base);
    for (; digit_of(*at) < base; at++) {
        unsigned digit = (unsigned)digit_of(*at);

        if (number.value > (ULLONG_MAX - digit) / (unsigned)base) {
            number.too_large = true;
        }
        number.value = number.value * (unsigned)base + digit;
    }
    if (end != NULL) {
        *end = (char *)(uintptr_t)(at != first ? at : text);
    }
    return number;
}

/* As unsigned numbers are read: -1 is the largest of them. */
static unsigned long long unsigned_of(struct number number, unsigned long long most)
{
    if (number.too_large || number.value > most) {
        errno = ERANGE;
        return most;
    }
    return number.negative ? -number.value & most : number.value;
}

unsigned long long strtoull(const char *text, char **end, int base)
{
    return unsigned_of(parse(text, end, base), ULLONG_MAX);
}

unsigned long strtoul(const char *text, char **end, int base)
{
    return (unsigned long)unsigned_of(parse(text, end, base), ULONG_MAX);
}

long strtol(const char *text, char **end, int base)
{
    struct number number = parse(text, end, base);
    unsigned long most = (unsigned long)LONG_MAX + number.negative;

    if (number.too_large || number.value > most) {
        errno = ERANGE;
        return number.negative ? LONG_MIN : LONG_MAX;
    }
    return number.negative ? (long)-(unsigned long)number.value : (long)number.value;
}

int atoi(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int abs(int n)
{
    return n < 0 ? -n : n;
}
