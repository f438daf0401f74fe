/*
 * Stands in for the hardware: 4 MiB of memory, and an MMU with a small TLB that forgets nothing
 * unless told. In a kernel each of these is one instruction.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

enum { MACHINE_BYTES = 4 << 20, MACHINE_FRAMES = MACHINE_BYTES >> 12 };

unsigned char *machine_memory(void);

void machine_set_root(uint32_t root);      /* mov %0, %%cr3; 0: paging off */
void machine_flush_page(uint32_t address); /* invlpg (%0) */
void machine_flush_all(void);              /* mov %%cr3, %0; mov %0, %%cr3 */

/* A load or store of the program. Calls machine_fault, as often as it takes, when the MMU has
 * nothing; gives up (false, or 0) when that says so. */
uint64_t machine_read(uint32_t address);
int machine_store(uint32_t address, uint64_t value);

/* The kernel's: returns 0 to retry the access. */
extern int (*machine_fault)(uint32_t address, uint32_t error_code);

#endif
