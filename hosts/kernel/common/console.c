/* The console: lines of text, over whatever the machine has for that. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"

void console_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        machine_put(text[i]);
    }
}

__attribute__((format(printf, 1, 0))) static void print_list(const char *format, va_list list)
{
    char text[384];
    int length = vsnprintf(text, sizeof(text), format, list);

    console_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void print(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    print_list(format, list);
    va_end(list);
}

__attribute__((format(printf, 2, 0))) static void say_list(const char *before, const char *format,
                                                           va_list list)
{
    print("kernel: %s", before);
    print_list(format, list);
    print("\n");
}

void say(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say_list("", format, list);
    va_end(list);
}

void refuse(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say_list("", format, list);
    va_end(list);
    machine_exit(STATUS_REFUSED);
}

void kernel_panic(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say_list("panic: ", format, list);
    va_end(list);
    machine_exit(STATUS_PANIC);
}

/* ---- input ---------------------------------------------------------------------------------- */

/* What was typed, and nobody has read. What finds no room stays in the machine, and its sender
 * waits. */
static char typed[256];
static size_t count;

void kernel_input(void)
{
    for (int c; count < sizeof(typed) && (c = machine_get()) >= 0;) {
        typed[count++] = (char)c;
    }
    if (count != 0) {
        task_wake(typed);
    }
}

size_t console_read(char *to, size_t bytes)
{
    while (count == 0 && bytes != 0) {
        task_wait(typed);
    }
    bytes = bytes < count ? bytes : count;
    memcpy(to, typed, bytes);
    count -= bytes;
    memmove(typed, typed + bytes, count);
    kernel_input(); /* there is room now */
    return bytes;
}
