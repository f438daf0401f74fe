/*
 * The MMU as witness: boots the kernel, and at each stop of a program, for each process, compares
 * every mapping that the kernel believes in with what the MMU makes of its page tables. (TAP)
 *
 *     witness [--five-steps] QUIRE boot --witness ...      QEMU
 *     witness --bochs [--five-steps] BOCHSRC               Bochs
 *
 * --five-steps: the program is proc1, whose stops show ranges that seed 002 prints.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "five_steps.h"
#include "mmu.h"
#include "stop.h"

#include "tests/support/check.h"

enum { KERNEL_BYTES = 8 << 20 };
enum { UNSEEN, READ, WRITTEN };

struct witness {
    struct mmu mmu;
    struct stop stop;
    char line[512];
    size_t length; /* of what there is of a line */
    char buffer[4096];
    size_t at, end;
    unsigned tests, stops;
    bool five_steps;
    unsigned char seen[(UINT64_C(1) << 32) / PAGE]; /* of each frame, at this stop */
    bool failed;
};

/* ---- what was found -------------------------------------------------------------------------- */

static void result(struct witness *witness, const char *what, const char *trouble)
{
    const struct stop *stop = &witness->stop;

    printf("%sok %u - %s, process %u %s: %s\n", trouble == NULL ? "" : "not ", ++witness->tests,
           stop->name, stop->process, stop->program, what);
    if (trouble != NULL) {
        printf("#   %s\n", trouble);
        witness->failed = true;
    }
    fflush(stdout);
}

/* A few places asked one by one: the ends of each run, and what is beside it. */
static bool translations_differ(struct witness *witness, char *text, size_t bytes)
{
    enum { RUNS = 40 };
    const struct pages *pages = &witness->stop.pages;
    unsigned runs = 0;

    for (size_t i = 0; i < pages->count && runs < RUNS; i++) {
        const struct page *page = &pages->page[i];
        uint32_t va = page->va + (uint32_t)(i * 37 % PAGE), pa = 0;
        uint32_t behind = page->va + PAGE;

        if (i + 1 < pages->count && page[1].va == behind && page[1].pa == page->pa + PAGE) {
            continue;
        }
        runs++;
        if (!witness->mmu.ops->translate(&witness->mmu, va, &pa) || pa != page->pa + va % PAGE) {
            snprintf(text, bytes, "%08" PRIx32 ": kernel: %08" PRIx32 "; MMU: %08" PRIx32, va,
                     page->pa + va % PAGE, pa);
            return true;
        }
        if (behind != 0 && pages_find(pages, behind) == NULL &&
            witness->mmu.ops->translate(&witness->mmu, behind, &pa)) {
            snprintf(text, bytes, "%08" PRIx32 ": kernel: not mapped; MMU: %08" PRIx32, behind, pa);
            return true;
        }
    }
    return false;
}

/* Of the kernel's part nothing is for programs, the first page is nobody's; all else is theirs. */
static bool borders_wrong(const struct pages *pages, char *text, size_t bytes)
{
    for (size_t i = 0; i < pages->count; i++) {
        const struct page *page = &pages->page[i];

        if (page->va == 0 || page->user != (page->va >= KERNEL_BYTES)) {
            snprintf(text, bytes, "MMU: %08" PRIx32 " is mapped for %s", page->va,
                     page->user ? "programs" : "the kernel");
            return true;
        }
    }
    return false;
}

/* What one program can write, no other one sees. Notes this process's pages for the next ones. */
static bool is_seen(struct witness *witness, const struct pages *pages, char *text, size_t bytes)
{
    bool seen = false;

    if (witness->stop.process == 0) {
        memset(witness->seen, 0, sizeof(witness->seen));
    }
    for (size_t i = 0; i < pages->count && !seen; i++) {
        const struct page *page = &pages->page[i];
        unsigned char *before = &witness->seen[page->pa / PAGE];

        if (page->user) {
            seen = *before == WRITTEN || (*before == READ && page->write);
            snprintf(text, bytes,
                     "MMU: %08" PRIx32 " -> %08" PRIx32 ": another process has it, too", page->va,
                     page->pa);
        }
    }
    for (size_t i = 0; i < pages->count; i++) {
        if (pages->page[i].user) {
            witness->seen[pages->page[i].pa / PAGE] = pages->page[i].write ? WRITTEN : READ;
        }
    }
    return seen;
}

