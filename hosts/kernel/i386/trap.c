/* What to do when something came in: entry.S calls trap() with what it interrupted. */
#include "i386.h"

/* clang-format off */
/* SDM table 6-1. */
static const char *const exceptions[EXCEPTIONS] = {
    "divide error", "debug", "non-maskable interrupt", "breakpoint", "overflow",
    "bound range exceeded", "invalid opcode", "device not available", "double fault",
    "coprocessor segment overrun", "invalid TSS", "segment not present", "stack-segment fault",
    "general protection", "page fault", "exception 15", "x87 floating-point error",
    "alignment check", "machine check", "SIMD floating-point exception", "virtualization exception",
    "control protection"
};
/* clang-format on */
enum { NMI = 2, PAGE_FAULT = 14, MACHINE_CHECK = 18 };

/* The error code of a page fault (SDM 4.7). */
enum { ERROR_WRITE = 1 << 1, ERROR_USER = 1 << 2, ERROR_RESERVED = 1 << 3 };

static const char *exception_name(const struct machine_frame *frame)
{
    const char *name = exceptions[frame->vector];

    return name != NULL ? name : "unknown exception";
}

static _Noreturn void panic(const struct machine_frame *frame, uint32_t address)
{
    kernel_panic("%s, error %x, address %08x: cs:eip %x:%08x eflags %08x\n"
                 "eax %08x ebx %08x ecx %08x edx %08x esi %08x edi %08x ebp %08x frame %08x",
                 exception_name(frame), frame->error, address, frame->cs, frame->eip, frame->eflags,
                 frame->eax, frame->ebx, frame->ecx, frame->edx, frame->esi, frame->edi, frame->ebp,
                 (unsigned)(uintptr_t)frame);
}

/* i386 does not say that it was about to execute; but then the address is the instruction's. */
static unsigned access_of(const struct machine_frame *frame, uint32_t address)
{
    unsigned user = frame->error & ERROR_USER ? QUIRE_USER : 0;

    if (frame->error & ERROR_WRITE) {
        return user | QUIRE_WRITE;
    }
    return user | (address == frame->eip ? QUIRE_EXECUTE : QUIRE_READ);
}

static bool in_copy(const struct machine_frame *frame)
{
    return frame->eip >= (uintptr_t)copy_begin && frame->eip < (uintptr_t)copy_end;
}

static void page_fault(struct machine_frame *frame)
{
    uint32_t address;

    __asm__ volatile("movl %%cr2, %0" : "=r"(address));
    /* A malformed PTE would fault for ever; and the kernel has no other business with programs. */
    if ((frame->error & ERROR_RESERVED) || !(frame_is_user(frame) || in_copy(frame))) {
        panic(frame, address);
    }
    if (!kernel_page_fault(frame, quire_va_at(address), access_of(frame, address))) {
        frame->eip = (uintptr_t)copy_failed;
    }
}

static void call(struct machine_frame *frame)
{
    const uintptr_t argument[5] = {frame->ebx, frame->ecx, frame->edx, frame->esi, frame->edi};

    frame_answer(frame, kernel_call(frame, frame->eax, argument));
}

void trap(struct machine_frame *frame)
{
    if (frame->vector == VECTOR_CALL) {
        call(frame);
    } else if (frame->vector >= VECTOR_IRQ) {
        irq(frame->vector - VECTOR_IRQ);
    } else if (frame->vector == PAGE_FAULT) {
        page_fault(frame);
    } else if (frame_is_user(frame) && frame->vector != NMI && frame->vector != MACHINE_CHECK) {
        kernel_exception(frame, exception_name(frame));
    } else {
        panic(frame, 0);
    }
}
