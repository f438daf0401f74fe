/*
 * An MMU that is not ours, asked what it makes of the page tables that the kernel has built: QEMU's
 * by its monitor, Bochs's by its debugger. Whatever goes wrong on the way fails a check().
 */
#ifndef KERNEL_MMU_H
#define KERNEL_MMU_H

#include <sys/types.h>

#include "pages.h"

struct mmu {
    const struct mmu_ops *ops;
    pid_t pid;
    int keys, console;   /* the machine's serial line; may be the same */
    int to, from;        /* its monitor or debugger; may be the same */
    bool halted;         /* by its debugger */
    char directory[64];  /* for a socket */
    char *text;          /* its last answer */
    size_t length, room; /* of that */
};

struct mmu_state {
    uint32_t root;
    bool write_protect; /* CR0.WP, and paging is on */
    struct pages pages; /* effective rights, of all levels together */
};

struct mmu_ops {
    const char *name;
    const char *prompt; /* an answer is over at a line that begins so and ends in a blank */

    /* Starts the machine. The arguments end in NULL. */
    void (*start)(struct mmu *mmu, char **arguments);
    /* Waits until there is something to read at `console`, or its end. False: the machine has
     * ended. */
    bool (*listen)(struct mmu *mmu);
    /* The kernel has printed "examine": waits until the machine can be asked. */
    void (*halt)(struct mmu *mmu);
    void (*read)(struct mmu *mmu, struct mmu_state *state);
    bool (*translate)(struct mmu *mmu, uint32_t va, uint32_t *pa);
    void (*go_on)(struct mmu *mmu);
    int (*end)(struct mmu *mmu); /* the exit status, where there is one */
};

extern const struct mmu_ops mmu_qemu, mmu_bochs;

/* ---- for those two ---- */

enum { MMU_PATIENCE = 60 }; /* seconds without any sign of life */

/* Starts argv with standard input and output at mmu->to and mmu->from. */
void mmu_spawn(struct mmu *mmu, const char *const *argv);

/* Waits for `fd`; checks that something came. */
void mmu_wait(const struct mmu *mmu, int fd);

/* Takes in more of an answer; false: that was the last. */
bool mmu_hear(struct mmu *mmu);

/* Is it complete? */
bool mmu_is_answered(const struct mmu *mmu);

/* Says a command (NULL: none, only waits for the prompt); the answer is in mmu->text. */
void mmu_ask(struct mmu *mmu, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
