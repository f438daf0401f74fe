/* CR0, CR3, CR4 and the TLB; and what must be mapped before the first of these is set. */
#include "i386.h"

#include "quire/elf.h"
#include "quire/formats.h"

const struct quire_format *const machine_format = &quire_format_i386;
const uint16_t machine_elf = QUIRE_ELF_I386;

/* CR0 (SDM 2.5): paging; writes of the kernel respect read-only pages; programs that touch the
 * FPU, whose registers nobody saves, are told that there is none. CR4: leaves of 4 MiB, which the
 * format has. */
enum { CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_WP = 1 << 16, CR4_PSE = 1 << 4 };
#define CR0_PG (UINT32_C(1) << 31)

unsigned machine_vitals(const struct machine_vital **list)
{
    static struct machine_vital vital[4 + SEGMENTS_VITALS];
    const uintptr_t text = (uintptr_t)kernel_text, text_end = (uintptr_t)kernel_text_end;
    const uintptr_t data = (uintptr_t)kernel_rodata_end, end = (uintptr_t)kernel_end;

    vital[0] =
        (struct machine_vital){"the stack", (uintptr_t)boot_stack, BOOT_STACK_BYTES, QUIRE_WRITE};
    vital[1] = (struct machine_vital){"the text", text, text_end - text, QUIRE_EXECUTE};
    vital[2] = (struct machine_vital){"the constants", text_end, data - text_end, QUIRE_READ};
    segments_vitals(vital + 3);
    vital[3 + SEGMENTS_VITALS] = (struct machine_vital){"the data", data, end - data,
                                                        QUIRE_WRITE}; /* all of the above, too */
    *list = vital;
    return 4 + SEGMENTS_VITALS;
}

void machine_set_root(quire_pa root)
{
    segments_set_root((uint32_t)root.at);
    __asm__ volatile("movl %0, %%cr3" : : "r"((uint32_t)root.at) : "memory");
}

quire_pa machine_root(void)
{
    uint32_t root;

    __asm__ volatile("movl %%cr3, %0" : "=r"(root));
    return quire_pa_at(root);
}

void machine_flush_page(quire_va va)
{
    __asm__ volatile("invlpg (%0)" : : "r"((uint32_t)va.at) : "memory");
}

void machine_paging_on(quire_pa root)
{
    uint32_t cr0;

    machine_set_root(root);
    __asm__ volatile("movl %0, %%cr4" : : "r"(CR4_PSE));
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    cr0 |= CR0_PG | CR0_WP | CR0_MP | CR0_EM | CR0_TS;
    __asm__ volatile("movl %0, %%cr0" : : "r"(cr0) : "memory");
}
