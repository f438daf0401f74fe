/* Commands about programs: images, libraries, and processes as a kernel would make them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "quire/elf.h"
#include "scenario_internal.h"

/* What a program or library that is just so large has in its file: byte n is n % PATTERN, so that
 * it can be told where in the file a byte comes from. */
enum { PATTERN = 251 };

static bool has_usermode(struct call *call)
{
    return call->scenario->usermode.layout != NULL ||
           !outcome_failed(call, QUIRE_INVALID,
                           "%s: the machine has no layout for programs (machine layout=)",
                           call->command->name);
}

/* ---- images ---------------------------------------------------------------------------------- */

static bool describe_size(struct call *call, struct scenario_object *object)
{
    struct quire_device device = {disk_transfer, &object->disk};
    uint64_t page = quire_format_page_bytes(scenario_format(call->scenario));
    uint64_t size = call->value[OPERAND_SIZE].number, data = call->value[OPERAND_BYTES].number;

    if (size > call->scenario->limits.memory || data > call->scenario->limits.memory - size ||
        !object_room(object, size + data)) {
        return problem_set(call->problem, "%s: more memory than there is here",
                           call->command->name);
    }
    for (uint64_t i = 0; i < size + data; i++) {
        object->disk.bytes[i] = (unsigned char)(i % PATTERN);
    }
    if (call_has(call, OPERAND_BYTES)) {
        return quire_image_of_parts(&object->image, object->name, &device, size, data, page) ==
               QUIRE_OK;
    }
    return quire_image_of_size(&object->image, object->name, &device, size, page) == QUIRE_OK;
}

static bool describe_elf(struct call *call, struct scenario_object *object)
{
    const char *path = call->value[OPERAND_PATH].word->text;
    const struct quire_format *format = scenario_format(call->scenario);
    const struct host_file *file = host_file(call->scenario, path, call->problem);
    struct quire_elf_memory memory;
    struct quire_elf_source source = {quire_elf_read_memory, &memory, 0};
    struct quire_elf_rules rules = {.page_bytes = quire_format_page_bytes(format),
                                    .last = call->scenario->usermode.layout->last.at,
                                    .bits = format->va_bits > 32 ? 64 : 32,
                                    .library = object->kind == OBJECT_LIBRARY};
    enum quire_elf_reason reason;

    if (file == NULL) {
        return false;
    }
    memory = (struct quire_elf_memory){file->bytes, file->size};
    source.bytes = file->size;
    reason = quire_elf_parse(&object->image, &source, &rules, NULL);
    if (reason != QUIRE_ELF_SOUND) {
        return problem_set(call->problem, "%s: %s: %s", call->command->name, path,
                           quire_elf_reason_text(reason));
    }
    if (!object_room(object, file->size)) {
        return problem_set(call->problem, "%s: no memory for %s", call->command->name, path);
    }
    memcpy(object->disk.bytes, file->bytes, file->size);
    object->image.name = object->name;
    object->image.device = (struct quire_device){disk_transfer, &object->disk};
    return true;
}

/* The image that the command describes, in an object of that name. False: call->problem, or the
 * outcome, says why not. */
static bool describe(struct call *call, const struct word *name, enum object_kind kind,
                     struct scenario_object **made)
{
    struct scenario_object *object;
    bool fine;

    *made = NULL;
    if (call_has(call, OPERAND_SIZE) == call_has(call, OPERAND_PATH)) {
        return problem_set(call->problem, "%s: expected a SIZE, or elf PATH", call->command->name);
    }
    object = object_place(call, name, kind);
    if (object == NULL) {
        return true;
    }
    fine = call_has(call, OPERAND_SIZE) ? describe_size(call, object) : describe_elf(call, object);
    if (!fine) {
        object_end(object);
        return false;
    }
    *made = object;
    return true;
}

bool run_program(struct call *call)
{
    struct scenario_object *object = NULL;
    bool fine = !has_usermode(call) ||
                describe(call, call->value[OPERAND_NAME].word, OBJECT_PROGRAM, &object);

    if (object != NULL) {
        object->alive = true;
    }
    return fine;
}

bool run_library(struct call *call)
{
    struct scenario_object *object;
    enum quire_status status;

    if (!has_usermode(call)) {
        return true;
    }
    if (!describe(call, call->value[OPERAND_NAME].word, OBJECT_LIBRARY, &object)) {
        return false;
    }
    if (object == NULL) {
        return true;
    }
    status = quire_library_add(&call->scenario->usermode, &object->library, &object->image,
                               call_said(call, "kept"));
    object->alive = status == QUIRE_OK;
    if (!object->alive) {
        object_end(object);
    }
    return outcome_of(call, status);
}

/* ---- processes ------------------------------------------------------------------------------- */

