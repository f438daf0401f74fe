/* A replay as pictures in text: what pictures are made of, the curve of faults, and what to try. */
#include "replay_draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- style --------------------------------------------------------------------------------- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* What the user's terminal speaks is said by the first of these that is set (POSIX, 8.2). */
static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;

    for (size_t i = 0; i < 3 && locale == NULL; i++) {
        locale = environment(names[i]);
    }
    locale = locale != NULL ? strchr(locale, '.') : NULL;
    return locale != NULL &&
           (strncasecmp(locale, ".utf-8", 6) == 0 || strncasecmp(locale, ".utf8", 5) == 0);
}

static bool wants_colour(void)
{
    const char *terminal = environment("TERM");

    return isatty(STDOUT_FILENO) == 1 && environment("NO_COLOR") == NULL && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

struct draw_style draw_style_of(enum draw_how how)
{
    struct draw_style style = {how == DRAW_AS_TERMINAL && locale_is_utf8(),
                               how == DRAW_AS_TERMINAL && wants_colour()};
    return style;
}

/* ---- cells --------------------------------------------------------------------------------- */

static void put_cell(struct draw_style style, const struct draw_cell *cell)
{
    if (style.unicode) {
        fputs(cell->unicode, stdout);
    } else {
        putchar(cell->ascii);
    }
}

static void set_colour(struct draw_style style, unsigned colour)
{
    if (style.colour) {
        printf("\033[%um", colour);
    }
}

void draw_cells(struct draw_style style, const struct draw_cell *cells, const unsigned char *row,
                size_t length)
{
    unsigned colour = 0;

    for (size_t i = 0; i < length; i++) {
        const struct draw_cell *cell = &cells[row[i]];

        if (cell->colour != colour) {
            colour = cell->colour;
            set_colour(style, colour);
        }
        put_cell(style, cell);
    }
    if (colour != 0) {
        set_colour(style, 0);
    }
}

void draw_legend(struct draw_style style, const struct draw_cell *cells, size_t count)
{
    printf("  ");
    for (size_t i = 0; i < count; i++) {
        unsigned char one = (unsigned char)i;

        draw_cells(style, cells, &one, 1);
        printf(" %s%s", cells[i].meaning, i + 1 < count ? "   " : "\n");
    }
}

/* ---- the curve ----------------------------------------------------------------------------- */

enum { CURVE_WIDTH = 80, CURVE_HEIGHT = 8, EIGHTHS = 8 };

/* How much of one character cell is filled, in eighths. */
static void put_bar(struct draw_style style, unsigned eighths)
{
    static const char *const blocks[EIGHTHS + 1] = {
        " ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};

    if (style.unicode) {
        fputs(blocks[eighths], stdout);
    } else {
        putchar(eighths == 0 ? ' ' : eighths < EIGHTHS / 2 ? '.' : eighths < EIGHTHS ? ':' : '#');
    }
}

static void put_curve_row(struct draw_style style, const unsigned *height, unsigned row,
                          double highest)
{
    unsigned below = row * EIGHTHS;
    unsigned end = CURVE_WIDTH;

    if (row == CURVE_HEIGHT - 1 || row == 0) {
        printf("  %10.0f %s", row == 0 ? 0.0 : highest, style.unicode ? "\u2524" : "|");
    } else {
        printf("  %10s %s", "", style.unicode ? "\u2502" : "|");
    }
    while (end > 0 && height[end - 1] <= below) {
        end--;
    }
    set_colour(style, 36);
    for (unsigned x = 0; x < end; x++) {
        unsigned above = height[x] > below ? height[x] - below : 0;
        put_bar(style, above < EIGHTHS ? above : EIGHTHS);
    }
    set_colour(style, 0);
    putchar('\n');
}

void draw_curve(struct draw_style style, const struct replay_report *report)
{
    const struct replay_curve *curve = &report->replay->curve;
    double faults[CURVE_WIDTH];
    unsigned height[CURVE_WIDTH];
    double highest = 0;

    curve_columns(curve, faults, CURVE_WIDTH);
    for (unsigned x = 0; x < CURVE_WIDTH; x++) {
        highest = faults[x] > highest ? faults[x] : highest;
    }
    for (unsigned x = 0; x < CURVE_WIDTH; x++) {
        height[x] = (unsigned)(faults[x] / highest * CURVE_HEIGHT * EIGHTHS + 0.5);
        height[x] += faults[x] > 0 && height[x] == 0; /* few is not none */
    }
    printf("Faults over time: how many in each %s references\n",
           grouped((curve->total + CURVE_WIDTH / 2) / CURVE_WIDTH).text);
    for (unsigned row = CURVE_HEIGHT; row-- > 0;) {
        put_curve_row(style, height, row, highest);
    }
    printf("  %10s 0%*s references\n\n", "", CURVE_WIDTH - 11, grouped(curve->total).text);
}

/* ---- all of it ----------------------------------------------------------------------------- */

void replay_draw(const struct replay_report *report, enum draw_how how)
{
    struct draw_style style = draw_style_of(how);

    draw_address_space(style, report);
    draw_frames(style, report);
    draw_curve(style, report);
}

/* A word for the shell: quoted if it has to be. */
static void put_word(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";

    if (text[0] != '\0' && strspn(text, plain) == strlen(text)) {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (; *text != '\0'; text++) {
        fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, stdout);
    }
    putchar('\'');
}

/* A size so that size_parse() reads the same again. */
static void put_size(const char *option, uint64_t bytes)
{
    printf(" %s %" PRIu64 "%s", option, bytes % 1024 == 0 ? bytes / 1024 : bytes,
           bytes % 1024 == 0 ? "K" : "");
}

/* The command that was run, with this policy and memory instead. */
static void put_command(const struct replay_report *report, const char *policy, uint64_t ram,
                        uint64_t frames)
{
    const struct replay_config *config = &report->replay->config;

    fputs("    ", stdout);
    put_word(output_program);
    fputs(" replay ", stdout);
    put_word(report->trace);
    fputs(" --format ", stdout);
    put_word(report->format_argument);
    if (ram != 0) {
        put_size("--ram", ram);
    } else {
        printf(" --frames %" PRIu64, frames);
    }
    printf(" --policy %s", policy);
    if (config->swap_bytes != replay_default_swap(config)) {
        put_size("--swap-size", config->swap_bytes);
    }
    if (config->tick != replay_default_tick(config)) {
        printf(" --tick %" PRIu64, config->tick);
    }
    if (config->seed != 0) {
        printf(" --seed %" PRIu64, config->seed);
    }
    if (report->limit != UINT64_MAX) {
        printf(" --limit %" PRIu64, report->limit);
    }
    puts(strcmp(report->trace, "-") == 0 ? " < TRACE" : "");
}

/* Would half of the memory do? Tables and records must fit it, and its swap all pages. */
static bool half_will_do(const struct replay_report *report)
{
    const struct replay_figures *f = &report->figures;
    struct replay_config half = report->replay->config;
    uint64_t page = quire_format_page_bytes(half.format);

    half.ram_bytes = half.ram_bytes / page / 2 * page;
    half.frames /= 2;
    if (half.frames == 0 &&
        f->table_bytes + f->supplement_bytes + f->record_bytes + 8 * page > half.ram_bytes) {
        return false;
    }
    return f->touched * page <= replay_default_swap(&half) &&
           half.swap_bytes == replay_default_swap(&report->replay->config);
}

void replay_draw_outlook(const struct replay_report *report)
{
    const struct replay_config *config = &report->replay->config;
    const struct replay_figures *f = &report->figures;
    const char *other = strcmp(config->policy->name, "lru") == 0 ? "fifo" : "lru";
    uint64_t page = quire_format_page_bytes(config->format);
    bool half = half_will_do(report);

    if (config->verify) {
        printf("\nEvery load was verified: %s bytes, loaded %s times, were the bytes stored "
               "before.\n",
               grouped(f->verified_bytes).text, grouped(f->verified_loads).text);
    } else {
        puts("\nNo load was verified, as --no-verify asked.");
    }
    printf("\nTo try next:\n  another policy: does %s fault less than %s?\n", other,
           config->policy->name);
    put_command(report, other, config->ram_bytes, config->frames);
    printf("  %s the memory: how much %s is it?\n", half ? "half" : "twice",
           half ? "worse" : "better");
    put_command(report, config->policy->name,
                half ? config->ram_bytes / page / 2 * page : config->ram_bytes * 2,
                half ? config->frames / 2 : config->frames * 2);
    puts("  what the page tables look like, bit by bit:");
    fputs("    ", stdout);
    put_word(output_program);
    fputs(" formats ", stdout);
    put_word(report->format_argument);
    putchar('\n');
}
