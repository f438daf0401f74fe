/* Segments, tasks and gates: what the processor must be told once to get in and out of ring 3. */
#include "i386.h"

/* SDM 7.2.1. Tasks are never switched but to tell of a double fault. */
struct tss {
    uint32_t back, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp,
        esi, edi, es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, ports;
};

/* Not across the border of a page, which SDM 7.2.1 warns of. */
static _Alignas(128) struct tss task;
static _Alignas(128) struct tss double_fault_task;
static _Alignas(16) unsigned char double_fault_stack[4096];
static _Alignas(64) uint64_t gdt[DOUBLE_FAULT_TASK / 8 + 1];
static _Alignas(8) uint64_t idt[VECTOR_CALL + 1];

/* What lgdt and lidt take. */
struct table {
    uint16_t limit;
    uint32_t at;
} __attribute__((packed));

/* Types of descriptors, with their privilege (SDM 3.4.5, 3.5, 6.11). */
enum { TYPE_CODE = 0x9b, TYPE_DATA = 0x93, TYPE_TASK = 0x89, FOR_PROGRAMS = 0x60 };
enum { TYPE_INTERRUPT = 0x8e, TYPE_TASK_GATE = 0x85 };

static uint64_t segment(uint32_t base, uint32_t limit, uint64_t type, uint64_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | type << 40 |
           (uint64_t)(limit >> 16) << 48 | flags << 52 | (uint64_t)(base >> 24) << 56;
}

static uint64_t flat(uint64_t type)
{
    return segment(0, 0xfffff, type, 0xc); /* limit in pages, 32 bits */
}

static uint64_t gate(uint16_t selector, uint32_t offset, uint64_t type)
{
    return (offset & 0xffff) | (uint64_t)selector << 16 | type << 40 |
           (uint64_t)(offset >> 16) << 48;
}

/* A kernel stack that cannot be pushed to is how one gets here: hence a task, with its own. */
static _Noreturn void double_fault(void)
{
    kernel_panic("double fault at %08x, stack %08x", (unsigned)task.eip, (unsigned)task.esp);
}

static void fill_tasks(void)
{
    task = (struct tss){.ss0 = KERNEL_DATA,
                        .esp0 = (uintptr_t)(boot_stack + BOOT_STACK_BYTES),
                        .ports = sizeof(task)};
    double_fault_task =
        (struct tss){.eip = (uintptr_t)double_fault,
                     .eflags = 2,
                     .esp = (uintptr_t)(double_fault_stack + sizeof(double_fault_stack)),
                     .cs = KERNEL_CODE,
                     .ss = KERNEL_DATA,
                     .ds = USER_DATA,
                     .es = USER_DATA,
                     .ports = sizeof(double_fault_task)};
}

static void fill_gdt(void)
{
    const uint32_t limit = sizeof(struct tss) - 1;

    gdt[KERNEL_CODE / 8] = flat(TYPE_CODE);
    gdt[KERNEL_DATA / 8] = flat(TYPE_DATA);
    gdt[USER_CODE / 8] = flat(TYPE_CODE | FOR_PROGRAMS);
    gdt[USER_DATA / 8] = flat(TYPE_DATA | FOR_PROGRAMS);
    gdt[TASK / 8] = segment((uintptr_t)&task, limit, TYPE_TASK, 0);
    gdt[DOUBLE_FAULT_TASK / 8] = segment((uintptr_t)&double_fault_task, limit, TYPE_TASK, 0);
}

/* Programs may use int3, into and int 0x80; all other int instructions are general protection. */
static void fill_idt(void)
{
    for (unsigned i = 0; i < ENTRIES - 1; i++) {
        idt[i] = gate(KERNEL_CODE, entries[i], TYPE_INTERRUPT);
    }
    idt[3] = gate(KERNEL_CODE, entries[3], TYPE_INTERRUPT | FOR_PROGRAMS);
    idt[4] = gate(KERNEL_CODE, entries[4], TYPE_INTERRUPT | FOR_PROGRAMS);
    idt[8] = gate(DOUBLE_FAULT_TASK, 0, TYPE_TASK_GATE);
    idt[VECTOR_CALL] = gate(KERNEL_CODE, entries[ENTRIES - 1], TYPE_INTERRUPT | FOR_PROGRAMS);
}

void segments_init(void)
{
    const struct table gdt_table = {sizeof(gdt) - 1, (uintptr_t)gdt};
    const struct table idt_table = {sizeof(idt) - 1, (uintptr_t)idt};

    fill_tasks();
    fill_gdt();
    fill_idt();
    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1:\tmovl %2, %%ss\n\t"
                     "movl %3, %%ds\n\t"
                     "movl %3, %%es\n\t"
                     "movl %4, %%fs\n\t"
                     "movl %4, %%gs\n\t"
                     "lldt %w4\n\t"
                     "ltr %w5\n\t"
                     "lidt %6"
                     :
                     : "m"(gdt_table), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(USER_DATA), "r"(0),
                       "r"(TASK), "m"(idt_table)
                     : "memory");
}

void segments_set_root(uint32_t root)
{
    double_fault_task.cr3 = root;
}

void machine_set_kernel_stack(void *stack_end)
{
    task.esp0 = (uintptr_t)stack_end;
}

void segments_vitals(struct machine_vital list[SEGMENTS_VITALS])
{
    list[0] = (struct machine_vital){"the GDT", (uintptr_t)gdt, sizeof(gdt), QUIRE_WRITE};
    list[1] = (struct machine_vital){"the IDT", (uintptr_t)idt, sizeof(idt), QUIRE_READ};
    list[2] = (struct machine_vital){"the TSS", (uintptr_t)&task, sizeof(task), QUIRE_WRITE};
}
