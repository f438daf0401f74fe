/*
 * The machine of seed 004: 64 frames of 256 bytes, and everything that it knows lies in them.
 *
 *   0          64         128           256              512             16384
 *   +----------+----------+-------------+----------------+----- ... -----+
 *   | free map | page     |  (unused)   | frame 1        | frames 2..63  |
 *   | 1 = used | table of |             |                |               |
 *   | a frame  | process n|             |                |               |
 *   +----------+----------+-------------+----------------+----- ... -----+
 *   :<-------------- frame 0, the zero page ------------>:
 *
 * The free map is quire's frame allocator with its counts inside memory; the page tables are
 * quire's page tables of the format `ptsim`; a load or store is a walk.
 */
#ifndef QUIRE_TOOLS_PTSIM_H
#define QUIRE_TOOLS_PTSIM_H

#include "quire/frames.h"
#include "quire/host.h"

enum {
    PTSIM_FRAMES = 64,
    PTSIM_PAGE_BYTES = 256,
    PTSIM_BYTES = PTSIM_FRAMES * PTSIM_PAGE_BYTES,
    PTSIM_PROCESSES = 64,
    PTSIM_FREE_MAP = 0,     /* physical address of the free map */
    PTSIM_PAGE_TABLES = 64, /* ... of the bytes that hold each process's page-table frame */
};

/* Points into itself: stays where it is. */
struct ptsim {
    unsigned char memory[PTSIM_BYTES];
    struct quire_frames frames;
    struct quire_host host;
};

/* What became of a command. All but the first three change nothing. */
enum ptsim_outcome {
    PTSIM_DONE,
    PTSIM_NO_DATA_FRAME, /* out of memory for data: frames taken so far are kept */
    PTSIM_PAGE_FAULT,
    PTSIM_NO_TABLE_FRAME, /* out of memory for the page table: there is no process */
    PTSIM_NO_PROCESS,
    PTSIM_PROCESS_EXISTS
};

void ptsim_init(struct ptsim *machine);

/* => process < PTSIM_PROCESSES, va < PTSIM_BYTES, in all that follow. */
bool ptsim_has_process(const struct ptsim *machine, unsigned process);

/* Starts a process: a page table, then `pages` data pages, each in the lowest free frame. */
enum ptsim_outcome ptsim_start(struct ptsim *machine, unsigned process, uint64_t pages);

/* Gives it more pages, behind those it has. */
enum ptsim_outcome ptsim_grow(struct ptsim *machine, unsigned process, uint64_t pages);

enum ptsim_outcome ptsim_kill(struct ptsim *machine, unsigned process);

/* *pa receives the physical address. */
enum ptsim_outcome ptsim_store(struct ptsim *machine, unsigned process, unsigned va,
                               unsigned char value, unsigned *pa);
enum ptsim_outcome ptsim_load(const struct ptsim *machine, unsigned process, unsigned va,
                              unsigned char *value, unsigned *pa);

/* The frame that a page of the process is mapped to; 0: not mapped. => the process exists */
unsigned ptsim_frame(const struct ptsim *machine, unsigned process, unsigned page);

bool ptsim_frame_used(const struct ptsim *machine, unsigned frame);

/* Free map, page tables and processes agree. */
bool ptsim_valid(const struct ptsim *machine);

#endif
