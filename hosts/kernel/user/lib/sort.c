/* Sorting and searching in arrays. */
#include <stdint.h>
#include <stdlib.h>

struct array {
    unsigned char *base;
    size_t bytes; /* of an element */
    int (*compare)(const void *, const void *);
};

static unsigned char *element(const struct array *array, size_t i)
{
    return array->base + i * array->bytes;
}

static void swap(const struct array *array, size_t i, size_t j)
{
    unsigned char *a = element(array, i), *b = element(array, j);

    for (size_t n = 0; n < array->bytes; n++) {
        unsigned char byte = a[n];

        a[n] = b[n];
        b[n] = byte;
    }
}

/* Element i may be smaller than its children, 2 i + 1 and 2 i + 2: moves it down till it is not. */
static void sink(const struct array *array, size_t i, size_t count)
{
    while (2 * i + 1 < count) {
        size_t child = 2 * i + 1;

        if (child + 1 < count &&
            array->compare(element(array, child), element(array, child + 1)) < 0) {
            child++;
        }
        if (array->compare(element(array, i), element(array, child)) >= 0) {
            return;
        }
        swap(array, i, child);
        i = child;
    }
}

void qsort(void *base, size_t count, size_t bytes, int (*compare)(const void *, const void *))
{
    struct array array = {base, bytes, compare};

    for (size_t i = count / 2; i-- != 0;) {
        sink(&array, i, count);
    }
    while (count > 1) {
        swap(&array, 0, --count);
        sink(&array, 0, count);
    }
}

void *bsearch(const void *key, const void *base, size_t count, size_t bytes,
              int (*compare)(const void *, const void *))
{
    const unsigned char *at = base;

    while (count != 0) {
        const unsigned char *middle = at + count / 2 * bytes;
        int order = compare(key, middle);

        if (order == 0) {
            return (void *)(uintptr_t)middle;
        }
        if (order > 0) {
            at = middle + bytes;
            count--;
        }
        count /= 2;
    }
    return NULL;
}
