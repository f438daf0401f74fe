/* The stand-in for an i386: see machine.h. The walk is quire's own, here in the MMU's part. */
#include "machine.h"

#include <string.h>

#include "quire/formats.h"
#include "quire/walk.h"

enum { TLB_ENTRIES = 16 };

static _Alignas(4096) unsigned char memory[MACHINE_BYTES];
static uint32_t root;
static struct {
    uint32_t page, frame;
    int valid, writable;
} tlb[TLB_ENTRIES];

int (*machine_fault)(uint32_t address, uint32_t error_code);

unsigned char *machine_memory(void)
{
    return memory;
}

void machine_flush_all(void)
{
    memset(tlb, 0, sizeof(tlb));
}

void machine_set_root(uint32_t new_root)
{
    root = new_root;
    machine_flush_all();
}

void machine_flush_page(uint32_t address)
{
    tlb[address >> 12 & (TLB_ENTRIES - 1)].valid = 0;
}

/* The byte in memory that a user access reaches, or NULL: the fault was not resolved. */
static unsigned char *reach(uint32_t address, unsigned access)
{
    const struct quire_memory ram = {.direct = memory, .bytes = MACHINE_BYTES};
    const struct quire_mmu mmu = {&quire_format_i386, &ram, {root}};
    uint32_t slot = address >> 12 & (TLB_ENTRIES - 1);
    struct quire_walk walk;

    while (!tlb[slot].valid || tlb[slot].page != address >> 12 ||
           ((access & QUIRE_WRITE) && !tlb[slot].writable)) {
        if (quire_walk(&mmu, quire_va_at(address), access | QUIRE_ACCESSED, &walk) == QUIRE_OK) {
            tlb[slot].page = address >> 12;
            tlb[slot].frame = (uint32_t)(walk.pa.at >> 12);
            tlb[slot].valid = 1;
            tlb[slot].writable = (walk.attributes & QUIRE_DIRTY) != 0;
            if (access & QUIRE_WRITE) {
                tlb[slot].writable = 1;
            }
        } else if (machine_fault == NULL ||
                   machine_fault(address, (access & QUIRE_WRITE ? 2 : 0) | 4) != 0) {
            return NULL;
        }
    }
    return memory + ((uint64_t)tlb[slot].frame << 12 | (address & 0xfff));
}

uint64_t machine_read(uint32_t address)
{
    unsigned char *where = reach(address, QUIRE_READ);
    uint64_t value = 0;

    if (where != NULL) {
        memcpy(&value, where, sizeof(value));
    }
    return value;
}

int machine_store(uint32_t address, uint64_t value)
{
    unsigned char *where = reach(address, QUIRE_WRITE);

    if (where == NULL) {
        return 0;
    }
    memcpy(where, &value, sizeof(value));
    return 1;
}
