/* The four functions that the core wants of everybody, in plain C: words where both sides are
 * aligned. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A loop that copies is not to become a call of the function that it is in. */
#if !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

typedef uintptr_t __attribute__((may_alias)) word;

enum { STRIDE = 8 }; /* words in a turn of the loops for what is large */

static int aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & (sizeof(word) - 1)) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    for (; aligned(t, f) && bytes >= STRIDE * sizeof(word); bytes -= STRIDE * sizeof(word)) {
        word *w = (word *)(void *)t;
        const word *v = (const word *)(const void *)f;

        w[0] = v[0];
        w[1] = v[1];
        w[2] = v[2];
        w[3] = v[3];
        w[4] = v[4];
        w[5] = v[5];
        w[6] = v[6];
        w[7] = v[7];
        t += STRIDE * sizeof(word);
        f += STRIDE * sizeof(word);
    }
    while (bytes-- != 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    if ((uintptr_t)t - (uintptr_t)f >= bytes) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- != 0) {
        t[bytes] = f[bytes];
    }
    return to;
}

void *memset(void *to, int byte, size_t bytes)
{
    const word pattern = (word)-1 / 0xff * (unsigned char)byte;
    unsigned char *t = to;

    for (; aligned(t, t) && bytes >= STRIDE * sizeof(word); bytes -= STRIDE * sizeof(word)) {
        word *w = (word *)(void *)t;

        w[0] = w[1] = w[2] = w[3] = pattern;
        w[4] = w[5] = w[6] = w[7] = pattern;
        t += STRIDE * sizeof(word);
    }
    while (bytes-- != 0) {
        *t++ = (unsigned char)byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;

    for (; bytes != 0; bytes--, x++, y++) {
        if (*x != *y) {
            return *x < *y ? -1 : 1;
        }
    }
    return 0;
}
