/*
 * forks [DEPTH [CHILDREN]]: storms of processes that share pages until one of them writes.
 *
 * Every process of a tree writes some of the pages, before its first child and after each, and
 * looks at all of them again and again. What must be in a page follows from the tree alone: from
 * the last ancestor that wrote it before the next one in the line was born. Nothing is kept in
 * memory for it, as memory is what is in doubt.
 *
 *   node n writes (step 0), bears child 0 = n * children + 1, writes (step 1), bears child 1, ...
 *
 * `forks leaf STATUS` is what becomes of processes by exec: it ends with the status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pattern.h"
#include "system.h"

enum { PAGES = 24, CHILDREN = 8, WRONG = 98, LEAVES = 8, TRIES = 100000 };

struct tree {
    uint32_t *memory;
    uint32_t depth, children;
};

/* ---- what should be -------------------------------------------------------------------------- */

static bool writes(uint32_t page, uint32_t node, uint32_t step)
{
    return pattern_mix(node * 64 + step * 8191 + page * 31 + 7) % 4 == 0;
}

static uint32_t key_of(uint32_t page, uint32_t node, uint32_t step)
{
    return ((node + 1) * (CHILDREN + 1) + step) * PAGES + page;
}

/* Whoever wrote the page last before the node was at this step. */
static uint32_t expected(const struct tree *tree, uint32_t page, uint32_t node, uint32_t step)
{
    for (;;) {
        for (uint32_t s = step + 1; s-- != 0;) {
            if (node == 0 || writes(page, node, s)) {
                return key_of(page, node, node == 0 ? 0 : s);
            }
        }
        step = (node - 1) % tree->children;
        node = (node - 1) / tree->children;
    }
}

static void look(const struct tree *tree, uint32_t node, uint32_t step)
{
    for (uint32_t page = 0; page < PAGES; page++) {
        const uint32_t *at = tree->memory + page * PAGE_WORDS;
        uint32_t wrong = pattern_wrong(at, expected(tree, page, node, step));

        if (wrong != PAGE_WORDS) {
            printf("forks: wrong: process %u, step %u, page %u, word %u: 0x%08x\n", node, step,
                   page, wrong, at[wrong]);
            exit(WRONG);
        }
    }
}

/* The root begins with all pages, and writes no more. */
static void write_some(const struct tree *tree, uint32_t node, uint32_t step)
{
    for (uint32_t page = 0; page < PAGES; page++) {
        if (node == 0 ? step == 0 : writes(page, node, step)) {
            pattern_fill(tree->memory + page * PAGE_WORDS, key_of(page, node, step));
        }
    }
}

/* ---- the tree -------------------------------------------------------------------------------- */

static int32_t status_of(uint32_t node)
{
    return (int32_t)(pattern_mix(node) % 90);
}

/* Some do not care how their children end. */
static bool waits(uint32_t node)
{
    return node == 0 || pattern_mix(node + 99) % 5 != 0;
}

static void await(uint32_t node, uint32_t count, const intptr_t *child, const uint32_t *number)
{
    for (uint32_t left = count; left != 0; left--) {
        int32_t status = -1;
        intptr_t ended = system_wait(&status);
        uint32_t i = 0;

        while (i < count && child[i] != ended) {
            i++;
        }
        if (i == count || status != status_of(number[i])) {
            printf("forks: wrong: process %u waited for %d, which ended with %d\n", node,
                   (int)ended, (int)status);
            exit(WRONG);
        }
    }
}

/* As long as there is no memory for it, others may be about to end. */
static intptr_t try_fork(void)
{
    intptr_t child = -QUIRE_NO_MEMORY;

    for (unsigned i = 0; i < TRIES && child == -QUIRE_NO_MEMORY; i++) {
        child = system_fork();
        if (child == -QUIRE_NO_MEMORY) {
            system_yield();
        }
    }
    if (system_failed(child)) {
        printf("forks: wrong: fork is refused: %d\n", (int)child);
        exit(WRONG);
    }
    return child;
}

/* A node's life. A child comes out of fork() as the next node, one level below. */
static void live(const struct tree *tree)
{
    intptr_t child[CHILDREN];
    uint32_t number[CHILDREN];
    uint32_t node = 0, level = 0, step = 0;

    write_some(tree, node, step);
    while (level < tree->depth && step < tree->children) {
        look(tree, node, step);
        child[step] = try_fork();
        number[step] = node * tree->children + 1 + step;
        if (child[step] == 0) {
            look(tree, node, step);
            node = number[step];
            level++;
            step = 0;
        } else {
            step++;
        }
        write_some(tree, node, step);
        for (uint32_t i = pattern_mix(node * 8 + step) % 4; i != 0; i--) {
            system_yield();
        }
    }
    look(tree, node, step);
    if (level == tree->depth && node % 9 == 4) { /* a few leaves: here somebody may look */
        system_stop("leaf");
    }
    if (waits(node)) {
        await(node, step, child, number);
        look(tree, node, step);
    }
    if (node != 0) {
        exit(status_of(node));
    }
}

/* Only the first process comes back from it. */
static void grow(uint32_t depth, uint32_t children)
{
    intptr_t at = system_mmap(PAGES * PAGE, QUIRE_READ | QUIRE_WRITE);
    struct tree tree = {(void *)at, depth, children};
    struct memory_statistics before, memory;
    uint32_t processes = 1;

    if (system_failed(at)) {
        printf("forks: wrong: no memory: %d\n", (int)at);
        exit(WRONG);
    }
    system_memory(&before);
    live(&tree);
    do { /* those for whom nobody waits */
        system_yield();
        system_memory(&memory);
    } while (memory.processes > before.processes);
    look(&tree, 0, children);
    for (uint32_t level = 0, width = 1; level < depth; level++) {
        width *= children;
        processes += width;
    }
    printf("forks: %u deep, %u children each: %u processes, every page right\n", depth, children,
           processes);
    system_munmap(tree.memory, PAGES * PAGE);
}

/* ---- exec ------------------------------------------------------------------------------------ */

static void become_leaf(uint32_t n)
{
    char command[COMMAND_BYTES];

    if (system_exec("there-is-no-such-program") != -QUIRE_NOT_FOUND) {
        exit(WRONG);
    }
    snprintf(command, sizeof(command), "forks leaf %u", n);
    system_exec(command);
    exit(WRONG);
}

static void execs(void)
{
    intptr_t child[LEAVES];

    for (uint32_t i = 0; i < LEAVES; i++) {
        child[i] = try_fork();
        if (child[i] == 0) {
            become_leaf(i);
        }
    }
    for (uint32_t left = LEAVES; left != 0; left--) {
        int32_t status = -1;
        intptr_t ended = system_wait(&status);

        if (status < 0 || status >= LEAVES || child[status] != ended) {
            printf("forks: wrong: a leaf ended with %d\n", (int)status);
            exit(WRONG);
        }
    }
    printf("forks: %u processes became others\n", (unsigned)LEAVES);
}

int main(int argc, char **argv)
{
    uint32_t depth = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 3;
    uint32_t children = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 3;

    if (argc > 2 && strcmp(argv[1], "leaf") == 0) {
        return (int)children;
    }
    if (children == 0 || children > CHILDREN) {
        printf("forks: 1 to %u children\n", (unsigned)CHILDREN);
        return 2;
    }
    grow(depth, children);
    grow(10, 1);
    execs();
    return 0;
}
