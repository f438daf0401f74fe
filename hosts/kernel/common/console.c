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

enum { LINE = 256, END = 4 /* Ctrl-D */ };

/* What was typed: complete lines up to `ready`, then one that is still being written. */
static char typed[LINE];
static size_t length, ready;
static bool ended;

static void echo(const char *text)
{
    console_write(text, strlen(text));
}

static void type(char c)
{
    if (c == END && length == ready) {
        ended = true;
    } else if (c == '\b' || c == 0x7f) {
        if (length > ready) {
            length--;
            echo("\b \b");
        }
    } else if (c == '\r' || c == '\n') {
        if (length < LINE) {
            typed[length++] = '\n';
            ready = length;
            echo("\n");
        }
    } else if (c >= ' ' && length < LINE - 1) {
        typed[length++] = c;
        console_write(&c, 1);
    }
}

/* Once there are lines to be read, what finds no room behind them stays in the machine, and its
 * sender waits. The end of a line that is too long by itself is lost. */
static bool has_room(void)
{
    return ready == 0 || length < LINE - 1;
}

void kernel_input(void)
{
    for (int c; has_room() && (c = machine_get()) >= 0;) {
        type((char)c);
    }
    if (ready != 0 || ended) {
        task_wake(typed);
    }
}

size_t console_read(char *to, size_t bytes)
{
    size_t taken = 0;

    while (ready == 0 && !ended) {
        task_wait(typed);
    }
    while (taken < bytes && taken < ready && (taken == 0 || typed[taken - 1] != '\n')) {
        to[taken] = typed[taken];
        taken++;
    }
    memmove(typed, typed + taken, length - taken);
    length -= taken;
    ready -= taken;
    kernel_input(); /* there is room now */
    return taken;
}
