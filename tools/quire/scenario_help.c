/* Help and completion, from the table of commands. */
#include <string.h>

#include "format_list.h"
#include "replay_opt.h"
#include "replay_policy.h"
#include "scenario_internal.h"

/* ---- help ------------------------------------------------------------------------------------ */

enum { HELP_WIDTH = 78 };

/* The text, indented, in lines of no more than HELP_WIDTH. */
static void print_wrapped(const char *text, unsigned indent, FILE *out)
{
    while (*text != '\0') {
        size_t length = strlen(text);

        if (length > HELP_WIDTH - indent) {
            length = HELP_WIDTH - indent;
            while (text[length] != ' ') {
                length--;
            }
        }
        fprintf(out, "%*s%.*s\n", (int)indent, "", (int)length, text);
        text += length + (text[length] == ' ');
    }
}

static void print_usage(const struct command *command, FILE *out)
{
    fprintf(out, "%s%s%s\n", command->name, command->syntax[0] != '\0' ? " " : "", command->syntax);
}

/* "show" names every command that begins with it. */
static bool named(const struct command *command, const char *name)
{
    size_t length = strlen(name);

    return strncmp(command->name, name, length) == 0 &&
           (command->name[length] == '\0' || command->name[length] == ' ');
}

bool scenario_help(const char *name, FILE *out)
{
    bool found = false;

    for (size_t i = 0; i < scenario_commands_length; i++) {
        const struct command *command = &scenario_commands[i];

        if (name[0] == '\0') {
            print_usage(command, out);
            found = true;
        } else if (named(command, name)) {
            print_usage(command, out);
            print_wrapped(command->help, 4, out);
            found = true;
        }
    }
    return found;
}

/* ---- completion ------------------------------------------------------------------------------ */

/* Gives the n-th of what it is offered. */
struct offer {
    const char *begun; /* the word so far */
    unsigned n;
    char *word;
    size_t word_bytes;
    bool given;
};

static void offer(struct offer *to, const char *word)
{
    if (!to->given && word[0] != '\0' && strncmp(word, to->begun, strlen(to->begun)) == 0 &&
        to->n-- == 0) {
        snprintf(to->word, to->word_bytes, "%s", word);
        to->given = true;
    }
}

/* First words of names, or the second ones after a first; each once. */
static void offer_names(struct offer *to, const struct word *first)
{
    const char *last = "";
    size_t last_length = 0;

    for (size_t i = 0; i < scenario_commands_length; i++) {
        const char *name = scenario_commands[i].name;
        size_t length = strcspn(name, " ");
        char word[32];

        if (first != NULL) {
            if (first->length == length && strncmp(name, first->text, length) == 0 &&
                name[length] != '\0') {
                offer(to, name + length + 1);
            }
        } else if (length != last_length || strncmp(name, last, length) != 0) {
            snprintf(word, sizeof word, "%.*s", (int)length, name);
            offer(to, word);
            last = name;
            last_length = length;
        }
    }
}

/* "format=" and, behind it, what may follow. */
static void offer_settings(struct offer *to)
{
    char word[64];

    for (unsigned i = 0; setting_name(i) != NULL; i++) {
        size_t length = strlen(setting_name(i));

        if (strncmp(to->begun, setting_name(i), length) != 0 || to->begun[length] != '=') {
            snprintf(word, sizeof word, "%s=", setting_name(i));
            offer(to, word);
        }
    }
    for (const struct replay_policy *policy = replay_policies; policy->ops != NULL; policy++) {
        bool wanted = strncmp(to->begun, "policy=", 7) == 0 && policy->ops != &replay_policy_opt;

        snprintf(word, sizeof word, "policy=%s", policy->ops->name);
        offer(to, wanted ? word : "");
    }
    for (size_t i = 0; i < format_list_length; i++) {
        snprintf(word, sizeof word, "format=%s", format_list[i]->name);
        offer(to, strncmp(to->begun, "format=", 7) == 0 ? word : "");
    }
}

