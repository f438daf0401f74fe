/*
 * Format files: whatever is accepted is a sound format, is written so that it reads back as the
 * same text, can be drawn, and page tables of it can be computed and walked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/walk.h"
#include "tests/support/check.h"
#include "tools/quire/format_draw.h"
#include "tools/quire/format_file.h"
#include "tools/quire/table_size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *open_text(char **text, size_t *length)
{
    FILE *out = open_memstream(text, length);

    check(out != NULL);
    return out;
}

static char *written(const struct quire_format *format, size_t *length)
{
    char *text = NULL;
    FILE *out = open_text(&text, length);

    format_write(format, out);
    fclose(out);
    return text;
}

static void check_round_trip(const struct quire_format *format)
{
    struct format_described again;
    struct problem problem = {""};
    size_t length, length_again;
    char *text = written(format, &length);
    char *text_again;

    checkf(format_parse(&again, text, length, "again", &problem), "%s\n%s", problem.text, text);
    text_again = written(&again.format, &length_again);
    checkf(strcmp(text, text_again) == 0, "%s\n---\n%s", text, text_again);
    free(text);
    free(text_again);
}

static void draw(const struct quire_format *format)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_text(&text, &length);

    format_draw(format, out);
    fclose(out);
    free(text);
}

static void use(const struct quire_format *format, const uint8_t *data, size_t size)
{
    uint64_t top = format->va_bits == 64 ? UINT64_MAX : (UINT64_C(1) << format->va_bits) - 1;
    struct address_range range = {0, top / 2};
    struct quire_memory memory = {.direct = (unsigned char *)(uintptr_t)data, .bytes = size};
    struct quire_mmu mmu = {format, &memory, {0}};
    struct quire_walk walk;
    struct quire_trace trace;
    struct table_size sizes;

    check(table_size(format, &range, 1, LEAVES_SMALL, 0, &sizes));
    check(sizes.pages == top / 2 / quire_format_page_bytes(format) + 1);
    for (unsigned bit = 0; bit < 64; bit++) {
        quire_walk_traced(&mmu, quire_va_at(UINT64_C(1) << bit), 0, &walk, &trace);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct format_described described;
    struct problem problem = {""};
    const char *why;

    if (!format_parse(&described, (const char *)data, size, "input", &problem)) {
        check(strncmp(problem.text, "input: ", 7) == 0 && strchr(problem.text, '\n') == NULL);
        return 0;
    }
    check(quire_format_check(&described.format, &why) == QUIRE_OK);
    check_round_trip(&described.format);
    draw(&described.format);
    use(&described.format, data, size);
    return 0;
}
