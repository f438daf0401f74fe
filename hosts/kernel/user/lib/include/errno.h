/* What failed last (C11 7.5). Failures of system calls are told by their answers. */
#ifndef USER_ERRNO_H
#define USER_ERRNO_H

#define ENOENT 2
#define EINTR 4
#define EIO 5
#define ENOMEM 12
#define EINVAL 22
#define EFBIG 27
#define ERANGE 34
#define ENOSYS 38

extern int errno;

#endif
