/*
 * Tasks: who runs. One processor, and nothing in the kernel is interrupted at work: a task runs
 * until it waits, its time is over while its program runs, or it ends. The idle task, which the
 * machine booted on, runs when no other is ready; only then do interrupts come inside the kernel.
 */
#include <string.h>

#include "kernel.h"

enum { STACK_BYTES = 8192, MARK = 0x5ac4ba5e, TICKS_A_TURN = 2, TICKS_OF_POLICY = 5 };
enum { FIRST = 1 }; /* the number of the first task */
enum { FEW = 16 };  /* frames: with more that are free, evicting pages is no help */

struct task idle = {.next = &idle, .prev = &idle, .mark = MARK};
struct task *current = &idle;

static const char busy; /* what those wait for who met pages in transit: that a transfer goes on */
static unsigned ticks;  /* since the current task began to run */
static unsigned policy_ticks;
static int32_t first_status; /* how the first program ended */

/* ---- making and ending ---------------------------------------------------------------------- */

static bool taken(uint16_t number)
{
    const struct quire_process *process = usermode.processes;
    const struct task *task = idle.next;

    while (process != NULL && process->space.id != number) {
        process = process->next;
    }
    while (task != &idle && task->number != number) {
        task = task->next;
    }
    return process != NULL || task != &idle;
}

uint16_t task_number(void)
{
    static uint16_t last;

    do {
        last = last < INT16_MAX ? last + 1 : FIRST + 1; /* there is one first task */
    } while (taken(last));
    return last;
}

static void wake_requester(struct quire_request *request)
{
    struct task *task = request->context;

    task->request_ready = true;
    task_wake(request);
}

/* Those whose parents do not wait for them. */
static void free_orphans(void)
{
    struct task *next;

    for (struct task *task = idle.next; task != &idle; task = next) {
        next = task->next;
        if (task->state == TASK_ENDED && task->parent == NULL && task != current) {
            task_free(task);
        }
    }
}

struct task *task_new(void)
{
    struct task *task;

    free_orphans();
    task = memory_take(STACK_BYTES);
    if (task != NULL) {
        task->number = task_number();
        task->mark = MARK;
        task->request.ready = wake_requester;
        task->request.context = task;
    }
    return task;
}

void *task_stack_end(struct task *task)
{
    return (unsigned char *)task + STACK_BYTES;
}

void task_add(struct task *task, void *context)
{
    task->context = context;
    task->parent = current != &idle ? current : NULL;
    task->next = &idle;
    task->prev = idle.prev;
    task->prev->next = task;
    idle.prev = task;
}

void task_free(struct task *task)
{
    if (task->next != NULL) {
        task->next->prev = task->prev;
        task->prev->next = task->next;
    }
    memory_give(task, STACK_BYTES);
}

/* ---- switching ------------------------------------------------------------------------------ */

static void switch_to(struct task *to)
{
    struct task *from = current;

    if (from->mark != MARK) {
        kernel_panic("task %u overran its stack", from->number);
    }
    ticks = 0;
    if (to == from) {
        return;
    }
    current = to;
    machine_set_kernel_stack(task_stack_end(to));
    if (to->process != NULL) {
        quire_process_switch(to->process);
    } else {
        quire_table_activate(&kernel_table);
    }
    machine_switch(&from->context, to->context);
}

/* To the next in the ring that is ready; if there is none, to the idle task. */
void task_yield(void)
{
    struct task *task = current->next;

    while (task != current && (task == &idle || task->state != TASK_READY)) {
        task = task->next;
    }
    if (task->state != TASK_READY) {
        task = &idle;
    }
    switch_to(task);
}

void task_wait(const void *what)
{
    current->state = TASK_WAITS;
    current->waits_for = what;
    task_yield();
}

void task_wake(const void *what)
{
    for (struct task *task = idle.next; task != &idle; task = task->next) {
        if (task->state == TASK_WAITS && task->waits_for == what) {
            task->state = TASK_READY;
        }
    }
}

void task_end(int32_t status)
{
    for (struct task *task = idle.next; task != &idle; task = task->next) {
        if (task->parent == current) {
            task->parent = NULL;
        }
    }
    if (current->number == FIRST) {
        first_status = status;
    }
    current->status = status;
    current->state = TASK_ENDED;
    task_wake(current->parent);
    task_yield();
    kernel_panic("task %u goes on after its end", current->number);
}

int32_t task_run_all(void)
{
    while (idle.next != &idle) {
        task_yield();
        free_orphans();
        if (idle.next != &idle) {
            machine_idle();
        }
    }
    return first_status;
}

/* ---- time ----------------------------------------------------------------------------------- */

void kernel_tick(void)
{
    ticks++;
    policy_ticks++;
    task_wake(&busy);
}

void kernel_leave(void)
{
    if (policy_ticks >= TICKS_OF_POLICY) {
        policy_ticks = 0;
        quire_system_tick(&paging);
    }
    if (ticks >= TICKS_A_TURN) {
        task_yield();
    }
    if (current->begins) {
        process_begin();
    }
}

/* ---- waiting for quire ---------------------------------------------------------------------- */

enum quire_status task_finish(enum quire_status status)
{
    struct task *task = current;

    while (status == QUIRE_PENDING) {
        while (!task->request_ready) {
            task_wait(&task->request);
        }
        task->request_ready = false;
        status = quire_space_resume(&task->request);
        task_wake(&busy);
    }
    return status;
}

bool task_again(enum quire_status status)
{
    if (status == QUIRE_NO_MEMORY && frames.free < FEW) {
        status = task_finish(quire_system_reclaim(&paging, &current->request));
        if (status == QUIRE_OK) {
            return true;
        }
    }
    if (status == QUIRE_BUSY) {
        task_wait(&busy);
        return true;
    }
    return false;
}
