/* quire translate: what an MMU makes of virtual addresses. */
#include "commands.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "entry_fields.h"
#include "explain.h"
#include "format_list.h"
#include "image.h"
#include "json.h"
#include "options.h"
#include "ostep_answer.h"
#include "quire/pte.h"

const char command_translate_help[] =
    "usage: quire translate --format F --memory IMAGE --root PA [OPTIONS] VA...\n"
    "       quire translate --ostep FILE\n"
    "\n"
    "  --format F        a built-in format (quire formats) or a format file (docs/formats.md)\n"
    "  --memory IMAGE    physical memory: raw bytes, or text (`page 12:` and hexadecimal digits)\n"
    "  --root PA         where the level-1 table is; a text with a PDBR line says it itself\n"
    "  --base PA         physical address of the image's first byte (0)\n"
    "  --access LETTERS  what is tried: r, w, x or several; without it any mapping will do\n"
    "  --user            ... with user privilege\n"
    "  --explain         every step: the bits of the address, each entry, what its bits mean\n"
    "  --json            the same for programs\n"
    "  --ostep FILE      answer the questions in the output of OSTEP's homework programs\n"
    "                    paging-multilevel-translate.py and paging-linear-translate.py, as they "
    "do\n"
    "\n"
    "VA `-` reads addresses from standard input, as IMAGE and FILE `-` do. Levels count from 1, "
    "the\n"
    "root. A fault is a result: the exit status is 0.\n"
    "\n"
    "Example:  quire translate --format ostep14 --memory examples/seed-003.txt --root 0x1980 "
    "0x3f80\n"
    "          paging-multilevel-translate.py -s 1 | quire translate --ostep -\n";

struct translation {
    struct quire_mmu mmu;
    unsigned access;
    bool explain;
    struct json *json; /* NULL: text */
};

struct settings {
    const char *format, *memory, *root, *base, *access, *ostep;
    bool user, explain, json;
    char **va;
    int vas;
};

/* ---- one address ---- */

static void print_fault(const struct quire_format *format, const struct quire_walk *walk)
{
    int digits = (int)pa_digits(format);

    printf("fault: %s", quire_reason_text(walk->reason));
    if (walk->level > 0) {
        printf(" at level %u, entry %" PRIu32 " (entry 0x%0*" PRIx64 " at 0x%0*" PRIx64 ")",
               walk->level, walk->index, (int)entry_digits(format), walk->entry, digits,
               walk->entry_at.at);
    } else if (walk->reason == QUIRE_REASON_UNREACHABLE) {
        printf(" (root at 0x%0*" PRIx64 ")", digits, walk->entry_at.at);
    }
    putchar('\n');
}

static void json_steps(struct json *json, const struct quire_format *format,
                       const struct quire_trace *trace)
{
    json_open(json, "steps", '[');
    for (unsigned i = 0; i < trace->steps; i++) {
        const struct quire_step *step = &trace->step[i];

        json_open(json, NULL, '{');
        json_number(json, "level", i + 1);
        json_hex(json, "table", step->table.at, pa_digits(format));
        json_number(json, "index", step->index);
        json_hex(json, "entry_at", step->entry_at.at, pa_digits(format));
        json_hex(json, "entry", step->entry, entry_digits(format));
        json_string(json, "rights", attributes_text(step->rights).text);
        json_close(json);
    }
    json_close(json);
}

static void json_result(struct json *json, const struct quire_format *format, quire_va va,
                        const struct quire_walk *walk)
{
    json_hex(json, "va", va.at, va_digits(format));
    if (walk->reason == QUIRE_REASON_NONE) {
        json_hex(json, "pa", walk->pa.at, pa_digits(format));
        json_number(json, "page_bytes", walk->page_bytes);
        json_string(json, "attributes", attributes_text(walk->attributes).text);
        return;
    }
    json_string(json, "fault", quire_reason_text(walk->reason));
    json_number(json, "level", walk->level);
    if (walk->level > 0) {
        json_number(json, "index", walk->index);
        json_hex(json, "entry_at", walk->entry_at.at, pa_digits(format));
        json_hex(json, "entry", walk->entry, entry_digits(format));
    }
}

