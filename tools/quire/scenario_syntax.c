/* Reading a command's operands as its syntax says. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine_options.h"
#include "options.h"
#include "scenario_internal.h"

/* ---- what a word looks like ------------------------------------------------------------------ */

static bool likes_digit(const struct word *word)
{
    return !word->quoted && word->text[0] >= '0' && word->text[0] <= '9';
}

static bool likes_letter(const struct word *word)
{
    char c = word->text[0];

    return !word->quoted && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_');
}

static bool likes_rights(const struct word *word)
{
    return !word->quoted && word->length > 0 && strspn(word->text, "rwx-") == word->length;
}

static bool likes_any(const struct word *word)
{
    (void)word;
    return true;
}

static const char *const widths[] = {"u8", "u16", "u32", "u64", "bytes:", "text:", NULL};

/* The choice that the word is, or that it begins with if the choice ends in ":"; -1: none. Choices
 * that are empty are none. */
static int choice_find(const char *const *choices, const struct word *word)
{
    for (int i = 0; !word->quoted && word->length > 0 && choices[i] != NULL; i++) {
        size_t length = strlen(choices[i]);
        bool begins = length > 0 && choices[i][length - 1] == ':';

        if (begins ? strncmp(choices[i], word->text, length) == 0
                   : strcmp(choices[i], word->text) == 0) {
            return i;
        }
    }
    return -1;
}

static bool likes_width(const struct word *word)
{
    return choice_find(widths, word) >= 0;
}

/* ---- readers ---------------------------------------------------------------------------------
 * Each says false if the word is not what the operand is; the caller tells what was expected, if no
 * problem was set. */

/* "4096", "0x1000", "4K", "3p" (pages), and sums of them: "0x10000+3p". */
static bool read_sum(struct call *call, const struct word *word, struct value *value)
{
    const char *at = word->text;

    value->number = 0;
    while (!word->quoted) {
        char part[40];
        size_t length = strcspn(at, "+");
        unsigned shift = 0;
        uint64_t number;

        if (length == 0 || length >= sizeof part) {
            return false;
        }
        memcpy(part, at, length);
        part[length] = '\0';
        if (part[length - 1] == 'p') {
            shift = scenario_page_shift(call->scenario);
            part[length - 1] = '\0';
        }
        if (!(shift != 0 ? number_parse(part, &number) : size_parse(part, &number)) ||
            number > UINT64_MAX >> shift ||
            __builtin_add_overflow(value->number, number << shift, &value->number)) {
            return false;
        }
        if (at[length] == '\0') {
            return true;
        }
        at += length + 1;
    }
    return false;
}

static bool read_nonzero_sum(struct call *call, const struct word *word, struct value *value)
{
    return read_sum(call, word, value) && value->number != 0;
}

static bool read_number(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    return !word->quoted && number_parse(word->text, &value->number);
}

static bool read_count(struct call *call, const struct word *word, struct value *value)
{
    return read_number(call, word, value) && value->number != 0;
}

static bool read_byte(struct call *call, const struct word *word, struct value *value)
{
    return read_number(call, word, value) && value->number <= 255;
}

static bool read_value(struct call *call, const struct word *word, struct value *value)
{
    return word->quoted ? word->length <= VALUE_BYTES : read_number(call, word, value);
}

static bool read_word(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    value->word = word;
    return word->length > 0 && strlen(word->text) == word->length;
}

static bool read_process(struct call *call, const struct word *word, struct value *value)
{
    value->process = process_find(call->scenario, word);
    return value->process != NULL;
}

static bool read_object(struct call *call, const struct word *word, struct value *value)
{
    value->object = object_find(call->scenario, word);
    return value->object != NULL && value->object->kind <= OBJECT_MEMORY;
}

static bool read_program(struct call *call, const struct word *word, struct value *value)
{
    value->object = object_find(call->scenario, word);
    return value->object != NULL && value->object->kind == OBJECT_PROGRAM;
}

static bool read_library(struct call *call, const struct word *word, struct value *value)
{
    value->object = object_find(call->scenario, word);
    return value->object != NULL && value->object->kind == OBJECT_LIBRARY;
}

