/*
 * A "kernel" that boots on the port, checks it, and runs one program: it writes and reads back more
 * memory than the machine has, paging to a disk that is an array.
 */
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "port.h"
#include "quire/formats.h"

enum { PROGRAM_AT = 0x08048000, PROGRAM_PAGES = 2000, SWAP_PAGES = 2048 };

static unsigned char disk[SWAP_PAGES << 12];
static struct quire_system vm;
static struct quire_space space;

static enum quire_status disk_transfer(void *context, struct quire_transfer *transfer)
{
    (void)context;
    if (transfer->direction == QUIRE_TRANSFER_IN) {
        memcpy(transfer->where, disk + transfer->offset, transfer->bytes);
    } else {
        memcpy(disk + transfer->offset, transfer->where, transfer->bytes);
    }
    return QUIRE_OK;
}

static int page_fault(uint32_t address, uint32_t error_code)
{
    return port_page_fault(&space, address, error_code) == PORT_RETRY ? 0 : 1;
}

static enum quire_status start_program(void)
{
    const struct quire_system_config config = {.host = port_host(),
                                               .policy = &quire_policy_clock_mmu,
                                               .swap = {disk_transfer, NULL},
                                               .swap_slots = SWAP_PAGES};
    const struct quire_region_spec region = {.va = {PROGRAM_AT},
                                             .bytes = (uint64_t)PROGRAM_PAGES << 12,
                                             .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_USER};
    enum quire_status status = quire_system_init(&vm, &config);

    if (status == QUIRE_OK) {
        status = quire_space_create(&space, &vm, &quire_format_i386, 1);
    }
    if (status == QUIRE_OK) {
        status = quire_space_map(&space, &region);
    }
    if (status == QUIRE_OK) {
        machine_fault = page_fault;
        quire_table_activate(&space.table);
    }
    return status;
}

/* Two passes, so that every page has been out and back in. */
static unsigned run_program(void)
{
    unsigned wrong = 0;

    for (uint32_t page = 0; page < PROGRAM_PAGES; page++) {
        wrong += !machine_store(PROGRAM_AT + (page << 12) + 8, page * 2654435761u);
    }
    for (uint32_t page = 0; page < PROGRAM_PAGES; page++) {
        wrong += machine_read(PROGRAM_AT + (page << 12) + 8) != (uint32_t)(page * 2654435761u);
    }
    return wrong;
}

int main(void)
{
    struct quire_space *spaces[] = {&space};
    const char *what;
    unsigned wrong;

    if (port_init() != QUIRE_OK || port_check(&what) != QUIRE_OK) {
        printf("port check: %s\n", what);
        return 1;
    }
    printf("port check: ok\n");
    if (start_program() != QUIRE_OK) {
        printf("the program could not be started\n");
        return 1;
    }
    wrong = run_program();
    printf("%d pages on %d frames: %u wrong, %llu swapped out, %llu back in\n", PROGRAM_PAGES,
           MACHINE_FRAMES, wrong, (unsigned long long)vm.events[QUIRE_EVENT_SWAP_OUT],
           (unsigned long long)vm.events[QUIRE_EVENT_SWAP_IN]);
    if (quire_validate(&vm, spaces, 1, &what) != QUIRE_OK) {
        printf("validate: %s\n", what);
        return 1;
    }
    quire_space_destroy(&space);
    quire_system_destroy(&vm);
    return wrong != 0;
}
