/*
 * A tour of all tables of a tree, but for those that it inherits, without recursion: each table
 * comes after those below it, so that a tour may free what it is given.
 */
#ifndef QUIRE_PAGING_TOUR_H
#define QUIRE_PAGING_TOUR_H

#include "cursor.h"

struct tour {
    struct cursor at; /* path: the tables from the root to the one that was given last */
    unsigned level;
    uint32_t next[QUIRE_LEVELS_MAX];   /* entry to look at next, by level - 1 */
    uint32_t inherited, inherited_end; /* root entries that are left out */
    uint64_t lost;                     /* pointers to where there is no memory; not followed */
};

struct tour quire_tour_begin(const struct quire_table *table);

/* The level of the next table, which is at *pa; 0 when the tour is over. */
unsigned quire_tour_next(struct tour *tour, quire_pa *pa);

/* The lowest address that entry `index` of the table given last translates. */
uint64_t quire_tour_address(const struct tour *tour, uint32_t index);

#endif
