/* Opening files, of which there are none. */
#ifndef USER_FCNTL_H
#define USER_FCNTL_H

#define O_RDWR 2
#define O_CREAT 0x40
#define O_TRUNC 0x200
#define O_CLOEXEC 0x80000

int open(const char *name, int how, ...);

#endif
