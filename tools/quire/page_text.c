/* Recognising the lines of OSTEP's homework programs. */
#include "page_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

/* A page number times the page must stay below this: a typing error does not take all memory. */
enum { MEMORY_MOST = 1 << 26, WORD_MAX = 24 };

/* One line, and how far it was read. */
struct line {
    const char *at, *end;
    unsigned number;
    const char *name; /* of the whole text */
    struct problem *problem;
};

static bool wrong(const struct line *line, const char *what)
{
    return problem_set(line->problem, "%s: line %u: %s", line->name, line->number, what);
}

static void skip_blanks(struct line *line)
{
    while (line->at < line->end && strchr(" \t\r", *line->at) != NULL && *line->at != '\0') {
        line->at++;
    }
}

/* Moves past `word` if that is what comes next, blanks before it aside. */
static bool take(struct line *line, const char *word)
{
    size_t length = strlen(word);

    skip_blanks(line);
    if ((size_t)(line->end - line->at) < length || memcmp(line->at, word, length) != 0) {
        return false;
    }
    line->at += length;
    return true;
}

static bool at_end(struct line *line)
{
    skip_blanks(line);
    return line->at == line->end;
}

/* Copies the word that comes next: up to a blank or one of "():,[]". */
static const char *take_word(struct line *line, char word[static WORD_MAX])
{
    size_t length = 0;

    skip_blanks(line);
    while (line->at < line->end && strchr(" \t\r():,[]", *line->at) == NULL &&
           length < WORD_MAX - 1) {
        word[length++] = *line->at++;
    }
    word[length] = '\0';
    return word;
}

static bool take_number(struct line *line, uint64_t *value)
{
    char word[WORD_MAX];

    return number_parse(take_word(line, word), value);
}

static bool take_size(struct line *line, uint64_t *value)
{
    char word[WORD_MAX];

    return size_parse(take_word(line, word), value);
}

/* Hexadecimal digits, with or without 0x. */
static bool take_hex(struct line *line, uint64_t *value)
{
    char digits[WORD_MAX];
    char text[WORD_MAX + 2];

    take(line, "0x");
    snprintf(text, sizeof text, "0x%s", take_word(line, digits));
    return number_parse(text, value);
}

/* Room for `bytes` in all, the new ones zero. */
static bool memory_reach(struct page_text *into, size_t bytes)
{
    if (bytes > into->room) {
        size_t room = bytes * 2;
        unsigned char *memory = realloc(into->memory, room);
        if (memory == NULL) {
            return false;
        }
        memset(memory + into->room, 0, room - into->room);
        into->memory = memory;
        into->room = room;
    }
    if (bytes > into->bytes) {
        into->bytes = bytes;
    }
    return true;
}

