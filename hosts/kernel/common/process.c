/* Processes: quire's, each run by a task. */
#include <string.h>

#include "kernel.h"

/* ---- beginning ------------------------------------------------------------------------------ */

/* The stack of a program that begins, from above: its command, and a pointer to that. */
static uintptr_t command_at(void)
{
    const struct quire_layout *layout = options.layout;

    return (uintptr_t)(layout->stack.at + layout->stack_bytes - COMMAND_BYTES);
}

static uintptr_t first_stack_pointer(void)
{
    return command_at() - 16; /* aligned for whatever a program keeps there */
}

enum quire_status process_load(void)
{
    struct quire_process *process = current->process;
    enum quire_status status = QUIRE_OK;

    while (process->owes && status == QUIRE_OK) {
        do {
            status = task_finish(quire_process_load(process, &current->request));
        } while (status == QUIRE_BUSY && task_again(status));
    }
    return status;
}

void process_begin(void)
{
    uintptr_t at = command_at();
    enum quire_status status = process_load();

    current->begins = false;
    if (status == QUIRE_OK) {
        status = copy_out(at, current->command, strlen(current->command) + 1);
    }
    if (status == QUIRE_OK) {
        status = copy_out(first_stack_pointer(), &at, sizeof(at));
    }
    if (status != QUIRE_OK) {
        say("%s[%u] killed before it began: %s", current->process->name, current->number,
            status == QUIRE_FAULT ? "no memory for its stack" : quire_status_text(status));
        process_exit(STATUS_KILLED);
    }
}

unsigned process_count(void)
{
    unsigned count = 0;

    for (const struct quire_process *p = usermode.processes; p != NULL; p = p->next) {
        count++;
    }
    return count;
}

/* A new process, in one of a task's two places. */
static enum quire_status make(struct quire_process *process, const char *command, uint16_t number)
{
    struct program *program = program_find(command);
    struct quire_process_spec spec = {.id = number, .loading = options.loading};
    enum quire_status status;

    if (program == NULL) {
        return QUIRE_NOT_FOUND;
    }
    if (program->reason != QUIRE_ELF_SOUND) {
        say("%s: %s", program->name, quire_elf_reason_text(program->reason));
        return QUIRE_INVALID;
    }
    spec.name = program->name;
    spec.image = &program->image;
    do {
        status = quire_process_spawn(process, &usermode, &spec);
    } while (task_again(status));
    return status;
}

intptr_t process_spawn(const char *command)
{
    struct task *task = task_new();
    enum quire_status status;

    if (task == NULL) {
        return -QUIRE_NO_MEMORY;
    }
    status = make(&task->one, command, task->number);
    if (status != QUIRE_OK) {
        task_free(task);
        return -(intptr_t)status;
    }
    task->process = &task->one;
    task->begins = true;
    memcpy(task->command, command, strlen(command) + 1);
    task_add(task, machine_context_begin(task_stack_end(task), (uintptr_t)task->process->entry.at,
                                         first_stack_pointer()));
    return task->number;
}

intptr_t process_fork(const struct machine_frame *frame)
{
    struct task *task = task_new();
    struct quire_process *parent = current->process;
    enum quire_status status;

    if (task == NULL) {
        return -QUIRE_NO_MEMORY;
    }
    do {
        status = quire_process_fork(&task->one, parent, parent->name, task->number);
    } while (task_again(status));
    if (status != QUIRE_OK) {
        task_free(task);
        return -(intptr_t)status;
    }
    task->process = &task->one;
    task_add(task, machine_context_copy(task_stack_end(task), frame));
    return task->number;
}

/* ---- ending --------------------------------------------------------------------------------- */

/* Its memory. Another address space is active then, or none. */
static void destroy(struct quire_process *process)
{
    enum quire_status status;

    do {
        status = quire_process_exit(process);
    } while (task_again(status));
    if (status != QUIRE_OK) {
        kernel_panic("%s cannot end: %s", process->name, quire_status_text(status));
    }
}

intptr_t process_exec(struct machine_frame *frame, const char *command)
{
    struct quire_process *old = current->process;
    struct quire_process *fresh = old == &current->one ? &current->other : &current->one;
    enum quire_status status = make(fresh, command, task_number());

    if (status != QUIRE_OK) {
        return -(intptr_t)status;
    }
    current->process = fresh;
    current->begins = true;
    memcpy(current->command, command, strlen(command) + 1);
    quire_process_switch(fresh);
    destroy(old);
    machine_frame_begin(frame, (uintptr_t)fresh->entry.at, first_stack_pointer());
    return 0;
}

void process_exit(int32_t status)
{
    struct quire_process *process = current->process;

    current->process = NULL;
    quire_table_activate(&kernel_table);
    destroy(process);
    if (options.check) {
        validate();
    }
    task_end(status);
}

/* A child of the current task's that has ended, or else any. */
static struct task *find_child(void)
{
    struct task *child = NULL;

    for (struct task *task = idle.next; task != &idle; task = task->next) {
        if (task->parent == current && (child == NULL || task->state == TASK_ENDED)) {
            child = task;
        }
    }
    return child;
}

intptr_t process_wait(int32_t *status)
{
    struct task *child;
    intptr_t number;

    while ((child = find_child()) != NULL && child->state != TASK_ENDED) {
        task_wait(current);
    }
    if (child == NULL) {
        return -QUIRE_NOT_FOUND;
    }
    *status = child->status;
    number = child->number;
    task_free(child);
    return number;
}
