/*
 * Two spaces on the laboratory's machine (lab.h) that its model knows nothing of: for what it
 * cannot say, such as shared mappings, forks and stacks. Pages count from address 0; a page is
 * known by its first byte.
 */
#ifndef SUPPORT_PAIR_H
#define SUPPORT_PAIR_H

#include "quire/object.h"
#include "tests/support/lab.h"

enum { PAIR_SPACES = 2, PAIR_FILE_PAGES = 4 };

struct pair {
    struct lab lab;
    struct quire_space space[PAIR_SPACES];
    bool alive[PAIR_SPACES];
    struct quire_object object;
    bool has_object;
    unsigned char file[PAIR_FILE_PAGES * 4096]; /* of the object */
    unsigned writes;                            /* to it */
};

void pair_open(struct pair *pair, const struct lab_setup *setup);

/* On lab_machine(machine). */
void pair_start(struct pair *pair, unsigned machine, uint32_t limit, uint32_t slots);

/* Every frame and slot must be back. */
void pair_close(struct pair *pair);

void pair_create(struct pair *pair, unsigned n);
void pair_destroy(struct pair *pair, unsigned n);

/* Can the MMU withhold the right to write? Else no fork is possible. */
bool pair_can_fork(const struct quire_format *format);

/* Space 1 becomes a copy of space 0. */
void pair_fork(struct pair *pair);

/* quire_validate() */
void pair_validate(struct pair *pair);

/* Bytes of so many pages; the address of a page. */
uint64_t pair_at(const struct pair *pair, uint64_t page);

/* May be read and written. */
void pair_map(struct pair *pair, unsigned n, uint64_t page, uint64_t pages,
              struct quire_object *object, enum quire_sharing sharing);

/* The object, PAIR_FILE_PAGES pages of zeros; of `file`, or else paged to swap. */
void pair_object(struct pair *pair, bool of_file);

/* The byte at va, as the processor reaches it, marks and all; faults that are not served fail. */
unsigned char *pair_reach(struct pair *pair, unsigned n, uint64_t va, unsigned access);

/* A page's first byte. */
void pair_store(struct pair *pair, unsigned n, uint64_t page, unsigned char value);
void pair_load(struct pair *pair, unsigned n, uint64_t page, unsigned char expected);

#endif
