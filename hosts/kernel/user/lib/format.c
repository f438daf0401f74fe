/*
 * Formatted output, C11 7.21.6.1 without floating point:
 *
 *     % flags width .precision length conversion
 *
 * What comes out goes through a small buffer into a string or to the console; what comes in from
 * there comes line by line.
 */
#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "system.h"

enum { CHUNK = 160, DIGITS = 22 }; /* a line's worth; 64 bits in octal */

struct user_file {
    int number;
};
static struct user_file files[] = {{0}, {1}, {2}};
FILE *const stdin = &files[0], *const stdout = &files[1], *const stderr = &files[2];

/* Where it goes. */
struct sink {
    char *to; /* a string of `room` bytes, or NULL: the console */
    size_t room;
    int number; /* of the console */
    size_t count, held;
    char chunk[CHUNK];
};

static void drain(struct sink *sink)
{
    size_t done = sink->count - sink->held, bytes = sink->held;

    if (sink->to == NULL) {
        system_write(sink->number, sink->chunk, bytes);
    } else if (done < sink->room) {
        memcpy(sink->to + done, sink->chunk, bytes < sink->room - done ? bytes : sink->room - done);
    }
    sink->held = 0;
}

static void emit(struct sink *sink, char c)
{
    sink->chunk[sink->held++] = c;
    sink->count++;
    if (sink->held == CHUNK) {
        drain(sink);
    }
}

static void repeat(struct sink *sink, char c, int count)
{
    for (; count > 0; count--) {
        emit(sink, c);
    }
}

/* ---- one conversion -------------------------------------------------------------------------- */

struct directive {
    bool left, plus, blank, alternate, zeros;
    int width, precision; /* precision -1: none was given */
    int bytes;            /* of an integer argument */
    char conversion;
};

/* Text between its blanks; `prefix` stands before the zeros that fill. */
static void put_field(struct sink *sink, const struct directive *d, const char *prefix, int zeros,
                      const char *text, size_t length)
{
    int blanks = d->width - (int)strlen(prefix) - zeros - (int)length;

    repeat(sink, ' ', d->left ? 0 : blanks);
    while (*prefix != 0) {
        emit(sink, *prefix++);
    }
    repeat(sink, '0', zeros);
    for (size_t i = 0; i < length; i++) {
        emit(sink, text[i]);
    }
    repeat(sink, ' ', d->left ? blanks : 0);
}

static void put_number(struct sink *sink, const struct directive *d, const char *prefix,
                       uint64_t value)
{
    const char *digits = d->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = d->conversion == 'o' ? 8 : strchr("xXp", d->conversion) != NULL ? 16 : 10;
    char text[DIGITS];
    int at = DIGITS, zeros;

    for (; value > UINT32_MAX; value /= base) {
        text[--at] = digits[value % base];
    }
    for (uint32_t rest = (uint32_t)value; rest != 0; rest /= base) {
        text[--at] = digits[rest % base];
    }
    zeros = (d->precision < 0 ? 1 : d->precision) - (DIGITS - at);
    if (d->alternate && d->conversion == 'o' && zeros <= 0) {
        zeros = 1;
    }
    if (d->zeros && !d->left && d->precision < 0) {
        int fill = d->width - (int)strlen(prefix) - (DIGITS - at);

        zeros = fill > zeros ? fill : zeros;
    }
    put_field(sink, d, prefix, zeros > 0 ? zeros : 0, text + at, (size_t)(DIGITS - at));
}

