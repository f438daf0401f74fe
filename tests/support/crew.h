/*
 * A simulated machine with processes on it: files of noise that images and libraries are read from,
 * which fail or are late when told to, and checks of all that a process sees against those files.
 */
#ifndef SUPPORT_CREW_H
#define SUPPORT_CREW_H

#include "hosts/simulator/machine.h"
#include "quire/process.h"

enum { CREW_PROCESSES = 8, CREW_FILES = 4, CREW_HELD = 8 };

/* A file with an image in it: noise, but for what a test puts there. */
struct crew_file {
    struct crew *crew;
    unsigned char *bytes;
    uint64_t size;
    struct quire_image image;
    struct quire_library library; /* if it is used as one */
    uint64_t reads;
};

struct crew {
    struct machine machine;
    struct quire_usermode usermode;
    struct quire_table kernel; /* what processes inherit; in use if usermode.kernel points to it */
    struct quire_process process[CREW_PROCESSES];
    bool alive[CREW_PROCESSES];
    struct crew_file file[CREW_FILES];
    struct mishap fail; /* a page of any file cannot be read */
    bool hold;          /* transfers are late: they wait for crew_deliver() */
    struct quire_transfer *held[CREW_HELD];
    unsigned held_count;
    uint32_t frames_at_start; /* free ones, when there was nothing yet */
};

struct crew_setup {
    const struct quire_format *format;
    const struct quire_layout *layout;
    uint64_t ram_bytes, kernel_bytes, swap_bytes;
};

/* Seed 002's machine: 16 MiB, of which the kernel has 8. */
void crew_open(struct crew *crew, const struct crew_setup *setup);
void crew_open_seed(struct crew *crew, const struct quire_format *format);

/* From now on processes inherit the layout's kernel addresses. => there is none yet */
void crew_inherit(struct crew *crew);

/* Ends what is alive; then every frame must be free again. */
void crew_close(struct crew *crew);

/* File n: an image of so many bytes, or one of text and data. */
struct quire_image *crew_image(struct crew *crew, unsigned n, const char *name, uint64_t bytes);
struct quire_image *crew_parts(struct crew *crew, unsigned n, const char *name, uint64_t text,
                               uint64_t data);

/* ... in the list of libraries. */
struct quire_library *crew_library(struct crew *crew, unsigned n, const char *name, uint64_t text,
                                   uint64_t data, bool kept);

/* File n: what the test says, `size` bytes, to be described by the test. */
struct quire_image *crew_file(struct crew *crew, unsigned n, const void *bytes, uint64_t size);

/* The seed's i386 machine; process 0 has a program of three pages; a library of text and data is in
 * the list, not mapped. */
enum { CREW_PROGRAM, CREW_LIBRARY };
void crew_open_usual(struct crew *crew, enum quire_loading loading);

/* Process n, its pages loaded if it is eager. Checks everything on success, and on failure that
 * nothing has changed. */
enum quire_status crew_spawn(struct crew *crew, unsigned n, const char *name, unsigned file,
                             enum quire_loading loading);
enum quire_status crew_load(struct crew *crew, unsigned n);
void crew_exit(struct crew *crew, unsigned n);

/* The library in file `file`, loaded if the process is eager; heap pages. Both must succeed, and
 * answer where they are. */
uint64_t crew_open_library(struct crew *crew, unsigned n, unsigned file);
uint64_t crew_map_heap(struct crew *crew, unsigned n, uint64_t bytes);

enum quire_status crew_fork(struct crew *crew, unsigned child, unsigned parent);

/* What is where in all processes, and how much memory is free. */
void crew_draw(struct crew *crew, char *text, size_t size);

/* quire_validate(), and what the lists of processes and libraries count. */
void crew_check(struct crew *crew);

/* Ends all transfers that wait. */
void crew_deliver(struct crew *crew, enum quire_status status);

/* Loads and stores of process n, with its privilege. */
enum machine_result crew_access(struct crew *crew, unsigned n, uint64_t va, unsigned access,
                                void *data, uint64_t bytes, struct machine_trap *trap);
uint8_t crew_get(struct crew *crew, unsigned n, uint64_t va);
void crew_put(struct crew *crew, unsigned n, uint64_t va, uint8_t byte);

/* The frame that the process's page table names for an address, or QUIRE_NONE. */
uint32_t crew_pfn(struct crew *crew, unsigned n, uint64_t va);

/* Does process n see the file's image at va, byte by byte, and zeros behind each segment? */
void crew_compare(struct crew *crew, unsigned n, unsigned file, uint64_t va);

#endif
