/* System calls: calls.h says what each does; here is how they come to it. */
#include <string.h>

#include "kernel.h"

struct call_context {
    struct machine_frame *frame;
    const uintptr_t *argument;
    const char *text; /* that the first argument points to, where the call takes one */
};

enum { RIGHTS = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE };

/* A text of a program's: a piece at a time, as what follows its end may not be there. */
static enum quire_status copy_text(char to[COMMAND_BYTES], uintptr_t from)
{
    for (size_t length = 0; length < COMMAND_BYTES;) {
        size_t piece = page_bytes() - ((from + length) & (page_bytes() - 1));

        if (piece > COMMAND_BYTES - length) {
            piece = COMMAND_BYTES - length;
        }
        if (copy_in(to + length, from + length, piece) != QUIRE_OK) {
            return QUIRE_FAULT;
        }
        if (memchr(to + length, '\0', piece) != NULL) {
            return QUIRE_OK;
        }
        length += piece;
    }
    return QUIRE_INVALID;
}

static intptr_t call_exit(const struct call_context *call)
{
    process_exit(call->argument[0] < STATUS_MOST ? (int32_t)call->argument[0] : STATUS_MOST);
}

static intptr_t call_write(const struct call_context *call)
{
    uintptr_t from = call->argument[1], bytes = call->argument[2];
    char piece[128];

    if (call->argument[0] != 1 && call->argument[0] != 2) {
        return -QUIRE_INVALID;
    }
    for (uintptr_t done = 0; done < bytes;) {
        size_t length = bytes - done < sizeof(piece) ? bytes - done : sizeof(piece);

        if (copy_in(piece, from + done, length) != QUIRE_OK) {
            return done != 0 ? (intptr_t)done : -QUIRE_FAULT;
        }
        console_write(piece, length);
        done += length;
    }
    return (intptr_t)bytes;
}

/* Room for a result, before there is one that would be lost: it is made writable, and keeps what is
 * there, of which `copy` gets a copy. */
static bool has_room(uintptr_t at, void *copy, size_t bytes)
{
    return copy_in(copy, at, bytes) == QUIRE_OK && copy_out(at, copy, bytes) == QUIRE_OK;
}

static intptr_t call_read(const struct call_context *call)
{
    char typed[64];
    uintptr_t bytes = call->argument[2];

    if (call->argument[0] != 0) {
        return -QUIRE_INVALID;
    }
    if (bytes > sizeof(typed)) {
        bytes = sizeof(typed);
    }
    if (!has_room(call->argument[1], typed, bytes)) {
        return -QUIRE_FAULT;
    }
    bytes = console_read(typed, bytes);
    return copy_out(call->argument[1], typed, bytes) == QUIRE_OK ? (intptr_t)bytes : -QUIRE_FAULT;
}

static intptr_t call_fork(const struct call_context *call)
{
    return process_fork(call->frame);
}

static intptr_t call_exec(const struct call_context *call)
{
    return process_exec(call->frame, call->text);
}

static intptr_t call_spawn(const struct call_context *call)
{
    return process_spawn(call->text);
}

static intptr_t call_wait(const struct call_context *call)
{
    int32_t status;
    intptr_t number;

    if (call->argument[0] != 0 && !has_room(call->argument[0], &status, sizeof(status))) {
        return -QUIRE_FAULT;
    }
    number = process_wait(&status);
    if (number > 0 && call->argument[0] != 0 &&
        copy_out(call->argument[0], &status, sizeof(status)) != QUIRE_OK) {
        return -QUIRE_FAULT;
    }
    return number;
}

static enum quire_status protect(quire_va va, uint64_t bytes, uintptr_t rights)
{
    enum quire_status status;

    if ((rights & ~(uintptr_t)RIGHTS) != 0) {
        return QUIRE_INVALID;
    }
    do {
        status =
            quire_space_protect(&current->process->space, va, bytes, (unsigned)rights | QUIRE_USER);
    } while (task_again(status));
    return status;
}

static enum quire_status unmap(quire_va va, uint64_t bytes)
{
    enum quire_status status;

    do {
        status = quire_process_unmap_heap(current->process, va, bytes);
    } while (task_again(status));
    return status;
}

static intptr_t call_mmap(const struct call_context *call)
{
    uint64_t bytes = call->argument[0];
    uintptr_t rights = call->argument[1];
    enum quire_status status;
    quire_va va;

    if ((rights & ~(uintptr_t)RIGHTS) != 0) {
        return -QUIRE_INVALID;
    }
    do {
        status = quire_process_map_heap(current->process, bytes, &va);
    } while (task_again(status));
    if (status == QUIRE_OK && rights != (QUIRE_READ | QUIRE_WRITE)) {
        bytes = (bytes + page_bytes() - 1) & ~(uint64_t)(page_bytes() - 1);
        status = protect(va, bytes, rights);
        if (status != QUIRE_OK) {
            unmap(va, bytes);
        }
    }
    return status == QUIRE_OK ? (intptr_t)va.at : -(intptr_t)status;
}

