/* Memory, numbers, sorting, and the end (of C11 7.22, what the programs here use). */
#ifndef USER_STDLIB_H
#define USER_STDLIB_H

#include <stddef.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

struct quire_heap;
struct quire_heap_source;

/* quire's heap (quire/heap.h), over pages of the kernel's. */
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *block, size_t bytes);
void *aligned_alloc(size_t align, size_t bytes);
void free(void *block);

/* The heap behind malloc, and the source of its pages, for heaps of one's own. */
struct quire_heap *malloc_heap(void);
struct quire_heap_source malloc_source(void);

unsigned long strtoul(const char *text, char **end, int base);
long strtol(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
int atoi(const char *text);
int abs(int n);

/* In place, and by heapsort: neither stack nor luck is needed. */
void qsort(void *base, size_t count, size_t bytes, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *base, size_t count, size_t bytes,
              int (*compare)(const void *, const void *));

_Noreturn void exit(int status);
_Noreturn void abort(void); /* by an exception, so that the kernel tells of it */

/* Programs begin without an environment; setenv keeps the pointers. */
char *getenv(const char *name);
int setenv(const char *name, const char *value, int replace);

#endif