static bool read_new(struct call *call, const struct word *word, struct value *value)
{
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    (void)call;
    (void)value;
    return likes_letter(word) && word->length < NAME_BYTES &&
           strspn(word->text, more) == word->length;
}

static bool read_rights(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    value->number = (strchr(word->text, 'r') != NULL ? QUIRE_READ : 0U) |
                    (strchr(word->text, 'w') != NULL ? QUIRE_WRITE : 0U) |
                    (strchr(word->text, 'x') != NULL ? QUIRE_EXECUTE : 0U);
    return likes_rights(word);
}

/* number: bytes; last: which of the choices. */
static bool read_width(struct call *call, const struct word *word, struct value *value)
{
    int choice = choice_find(widths, word);

    (void)call;
    if (choice < 0) {
        return false;
    }
    value->last = (uint64_t)choice;
    if (choice < 4) {
        value->number = UINT64_C(1) << choice;
        return true;
    }
    return number_parse(strchr(word->text, ':') + 1, &value->number) && value->number != 0 &&
           value->number <= VALUE_BYTES;
}

/* "7", "3-9", "9-3". */
static bool read_pages(struct call *call, const struct word *word, struct value *value)
{
    const char *dash = strchr(word->text, '-');
    char first[24];
    size_t length = dash != NULL ? (size_t)(dash - word->text) : word->length;

    (void)call;
    if (word->quoted || length >= sizeof first) {
        return false;
    }
    memcpy(first, word->text, length);
    first[length] = '\0';
    value->last = 0;
    if (!number_parse(first, &value->number) ||
        (dash != NULL && !number_parse(dash + 1, &value->last))) {
        return false;
    }
    value->last = dash != NULL ? value->last : value->number;
    return true;
}

static bool read_choice(const char *const *choices, const struct word *word, struct value *value)
{
    int choice = choice_find(choices, word);

    value->number = (uint64_t)choice;
    return choice >= 0;
}

static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">=", NULL};
static const char *const advices[] = {"normal", "sequential", "random", NULL};
static const char *const places[] = {"frame", "swap", "zero", "untouched", NULL};

/* By enum quire_refusal and enum quire_status. */
static const char *const reasons[] = {"",        "no-region", "read",  "write",
                                      "execute", "user",      "stack", NULL};
static const char *const statuses[] = {
    "",          "pending", "busy",         "",         "no-memory", "no-space", "exists",
    "not-found", "invalid", "out-of-range", "io-error", "corrupt",   NULL};

static bool read_op(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    return read_choice(ops, word, value);
}

static bool read_place(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    return read_choice(places, word, value);
}

/* By enum quire_advice. */
static bool read_advice(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    return read_choice(advices, word, value);
}

static bool read_policy(struct call *call, const struct word *word, struct value *value)
{
    struct problem why;

    (void)call;
    return !word->quoted && policy_choose(word->text, &value->policy, &why);
}

static bool read_reason(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    return read_choice(reasons, word, value);
}

static bool read_status(struct call *call, const struct word *word, struct value *value)
{
    (void)call;
    return read_choice(statuses, word, value);
}

static bool read_counter(struct call *call, const struct word *word, struct value *value)
{
    int counter = word->quoted ? -1 : counter_find(word->text);

    (void)call;
    value->number = (uint64_t)counter;
    return counter >= 0;
}