static void offer_objects(struct offer *to, const struct scenario *scenario, enum operand_kind kind)
{
    for (unsigned i = 0; i < scenario->objects; i++) {
        const struct scenario_object *object = scenario->object[i];
        enum operand_kind is = object->kind == OBJECT_PROGRAM   ? OPERAND_PROGRAM
                               : object->kind == OBJECT_LIBRARY ? OPERAND_LIBRARY
                                                                : OPERAND_OBJECT;

        offer(to, object->alive && is == kind ? object->name : "");
    }
}

static void offer_operand(struct offer *to, const struct scenario *scenario, enum operand_kind kind)
{
    if (kind == OPERAND_PROCESS) {
        for (unsigned i = 0; i < scenario->processes; i++) {
            offer(to, scenario->process[i]->alive ? scenario->process[i]->name : "");
        }
    } else if (kind == OPERAND_OBJECT || kind == OPERAND_PROGRAM || kind == OPERAND_LIBRARY) {
        offer_objects(to, scenario, kind);
    } else if (kind == OPERAND_SETTING) {
        offer_settings(to);
    } else if (kind < OPERANDS && operands[kind].choices != NULL) {
        for (unsigned i = 0; operands[kind].choices[i] != NULL; i++) {
            offer(to, operands[kind].choices[i]);
        }
    }
}

static void offer_for(struct offer *to, const struct scenario *scenario, const struct word *words,
                      unsigned count);

/* Is the last word a small one that wants an operand? Which? */
static enum operand_kind wanted_by(const struct command *command, const struct word *last)
{
    const char *syntax = command->syntax;
    struct part part;

    while (part_next(&syntax, &part)) {
        if (part.keyword[0] != '\0' && word_is(last, part.keyword)) {
            return part.kind;
        }
    }
    return OPERANDS;
}

/* All that a command may have there: which of its operands are said already is not worked out. */
static void offer_parts(struct offer *to, const struct scenario *scenario,
                        const struct command *command, const struct word *words, unsigned count)
{
    const char *syntax = command->syntax;
    enum operand_kind wanted = count > 0 ? wanted_by(command, &words[count - 1]) : OPERANDS;
    struct part part;

    if (wanted != OPERANDS) {
        offer_operand(to, scenario, wanted);
        return;
    }
    while (part_next(&syntax, &part)) {
        if (part.kind == OPERAND_COMMAND) {
            unsigned skip = command->syntax[0] == 'N' ? 1 : 0;

            offer_for(to, scenario, words + (skip < count ? skip : count),
                      skip < count ? count - skip : 0);
        } else if (part.keyword[0] != '\0') {
            offer(to, part.keyword);
        } else {
            offer_operand(to, scenario, part.kind);
        }
    }
}

/* After these words. */
static void offer_for(struct offer *to, const struct scenario *scenario, const struct word *words,
                      unsigned count)
{
    unsigned length;
    const struct command *command = command_find(words, count, &length);

    if (count == 0) {
        offer_names(to, NULL);
        return;
    }
    if (count == 1) {
        offer_names(to, &words[0]);
    }
    if (command != NULL && command->kind == COMMAND_TELLS && strcmp(command->name, "help") == 0) {
        offer_for(to, scenario, words + 1, count - 1);
    } else if (command != NULL) {
        offer_parts(to, scenario, command, words + length, count - length);
    }
}

bool scenario_complete(struct scenario *scenario, const char *line, unsigned n, char *word,
                       size_t word_bytes)
{
    const char *last = strrchr(line, ' ');
    size_t before = last != NULL ? (size_t)(last - line) : 0;
    struct offer to = {
        .begun = last != NULL ? last + 1 : line, .n = n, .word = word, .word_bytes = word_bytes};
    struct problem problem;
    struct words words;

    if (words_read(&words, line, before, &problem)) {
        offer_for(&to, scenario, words.word, words.count);
        words_free(&words);
    }
    return to.given;
}
