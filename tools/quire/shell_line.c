/* Reading lines, with libedit or without. */
#include "shell_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef QUIRE_HAVE_LIBEDIT
#include <histedit.h>
#endif

enum { WORD_BYTES = 128, WORDS_SHOWN = 200 };

struct shell_line {
    const char *prompt;
    shell_complete *complete;
    void *context;
    bool typed;
    char *text; /* of getline(), or a copy of the line */
    size_t room;
#ifdef QUIRE_HAVE_LIBEDIT
    EditLine *edit;
    History *history;
    bool cancelled;
#endif
};

/* ---- plain ----------------------------------------------------------------------------------- */

static enum shell_line_result read_plain(struct shell_line *line, const char **text, size_t *length)
{
    ssize_t got;

    if (line->typed) {
        fputs(line->prompt, stdout);
        fflush(stdout);
    }
    errno = 0;
    got = getline(&line->text, &line->room, stdin);
    if (got < 0) {
        bool interrupted = errno == EINTR;

        clearerr(stdin);
        if (line->typed) {
            putchar('\n');
        }
        return interrupted ? SHELL_LINE_CANCELLED : SHELL_LINE_END;
    }
    *text = line->text;
    *length = (size_t)got - (line->text[got - 1] == '\n');
    return SHELL_LINE;
}

/* ---- libedit --------------------------------------------------------------------------------- */

#ifdef QUIRE_HAVE_LIBEDIT

static struct shell_line *line_of(EditLine *edit)
{
    struct shell_line *line = NULL;

    el_get(edit, EL_CLIENTDATA, &line);
    return line;
}

static char *prompt_of(EditLine *edit)
{
    static char prompt[32]; /* libedit wants to be able to write there */

    snprintf(prompt, sizeof prompt, "%s", line_of(edit)->prompt);
    return prompt;
}

static unsigned char cancel(EditLine *edit, wint_t key)
{
    (void)key;
    line_of(edit)->cancelled = true;
    fputs("^C\n", stdout);
    return CC_NEWLINE;
}

/* How many characters two words have in common at their beginning. */
static size_t common(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] != '\0' && a[n] == b[n]) {
        n++;
    }
    return n;
}

static void list_words(struct shell_line *line, const char *text)
{
    char word[WORD_BYTES];

    putchar('\n');
    for (unsigned n = 0;
         n < WORDS_SHOWN && line->complete(line->context, text, n, word, sizeof word); n++) {
        printf("%s%s", n > 0 ? "  " : "", word);
    }
    putchar('\n');
    fflush(stdout);
}

/* Adds what all words that fit have in common, and a blank if there is just one; else lists them.
 */
static unsigned char complete(EditLine *edit, wint_t key)
{
    struct shell_line *line = line_of(edit);
    const LineInfo *info = el_line(edit);
    char first[WORD_BYTES], word[WORD_BYTES];
    char *text = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
    const char *blank = text != NULL ? strrchr(text, ' ') : NULL;
    size_t begun, same;
    unsigned n = 1;
    unsigned char result = CC_REFRESH;

    (void)key;
    if (text == NULL || !line->complete(line->context, text, 0, first, sizeof first)) {
        free(text);
        return CC_ERROR;
    }
    begun = strlen(blank != NULL ? blank + 1 : text);
    same = strlen(first);
    for (; line->complete(line->context, text, n, word, sizeof word); n++) {
        size_t here = common(first, word);

        same = here < same ? here : same;
    }
    first[same] = '\0';
    if (same > begun && el_insertstr(edit, first + begun) != 0) {
        result = CC_ERROR;
    } else if (n == 1 && first[same - 1] != '=' && first[same - 1] != ':') {
        el_insertstr(edit, " ");
    } else if (same == begun) {
        list_words(line, text);
        result = CC_REDISPLAY;
    }
    free(text);
    return result;
}

static bool open_edit(struct shell_line *line)
{
    HistEvent event;

    line->edit = el_init("quire", stdin, stdout, stderr);
    line->history = history_init();
    if (line->edit == NULL || line->history == NULL) {
        return false;
    }
    history(line->history, &event, H_SETSIZE, 1000);
    history(line->history, &event, H_SETUNIQUE, 1);
    el_set(line->edit, EL_CLIENTDATA, line);
    el_set(line->edit, EL_PROMPT, prompt_of);
    el_set(line->edit, EL_EDITOR, "emacs");
    el_set(line->edit, EL_HIST, history, line->history);
    /* By the wide names: the narrow ones are copied, and the copies lost. */
    el_wset(line->edit, EL_ADDFN, L"quire-complete", L"Complete the word", complete);
    el_set(line->edit, EL_BIND, "^I", "quire-complete", NULL);
    el_wset(line->edit, EL_ADDFN, L"quire-cancel", L"Forget the line", cancel);
    el_set(line->edit, EL_BIND, "^C", "quire-cancel", NULL);
    el_set(line->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(line->edit, EL_SETTY, "-d", "-isig", NULL);
    return true;
}

static void close_edit(struct shell_line *line)
{
    if (line->history != NULL) {
        history_end(line->history);
    }
    if (line->edit != NULL) {
        el_end(line->edit);
    }
    line->history = NULL;
    line->edit = NULL;
}

static enum shell_line_result read_edited(struct shell_line *line, const char **text,
                                          size_t *length)
{
    HistEvent event;
    int count = 0;

    line->cancelled = false;
    *text = el_gets(line->edit, &count);
    if (line->cancelled) {
        return SHELL_LINE_CANCELLED;
    }
    if (*text == NULL || count <= 0) {
        putchar('\n');
        return SHELL_LINE_END;
    }
    *length = (size_t)count - ((*text)[count - 1] == '\n');
    if (*length != 0) {
        history(line->history, &event, H_ENTER, *text);
    }
    return SHELL_LINE;
}

#endif

/* ---- either ---------------------------------------------------------------------------------- */

struct shell_line *shell_line_open(const char *prompt, shell_complete *complete_word, void *context)
{
    struct shell_line *line = calloc(1, sizeof *line);

    if (line == NULL) {
        return NULL;
    }
    *line = (struct shell_line){.prompt = prompt, .complete = complete_word, .context = context};
    line->typed = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
#ifdef QUIRE_HAVE_LIBEDIT
    if (line->typed && !open_edit(line)) {
        close_edit(line);
    }
#endif
    return line;
}

void shell_line_close(struct shell_line *line)
{
#ifdef QUIRE_HAVE_LIBEDIT
    close_edit(line);
#endif
    free(line->text);
    free(line);
}

bool shell_line_typed(const struct shell_line *line)
{
    return line->typed;
}

bool shell_line_edited(const struct shell_line *line)
{
#ifdef QUIRE_HAVE_LIBEDIT
    return line->edit != NULL;
#else
    (void)line;
    return false;
#endif
}

enum shell_line_result shell_line_read(struct shell_line *line, const char **text, size_t *length)
{
#ifdef QUIRE_HAVE_LIBEDIT
    if (line->edit != NULL) {
        return read_edited(line, text, length);
    }
#endif
    return read_plain(line, text, length);
}
