/* Boot, in order; and what must be so when all programs have ended. */
#include "kernel.h"

/* What is free: all of it must come back. */
struct account {
    uint32_t frames, slots;
};

static struct account account(void)
{
    return (struct account){frames.free, paging.swap.slots.free};
}

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

static void check(struct account before)
{
    struct account after = account();

    validate();
    if (after.frames != before.frames || after.slots != before.slots) {
        kernel_panic("%u of %u frames and %u of %u slots are free again", after.frames,
                     before.frames, after.slots, before.slots);
    }
    say("all %u frames and %u slots are free again", after.frames, after.slots);
}

void kernel_start(const struct boot *boot)
{
    struct account before;
    int32_t status;

    options_read(boot->command_line);
    memory_start(boot);
    program_start(boot);
    hello();
    if (options.witness) {
        stop("kernel");
    }
    before = account();
    status = run();
    check(before);
    machine_exit((unsigned)status);
}
