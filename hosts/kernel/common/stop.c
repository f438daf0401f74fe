/*
 * Stops. With `witness` on the command line the kernel shows what it believes of every process and
 * waits, with that process's page table in the processor, until somebody has asked the MMU.
 *
 *     stop step-2 process 1 proc1 root 0x0011f000
 *     phys 00800000 00802fff proc1          whose frames are, first and last address
 *     virt 00800000 00802fff proc1          what this process's addresses are
 *     map 00801000 00801000 00002000 uw     address, where it leads to, bytes; user, writable
 *     examine                               then the mark for a debugger, then a character is read
 *     stopped step-2
 */
#include "kernel.h"

struct run {
    uint64_t va, pa, bytes;
    unsigned rights;
};

static void end_run(struct run *run)
{
    if (run->bytes != 0) {
        print("map %08x %08x %08x %c%c\n", (unsigned)run->va, (unsigned)run->pa,
              (unsigned)run->bytes, (run->rights & QUIRE_USER) ? 'u' : '-',
              (run->rights & QUIRE_WRITE) ? 'w' : '-');
    }
    run->bytes = 0;
}

static void add_leaf(void *context, const struct quire_leaf *leaf)
{
    struct run *run = context;
    unsigned rights = leaf->attributes & (QUIRE_USER | QUIRE_WRITE);

    if (leaf->va.at != run->va + run->bytes || leaf->pa.at != run->pa + run->bytes ||
        rights != run->rights) {
        end_run(run);
        *run = (struct run){leaf->va.at, leaf->pa.at, 0, rights};
    }
    run->bytes += leaf->bytes;
}

static void show_mappings(const struct quire_table *table)
{
    struct run run = {0};
    const struct quire_visitor visitor = {add_leaf, &run};

    quire_table_visit(table, quire_va_at(0), UINT64_C(1) << machine_format->va_bits, &visitor);
    end_run(&run);
}

static void show_ranges(const struct quire_process *process)
{
    struct quire_range range = {0};

    while (quire_usermode_physical(&usermode, &range)) {
        print("phys %08x %08x %s\n", (unsigned)range.first, (unsigned)range.last,
              quire_range_name(&range));
    }
    range = (struct quire_range){0};
    while (process != NULL && quire_process_virtual(process, &range)) {
        print("virt %08x %08x %s\n", (unsigned)range.first, (unsigned)range.last,
              quire_range_name(&range));
    }
}

static void examine(void)
{
    print("examine\n");
    machine_mark();
    while (machine_get() < 0) {
    }
}

static void show_process(const char *name, const struct task *task)
{
    const struct quire_process *process = task->process;
    const struct quire_table *table = process != NULL ? &process->space.table : &kernel_table;

    print("stop %s process %u %s root 0x%08x\n", name, task->number,
          process != NULL ? process->name : "kernel", (unsigned)table->root.at);
    quire_table_activate(table);
    show_ranges(process);
    show_mappings(table);
    examine();
}

void validate(void)
{
    size_t bytes = (process_count() + 1) * sizeof(struct quire_space *);
    struct quire_space **spaces = memory_take(bytes);
    unsigned count = 0;
    const char *what;

    if (spaces == NULL) {
        say("no room to validate in");
        return;
    }
    for (struct quire_process *p = usermode.processes; p != NULL; p = p->next) {
        spaces[count++] = &p->space;
    }
    if (quire_validate(&paging, spaces, count, &what) != QUIRE_OK) {
        kernel_panic("quire_validate: %s", what);
    }
    if (quire_frames_validate(&frames, NULL) != QUIRE_OK) {
        kernel_panic("the frame allocator is corrupt");
    }
    memory_give(spaces, bytes);
}

void stop(const char *name)
{
    validate();
    show_process(name, &idle);
    for (struct task *task = idle.next; task != &idle; task = task->next) {
        if (task->process != NULL) {
            show_process(name, task);
        }
    }
    print("stopped %s\n", name);
    quire_table_activate(current->process != NULL ? &current->process->space.table : &kernel_table);
}
