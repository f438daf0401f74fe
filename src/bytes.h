/* The four functions that the core expects from whoever links it. A freestanding compiler may call
 * them even unasked; <string.h> need not exist. */
#ifndef QUIRE_BYTES_H
#define QUIRE_BYTES_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *where, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
