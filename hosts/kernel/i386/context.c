/* Frames and contexts: programs that wait for their turn, as seen from the kernel. */
#include "i386.h"

_Static_assert(offsetof(struct machine_frame, cs) == FRAME_CS, "entry.S knows it");

enum { EFLAGS_ALWAYS = 1 << 1, EFLAGS_INTERRUPTS = 1 << 9 };

/* What machine_switch() leaves on a stack. */
struct context {
    uint32_t edi, esi, ebx, ebp;
    void (*go_on)(void);
};

uintptr_t machine_frame_at(const struct machine_frame *frame)
{
    return frame->eip;
}

void machine_frame_begin(struct machine_frame *frame, uintptr_t entry, uintptr_t stack)
{
    *frame = (struct machine_frame){.eip = entry,
                                    .cs = USER_CODE,
                                    .eflags = EFLAGS_ALWAYS | EFLAGS_INTERRUPTS,
                                    .esp = stack,
                                    .ss = USER_DATA};
}

/* A context whose stack holds but a frame, still to be filled in. */
static struct context *context_below(struct machine_frame *frame)
{
    struct context *context = (struct context *)frame - 1;

    *context = (struct context){.go_on = entry_leave};
    return context;
}

void *machine_context_begin(void *stack_end, uintptr_t entry, uintptr_t stack)
{
    struct machine_frame *frame = (struct machine_frame *)stack_end - 1;

    machine_frame_begin(frame, entry, stack);
    return context_below(frame);
}

void *machine_context_copy(void *stack_end, const struct machine_frame *frame)
{
    struct machine_frame *copy = (struct machine_frame *)stack_end - 1;

    *copy = *frame;
    frame_answer(copy, 0);
    return context_below(copy);
}
