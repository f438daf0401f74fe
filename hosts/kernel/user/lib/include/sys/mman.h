/* Memory, as POSIX has it, over this kernel's calls: anonymous mappings only. */
#ifndef USER_SYS_MMAN_H
#define USER_SYS_MMAN_H

#include <unistd.h>

#define PROT_NONE 0
#define PROT_READ 1 /* as QUIRE_READ and its like */
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 32
#define MAP_NORESERVE 0x4000
#define MAP_FAILED ((void *)-1)
#define MADV_DONTNEED 4

void *mmap(void *wish, size_t bytes, int rights, int flags, int file, off_t offset);
int munmap(void *at, size_t bytes);
int mprotect(void *at, size_t bytes, int rights);
int madvise(void *at, size_t bytes, int advice);

#endif
