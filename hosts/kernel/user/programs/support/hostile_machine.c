/* Bad deeds: instructions that are not for programs, and states to leave the processor in. */
#include "hostile.h"

#include <string.h>

#include "pattern.h"
#include "system.h"

/* One instruction, and no more. */
#define INSTRUCTION(name, ...) \
    static bool name(uintptr_t argument) \
    { \
        (void)argument; \
        __asm__ volatile(__VA_ARGS__); \
        return true; \
    }

static const uint8_t descriptor[6] = {0xff, 0xff};

INSTRUCTION(do_cli, "cli")
INSTRUCTION(do_sti, "sti")
INSTRUCTION(do_hlt, "hlt")
INSTRUCTION(do_in, "inb $0x60, %%al" : : : "eax")
INSTRUCTION(do_out, "outb %%al, $0xf4" : : "a"(0))
INSTRUCTION(do_clts, "clts")
INSTRUCTION(do_read_cr0, "movl %%cr0, %%eax" : : : "eax")
INSTRUCTION(do_write_cr0, "movl %%eax, %%cr0" : : "a"(0))
INSTRUCTION(do_read_cr3, "movl %%cr3, %%eax" : : : "eax")
INSTRUCTION(do_write_cr3, "movl %%eax, %%cr3" : : "a"(0))
INSTRUCTION(do_write_dr7, "movl %%eax, %%dr7" : : "a"(0))
INSTRUCTION(do_lgdt, "lgdt %0" : : "m"(descriptor))
INSTRUCTION(do_lidt, "lidt %0" : : "m"(descriptor))
INSTRUCTION(do_lldt, "lldt %%ax" : : "a"(0))
INSTRUCTION(do_ltr, "ltr %%ax" : : "a"(0))
INSTRUCTION(do_invlpg, "invlpg %0" : : "m"(descriptor))
INSTRUCTION(do_wrmsr, "wrmsr" : : "a"(0), "c"(0x174), "d"(0))
INSTRUCTION(do_rdmsr, "rdmsr" : : "c"(0x10) : "eax", "edx")
INSTRUCTION(do_sysenter, "sysenter" : : : "ecx", "edx")
INSTRUCTION(do_div, "divl %%ecx" : : "a"(1), "d"(0), "c"(0))
INSTRUCTION(do_ud2, "ud2")
INSTRUCTION(do_icebp, ".byte 0xf1")
INSTRUCTION(do_bound, ".byte 0x62, 0x01" : : "a"(9), "c"("\1\0\0\0\1\0\0")) /* bound %eax, (%ecx) */
INSTRUCTION(do_f00f, ".byte 0xf0, 0x0f, 0xc7, 0xc8")
INSTRUCTION(do_fpu, "fninit; fld1")
INSTRUCTION(do_mmx, "movd %%eax, %%mm0" : : "a"(1))
INSTRUCTION(do_sse, "xorps %%xmm0, %%xmm0" : :)
INSTRUCTION(do_far_call, "lcall $0x08, $0x100000")
INSTRUCTION(do_far_jump, "ljmp $0x08, $0x100000")

/* The five words of an interrupt return into the kernel's segments. */
INSTRUCTION(do_iret, "pushl $0x10; pushl $0x7ff000; pushfl; pushl $0x08; pushl $0x100000; iretl")

static bool load_ds(uintptr_t selector)
{
    __asm__ volatile("movw %w0, %%ds; movl 0, %%eax" : : "r"(selector) : "eax");
    return true;
}

static bool load_ss(uintptr_t selector)
{
    __asm__ volatile("movw %w0, %%ss" : : "r"(selector));
    return true;
}

static bool load_gs(uintptr_t selector)
{
    __asm__ volatile("movw %w0, %%gs; movl %%gs:0, %%eax" : : "r"(selector) : "eax");
    return true;
}

/* All other interrupts than the system calls': each kills a child. */
static bool interrupt(uintptr_t vector)
{
    uint8_t *code = hostile_pages(1);

    code[0] = 0xcd; /* int */
    code[1] = (uint8_t)vector;
    code[2] = 0xc3; /* ret */
    ((void (*)(void))(uintptr_t)code)();
    return true;
}

static bool all_interrupts(uintptr_t argument)
{
    (void)argument;
    for (uintptr_t vector = 0; vector < 256; vector++) {
        int32_t status = 0;

        if (vector == 0x80) {
            continue;
        }
        if (system_fork() == 0) {
            interrupt(vector);
            system_exit(1);
        }
        system_wait(&status);
        if (status != STATUS_KILLED) {
            return false;
        }
    }
    return true;
}

/* ---- states to call the kernel in ------------------------------------------------------------ */

/* Sets flags and calls the kernel; are they what a program may have afterwards? */
static bool call_with_flags(uintptr_t flags)
{
    uint32_t after;
    intptr_t result = CALL_YIELD;

    __asm__ volatile("pushfl\n\t"
                     "orl %2, (%%esp)\n\t"
                     "popfl\n\t"
                     "int $0x80\n\t"
                     "pushfl\n\t"
                     "popl %1\n\t"
                     "pushl $0x202\n\t"
                     "popfl"
                     : "+a"(result), "=&r"(after)
                     : "r"(flags)
                     : "memory", "cc");
    return result == 0 && (after & 0x3200) == 0x200; /* interrupts on, no I/O privilege */
}

