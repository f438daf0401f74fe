/* Commands about processes, files and shared memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "scenario_internal.h"

/* ---- processes ------------------------------------------------------------------------------- */

static bool started(struct call *call, struct scenario_process *process, enum quire_status status)
{
    if (status == QUIRE_INVALID) {
        return outcome_failed(call, status,
                              "%s: the machine's MMU has no accessed bit or cannot "
                              "forbid writing, which this needs",
                              call->command->name);
    }
    process->alive = status == QUIRE_OK;
    if (!process->alive) {
        memset(&process->process, 0, sizeof process->process);
    }
    return outcome_of(call, status);
}

/* A process that begins: an empty one, or a copy of `parent`. */
struct beginning {
    struct scenario *scenario;
    struct scenario_process *process, *parent;
    uint16_t number;
};

static enum quire_status create_it(void *context)
{
    const struct beginning *b = context;

    return quire_space_create(b->process->space, &b->scenario->machine.system,
                              scenario_format(b->scenario), b->number);
}

bool run_process(struct call *call)
{
    struct scenario *scenario = call->scenario;
    struct scenario_process *process = process_place(call, call->value[OPERAND_NEW].word);

    if (process == NULL) {
        return true;
    }
    started(call, process,
            machine_insist(&scenario->machine, create_it,
                           &(struct beginning){scenario, process, NULL, process_number(scenario)}));
    if (process->alive) {
        process_run(scenario, process);
    }
    return true;
}

static enum quire_status fork_it(void *context)
{
    const struct beginning *b = context;

    if (b->parent->process.usermode != NULL) {
        return quire_process_fork(&b->process->process, &b->parent->process, b->process->name,
                                  b->number);
    }
    return quire_space_fork(b->process->space, b->parent->space, b->number);
}

bool run_fork(struct call *call)
{
    struct scenario *scenario = call->scenario;
    struct scenario_process *parent = call_process(call);
    struct scenario_process *child = process_place(call, call->value[OPERAND_NEW].word);
    struct beginning beginning = {scenario, child, parent, process_number(scenario)};

    machine_settle(&scenario->machine);
    return child == NULL ||
           started(call, child, machine_insist(&scenario->machine, fork_it, &beginning));
}

bool run_exit(struct call *call)
{
    process_end(call->scenario, call_process(call));
    return true;
}

bool run_switch(struct call *call)
{
    process_run(call->scenario, call_process(call));
    return true;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool made(struct call *call, struct scenario_object *object, enum quire_status status)
{
    object->alive = status == QUIRE_OK;
    if (!object->alive) {
        object_end(object);
    }
    return outcome_of(call, status);
}

static bool make_file(struct call *call, struct scenario_object *file, const void *from,
                      uint64_t bytes)
{
    struct scenario *scenario = call->scenario;
    struct quire_device device = {disk_transfer, &file->disk};

    if (bytes > scenario->limits.memory || !object_room(file, bytes)) {
        return problem_set(call->problem, "file: more memory than there is here: %" PRIu64 " bytes",
                           bytes);
    }
    if (from != NULL) {
        memcpy(file->disk.bytes, from, (size_t)bytes);
    }
    return made(call, file,
                quire_object_create(&file->object, &scenario->machine.system, &device, bytes));
}

bool run_file(struct call *call)
{
    const struct word *text = call->value[OPERAND_VALUE].word;
    const struct host_file *host = NULL;
    struct scenario_object *file;

    if (call_has(call, OPERAND_SIZE) + call_has(call, OPERAND_VALUE) +
                call_has(call, OPERAND_PATH) !=
            1 ||
        (call_has(call, OPERAND_VALUE) && (!text->quoted || text->length == 0))) {
        return problem_set(call->problem,
                           "file: expected one of a SIZE, text \"STRING\" and from PATH");
    }
    if (call_has(call, OPERAND_PATH)) {
        host = host_file(call->scenario, call->value[OPERAND_PATH].word->text, call->problem);
        if (host == NULL) {
            return false;
        }
    }
    file = object_place(call, call->value[OPERAND_NAME].word, OBJECT_FILE);
    if (file == NULL) {
        return true;
    }
    if (host != NULL) {
        return make_file(call, file, host->bytes, host->size);
    }
    return call_has(call, OPERAND_SIZE)
               ? make_file(call, file, NULL, call->value[OPERAND_SIZE].number)
               : make_file(call, file, text->text, text->length);
}

bool run_memory(struct call *call)
{
    struct scenario_object *object =
        object_place(call, call->value[OPERAND_NAME].word, OBJECT_MEMORY);

    return object == NULL ||
           made(call, object,
                quire_object_create(&object->object, &call->scenario->machine.system, NULL,
                                    call->value[OPERAND_SIZE].number));
}

bool run_drop(struct call *call)
{
    struct scenario_object *object = call->value[OPERAND_OBJECT].object;

    if (object->object.mappings != NULL) {
        return outcome_failed(call, QUIRE_BUSY, "drop: %s is mapped", object->name);
    }
    object_end(object);
    return true;
}

struct sync {
    struct quire_object *object;
    uint64_t next;
};

static enum quire_status sync_step(void *context, struct quire_request *request)
{
    struct sync *sync = context;

    return quire_object_sync(sync->object, &sync->next, request);
}

bool run_sync(struct call *call)
{
    struct sync sync = {&call->value[OPERAND_OBJECT].object->object, 0};
    struct quire_request request;

    return outcome_of(call, machine_complete(&call->scenario->machine, sync_step, &sync, &request));
}

bool run_stored(struct call *call)
{
    struct scenario_object *file = call->value[OPERAND_OBJECT].object;
    uint64_t offset = call->value[OPERAND_OFFSET].number;
    struct value width = {.number = 4, .last = 2};

    if (call_has(call, OPERAND_WIDTH)) {
        width = call->value[OPERAND_WIDTH];
    }
    if (file->disk.bytes == NULL) {
        return outcome_failed(call, QUIRE_INVALID, "stored: %s has no device", file->name);
    }
    if (offset > file->disk.size || width.number > file->disk.size - offset) {
        return outcome_failed(call, QUIRE_OUT_OF_RANGE, "stored: %s ends before that", file->name);
    }
    fprintf(call->out, "%s on the device at 0x%" PRIx64 ": ", file->name, offset);
    outcome_value(call, file->disk.bytes + offset, &width);
    return true;
}