static enum quire_status load_step(void *context, struct quire_request *request)
{
    return quire_process_load(context, request);
}

/* Eager loading: what is owed comes in now. */
static bool load(struct call *call, struct scenario_process *process)
{
    struct quire_request request;

    return outcome_of(
        call, machine_complete(&call->scenario->machine, load_step, &process->process, &request));
}

struct spawning {
    struct scenario *scenario;
    struct scenario_process *process;
    struct quire_process_spec spec;
};

static enum quire_status spawn_it(void *context)
{
    const struct spawning *s = context;

    return quire_process_spawn(&s->process->process, &s->scenario->usermode, &s->spec);
}

static bool spawn(struct call *call, struct scenario_process *process,
                  struct scenario_object *program)
{
    struct scenario *scenario = call->scenario;
    struct spawning spawning = {scenario,
                                process,
                                {process->name, process_number(scenario), &program->image,
                                 call_said(call, "demand") ? QUIRE_LOAD_DEMAND : QUIRE_LOAD_EAGER}};
    enum quire_status status = machine_insist(&scenario->machine, spawn_it, &spawning);

    if (status != QUIRE_OK) {
        memset(&process->process, 0, sizeof process->process);
        return outcome_of(call, status);
    }
    process->alive = true;
    process_run(scenario, process);
    return load(call, process);
}

/* The program of an earlier process of that name. */
static void forget_unused(struct scenario *scenario, const struct word *name)
{
    struct scenario_object *object = object_find(scenario, name);

    if (object != NULL && object->alive && object->kind == OBJECT_PROGRAM &&
        object->image.users == 0) {
        object_end(object);
    }
}

bool run_spawn(struct call *call)
{
    const struct word *name = call->value[OPERAND_NEW].word;
    struct scenario_process *process;
    struct scenario_object *program = call->value[OPERAND_PROGRAM].object;

    if (!has_usermode(call)) {
        return true;
    }
    if (call_has(call, OPERAND_PROGRAM) &&
        (call_has(call, OPERAND_SIZE) || call_has(call, OPERAND_PATH))) {
        return problem_set(call->problem, "spawn: expected one of a SIZE, elf PATH and of PROGRAM");
    }
    process = process_place(call, name);
    if (process == NULL) {
        return true;
    }
    if (!call_has(call, OPERAND_PROGRAM)) {
        forget_unused(call->scenario, name);
        if (!describe(call, name, OBJECT_PROGRAM, &program)) {
            return false;
        }
        if (program == NULL) {
            return true;
        }
        program->alive = true;
    } else if (!program->alive) {
        return outcome_failed(call, QUIRE_NOT_FOUND, "spawn: %s is not there", program->name);
    }
    return spawn(call, process, program);
}

/* ---- libraries and heap ---------------------------------------------------------------------- */

/* A process with a program in it, not just an address space. */
static bool has_program(struct call *call)
{
    const struct scenario_process *process = call_process(call);

    return process->process.usermode != NULL ||
           !outcome_failed(call, QUIRE_INVALID, "%s: %s was not spawned: it has no program",
                           call->command->name, process->name);
}

static bool library_there(struct call *call, struct scenario_object *library)
{
    return library->alive || !outcome_failed(call, QUIRE_NOT_FOUND, "%s: %s is not there",
                                             call->command->name, library->name);
}

bool run_load(struct call *call)
{
    struct scenario_process *process = call_process(call);
    struct scenario_object *library = call->value[OPERAND_LIBRARY].object;
    enum quire_status status;
    quire_va va;

    if (!has_program(call) || !library_there(call, library)) {
        return true;
    }
    status = quire_process_open_library(&process->process, &library->library, &va);
    if (status != QUIRE_OK) {
        return outcome_of(call, status);
    }
    fprintf(call->out, "%s has %s at 0x%0*" PRIx64 "\n", process->name, library->name,
            (int)va_digits(scenario_format(call->scenario)), va.at);
    return load(call, process);
}

bool run_unload(struct call *call)
{
    struct scenario_object *library = call->value[OPERAND_LIBRARY].object;

    machine_settle(&call->scenario->machine);
    return !has_program(call) || !library_there(call, library) ||
           outcome_of(call,
                      quire_process_close_library(&call_process(call)->process, &library->library));
}

bool run_heap(struct call *call)
{
    struct scenario_process *process = call_process(call);
    enum quire_status status;
    quire_va va;

    if (!has_program(call)) {
        return true;
    }
    status = quire_process_map_heap(&process->process, call->value[OPERAND_SIZE].number, &va);
    if (status != QUIRE_OK) {
        return outcome_of(call, status);
    }
    fprintf(call->out, "%s has a heap piece at 0x%0*" PRIx64 "\n", process->name,
            (int)va_digits(scenario_format(call->scenario)), va.at);
    return load(call, process);
}