const struct operand operands[OPERANDS] = {
    [OPERAND_PROCESS] = {"PROCESS", "the name of a process", likes_letter, read_process, NULL},
    [OPERAND_OBJECT] = {"OBJECT", "the name of a file or memory", likes_letter, read_object, NULL},
    [OPERAND_PROGRAM] = {"PROGRAM", "the name of a program", likes_letter, read_program, NULL},
    [OPERAND_LIBRARY] = {"LIBRARY", "the name of a library", likes_letter, read_library, NULL},
    [OPERAND_NEW] = {"NEW", "a new name: a letter, then letters, digits, _ . -, at most 31",
                     likes_letter, read_new, NULL},
    [OPERAND_NAME] = {"NAME", "a new name: a letter, then letters, digits, _ . -, at most 31",
                      likes_letter, read_new, NULL},
    [OPERAND_VA] = {"VA", "an address such as 0x8000 or 0x8000+4K", likes_digit, read_sum, NULL},
    [OPERAND_SIZE] = {"SIZE", "a size such as 4096, 64K or 3p (pages)", likes_digit,
                      read_nonzero_sum, NULL},
    [OPERAND_BYTES] = {"BYTES", "a size such as 4096, 64K or 3p (pages)", likes_digit,
                       read_nonzero_sum, NULL},
    [OPERAND_OFFSET] = {"OFFSET", "an offset such as 0 or 4K", likes_digit, read_sum, NULL},
    [OPERAND_LIMIT] = {"LIMIT", "a size such as 64K or 3p (pages)", likes_digit, read_nonzero_sum,
                       NULL},
    [OPERAND_RIGHTS] = {"RIGHTS", "rights: letters of rwx, or -", likes_rights, read_rights, NULL},
    [OPERAND_MOST] = {"MOST", "rights: letters of rwx, or -", likes_rights, read_rights, NULL},
    [OPERAND_N] = {"N", "a number, 1 or more", likes_digit, read_count, NULL},
    [OPERAND_M] = {"M", "a number, 1 or more", likes_digit, read_count, NULL},
    [OPERAND_NUMBER] = {"NUMBER", "a number", likes_digit, read_number, NULL},
    [OPERAND_VALUE] = {"VALUE", "a number or a \"string\"", likes_any, read_value, NULL},
    [OPERAND_BYTE] = {"BYTE", "a number from 0 to 255", likes_digit, read_byte, NULL},
    [OPERAND_WIDTH] = {"WIDTH", "u8, u16, u32, u64, bytes:N or text:N (N at most 4096)",
                       likes_width, read_width, widths},
    [OPERAND_PAGES] = {"PAGES", "a page number, or two with a - between", likes_digit, read_pages,
                       NULL},
    [OPERAND_COUNTER] = {"COUNTER", "a counter (show counters lists them)", likes_letter,
                         read_counter, counter_names},
    [OPERAND_OP] = {"OP", "= != < <= > or >=", likes_any, read_op, ops},
    [OPERAND_REASON] = {"REASON", "no-region, read, write, execute, user or stack", likes_letter,
                        read_reason, reasons},
    [OPERAND_STATUS] = {"STATUS",
                        "no-memory, no-space, io-error, exists, not-found, busy, invalid, "
                        "out-of-range or corrupt",
                        likes_letter, read_status, statuses},
    [OPERAND_PLACE] = {"PLACE", "frame, swap, zero or untouched", likes_letter, read_place, places},
    [OPERAND_TEXT] = {"TEXT", "a text", likes_any, read_word, NULL},
    [OPERAND_PATH] = {"PATH", "the path of a file", likes_any, read_word, NULL},
    [OPERAND_TOPIC] = {"TOPIC", "a command", likes_any, read_word, NULL},
    [OPERAND_SETTING] = {"SETTING", "a setting such as ram=16M", likes_letter, read_word, NULL},
    [OPERAND_POLICY] = {"POLICY", "a policy that quire replay --policy help lists, but opt",
                        likes_letter, read_policy, NULL},
    [OPERAND_ADVICE] = {"ADVICE", "normal, sequential or random", likes_letter, read_advice,
                        advices},
    [OPERAND_COMMAND] = {"COMMAND", "a command", likes_any, read_word, NULL},
};

/* ---- a syntax -------------------------------------------------------------------------------- */

static enum operand_kind operand_named(const char *name, size_t length)
{
    unsigned kind = 0;

    while (kind < OPERANDS && (strlen(operands[kind].name) != length ||
                               strncmp(operands[kind].name, name, length) != 0)) {
        kind++;
    }
    return (enum operand_kind)kind;
}

static const char *skip(const char *at, const char *what)
{
    return at + strspn(at, what);
}

