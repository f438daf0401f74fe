/* The homework of OSTEP's chapters "Introduction to Paging" and "Paging: Smaller Tables", solved by
 * quire's walk. */
#include "ostep_answer.h"

#include <inttypes.h>

#include "quire/formats.h"
#include "quire/pte.h"
#include "quire/walk.h"

/* ---- two levels ---- */

/* "  --> pde index:0x1 [decimal 1] pde contents:0xa1 (valid 1, pfn 0x21 [decimal 33])" */
static void print_step(const struct quire_step *step, unsigned level, FILE *out)
{
    const char *entry = level == 1 ? "pde" : "pte";
    unsigned pte = (unsigned)step->entry;
    unsigned pfn = pte & 0x7f;

    fprintf(out,
            "%*s--> %s index:0x%x [decimal %u] %s contents:0x%x (valid %u, pfn 0x%02x "
            "[decimal %u])\n",
            (int)(2 * level), "", entry, (unsigned)step->index, (unsigned)step->index, entry, pte,
            pte >> 7, pfn, pfn);
}

static bool answer_multilevel(const struct quire_mmu *mmu, uint64_t va, const char *name, FILE *out,
                              struct problem *problem)
{
    struct quire_walk walk;
    struct quire_trace trace;
    const unsigned char *value;

    quire_walk_traced(mmu, quire_va_at(va), QUIRE_READ, &walk, &trace);
    if (walk.reason == QUIRE_REASON_NONCANONICAL) {
        return problem_set(problem, "%s: virtual address 0x%" PRIx64 " is wider than 15 bits", name,
                           va);
    }
    value = walk.reason == QUIRE_REASON_NONE ? quire_memory_at(mmu->memory, walk.pa, 1) : NULL;
    if (walk.reason == QUIRE_REASON_UNREACHABLE ||
        (walk.reason == QUIRE_REASON_NONE && value == NULL)) {
        return problem_set(problem,
                           "%s: virtual address 0x%04" PRIx64 " leads to a page that is "
                           "not in the text",
                           name, va);
    }

    fprintf(out, "Virtual Address 0x%04" PRIx64 ":\n", va);
    for (unsigned i = 0; i < trace.steps; i++) {
        print_step(&trace.step[i], i + 1, out);
    }
    if (value != NULL) {
        fprintf(out, "      --> Translates to Physical Address 0x%03" PRIx64 " --> Value: 0x%02x\n",
                walk.pa.at, *value);
    } else {
        fprintf(out, "      --> Fault (page %s entry not valid)\n",
                walk.level == 1 ? "directory" : "table");
    }
    return true;
}

static bool answer_all_multilevel(const struct page_text *text, const char *name, FILE *out,
                                  struct problem *problem)
{
    const struct quire_format *format = &quire_format_ostep_multilevel;
    struct quire_memory memory = {.direct = text->memory, .bytes = text->bytes};
    struct quire_mmu mmu = {format, &memory, {text->root * quire_format_page_bytes(format)}};

    if (text->page_bytes != quire_format_page_bytes(format)) {
        return problem_set(problem, "%s: expected pages of 32 bytes, these have %zu", name,
                           text->page_bytes);
    }
    if (!text->has_root || text->root >= text->pages) {
        return problem_set(problem, "%s: expected a line 'PDBR: PAGE' with a page that is there",
                           name);
    }
    for (size_t i = 0; i < text->vas; i++) {
        if (!answer_multilevel(&mmu, text->va[i], name, out, problem)) {
            return false;
        }
    }
    return true;
}

/* ---- one level ---- */

static bool power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static unsigned log_two(uint64_t n)
{
    return (unsigned)__builtin_ctzll(n);
}

/* The machine that the ARG lines describe. */
static bool linear_format(const struct page_text *text, const char *name,
                          struct quire_format *format, struct problem *problem)
{
    uint64_t entries;
    unsigned va_bits;

    if (!power_of_two(text->space_bytes) || !power_of_two(text->page_size)) {
        return problem_set(problem,
                           "%s: expected lines 'ARG address space size SIZE' and "
                           "'ARG page size SIZE', powers of two",
                           name);
    }
    entries = text->space_bytes / text->page_size;
    if (entries != text->bytes / 4) {
        return problem_set(problem,
                           "%s: %zu entries in the page table, and the sizes ask for "
                           "%" PRIu64,
                           name, text->bytes / 4, entries);
    }
    /* An address space of one page: a table of two entries, the second of which nobody asks for. */
    va_bits = log_two(text->space_bytes) + (entries == 1);
    if (quire_format_ostep_linear_init(format, va_bits, log_two(text->page_size)) != QUIRE_OK) {
        return problem_set(problem, "%s: expected pages of 8 bytes to 1 GiB", name);
    }
    return true;
}

static void answer_linear(const struct quire_mmu *mmu, uint64_t va, FILE *out)
{
    struct quire_walk walk;
    uint64_t vpn = va >> quire_format_page_shift(mmu->format);

    fprintf(out, "  VA 0x%08" PRIx64 " (decimal: %8" PRIu64 ") --> ", va, va);
    if (quire_walk(mmu, quire_va_at(va), QUIRE_READ, &walk) == QUIRE_OK) {
        fprintf(out, "%08" PRIx64 " (decimal %8" PRIu64 ") [VPN %" PRIu64 "]\n", walk.pa.at,
                walk.pa.at, vpn);
    } else {
        fprintf(out, " Invalid (VPN %" PRIu64 " not valid)\n", vpn);
    }
}

static bool answer_all_linear(const struct page_text *text, const char *name, FILE *out,
                              struct problem *problem)
{
    struct quire_memory memory = {.direct = text->memory, .bytes = text->room};
    struct quire_format format;
    struct quire_mmu mmu = {&format, &memory, {0}};

    if (!linear_format(text, name, &format, problem)) {
        return false;
    }
    for (size_t i = 0; i < text->vas; i++) {
        if (text->va[i] >= text->space_bytes) {
            return problem_set(problem,
                               "%s: virtual address %" PRIu64 " lies outside the address "
                               "space of %" PRIu64 " bytes",
                               name, text->va[i], text->space_bytes);
        }
        answer_linear(&mmu, text->va[i], out);
    }
    return true;
}

bool ostep_answer(const struct page_text *text, const char *name, FILE *out,
                  struct problem *problem)
{
    if (text->pages == 0 && text->kind != PAGE_TEXT_LINEAR) {
        return problem_set(problem,
                           "%s: expected the output of paging-multilevel-translate.py or "
                           "paging-linear-translate.py",
                           name);
    }
    if (text->vas == 0) {
        return problem_set(problem, "%s: there is no virtual address in it; is the end missing?",
                           name);
    }
    return text->pages > 0 ? answer_all_multilevel(text, name, out, problem)
                           : answer_all_linear(text, name, out, problem);
}
