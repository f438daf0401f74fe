/* Shared libraries: found and mapped by the kernel, linked here. */
#ifndef USER_LIBRARY_H
#define USER_LIBRARY_H

/* Maps the library, if it is not there yet: where it begins, or NULL. Touches nothing of it. */
void *library_open(const char *name);

/* A function or variable of an open library by its name, or NULL. The first time that something is
 * asked of it, its data are relocated to where it is (which makes them this process's own). */
void *library_symbol(void *base, const char *name);

#endif