static void translate(const struct translation *t, quire_va va)
{
    const struct quire_format *format = t->mmu.format;
    struct quire_walk walk;
    struct quire_trace trace;

    if (t->explain) {
        quire_walk_traced(&t->mmu, va, t->access, &walk, &trace);
    } else {
        quire_walk(&t->mmu, va, t->access, &walk);
    }
    if (t->json != NULL) {
        json_open(t->json, NULL, '{');
        json_result(t->json, format, va, &walk);
        if (t->explain) {
            json_steps(t->json, format, &trace);
        }
        json_close(t->json);
        return;
    }
    if (t->explain) {
        explain_walk(&t->mmu, va, &walk, &trace, stdout);
    }
    printf("0x%0*" PRIx64 " -> ", (int)va_digits(format), va.at);
    if (walk.reason == QUIRE_REASON_NONE) {
        printf("0x%0*" PRIx64 "\n", (int)pa_digits(format), walk.pa.at);
    } else {
        print_fault(format, &walk);
    }
}

/* ---- all of them ---- */

/* The first character that is neither blank nor in a comment ('#' to the end of the line). */
static int skip_blanks(void)
{
    bool comment = false;
    int c;

    do {
        c = getchar();
        comment = c == '#' || (comment && c != '\n');
    } while (c != EOF && (comment || isspace(c)));
    return c;
}

/* The next word of standard input, cut off where `room` ends. False: there is none. */
static bool read_word(char *word, size_t room)
{
    size_t length = 0;
    int c = skip_blanks();

    for (; c != EOF && !isspace(c) && length < room - 1; c = getchar()) {
        word[length++] = (char)c;
    }
    word[length] = '\0';
    return length > 0;
}

static int translate_input(const struct translation *t)
{
    char word[40];
    uint64_t va;

    while (!output_broken() && read_word(word, sizeof word)) {
        if (!number_parse(word, &va)) {
            return fail("translate: standard input: '%s' is not an address such as 0x3f80", word);
        }
        translate(t, quire_va_at(va));
    }
    return ferror(stdin) ? fail("translate: standard input: cannot be read") : STATUS_OK;
}

static int translate_all(const struct translation *t, char **va, int vas)
{
    uint64_t at;
    int status = STATUS_OK;

    for (int i = 0; i < vas && status == STATUS_OK; i++) {
        if (strcmp(va[i], "-") == 0) {
            status = translate_input(t);
        } else {
            number_parse(va[i], &at);
            translate(t, quire_va_at(at));
        }
    }
    return status;
}

static int answer_ostep(const struct settings *settings)
{
    struct page_text text;
    struct bytes bytes;
    struct problem problem;
    const char *name = input_name(settings->ostep);
    bool fine;

    if (settings->format != NULL || settings->memory != NULL || settings->root != NULL ||
        settings->base != NULL || settings->access != NULL || settings->user || settings->explain ||
        settings->json || settings->vas > 0) {
        return fail("translate: --ostep stands alone: its input says everything else");
    }
    if (!bytes_read(&bytes, settings->ostep, BYTES_COPY, (size_t)1 << 26, &problem)) {
        return fail("translate: %s", problem.text);
    }
    fine = page_text_parse(&text, (const char *)bytes.at, bytes.count, PAGE_TEXT_PROSE, name,
                           &problem);
    if (fine) {
        fine = ostep_answer(&text, name, stdout, &problem);
        page_text_free(&text);
    }
    bytes_free(&bytes);
    return fine ? STATUS_OK : fail("translate: %s", problem.text);
}

/* ---- what was asked for ---- */

static bool parse_access(const struct settings *settings, unsigned *access)
{
    *access = settings->user ? QUIRE_USER : 0;
    for (const char *at = settings->access; at != NULL && *at != '\0'; at++) {
        switch (*at) {
        case 'r': *access |= QUIRE_READ; break;
        case 'w': *access |= QUIRE_WRITE; break;
        case 'x': *access |= QUIRE_EXECUTE; break;
        default:
            fail("translate: --access '%s' is not made of r, w and x", settings->access);
            return false;
        }
    }
    return true;
}