/* A stack pointer that leads nowhere: the kernel has a stack of its own. */
static bool call_without_stack(uintptr_t esp)
{
    intptr_t result = CALL_YIELD;

    __asm__ volatile("movl %%esp, %%edi\n\t"
                     "movl %1, %%esp\n\t"
                     "int $0x80\n\t"
                     "movl %%edi, %%esp"
                     : "+a"(result)
                     : "r"(esp)
                     : "edi", "memory", "cc");
    return result == 0;
}

static bool call_without_segments(uintptr_t argument)
{
    intptr_t result = CALL_YIELD;
    uint32_t ds;

    (void)argument;
    __asm__ volatile("movw %%ds, %w1\n\t"
                     "movw %2, %%ds\n\t"
                     "movw %2, %%es\n\t"
                     "movw %2, %%fs\n\t"
                     "movw %2, %%gs\n\t"
                     "int $0x80\n\t"
                     "movw %w1, %%ds\n\t"
                     "movw %w1, %%es"
                     : "+a"(result), "=&S"(ds)
                     : "r"((uint16_t)0)
                     : "memory", "cc");
    return result == 0;
}

/* It is touched before: at the first touch of a page the kernel still has a say. */
static bool execute_data(uintptr_t argument)
{
    static volatile uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* movl $42, %eax; ret */

    (void)argument;
    code[1] = 43;
    return ((int (*)(void))(uintptr_t)code)() != 43;
}

/* Never calls the kernel: but others run, too. */
static bool spin(uintptr_t turns)
{
    struct memory_statistics memory;
    intptr_t child;

    system_memory(&memory);
    child = system_fork();
    if (child == 0) {
        for (volatile uintptr_t i = 0; i < turns; i++) {
        }
        system_exit(0);
    }
    system_yield();
    turns = memory.processes;
    system_memory(&memory);
    return memory.processes == turns + 1 && system_wait(NULL) == child;
}

const struct deed machine_deeds[] = {
    {"cli", KILLED, do_cli, 0},
    {"sti", KILLED, do_sti, 0},
    {"hlt", KILLED, do_hlt, 0},
    {"in", KILLED, do_in, 0},
    {"out", KILLED, do_out, 0},
    {"clts", KILLED, do_clts, 0},
    {"read cr0", KILLED, do_read_cr0, 0},
    {"write cr0", KILLED, do_write_cr0, 0},
    {"read cr3", KILLED, do_read_cr3, 0},
    {"write cr3", KILLED, do_write_cr3, 0},
    {"write dr7", KILLED, do_write_dr7, 0},
    {"lgdt", KILLED, do_lgdt, 0},
    {"lidt", KILLED, do_lidt, 0},
    {"lldt", KILLED, do_lldt, 0},
    {"ltr", KILLED, do_ltr, 0},
    {"invlpg", KILLED, do_invlpg, 0},
    {"wrmsr", KILLED, do_wrmsr, 0},
    {"rdmsr", KILLED, do_rdmsr, 0},
    {"sysenter", KILLED, do_sysenter, 0},
    {"divide by zero", KILLED, do_div, 0},
    {"ud2", KILLED, do_ud2, 0},
    {"icebp", KILLED, do_icebp, 0},
    {"bound", KILLED, do_bound, 0},
    {"cmpxchg8b of a register", KILLED, do_f00f, 0},
    {"fld1", KILLED, do_fpu, 0},
    {"movd mm0", KILLED, do_mmx, 0},
    {"xorps xmm0", KILLED, do_sse, 0},
    {"far call into the kernel", KILLED, do_far_call, 0},
    {"far jump into the kernel", KILLED, do_far_jump, 0},
    {"return into the kernel", KILLED, do_iret, 0},
    {"int 0x00 to 0xff", HARMLESS, all_interrupts, 0},
    {"ds of nothing", KILLED, load_ds, 0},
    {"ds of the kernel", KILLED, load_ds, 0x10},
    {"ds beyond the table", KILLED, load_ds, 0xfff8},
    {"ds of a local table", KILLED, load_ds, 0x0f},
    {"ss of nothing", KILLED, load_ss, 0},
    {"ss of the kernel", KILLED, load_ss, 0x10},
    {"gs of nothing", KILLED, load_gs, 0},
    {"gs of the kernel", KILLED, load_gs, 0x10},
    {"call with the trap flag", KILLED, call_with_flags, 0x100},
    {"call with the direction flag", HARMLESS, call_with_flags, 0x400},
    {"call with the nested-task flag", HARMLESS, call_with_flags, 0x4000},
    {"call with the alignment-check flag", HARMLESS, call_with_flags, 0x40000},
    {"call with I/O privilege", HARMLESS, call_with_flags, 0x3000},
    {"call with all flags but two", HARMLESS, call_with_flags, 0x247ed5},
    {"call with a stack at 0", HARMLESS, call_without_stack, 0},
    {"call with the kernel's stack", HARMLESS, call_without_stack, 0x100000},
    {"call with a stack at the end", HARMLESS, call_without_stack, 0xfffffffc},
    {"call without segments", HARMLESS, call_without_segments, 0},
    {"execute data", FORBIDDEN, execute_data, 0},
    {"never yield", HARMLESS, spin, 100000000},
};
const size_t machine_deeds_count = sizeof(machine_deeds) / sizeof(machine_deeds[0]);
