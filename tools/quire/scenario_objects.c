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
        return outcome_failed(call, status, "%s: the machine's MMU has no accessed bit or cannot "
                                            "forbid writing, which this needs",
                              call->command->name);
    }
    process->alive = status == QUIRE_OK;
    return outcome_of(call, status);
}

static void make_run(struct scenario *scenario, struct scenario_process *process)
{
    quire_table_activate(&process->space->table);
    scenario->running = process;
}

bool run_process(struct call *call)
{
    struct scenario *scenario = call->scenario;
    struct scenario_process *process = process_place(call, call->value[OPERAND_NEW].word);

    if (process == NULL) {
        return true;
    }
    started(call, process,
            quire_space_create(process->space, &scenario->machine.system,
                               scenario_format(scenario), process_number(scenario)));
    if (process->alive) {
        make_run(scenario, process);
    }
    return true;
}

bool run_fork(struct call *call)
{
    struct scenario_process *parent = call_process(call);
    struct scenario_process *child = process_place(call, call->value[OPERAND_NEW].word);

    return child == NULL || started(call, child,
                                    quire_space_fork(child->space, parent->space,
                                                     process_number(call->scenario)));
}

bool run_exit(struct call *call)
{
    process_end(call->scenario, call_process(call));
    return true;
}

bool run_switch(struct call *call)
{
    make_run(call->scenario, call_process(call));
    return true;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* All devices fail together: the n-th read is the n-th of any of them. */
static enum quire_status file_transfer(void *context, struct quire_transfer *transfer)
{
    struct scenario_object *file = context;
    struct disk *disk = &file->scenario->machine.disk;
    bool in = transfer->direction == QUIRE_TRANSFER_IN;

    if (mishap_strikes(in ? &disk->fail_read : &disk->fail_write) || transfer->offset > file->room ||
        transfer->bytes > file->room - transfer->offset) {
        return QUIRE_IO_ERROR;
    }
    if (in) {
        memcpy(transfer->where, file->bytes + transfer->offset, (size_t)transfer->bytes);
    } else {
        memcpy(file->bytes + transfer->offset, transfer->where, (size_t)transfer->bytes);
    }
    return QUIRE_OK;
}

static bool made(struct call *call, struct scenario_object *object, enum quire_status status)
{
    object->alive = status == QUIRE_OK;
    if (!object->alive) {
        free(object->bytes);
        object->bytes = NULL;
    }
    return outcome_of(call, status);
}

static bool make_file(struct call *call, struct scenario_object *file, const void *from,
                      uint64_t bytes)
{
    struct scenario *scenario = call->scenario;
    uint64_t page = quire_format_page_bytes(scenario_format(scenario));
    struct quire_device device = {file_transfer, file};

    if (bytes == 0 || bytes > scenario->limits.memory || bytes > SIZE_MAX / 2) {
        return problem_set(call->problem, "%s: a file has at least one byte, and less than this",
                           call->command->name);
    }
    file->room = (bytes + page - 1) & ~(page - 1);
    file->bytes = calloc(1, (size_t)file->room);
    if (file->bytes == NULL) {
        return problem_set(call->problem, "%s: no memory for a file of %" PRIu64 " bytes",
                           call->command->name, bytes);
    }
    if (from != NULL) {
        memcpy(file->bytes, from, (size_t)bytes);
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
            call_has(call, OPERAND_PATH) != 1 ||
        (call_has(call, OPERAND_VALUE) && !text->quoted)) {
        return problem_set(call->problem,
                           "file: expected one of size SIZE, text \"STRING\" and from PATH");
    }
    if (call_has(call, OPERAND_PATH)) {
        host = host_file(call->scenario, call->value[OPERAND_PATH].word->text, call->problem);
        if (host == NULL) {
            return false;
        }
    }
    file = object_place(call, call->value[OPERAND_NEW].word);
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
    struct scenario_object *object = object_place(call, call->value[OPERAND_NEW].word);

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

bool run_sync(struct call *call)
{
    struct scenario_object *object = call->value[OPERAND_OBJECT].object;
    struct quire_request request = {.ready = NULL};
    uint64_t next = 0;

    return outcome_of(call, quire_object_sync(&object->object, &next, &request));
}

bool run_stored(struct call *call)
{
    struct scenario_object *file = call->value[OPERAND_OBJECT].object;
    uint64_t offset = call->value[OPERAND_OFFSET].number;
    struct value width = {.number = 4, .last = 2};

    if (call_has(call, OPERAND_WIDTH)) {
        width = call->value[OPERAND_WIDTH];
    }
    if (file->bytes == NULL) {
        return outcome_failed(call, QUIRE_INVALID, "stored: %s has no device", file->name);
    }
    if (offset > file->room || width.number > file->room - offset) {
        return outcome_failed(call, QUIRE_OUT_OF_RANGE, "stored: %s ends before that", file->name);
    }
    fprintf(call->out, "%s on the device at 0x%" PRIx64 ": ", file->name, offset);
    outcome_value(call, file->bytes + offset, &width);
    return true;
}
