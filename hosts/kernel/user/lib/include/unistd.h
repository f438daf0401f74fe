/* Processes, as POSIX has them, over this kernel's calls. There are no files. */
#ifndef USER_UNISTD_H
#define USER_UNISTD_H

#include <stddef.h>

typedef int pid_t;
typedef long long off_t;
typedef int ssize_t;

enum { _SC_PAGESIZE = 30 };

pid_t fork(void);
pid_t getpid(void);
_Noreturn void _exit(int status);
long sysconf(int name);
int ftruncate(int file, off_t bytes);
int close(int file);
ssize_t pread(int file, void *to, size_t bytes, off_t offset);
ssize_t pwrite(int file, const void *from, size_t bytes, off_t offset);

#endif