/* The root: said, or in the text; where a table can be. */
static bool choose_root(const struct settings *settings, const struct image *image,
                        const struct quire_format *format, quire_pa *root)
{
    uint64_t align = quire_format_table_bytes(format, 1);
    uint64_t page = quire_format_page_bytes(format);

    if (settings->root != NULL) {
        if (!number_option("translate: --root", settings->root, 0, UINT64_MAX, &root->at)) {
            return false;
        }
    } else if (image->has_root) {
        *root = image->root;
    } else {
        fail("translate: expected --root PA, where the level-1 table is");
        return false;
    }
    align = align < page ? align : page;
    if (root->at % align != 0) {
        fail("translate: the root 0x%" PRIx64 " is not a multiple of %" PRIu64
             ", as the root of %s has to be",
             root->at, align, format->name);
        return false;
    }
    return true;
}

static bool check_addresses(const struct settings *settings)
{
    uint64_t va;
    int inputs = strcmp(settings->memory, "-") == 0;

    if (settings->vas == 0) {
        fail("translate: expected virtual addresses, or - to read them");
        return false;
    }
    for (int i = 0; i < settings->vas; i++) {
        if (strcmp(settings->va[i], "-") == 0) {
            inputs++;
        } else if (!number_parse(settings->va[i], &va)) {
            fail("translate: '%s' is not an address such as 0x3f80", settings->va[i]);
            return false;
        }
    }
    if (inputs > 1) {
        fail("translate: standard input can be one thing only, and - stands there %d times",
             inputs);
        return false;
    }
    return true;
}

static int run_json(struct translation *t, const struct settings *settings)
{
    struct json json = json_to(stdout);
    int status;

    t->json = &json;
    json_open(&json, NULL, '{');
    json_string(&json, "format", t->mmu.format->name);
    json_hex(&json, "root", t->mmu.root.at, pa_digits(t->mmu.format));
    json_open(&json, "translations", '[');
    status = translate_all(t, settings->va, settings->vas);
    json_close(&json);
    json_close(&json);
    return status;
}

static int run_with_image(const struct settings *settings, const struct image *image,
                          const struct quire_format *format)
{
    struct translation t = {.mmu = {format, &image->memory, {0}}, .explain = settings->explain};

    if (!choose_root(settings, image, format, &t.mmu.root) || !parse_access(settings, &t.access)) {
        return STATUS_BAD;
    }
    return settings->json ? run_json(&t, settings) : translate_all(&t, settings->va, settings->vas);
}

static int run(const struct settings *settings)
{
    struct format_described described;
    const struct quire_format *format;
    struct image image;
    struct problem problem;
    uint64_t base = 0;
    int status;

    if (settings->ostep != NULL) {
        return answer_ostep(settings);
    }
    if (settings->format == NULL || settings->memory == NULL) {
        return fail(
            "translate: expected --format F and --memory IMAGE (see quire translate --help)");
    }
    if (!check_addresses(settings) ||
        (settings->base != NULL &&
         !number_option("translate: --base", settings->base, 0, UINT64_MAX, &base))) {
        return STATUS_BAD;
    }
    if (!format_choose(settings->format, &described, &format, &problem) ||
        !image_open(&image, settings->memory, base, &problem)) {
        return fail("translate: %s", problem.text);
    }
    status = run_with_image(settings, &image, format);
    image_close(&image);
    return status;
}

int command_translate(int argc, char **argv)
{
    static const struct option_spec options[] = {{"format", 0, "F"},   {"memory", 0, "IMAGE"},
                                                 {"root", 0, "PA"},    {"base", 0, "PA"},
                                                 {"access", 0, "rwx"}, {"ostep", 0, "FILE"},
                                                 {"user", 0, NULL},    {"explain", 0, NULL},
                                                 {"json", 0, NULL},    {0}};
    enum { FORMAT, MEMORY, ROOT, BASE, ACCESS, OSTEP, USER, EXPLAIN, JSON };
    struct arguments arguments = arguments_of(argc, argv);
    struct settings settings = {.va = argv + 1}; /* operands move up in argv */
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        switch (found) {
        case FORMAT: settings.format = value; break;
        case MEMORY: settings.memory = value; break;
        case ROOT: settings.root = value; break;
        case BASE: settings.base = value; break;
        case ACCESS: settings.access = value; break;
        case OSTEP: settings.ostep = value; break;
        case USER: settings.user = true; break;
        case EXPLAIN: settings.explain = true; break;
        case JSON: settings.json = true; break;
        case ARGUMENTS_OPERAND: settings.va[settings.vas++] = argv[arguments.at - 1]; break;
        default: return STATUS_BAD;
        }
    }
    return run(&settings);
}