static intptr_t call_munmap(const struct call_context *call)
{
    return -(intptr_t)unmap(quire_va_at(call->argument[0]), call->argument[1]);
}

static intptr_t call_mprotect(const struct call_context *call)
{
    return -(intptr_t)protect(quire_va_at(call->argument[0]), call->argument[1], call->argument[2]);
}

static intptr_t call_brk(const struct call_context *call)
{
    enum quire_status status;
    quire_va end;

    if (call->argument[0] >= (uintptr_t)-QUIRE_STATUSES) {
        return -QUIRE_NO_SPACE; /* such an end would look like an error */
    }
    do {
        status = quire_process_brk(current->process, quire_va_at(call->argument[0]), &end);
    } while (task_again(status));
    return status == QUIRE_OK ? (intptr_t)end.at : -(intptr_t)status;
}

static intptr_t call_library(const struct call_context *call)
{
    struct quire_library *library = quire_library_find(&usermode, call->text);
    enum quire_status status;
    quire_va va;

    if (library == NULL) {
        return -QUIRE_NOT_FOUND;
    }
    do {
        status = quire_process_open_library(current->process, library, &va);
    } while (task_again(status));
    if (status == QUIRE_OK) {
        status = process_load();
    }
    return status == QUIRE_OK ? (intptr_t)va.at : -(intptr_t)status;
}

static intptr_t call_yield(const struct call_context *call)
{
    (void)call;
    task_yield();
    return 0;
}

static uint32_t low_free(void)
{
    uint32_t free = 0;

    for (uint32_t n = 0; n < KERNEL_BYTES / page_bytes(); n++) {
        free += quire_frames_count(&frames, quire_pfn_of(n)) == 0;
    }
    return free;
}

static intptr_t call_memory(const struct call_context *call)
{
    const uint64_t *events = paging.events;
    struct quire_process_stats stats;
    struct memory_statistics m;

    quire_process_stats(current->process, &stats);
    m = (struct memory_statistics){
        .process = current->number,
        .page_bytes = (uint32_t)page_bytes(),
        .mapped = (uint32_t)stats.mapped,
        .resident = (uint32_t)stats.resident,
        .shared = (uint32_t)stats.shared,
        .swapped = (uint32_t)stats.swapped,
        .faults = (uint32_t)stats.faults,
        .frames = frames.total,
        .frames_free = frames.free,
        .low_free = low_free(),
        .slots = paging.swap.slots.total,
        .slots_used = quire_swap_used(&paging.swap),
        .swapped_in = (uint32_t)events[QUIRE_EVENT_SWAP_IN],
        .swapped_out = (uint32_t)events[QUIRE_EVENT_SWAP_OUT],
        .copied = (uint32_t)events[QUIRE_EVENT_COPY],
        .zeroed = (uint32_t)events[QUIRE_EVENT_ZERO_FILL],
        .flushes = port_flushes,
        .processes = process_count(),
    };
    return copy_out(call->argument[0], &m, sizeof(m)) == QUIRE_OK ? 0 : -QUIRE_FAULT;
}

static intptr_t call_stop(const struct call_context *call)
{
    if (options.witness) {
        stop(call->text);
    }
    return 0;
}

static const struct {
    intptr_t (*serve)(const struct call_context *call);
    bool takes_text;
} calls[CALLS] = {
    [CALL_EXIT] = {.serve = call_exit},
    [CALL_WRITE] = {.serve = call_write},
    [CALL_READ] = {.serve = call_read},
    [CALL_FORK] = {.serve = call_fork},
    [CALL_EXEC] = {.serve = call_exec, .takes_text = true},
    [CALL_SPAWN] = {.serve = call_spawn, .takes_text = true},
    [CALL_WAIT] = {.serve = call_wait},
    [CALL_MMAP] = {.serve = call_mmap},
    [CALL_MUNMAP] = {.serve = call_munmap},
    [CALL_MPROTECT] = {.serve = call_mprotect},
    [CALL_BRK] = {.serve = call_brk},
    [CALL_LIBRARY] = {.serve = call_library, .takes_text = true},
    [CALL_YIELD] = {.serve = call_yield},
    [CALL_MEMORY] = {.serve = call_memory},
    [CALL_STOP] = {.serve = call_stop, .takes_text = true},
};

intptr_t kernel_call(struct machine_frame *frame, unsigned number, const uintptr_t argument[5])
{
    char text[COMMAND_BYTES];
    const struct call_context call = {frame, argument, text};
    enum quire_status status = number < CALLS ? QUIRE_OK : QUIRE_INVALID;

    if (status == QUIRE_OK && calls[number].takes_text) {
        status = copy_text(text, argument[0]);
    }
    return status == QUIRE_OK ? calls[number].serve(&call) : -(intptr_t)status;
}