static void examine(struct witness *witness)
{
    struct stop *stop = &witness->stop;
    struct mmu_state state = {0};
    char text[300], what[100];
    bool fine;

    witness->mmu.ops->halt(&witness->mmu);
    witness->mmu.ops->read(&witness->mmu, &state);
    snprintf(text, sizeof(text), "root: kernel: %08" PRIx32 "; MMU: %08" PRIx32, stop->root,
             state.root);
    fine = state.root == stop->root && state.write_protect;
    result(witness, "its table is active, with CR0.WP", fine ? NULL : text);
    snprintf(what, sizeof(what), "%zu pages mapped", stop->pages.count);
    fine = !pages_differ(&stop->pages, "kernel", &state.pages, "MMU", text, sizeof(text));
    result(witness, what, fine ? NULL : text);
    fine = !translations_differ(witness, text, sizeof(text));
    result(witness, "single addresses", fine ? NULL : text);
    fine = !borders_wrong(&state.pages, text, sizeof(text)) &&
           !is_seen(witness, &state.pages, text, sizeof(text));
    result(witness, "the kernel's is the kernel's, what is written is one's own",
           fine ? NULL : text);
    if (witness->five_steps) {
        fine = five_steps_check(stop, &state.pages, text, sizeof(text));
        result(witness, "the ranges of seed 002", fine ? NULL : text);
    }
    pages_clear(&state.pages);
    witness->stops++;
    check(write(witness->mmu.keys, "\n", 1) == 1);
    witness->mmu.ops->go_on(&witness->mmu);
}

/* ---- the console ----------------------------------------------------------------------------- */

/* The next character, or -1 at the end. */
static int next_character(struct witness *witness)
{
    if (witness->at == witness->end) {
        ssize_t bytes = 0;

        if (witness->mmu.ops->listen(&witness->mmu)) {
            bytes = read(witness->mmu.console, witness->buffer, sizeof(witness->buffer));
        }
        witness->at = 0;
        witness->end = bytes > 0 ? (size_t)bytes : 0;
    }
    return witness->at < witness->end ? (unsigned char)witness->buffer[witness->at++] : -1;
}

/* False: the console has ended. Longer lines come in pieces. */
static bool next_line(struct witness *witness)
{
    size_t length = 0;
    int c;

    while ((c = next_character(witness)) >= 0 && c != '\n' && length + 1 < sizeof(witness->line)) {
        if (c != '\r') {
            witness->line[length++] = (char)c;
        }
    }
    witness->line[length] = '\0';
    return c >= 0;
}

static void watch(struct witness *witness)
{
    while (next_line(witness)) {
        switch (stop_read(&witness->stop, witness->line)) {
        case STOP_NOT: printf("# %s\n", witness->line); break;
        case STOP_PART: break;
        case STOP_WAITS: examine(witness); break;
        case STOP_WRONG: result(witness, "its lines", witness->line); return;
        }
    }
}

int main(int argc, char **argv)
{
    static struct witness witness;
    char text[60];
    int status;
    bool fine;

    witness.mmu.ops = &mmu_qemu;
    for (argv++, argc--; argc > 0 && strncmp(argv[0], "--", 2) == 0; argv++, argc--) {
        if (strcmp(argv[0], "--bochs") == 0) {
            witness.mmu.ops = &mmu_bochs;
        } else {
            witness.five_steps = strcmp(argv[0], "--five-steps") == 0;
        }
    }
    check(argc > 0);
    witness.mmu.ops->start(&witness.mmu, argv);
    watch(&witness);
    status = witness.mmu.ops->end(&witness.mmu);
    strcpy(witness.stop.name, "the end");
    snprintf(text, sizeof(text), "%u processes examined, exit status %d", witness.stops, status);
    fine = witness.five_steps ? witness.stops == FIVE_STEPS_STOPS : witness.stops > 0;
    result(&witness, text, status == 0 && fine ? NULL : text);
    printf("1..%u\n", witness.tests);
    return witness.failed;
}