static bool add_address(struct page_text *into, uint64_t va)
{
    if (into->vas == into->va_room) {
        size_t room = into->va_room == 0 ? 64 : into->va_room * 2;
        uint64_t *list = realloc(into->va, room * sizeof *list);
        if (list == NULL) {
            return false;
        }
        into->va = list;
        into->va_room = room;
    }
    into->va[into->vas++] = va;
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* The digits behind "page N:". Returns how many bytes they are, or 0 if they are not bytes. */
static size_t count_bytes(const struct line *line)
{
    size_t digits = 0;

    for (const char *at = line->at; at < line->end && *at != '#'; at++) {
        if (hex_digit(*at) >= 0) {
            digits++;
        } else if (*at == '\0' || strchr(" \t\r", *at) == NULL) {
            return 0;
        }
    }
    return digits % 2 == 0 ? digits / 2 : 0;
}

static void copy_bytes(const struct line *line, unsigned char *to)
{
    int high = -1;

    for (const char *at = line->at; at < line->end && *at != '#'; at++) {
        int digit = hex_digit(*at);
        if (digit >= 0 && high >= 0) {
            *to++ = (unsigned char)(high << 4 | digit);
            high = -1;
        } else if (digit >= 0) {
            high = digit;
        }
    }
}

/* Pages ascend, so that none is there twice; a program's output leaves none out. */
static bool check_order(const struct page_text *into, const struct line *line, uint64_t number,
                        enum page_text_strictness strictness)
{
    size_t next = into->page_bytes == 0 ? 0 : into->bytes / into->page_bytes;

    if (number == next || (number > next && strictness == PAGE_TEXT_STRICT)) {
        return true;
    }
    return problem_set(line->problem, "%s: line %u: page %" PRIu64 " where page %zu%s was expected",
                       line->name, line->number, number, next,
                       strictness == PAGE_TEXT_STRICT ? " or a later one" : "");
}

/* "page   0:1b1d0501..." */
static bool read_page(struct page_text *into, struct line *line,
                      enum page_text_strictness strictness)
{
    uint64_t number;
    size_t bytes;

    if (!take_number(line, &number) || !take(line, ":")) {
        return wrong(line, "expected 'page NUMBER:' and hexadecimal digits");
    }
    bytes = count_bytes(line);
    if (bytes == 0) {
        return wrong(line, "expected two hexadecimal digits for each byte of the page");
    }
    if (into->page_bytes != 0 && bytes != into->page_bytes) {
        return problem_set(line->problem, "%s: line %u: a page of %zu bytes, others have %zu",
                           line->name, line->number, bytes, into->page_bytes);
    }
    if (into->pages == 0 && into->bytes != 0) {
        return wrong(line, "pages behind the entries of a linear page table: two programs in one");
    }
    if (bytes > MEMORY_MOST || number >= MEMORY_MOST / bytes) {
        return wrong(line, "the page lies beyond 64 MiB, the most that a text image can hold");
    }
    if (!check_order(into, line, number, strictness)) {
        return false;
    }
    into->page_bytes = bytes;
    into->pages++;
    if (!memory_reach(into, ((size_t)number + 1) * bytes)) {
        return wrong(line, "no memory for this page");
    }
    copy_bytes(line, into->memory + (size_t)number * bytes);
    return true;
}

/* "PDBR: 108  (decimal) [...]" */
static bool read_root(struct page_text *into, struct line *line)
{
    if (into->has_root || !take_number(line, &into->root)) {
        return wrong(line, "expected one 'PDBR: PAGE'");
    }
    into->has_root = true;
    return true;
}

/* "Virtual Address 611c: ..." or, solved, "Virtual Address 0x611c:". */
static bool read_virtual_address(struct page_text *into, struct line *line)
{
    uint64_t va;

    if (take(line, "Trace")) {
        return true; /* a heading of the linear program */
    }
    if (!take_hex(line, &va) || !take(line, ":")) {
        return wrong(line, "expected 'Virtual Address HEX:'");
    }
    return add_address(into, va) || wrong(line, "no memory for this address");
}

/* "  VA 0x00003229 (decimal:    12841) --> ..." */
static bool read_linear_address(struct page_text *into, struct line *line)
{
    uint64_t va;

    if (!take_hex(line, &va) || !take(line, "(decimal:")) {
        return wrong(line, "expected 'VA 0xHEX (decimal: N) -->'");
    }
    into->kind = PAGE_TEXT_LINEAR;
    return add_address(into, va) || wrong(line, "no memory for this address");
}

/* "ARG page size 4k": two of the linear program's matter here. */
static bool read_argument(struct page_text *into, struct line *line)
{
    uint64_t *size = take(line, "address space size") ? &into->space_bytes
                     : take(line, "page size")        ? &into->page_size
                                                      : NULL;

    if (size == NULL) {
        return true;
    }
    into->kind = PAGE_TEXT_LINEAR;
    return take_size(line, size) || wrong(line, "expected a size such as 4k");
}

/* "  0x8000000c" or, verbose, "  [       0]  0x8000000c". False, with no problem noted (*fine is
 * true): the line is something else. */
static bool read_linear_entry(struct page_text *into, struct line *line, bool *fine)
{
    struct line start = *line;
    uint64_t index, entry;
    bool verbose = take(line, "[");

    *fine = true;
    if ((verbose && !(take_number(line, &index) && take(line, "]"))) || !take(line, "0x") ||
        !take_hex(line, &entry) || !at_end(line)) {
        *line = start;
        return false;
    }
    if (verbose && index != into->bytes / 4) {
        *fine = wrong(line, "an entry of the page table is missing, or there twice");
    } else if (entry > UINT32_MAX) {
        *fine = wrong(line, "expected an entry of 8 hexadecimal digits");
    } else if (into->bytes >= MEMORY_MOST || !memory_reach(into, into->bytes + 4)) {
        *fine = wrong(line, "no memory for so large a page table");
    } else {
        for (unsigned i = 0; i < 4; i++) {
            into->memory[into->bytes - 4 + i] = (unsigned char)(entry >> 8 * i);
        }
    }
    return true;
}

static bool read_line(struct page_text *into, struct line *line,
                      enum page_text_strictness strictness)
{
    bool fine;

    if (at_end(line) || *line->at == '#') {
        return true;
    }
    if (take(line, "page ") || take(line, "page\t")) {
        return read_page(into, line, strictness);
    }
    if (take(line, "PDBR:")) {
        return read_root(into, line);
    }
    if (take(line, "Virtual Address ")) {
        return read_virtual_address(into, line);
    }
    if (take(line, "ARG ")) {
        return read_argument(into, line);
    }
    if (take(line, "-->")) {
        return true; /* an answer */
    }
    if (strictness == PAGE_TEXT_STRICT) {
        return wrong(line, "expected 'page NUMBER:' and hexadecimal digits");
    }
    if (take(line, "VA ")) {
        return read_linear_address(into, line);
    }
    return into->pages > 0 || !read_linear_entry(into, line, &fine) || fine;
}

bool page_text_parse(struct page_text *into, const char *text, size_t size,
                     enum page_text_strictness strictness, const char *name,
                     struct problem *problem)
{
    const char *end = text + size;
    unsigned number = 0;

    memset(into, 0, sizeof *into);
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        struct line line = {text, newline != NULL ? newline : end, ++number, name, problem};

        if (!read_line(into, &line, strictness)) {
            page_text_free(into);
            return false;
        }
        text = newline != NULL ? newline + 1 : end;
    }
    return true;
}

void page_text_free(struct page_text *text)
{
    free(text->memory);
    free(text->va);
    memset(text, 0, sizeof *text);
}

bool page_text_likely(const unsigned char *text, size_t size)
{
    const char *at = (const char *)text;
    const char *end = at + size;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct line line = {at, newline != NULL ? newline : end, 0, NULL, NULL};
        uint64_t number;

        if (!at_end(&line) && *line.at != '#') {
            return take(&line, "ARG ") || ((take(&line, "page ") || take(&line, "page\t")) &&
                                           take_number(&line, &number) && take(&line, ":"));
        }
        if (newline == NULL) {
            return false;
        }
        at = newline + 1;
    }
    return false;
}
