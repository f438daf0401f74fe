/* Bytes and strings. The four that compilers call by themselves are in memory.c. */
#include <string.h>

#include <stdint.h>
#include <stdlib.h>

/* For functions that take const and give what they were given. */
static void *without_const(const void *at)
{
    return (void *)(uintptr_t)at;
}

void *memchr(const void *in, int byte, size_t bytes)
{
    const unsigned char *at = in;

    for (; bytes != 0; at++, bytes--) {
        if (*at == (unsigned char)byte) {
            return without_const(at);
        }
    }
    return NULL;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != 0) {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t bytes)
{
    for (; bytes != 0; a++, b++, bytes--) {
        if (*a != *b || *a == 0) {
            return (unsigned char)*a - (unsigned char)*b;
        }
    }
    return 0;
}

char *strcpy(char *restrict to, const char *restrict from)
{
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char *strncpy(char *restrict to, const char *restrict from, size_t bytes)
{
    size_t length = strlen(from);

    length = length < bytes ? length : bytes;
    memcpy(to, from, length);
    memset(to + length, 0, bytes - length);
    return to;
}

char *strcat(char *restrict to, const char *restrict from)
{
    strcpy(to + strlen(to), from);
    return to;
}

char *strchr(const char *in, int c)
{
    return memchr(in, c, strlen(in) + 1);
}

char *strrchr(const char *in, int c)
{
    for (const char *at = in + strlen(in);; at--) {
        if (*at == (char)c) {
            return without_const(at);
        }
        if (at == in) {
            return NULL;
        }
    }
}

char *strstr(const char *in, const char *what)
{
    size_t length = strlen(what);

    for (;; in++) {
        if (strncmp(in, what, length) == 0) {
            return without_const(in);
        }
        if (*in == 0) {
            return NULL;
        }
    }
}

/* How many characters from the beginning are in the set, or are not. */
static size_t span(const char *text, const char *set, int in)
{
    size_t length = 0;

    while (text[length] != 0 && (strchr(set, text[length]) != NULL) == in) {
        length++;
    }
    return length;
}

size_t strspn(const char *text, const char *of)
{
    return span(text, of, 1);
}

size_t strcspn(const char *text, const char *none_of)
{
    return span(text, none_of, 0);
}

char *strpbrk(const char *text, const char *of)
{
    text += strcspn(text, of);
    return *text != 0 ? without_const(text) : NULL;
}

char *strtok_r(char *restrict text, const char *restrict between, char **restrict rest)
{
    char *end;

    text = text != NULL ? text : *rest;
    text += strspn(text, between);
    if (*text == 0) {
        *rest = text;
        return NULL;
    }
    end = text + strcspn(text, between);
    *rest = *end != 0 ? end + 1 : end;
    *end = 0;
    return text;
}

char *strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);

    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}
