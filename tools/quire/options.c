/* One option parser and one number parser for all commands. */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct arguments arguments_of(int argc, char **argv)
{
    struct arguments arguments = {argc, argv, 1, false};
    return arguments;
}

static bool is_operand(const char *text)
{
    return text[0] != '-' || text[1] == '\0' || (text[1] >= '0' && text[1] <= '9');
}

/* The option that `text` (with its dashes) names, or -1; *length is its length without "=VALUE". */
static int option_find(const struct option_spec *options, const char *text, size_t *length)
{
    bool whole_word = text[1] == '-';

    *length = whole_word ? strcspn(text, "=") : 2;
    for (int i = 0; options[i].name != NULL; i++) {
        if (whole_word && strlen(options[i].name) == *length - 2 &&
            strncmp(options[i].name, text + 2, *length - 2) == 0) {
            return i;
        }
        if (!whole_word && options[i].letter == text[1] && text[2] == '\0') {
            return i;
        }
    }
    return -1;
}

int arguments_next(struct arguments *arguments, const struct option_spec *options,
                   const char **value)
{
    const char *command = arguments->argv[0];
    const char *text;
    size_t length;
    int found;

    *value = NULL;
    if (!arguments->operands_only && arguments->at < arguments->argc &&
        strcmp(arguments->argv[arguments->at], "--") == 0) {
        arguments->operands_only = true;
        arguments->at++;
    }
    if (arguments->at >= arguments->argc) {
        return ARGUMENTS_END;
    }
    text = arguments->argv[arguments->at++];
    if (arguments->operands_only || is_operand(text)) {
        *value = text;
        return ARGUMENTS_OPERAND;
    }

    found = option_find(options, text, &length);
    if (found < 0) {
        fail("%s: no option %s (see quire %s --help)", command, text, command);
        return ARGUMENTS_BAD;
    }
    if (text[length] == '=') {
        *value = text + length + 1;
    } else if (options[found].value != NULL && arguments->at < arguments->argc) {
        *value = arguments->argv[arguments->at++];
    }
    if ((*value != NULL) != (options[found].value != NULL)) {
        if (*value != NULL) {
            fail("%s: %.*s takes no value", command, (int)length, text);
        } else {
            fail("%s: %s needs a value: %s %s", command, text, text, options[found].value);
        }
        return ARGUMENTS_BAD;
    }
    return found;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Reads digits up to something else; NULL if there are none or they are too many. */
static const char *number_read(const char *text, uint64_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    int base = hex ? 16 : 10;
    const char *digits = hex ? text + 2 : text;
    const char *at = digits;

    *value = 0;
    for (; digit_of(*at) < base; at++) {
        if (__builtin_mul_overflow(*value, (uint64_t)base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit_of(*at), value)) {
            return NULL;
        }
    }
    return at == digits ? NULL : at;
}

bool number_parse(const char *text, uint64_t *value)
{
    const char *end = number_read(text, value);

    return end != NULL && *end == '\0';
}

bool size_parse(const char *text, uint64_t *value)
{
    static const char units[] = "KkMmGgTtPpEe";
    const char *end = number_read(text, value);
    const char *unit;
    unsigned shift;

    if (end == NULL) {
        return false;
    }
    if (*end == '\0') {
        return true;
    }
    unit = strchr(units, *end);
    if (unit == NULL ||
        (strcmp(end + 1, "") != 0 && strcmp(end + 1, "B") != 0 && strcmp(end + 1, "iB") != 0)) {
        return false;
    }
    shift = (unsigned)((unit - units) / 2 + 1) * 10;
    if (*value > UINT64_MAX >> shift) {
        return false;
    }
    *value <<= shift;
    return true;
}

static bool within(const char *what, const char *text, uint64_t least, uint64_t most,
                   uint64_t value)
{
    if (value < least || value > most) {
        fail("%s: %s is outside %" PRIu64 " - %" PRIu64, what, text, least, most);
        return false;
    }
    return true;
}

bool number_option(const char *what, const char *text, uint64_t least, uint64_t most,
                   uint64_t *value)
{
    if (!number_parse(text, value)) {
        fail("%s: '%s' is not a number such as 4096 or 0x1000", what, text);
        return false;
    }
    return within(what, text, least, most, *value);
}

bool size_option(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    if (!size_parse(text, value)) {
        fail("%s: '%s' is not a size such as 65536, 64K or 1G", what, text);
        return false;
    }
    return within(what, text, least, most, *value);
}
