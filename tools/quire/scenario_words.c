/* A line of a scenario, cut into words. */
#include <stdlib.h>
#include <string.h>

#include "scenario_internal.h"

struct cutter {
    const char *line, *at, *end;
    char *to; /* where the next byte of a word goes */
    struct problem *problem;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* Behind a backslash. */
static bool cut_escape(struct cutter *cutter)
{
    static const char from[] = "nt\"\\0", to[] = "\n\t\"\\";
    const char *found = cutter->at < cutter->end ? strchr(from, *cutter->at) : NULL;

    if (found != NULL && *found != '\0') {
        *cutter->to++ = to[found - from];
        cutter->at++;
        return true;
    }
    if (cutter->end - cutter->at >= 3 && *cutter->at == 'x' && hex_digit(cutter->at[1]) >= 0 &&
        hex_digit(cutter->at[2]) >= 0) {
        *cutter->to++ = (char)(hex_digit(cutter->at[1]) << 4 | hex_digit(cutter->at[2]));
        cutter->at += 3;
        return true;
    }
    return problem_set(cutter->problem,
                       "a backslash in a string: expected \\n, \\t, \\\", \\\\, \\0 or \\xHH");
}

static bool not_text(const struct cutter *cutter)
{
    return problem_set(cutter->problem, "a character that is not text (0x%02x)",
                       (unsigned char)*cutter->at);
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool cut_string(struct cutter *cutter)
{
    cutter->at++;
    while (cutter->at < cutter->end && *cutter->at != '"') {
        if (is_control(*cutter->at)) {
            return not_text(cutter);
        }
        if (*cutter->at == '\\') {
            cutter->at++;
            if (!cut_escape(cutter)) {
                return false;
            }
        } else {
            *cutter->to++ = *cutter->at++;
        }
    }
    if (cutter->at == cutter->end) {
        return problem_set(cutter->problem, "expected a \" at the end of the string");
    }
    cutter->at++;
    if (cutter->at < cutter->end && !is_blank(*cutter->at)) {
        return problem_set(cutter->problem, "expected a blank after the string");
    }
    return true;
}

static bool cut_bare(struct cutter *cutter)
{
    for (; cutter->at < cutter->end && !is_blank(*cutter->at); cutter->at++) {
        if (*cutter->at == '"') {
            return problem_set(cutter->problem, "expected a blank before the string");
        }
        if (is_control(*cutter->at)) {
            return not_text(cutter);
        }
        *cutter->to++ = *cutter->at;
    }
    return true;
}

static bool cut_word(struct cutter *cutter, struct word *word)
{
    bool fine;

    *word = (struct word){.text = cutter->to,
                          .at = (size_t)(cutter->at - cutter->line),
                          .quoted = *cutter->at == '"'};
    fine = word->quoted ? cut_string(cutter) : cut_bare(cutter);
    word->length = (size_t)(cutter->to - word->text);
    *cutter->to++ = '\0';
    return fine;
}

bool words_read(struct words *words, const char *line, size_t length, struct problem *problem)
{
    /* A word and its zero byte take no more room than the word and the blank behind it. */
    *words = (struct words){.word = malloc((length / 2 + 1) * sizeof *words->word),
                            .text = malloc(length + 1)};
    struct cutter cutter = {line, line, line + length, words->text, problem};
    bool fine = words->word != NULL && words->text != NULL;

    if (!fine) {
        problem_set(problem, "no memory for a line of %zu bytes", length);
    }
    while (fine) {
        while (cutter.at < cutter.end && is_blank(*cutter.at)) {
            cutter.at++;
        }
        if (cutter.at == cutter.end || *cutter.at == '#') {
            return true;
        }
        fine = cut_word(&cutter, &words->word[words->count++]);
    }
    words_free(words);
    return false;
}

void words_free(struct words *words)
{
    free(words->word);
    free(words->text);
    *words = (struct words){0};
}

bool word_is(const struct word *word, const char *text)
{
    return !word->quoted && strcmp(word->text, text) == 0;
}

struct byte_text byte_text(unsigned char byte)
{
    struct byte_text result;

    if (byte == '"' || byte == '\\') {
        snprintf(result.text, sizeof result.text, "\\%c", byte);
    } else if (byte >= ' ' && byte < 0x7f) {
        snprintf(result.text, sizeof result.text, "%c", byte);
    } else {
        snprintf(result.text, sizeof result.text, "\\x%02x", byte);
    }
    return result;
}
