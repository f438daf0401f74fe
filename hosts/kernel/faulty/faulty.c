/*
 * A kernel with faults to order, to see whether they are found:
 *
 *     skip-flush=N      of the flushes that programs cause, the N-th does not happen
 *     refuse-frame=N    of the frames that programs cause to be asked for, the N-th is refused
 *     break-table=N     the kernel's own page table would not survive paging: the stack is
 *                       1: not mapped, 2: read-only, 3: in another frame
 */
#include <string.h>

#include "kernel.h"

static uint32_t flushes_left, frames_left, breakage;

static void flush_but_one(void *context, const struct quire_flush *flush)
{
    if (current != &idle && flushes_left != 0 && --flushes_left == 0) {
        say("a flush is left out");
        return;
    }
    port_flush(context, flush);
}

static bool refuse_one(void *context, unsigned order)
{
    (void)context;
    (void)order;
    return current != &idle && frames_left != 0 && --frames_left == 0;
}

/* Linked in the place of machine_vitals(), which is asked when the table is made but not in use. */
unsigned __real_machine_vitals(const struct machine_vital **list);
unsigned __wrap_machine_vitals(const struct machine_vital **list);

static void break_page(uintptr_t at)
{
    struct quire_batch batch = {0};
    const struct quire_mapping to = {.va = {at},
                                     .pa = {at + page_bytes()},
                                     .bytes = page_bytes(),
                                     .attributes = QUIRE_READ | QUIRE_WRITE};

    quire_batch_begin(&batch, &host);
    if (breakage == 2) {
        quire_table_protect(&kernel_table, &batch, to.va, to.bytes, QUIRE_READ, NULL);
    } else {
        quire_table_unmap(&kernel_table, &batch, to.va, to.bytes, NULL);
    }
    if (breakage == 3) {
        quire_table_map(&kernel_table, &batch, &to, NULL);
    }
    quire_batch_commit(&batch);
}

unsigned __wrap_machine_vitals(const struct machine_vital **list)
{
    host.tlb_flush = flush_but_one;
    frames.refuse = refuse_one;
    if (breakage != 0) {
        break_page((uintptr_t)&list & ~(page_bytes() - 1));
    }
    return __real_machine_vitals(list);
}

static const struct {
    const char *name;
    uint32_t *value;
} faults[] = {
    {"skip-flush=", &flushes_left}, {"refuse-frame=", &frames_left}, {"break-table=", &breakage}};

bool faulty_option(const char *word)
{
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        size_t length = strlen(faults[i].name);

        if (strncmp(word, faults[i].name, length) == 0) {
            return options_number(word + length, faults[i].value);
        }
    }
    return false;
}
