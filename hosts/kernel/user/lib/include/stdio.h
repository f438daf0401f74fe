/*
 * Output to the console, input by lines (of C11 7.21, what the programs here use). What one call
 * prints is written at once; there are no files.
 */
#ifndef USER_STDIO_H
#define USER_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#define EOF (-1)

typedef struct user_file FILE;
extern FILE *const stdin, *const stdout, *const stderr;

/* Integers, characters, strings and pointers, with all flags, widths, precisions and lengths of
 * C11 7.21.6.1; no floating point. */
int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int snprintf(char *to, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
int vfprintf(FILE *file, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int vsnprintf(char *to, size_t bytes, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

int putchar(int c);
int puts(const char *text);
int fputc(int c, FILE *file);
int fputs(const char *text, FILE *file);
size_t fwrite(const void *from, size_t bytes, size_t count, FILE *file);
int fflush(FILE *file); /* nothing is ever left behind */

/* One line, or its beginning; NULL: the end. */
char *fgets(char *to, int bytes, FILE *file);

/* None. */
FILE *fopen(const char *name, const char *how);
FILE *tmpfile(void);
int fclose(FILE *file);
int fileno(FILE *file);

#endif
