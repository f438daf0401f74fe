/*
 * Lines that a person types: with history, editing and completion where libedit is there, as they
 * come where it is not, or where nobody types (a pipe).
 */
#ifndef QUIRE_TOOLS_SHELL_LINE_H
#define QUIRE_TOOLS_SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct shell_line;

/* The n-th word that may stand at the end of the line; false: no more. */
typedef bool shell_complete(void *context, const char *line, unsigned n, char *word,
                            size_t word_bytes);

/* NULL: no memory. `prompt` and `context` stay. */
struct shell_line *shell_line_open(const char *prompt, shell_complete *complete, void *context);
void shell_line_close(struct shell_line *line);

/* Does a person type? And can he edit? */
bool shell_line_typed(const struct shell_line *line);
bool shell_line_edited(const struct shell_line *line);

enum shell_line_result { SHELL_LINE, SHELL_LINE_CANCELLED /* Ctrl-C */, SHELL_LINE_END };

/* The next line, without its newline; valid until the next call. */
enum shell_line_result shell_line_read(struct shell_line *line, const char **text, size_t *length);

#endif