bool part_next(const char **syntax, struct part *part)
{
    const char *at = skip(*syntax, " ");
    size_t length;

    *part = (struct part){.kind = OPERANDS};
    if (*at == '\0') {
        return false;
    }
    part->optional = *at == '[';
    at = skip(at, "[");
    if (*at >= 'a' && *at <= 'z') {
        length = strcspn(at, " ]");
        memcpy(part->keyword, at, length < sizeof part->keyword ? length : 0);
        at = skip(at + length, " ");
    }
    length = strcspn(at, " ].");
    if (length != 0 && (part->optional || part->keyword[0] == '\0')) {
        part->kind = operand_named(at, length);
        at += length;
    }
    part->repeats = *at == '.';
    *syntax = skip(at, ".]");
    return true;
}

static bool expected(struct call *call, enum operand_kind kind, const struct word *word)
{
    const struct command *command = call->command;

    if (kind <= OPERAND_LIBRARY && word != NULL && likes_letter(word)) {
        static const char *const what[] = {"process", "file or memory", "program", "library"};

        return problem_set(call->problem, "%s: there is no %s '%s'", command->name, what[kind],
                           word->text);
    }
    return problem_set(call->problem, "%s: expected %s, got %s%s%s (%s %s)", command->name,
                       operands[kind].what, word != NULL ? "'" : "",
                       word != NULL ? word->text : "nothing more", word != NULL ? "'" : "",
                       command->name, command->syntax);
}

static bool read_operand(struct call *call, enum operand_kind kind, unsigned at)
{
    const struct word *word = at < call->count ? &call->words[at] : NULL;

    call->has |= UINT32_C(1) << kind;
    if (word == NULL || !operands[kind].read(call, word, &call->value[kind])) {
        return expected(call, kind, word);
    }
    call->value[kind].word = word;
    return true;
}

/* X...: as many words as look like one, and one at least. */
static bool read_many(struct call *call, const struct part *part, unsigned *at)
{
    call->first = *at;
    while (*at < call->count && operands[part->kind].likes(&call->words[*at])) {
        if (!read_operand(call, part->kind, (*at)++)) {
            return false;
        }
    }
    call->end = *at;
    return part->optional || call->end > call->first || expected(call, part->kind, NULL);
}

/* How many words must stand behind an operand that may be left out. */
static unsigned required_in(const char *syntax)
{
    struct part part;
    unsigned required = 0;

    while (part_next(&syntax, &part) && part.keyword[0] == '\0') {
        required += !part.optional;
    }
    return required;
}

static bool read_keyword(struct call *call, unsigned *at)
{
    const struct word *word = &call->words[*at];
    const char *syntax = call->command->syntax;
    unsigned said = 0;
    struct part part;

    while (said < SAID_MAX && call->said[said] != NULL) {
        if (word_is(word, call->said[said])) {
            return problem_set(call->problem, "%s: '%s' stands there twice", call->command->name,
                               word->text);
        }
        said++;
    }
    while (part_next(&syntax, &part)) {
        if (part.keyword[0] != '\0' && word_is(word, part.keyword) && said < SAID_MAX) {
            call->said[said] = word->text;
            ++*at;
            return part.kind == OPERANDS || read_operand(call, part.kind, (*at)++);
        }
    }
    return problem_set(call->problem, "%s: did not expect '%s' (%s%s%s)", call->command->name,
                       word->text, call->command->name, call->command->syntax[0] != '\0' ? " " : "",
                       call->command->syntax);
}

bool call_read(struct call *call)
{
    const char *syntax = call->command->syntax;
    struct part part;
    unsigned at = 0;

    while (part_next(&syntax, &part) && part.keyword[0] == '\0') {
        if (part.repeats) {
            if (!read_many(call, &part, &at)) {
                return false;
            }
        } else if (!part.optional || (call->count - at > required_in(syntax) && at < call->count &&
                                      operands[part.kind].likes(&call->words[at]))) {
            if (!read_operand(call, part.kind, at++)) {
                return false;
            }
        }
    }
    while (at < call->count) {
        if (!read_keyword(call, &at)) {
            return false;
        }
    }
    return true;
}

bool call_said(const struct call *call, const char *keyword)
{
    for (unsigned i = 0; i < SAID_MAX && call->said[i] != NULL; i++) {
        if (strcmp(call->said[i], keyword) == 0) {
            return true;
        }
    }
    return false;
}