static void put_signed(struct sink *sink, const struct directive *d, int64_t value)
{
    put_number(sink, d,
               value < 0  ? "-"
               : d->plus  ? "+"
               : d->blank ? " "
                          : "",
               value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void put_unsigned(struct sink *sink, const struct directive *d, uint64_t value)
{
    bool hexadecimal = d->conversion == 'x' || d->conversion == 'X';

    put_number(sink, d,
               !d->alternate || !hexadecimal || value == 0 ? ""
               : d->conversion == 'x'                      ? "0x"
                                                           : "0X",
               value);
}

static void put_string(struct sink *sink, const struct directive *d, const char *text)
{
    size_t most = d->precision < 0 ? SIZE_MAX : (size_t)d->precision, length = 0;

    text = text != NULL ? text : "(null)";
    while (length < most && text[length] != 0) {
        length++;
    }
    put_field(sink, d, "", 0, text, length);
}

/* ---- reading the format ---------------------------------------------------------------------- */

static const char *read_flags(const char *at, struct directive *d)
{
    for (;; at++) {
        switch (*at) {
        case '-': d->left = true; break;
        case '+': d->plus = true; break;
        case ' ': d->blank = true; break;
        case '#': d->alternate = true; break;
        case '0': d->zeros = true; break;
        default: return at;
        }
    }
}

static const char *read_number(const char *at, int *number)
{
    for (*number = 0; isdigit(*at); at++) {
        *number = *number * 10 + (*at - '0');
    }
    return at;
}

static const char *read_length(const char *at, struct directive *d)
{
    d->bytes = sizeof(int);
    for (;; at++) {
        switch (*at) {
        case 'h': d->bytes /= 2; break;
        case 'l':
            d->bytes = at[1] == 'l' || at[-1] == 'l' ? sizeof(long long) : sizeof(long);
            break;
        case 'j': d->bytes = sizeof(intmax_t); break;
        case 'z':
        case 't': d->bytes = sizeof(size_t); break;
        default: return at;
        }
    }
}

/* Widths and precisions may be arguments, too; a negative width is a flag as well. */
static const char *read_directive(const char *at, struct directive *d, va_list *arguments)
{
    *d = (struct directive){.precision = -1};
    at = read_flags(at, d);
    if (*at == '*') {
        at++;
        d->width = va_arg(*arguments, int);
        d->left = d->left || d->width < 0;
        d->width = d->width < 0 ? -d->width : d->width;
    } else {
        at = read_number(at, &d->width);
    }
    if (at[0] == '.' && at[1] == '*') {
        at += 2;
        d->precision = va_arg(*arguments, int);
    } else if (at[0] == '.') {
        at = read_number(at + 1, &d->precision);
    }
    at = read_length(at, d);
    d->conversion = *at;
    return *at != 0 ? at + 1 : at;
}

static uint64_t next_unsigned(const struct directive *d, va_list *arguments)
{
    uint64_t value;

    if (d->bytes == sizeof(uint64_t)) {
        return va_arg(*arguments, uint64_t);
    }
    value = va_arg(*arguments, unsigned);
    return d->bytes == sizeof(unsigned) ? value : value & ((1U << 8 * d->bytes) - 1);
}

static int64_t next_signed(const struct directive *d, va_list *arguments)
{
    uint64_t value = next_unsigned(d, arguments);
    unsigned unused = 64 - 8 * (unsigned)d->bytes;

    return (int64_t)(value << unused) >> unused;
}

static void convert(struct sink *sink, const struct directive *d, va_list *arguments)
{
    char c;

    switch (d->conversion) {
    case 'd':
    case 'i': put_signed(sink, d, next_signed(d, arguments)); break;
    case 'o':
    case 'u':
    case 'x':
    case 'X': put_unsigned(sink, d, next_unsigned(d, arguments)); break;
    case 'p': put_number(sink, d, "0x", (uintptr_t)va_arg(*arguments, void *)); break;
    case 's': put_string(sink, d, va_arg(*arguments, const char *)); break;
    case 'c':
        c = (char)va_arg(*arguments, int);
        put_field(sink, d, "", 0, &c, 1);
        break;
    default: emit(sink, d->conversion != 0 ? d->conversion : '%');
    }
}

static int format_to(struct sink *sink, const char *format, va_list given)
{
    struct directive directive;
    va_list arguments;

    va_copy(arguments, given); /* so that its address is of one type on all machines */
    while (*format != 0) {
        if (*format != '%') {
            emit(sink, *format++);
            continue;
        }
        format = read_directive(format + 1, &directive, &arguments);
        convert(sink, &directive, &arguments);
    }
    va_end(arguments);
    drain(sink);
    return (int)sink->count;
}

/* ---- functions of the library ---------------------------------------------------------------- */

int vfprintf(FILE *file, const char *format, va_list arguments)
{
    struct sink sink;

    sink.to = NULL;
    sink.number = file->number;
    sink.count = sink.held = 0;
    return format_to(&sink, format, arguments);
}

int vprintf(const char *format, va_list arguments)
{
    return vfprintf(stdout, format, arguments);
}

int vsnprintf(char *to, size_t bytes, const char *format, va_list arguments)
{
    char none;
    struct sink sink;
    int count;

    sink.to = bytes != 0 ? to : &none;
    sink.room = bytes != 0 ? bytes - 1 : 0;
    sink.count = sink.held = 0;
    count = format_to(&sink, format, arguments);
    if (bytes != 0) {
        to[(size_t)count < bytes - 1 ? (size_t)count : bytes - 1] = 0;
    }
    return count;
}

int printf(const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vfprintf(stdout, format, arguments);
    va_end(arguments);
    return count;
}

int fprintf(FILE *file, const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vfprintf(file, format, arguments);
    va_end(arguments);
    return count;
}

int snprintf(char *to, size_t bytes, const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vsnprintf(to, bytes, format, arguments);
    va_end(arguments);
    return count;
}

size_t fwrite(const void *from, size_t bytes, size_t count, FILE *file)
{
    intptr_t written = system_write(file->number, from, bytes * count);

    return system_failed(written) ? 0 : (size_t)written / bytes;
}

int fputs(const char *text, FILE *file)
{
    return fprintf(file, "%s", text);
}

int puts(const char *text)
{
    return printf("%s\n", text);
}

int fputc(int c, FILE *file)
{
    return fprintf(file, "%c", c) == 1 ? c : EOF;
}

int putchar(int c)
{
    return fputc(c, stdout);
}

int fflush(FILE *file)
{
    (void)file;
    return 0;
}

/* ---- lines from the console ------------------------------------------------------------------ */

enum { END = 4 /* Ctrl-D */, DELETE = 0x7f };

/* What is typed is shown when it is read, and can be taken back until the line ends. A line that is
 * too long loses its last characters. */
char *fgets(char *to, int bytes, FILE *file)
{
    int length = 0;
    char c = 0;

    while (c != '\n') {
        if (system_read(file->number, &c, 1) != 1 || (c == END && length == 0)) {
            return NULL;
        }
        c = c == '\r' ? '\n' : c;
        if ((c == '\b' || c == DELETE) && length > 0) {
            length--;
            fputs("\b \b", stdout);
        } else if (c == '\n' || (c >= ' ' && c != DELETE && length < bytes - 2)) {
            to[length++] = c;
            fputc(c, stdout);
        }
    }
    to[length] = 0;
    return to;
}
