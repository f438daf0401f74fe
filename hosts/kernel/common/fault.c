/*
 * Page faults. quire resolves them; what it will not, ends the program, with a line that says all
 * that can be known.
 */
#include <stdio.h>
#include <string.h>

#include "kernel.h"

/* Where memory and swap are full but for so few pages, programs do nothing but take these from each
 * other, or from themselves: an instruction that needs two may never get both. */
enum { RESERVE = 8 };

/* What failed may have been to write another page, to make room: next time it is yet another. */
enum { TRIES = 4 };

/* Makes a page of the current process usable, waiting as long as it takes. */
static enum quire_status fault_serve(quire_va va, unsigned access, enum quire_refusal *refusal)
{
    struct quire_request *request = &current->request;
    enum quire_status status;
    unsigned errors = 0;

    do {
        status = task_finish(quire_space_fault(&current->process->space, va, access, request));
        errors += status == QUIRE_IO_ERROR;
    } while ((status == QUIRE_BUSY && task_again(status)) ||
             (status == QUIRE_IO_ERROR && errors < TRIES));
    *refusal = request->refusal;
    if (status == QUIRE_OK && request->in_vain != 0 &&
        request->in_vain + RESERVE > paging.resident) {
        return QUIRE_NO_SPACE;
    }
    return status;
}

/* ---- what is said --------------------------------------------------------------------------- */

/* "PTE 1 at 0x0010b004 is 0x00001063 (reached with user privilege)" */
static void say_walk(char *to, size_t bytes, quire_va va, unsigned access)
{
    const struct quire_mmu mmu = quire_table_mmu(&current->process->space.table);
    struct quire_walk walk;

    if (quire_walk(&mmu, va, access, &walk) == QUIRE_OK) {
        snprintf(to, bytes, "it is mapped");
    } else if (walk.level == 0) {
        snprintf(to, bytes, "%s", quire_reason_text(walk.reason));
    } else {
        snprintf(to, bytes, "%s %u at 0x%08x is 0x%08x (%s)",
                 machine_format->level[walk.level - 1].name, (unsigned)walk.index,
                 (unsigned)walk.entry_at.at, (unsigned)walk.entry, quire_reason_text(walk.reason));
    }
}

/* "stack 0x00800000-0x00800fff" */
static void say_part(char *to, size_t bytes, enum quire_part part, quire_va va, uint64_t length)
{
    if (part == QUIRE_PART_NOTHING) {
        snprintf(to, bytes, "nothing");
    } else {
        snprintf(to, bytes, "%s 0x%08x-0x%08x", quire_part_text(part), (unsigned)va.at,
                 (unsigned)(va.at + length - 1));
    }
}

/* "in stack ...", or "between image ... and stack ..." */
static void say_region(char *to, size_t bytes, quire_va va)
{
    char below[48] = "nothing", above[48];
    quire_va at = {0}, next = {0};
    enum quire_part part;
    uint64_t length = 0;

    for (;;) {
        part = quire_process_part(current->process, next, &at, &length);
        if (part == QUIRE_PART_NOTHING || at.at + length > va.at) {
            break;
        }
        say_part(below, sizeof(below), part, at, length);
        next.at = at.at + length;
    }
    say_part(above, sizeof(above), part, at, length);
    if (part != QUIRE_PART_NOTHING && at.at <= va.at) {
        snprintf(to, bytes, "in %s", above);
    } else {
        snprintf(to, bytes, "between %s and %s", below, above);
    }
}

static const char *access_text(unsigned access)
{
    return (access & QUIRE_WRITE)     ? "write to"
           : (access & QUIRE_EXECUTE) ? "execution of"
                                      : "read of";
}

static void say_killed(const struct machine_frame *frame, quire_va va, unsigned access,
                       const char *why)
{
    char walk[96], region[112];

    say_walk(walk, sizeof(walk), va, access);
    say_region(region, sizeof(region), va);
    say("%s[%u] killed: %s 0x%08x at 0x%08x: %s; %s; %s", current->process->name, current->number,
        access_text(access), (unsigned)va.at, (unsigned)machine_frame_at(frame), why, walk, region);
}

/* ---- what the machine calls ----------------------------------------------------------------- */

bool kernel_page_fault(struct machine_frame *frame, quire_va va, unsigned access)
{
    enum quire_refusal refusal = QUIRE_REFUSAL_NONE;
    enum quire_status status;

    if (current->process == NULL || (!(access & QUIRE_USER) && va.at < options.layout->users.at)) {
        kernel_panic("%s 0x%08x by the kernel at 0x%08x", access_text(access), (unsigned)va.at,
                     (unsigned)machine_frame_at(frame));
    }
    status = fault_serve(va, access | QUIRE_USER, &refusal);
    if (status == QUIRE_OK || !(access & QUIRE_USER)) {
        return status == QUIRE_OK;
    }
    say_killed(frame, va, access,
               status == QUIRE_FAULT ? quire_refusal_text(refusal) : quire_status_text(status));
    process_exit(STATUS_KILLED);
}

void kernel_exception(struct machine_frame *frame, const char *name)
{
    say("%s[%u] killed: %s at 0x%08x", current->process->name, current->number, name,
        (unsigned)machine_frame_at(frame));
    process_exit(STATUS_KILLED);
}

/* ---- between kernel and program ------------------------------------------------------------- */

static bool is_programs(uintptr_t at, size_t bytes)
{
    const struct quire_layout *layout = options.layout;

    return at >= layout->users.at && at <= layout->last.at && bytes <= layout->last.at - at + 1;
}

enum quire_status copy_in(void *to, uintptr_t from, size_t bytes)
{
    return is_programs(from, bytes) && machine_copy(to, (const void *)from, bytes) ? QUIRE_OK
                                                                                   : QUIRE_FAULT;
}

enum quire_status copy_out(uintptr_t to, const void *from, size_t bytes)
{
    return is_programs(to, bytes) && machine_copy((void *)to, from, bytes) ? QUIRE_OK : QUIRE_FAULT;
}
