/* Boot, in order; and what must be so when all programs have ended. */
#include "kernel.h"

static void hello(void)
{
    say("%u KiB of memory, %u of %u frames free, swap of %u pages; layout %s, policy %s",
        frames.total << (frames.page_shift - 10), frames.free, frames.total,
        paging.swap.slots.total, options.layout->name, options.policy->name);
}

/* The first program and all that it starts; how the first one ended. */
static int32_t run(void)
{
    intptr_t number = process_spawn(options.command);

    if (number < 0) {
        refuse("cannot start %s: %s", options.command,
               number == -QUIRE_NOT_FOUND ? "no such program"
                                          : quire_status_text((enum quire_status) - number));
    }
    return task_run_all();
}

/* All that was free before must be free again. */
static void check(uint32_t free_frames, uint32_t free_slots)
{
    validate();
    if (frames.free != free_frames || paging.swap.slots.free != free_slots) {
        kernel_panic("%u of %u frames and %u of %u slots are free again", frames.free, free_frames,
                     paging.swap.slots.free, free_slots);
    }
    say("all %u frames and %u slots are free again", free_frames, free_slots);
}

void kernel_start(const struct boot *boot)
{
    uint32_t free_frames, free_slots;
    int32_t status;

    options_read(boot->command_line);
    memory_start(boot);
    program_start(boot);
    hello();
    if (options.witness) {
        stop("kernel");
    }
    free_frames = frames.free;
    free_slots = paging.swap.slots.free;
    status = run();
    check(free_frames, free_slots);
    machine_exit((unsigned)status);
}
