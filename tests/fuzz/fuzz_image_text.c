/*
 * Memory and page tables as text: nothing that OSTEP's programs could have printed, or not, makes
 * the recognisers or the answers read where there is nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"
#include "tools/quire/ostep_answer.h"
#include "tools/quire/page_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct page_text *text)
{
    struct problem problem = {""};
    char *said = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&said, &length);
    bool fine;

    check(out != NULL);
    fine = ostep_answer(text, "input", out, &problem);
    fclose(out);
    check(fine ? length > 0 : strncmp(problem.text, "input: ", 7) == 0);
    free(said);
}

static void parse(const uint8_t *data, size_t size, enum page_text_strictness strictness)
{
    struct page_text text;
    struct problem problem = {""};

    if (!page_text_parse(&text, (const char *)data, size, strictness, "input", &problem)) {
        check(strncmp(problem.text, "input: line ", 12) == 0);
        check(strchr(problem.text, '\n') == NULL);
        return;
    }
    check(text.bytes <= text.room && text.vas <= text.va_room);
    check(text.pages == 0 || text.bytes % text.page_bytes == 0);
    check(text.pages == 0 || text.bytes / text.page_bytes >= text.pages);
    if (strictness == PAGE_TEXT_PROSE) {
        answer(&text);
    }
    page_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    page_text_likely(data, size);
    parse(data, size, PAGE_TEXT_STRICT);
    parse(data, size, PAGE_TEXT_PROSE);
    return 0;
}
