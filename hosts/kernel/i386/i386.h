/* What the files of this machine share, assembly included. "SDM": Intel's manual, volume 3A. */
#ifndef KERNEL_I386_H
#define KERNEL_I386_H

#define BOOT_STACK_BYTES 16384

/* Selectors: of flat segments, and of two tasks (SDM 3.4.2). Programs and the kernel work with
 * USER_DATA alike; KERNEL_DATA is only for the kernel's stacks. */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE 0x1b
#define USER_DATA 0x23
#define TASK 0x28
#define DOUBLE_FAULT_TASK 0x30

/* Vectors. */
#define VECTOR_IRQ 0x20
#define VECTOR_CALL 0x80

/* What entry.S has of struct machine_frame. */
#define FRAME_CS 44

#ifndef __ASSEMBLER__

#include "machine.h"

struct machine_frame {
    uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax; /* pushal */
    uint32_t vector, error;                             /* error: 0 where there is none */
    uint32_t eip, cs, eflags;
    uint32_t esp, ss; /* there only if it is a program's */
};

static inline bool frame_is_user(const struct machine_frame *frame)
{
    return (frame->cs & 3) == 3;
}

/* What a system call answers. */
static inline void frame_answer(struct machine_frame *frame, intptr_t result)
{
    frame->eax = (uint32_t)result;
}

/* entry.S: where each vector goes: 0 to 47, and VECTOR_CALL last. */
enum { EXCEPTIONS = 32, IRQS = 16, ENTRIES = EXCEPTIONS + IRQS + 1 };
extern const uint32_t entries[ENTRIES];

/* entry.S: goes back to what the frame at the stack pointer says. */
void entry_leave(void);

/* entry.S: the part of machine_copy() that touches memory, and what to do when that fails. */
extern const unsigned char copy_begin[], copy_end[], copy_failed[];

extern unsigned char boot_stack[BOOT_STACK_BYTES];
_Noreturn void machine_start(uint32_t magic, const void *info);

void segments_init(void);
/* The table for the task that tells of a double fault. */
void segments_set_root(uint32_t root);
/* What the processor reads and writes by itself. */
enum { SEGMENTS_VITALS = 3 };
void segments_vitals(struct machine_vital list[SEGMENTS_VITALS]);

void trap(struct machine_frame *frame);

void irq_init(void);
void irq(unsigned line);

void serial_init(void);

void disk_init(void);
void disk_interrupt(void);
void disk_tick(void); /* TICK_HZ times a second */

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* `words` of 32 bits, from or to a port. */
static inline void in32s(uint16_t port, void *to, size_t words)
{
    __asm__ volatile("rep insl" : "+D"(to), "+c"(words) : "d"(port) : "memory");
}

static inline void out32s(uint16_t port, const void *from, size_t words)
{
    __asm__ volatile("rep outsl" : "+S"(from), "+c"(words) : "d"(port) : "memory");
}

#endif
#endif
