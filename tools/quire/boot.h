/* A machine under QEMU, with its console on standard input and output. */
#ifndef QUIRE_TOOLS_BOOT_H
#define QUIRE_TOOLS_BOOT_H

#include <stdint.h>

enum {
    BOOT_FAILED = 1,       /* there was no machine, or it ended without a word */
    BOOT_INTERRUPTED = 128 /* and the signal's number */
};

/* A file for the machine's disk: all zeros, no blocks taken, and without a name, so that it is gone
 * when nobody has it open any more, whatever happens. Its descriptor, or -1 and errno. */
int boot_disk(uint64_t bytes);

/*
 * Runs QEMU (argv[0], to be found in PATH; descriptors that are open stay so), which is expected to
 * have its serial line on its standard input and output. Returns when it has ended: the exit status
 * for the user, after an error was printed where there is something to say.
 *
 * The end of standard input reaches the machine as Ctrl-D (4). Ctrl-C and its like end the machine.
 */
int boot_run(const char *const *argv);

#endif
