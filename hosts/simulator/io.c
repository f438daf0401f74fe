/*
 * Waiting for disks, and reading ahead meanwhile.
 *
 * With a slow disk, every transfer waits in machine.queue until something has to be waited for.
 * Then any of those that wait is done, so that transfers end in any order: a fault's own may be the
 * last. With a fast one only those wait that are delayed.
 */
#include "machine.h"

/* A request of a fault is ready when its context says so; one that reads ahead, when its slot
 * does. */
static void note_ready(struct quire_request *request)
{
    *(bool *)request->context = true;
}

static void go_on(struct machine_ahead *ahead)
{
    enum quire_status status = QUIRE_OK;

    if (ahead->ready) {
        ahead->ready = false;
        status = quire_space_resume(&ahead->request);
    }
    if (status == QUIRE_OK) {
        status = quire_space_prefetch(ahead->space, ahead->va, ahead->bytes, &ahead->done,
                                      &ahead->request);
    }
    if (status != QUIRE_PENDING) {
        ahead->space = NULL; /* all is in; or it could not be, and then not: it was but a favour */
    }
}

static void start_reading(struct machine *machine, const struct quire_request *request)
{
    for (unsigned i = 0; i < MACHINE_AHEAD; i++) {
        struct machine_ahead *ahead = &machine->ahead[i];

        if (ahead->space == NULL) {
            *ahead = (struct machine_ahead){
                .space = request->space, .va = request->ahead, .bytes = request->ahead_bytes};
            ahead->request.ready = note_ready;
            ahead->request.context = &ahead->ready;
            go_on(ahead);
            return;
        }
    }
}

static uint64_t throw_dice(struct machine *machine)
{
    machine->dice = machine->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return machine->dice >> 33;
}

bool machine_wait(struct machine *machine)
{
    if (machine->queue.length == 0) {
        return false;
    }
    machine->count.waits++;
    disk_complete(&machine->queue, (unsigned)(throw_dice(machine) % disk_choices(&machine->queue)));
    for (unsigned i = 0; i < MACHINE_AHEAD; i++) {
        if (machine->ahead[i].space != NULL && machine->ahead[i].ready) {
            go_on(&machine->ahead[i]);
        }
    }
    return true;
}

void machine_settle(struct machine *machine)
{
    while (machine_wait(machine)) {
    }
}

enum quire_status machine_finish(struct machine *machine, struct quire_request *request)
{
    bool *ready = request->context;
    enum quire_status status = QUIRE_PENDING;

    while (status == QUIRE_PENDING) {
        while (!*ready && machine_wait(machine)) {
        }
        if (!*ready) {
            return QUIRE_PENDING; /* some other device has it */
        }
        *ready = false;
        status = quire_space_resume(request);
    }
    return status;
}

/* Sees a step to its end, which is in *status. True: its page was in transit for another request,
 * and may not be any more: the step is to be done again. */
static bool wait_out(struct machine *machine, struct quire_request *request,
                     enum quire_status *status)
{
    if (*status == QUIRE_PENDING) {
        *status = machine_finish(machine, request);
    }
    return *status == QUIRE_BUSY && machine_wait(machine);
}

enum quire_status machine_complete(struct machine *machine,
                                   enum quire_status (*step)(void *context,
                                                             struct quire_request *request),
                                   void *context, struct quire_request *request)
{
    bool ready = false, pended;
    enum quire_status status;

    request->ready = note_ready;
    request->context = &ready;
    do {
        status = step(context, request);
        pended = status == QUIRE_PENDING;
    } while (wait_out(machine, request, &status) || (pended && status == QUIRE_OK));
    request->context = NULL;
    return status;
}

enum quire_status machine_fault(struct machine *machine, struct quire_space *space, quire_va va,
                                unsigned access, struct quire_request *request)
{
    enum quire_status status;
    bool ready = false;

    request->ready = note_ready;
    request->context = &ready;
    do {
        status = quire_space_fault(space, va, access, request);
    } while (wait_out(machine, request, &status));
    if (status == QUIRE_OK && request->ahead_bytes != 0 && machine->config.reads_ahead) {
        start_reading(machine, request);
    }
    return status;
}

/* Evicts one page. machine_complete() would ask for another one after each that had to be waited
 * for. */
static bool make_room(struct machine *machine)
{
    struct quire_request request;
    bool ready = false;
    enum quire_status status;

    request.ready = note_ready;
    request.context = &ready;
    do {
        status = quire_system_reclaim(&machine->system, &request);
    } while (wait_out(machine, &request, &status));
    return status == QUIRE_OK;
}

enum quire_status machine_insist(struct machine *machine, enum quire_status (*doing)(void *context),
                                 void *context)
{
    enum quire_status status;
    uint64_t refused;

    do {
        refused = machine->count.frames_refused;
        status = doing(context);
    } while (status == QUIRE_NO_MEMORY && machine->count.frames_refused == refused &&
             make_room(machine));
    return status;
}
