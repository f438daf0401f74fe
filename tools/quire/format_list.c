/* Finding the format that a user named. */
#include "format_list.h"

#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "options.h"
#include "quire/formats.h"

const struct quire_format *const format_list[] = {
    &quire_format_ptsim,        &quire_format_ostep14,
    &quire_format_ostep_linear, &quire_format_ostep_multilevel,
    &quire_format_i386,         &quire_format_x86_64,
};
const size_t format_list_length = sizeof format_list / sizeof format_list[0];

enum { FORMAT_FILE_LIMIT = 64 * 1024 };

static bool no_such_format(const char *text, struct problem *problem)
{
    char names[200] = "";

    for (size_t i = 0; i < format_list_length; i++) {
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i == 0 ? "" : ", ",
                 format_list[i]->name);
    }
    return problem_set(problem, "no format or file '%s' (formats: %s)", text, names);
}

/* One "key=value" of a parameter list; *rest moves behind it. */
static bool linear_parameter(const char **rest, uint64_t *va_bits, uint64_t *page)
{
    char item[40];
    size_t length = strcspn(*rest, ",");
    const char *value;

    if (length >= sizeof item) {
        return false;
    }
    memcpy(item, *rest, length);
    item[length] = '\0';
    *rest += length + ((*rest)[length] == ',');
    value = strchr(item, '=');
    if (value == NULL) {
        return false;
    }
    if (strncmp(item, "va_bits=", 8) == 0) {
        return number_parse(value + 1, va_bits);
    }
    return strncmp(item, "page=", 5) == 0 && size_parse(value + 1, page);
}

/* "ostep-linear:va_bits=14,page=4K", in any order, each with the default of the homework. */
static bool linear_choose(const char *text, const char *parameters,
                          struct format_described *described, const struct quire_format **format,
                          struct problem *problem)
{
    uint64_t va_bits = 14;
    uint64_t page = 4096;

    while (*parameters != '\0') {
        if (!linear_parameter(&parameters, &va_bits, &page)) {
            return problem_set(problem, "--format %s: expected ostep-linear:va_bits=BITS,page=SIZE",
                               text);
        }
    }
    if (va_bits > 56 || page == 0 || (page & (page - 1)) != 0 ||
        quire_format_ostep_linear_init(&described->format, (unsigned)va_bits,
                                       (unsigned)__builtin_ctzll(page)) != QUIRE_OK) {
        return problem_set(problem,
                           "--format %s: the page must be a power of two, 8 to 1G, and addresses 1 "
                           "to 26 bits wider than its offset",
                           text);
    }
    *format = &described->format;
    return true;
}

bool format_choose(const char *text, struct format_described *described,
                   const struct quire_format **format, struct problem *problem)
{
    static const char linear[] = "ostep-linear:";
    struct bytes bytes;
    bool fine;

    for (size_t i = 0; i < format_list_length; i++) {
        if (strcmp(format_list[i]->name, text) == 0) {
            *format = format_list[i];
            return true;
        }
    }
    if (strncmp(text, linear, sizeof linear - 1) == 0) {
        return linear_choose(text, text + sizeof linear - 1, described, format, problem);
    }
    if (strchr(text, '/') == NULL && strcmp(text, "-") != 0 && access(text, F_OK) != 0) {
        return no_such_format(text, problem);
    }
    if (!bytes_read(&bytes, text, BYTES_COPY, FORMAT_FILE_LIMIT, problem)) {
        return false;
    }
    fine = format_parse(described, (const char *)bytes.at, bytes.count, input_name(text), problem);
    bytes_free(&bytes);
    *format = &described->format;
    return fine;
}
