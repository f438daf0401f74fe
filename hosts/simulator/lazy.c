/* Large memory, taken page by page by the system below when it is first touched. */
#include "lazy.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE \
    0 /* not in POSIX: then the system may refuse what it could never hold at once */
#endif

unsigned char *lazy_alloc(uint64_t bytes)
{
    void *where;

    if (bytes > SIZE_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    where = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return where != MAP_FAILED ? where : NULL;
}

void lazy_free(unsigned char *where, uint64_t bytes)
{
    if (where != NULL) {
        munmap(where, (size_t)bytes);
    }
}
