/* The machine of a scenario, and what has a name on it: processes, files, shared memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "explain.h"
#include "quire/formats.h"
#include "scenario_internal.h"

enum { HOST_FILE_MOST = 64 << 20, DEVICE_MOST = 1 << 30, RAM_DEFAULT = 16 << 20 };

/* ---- the machine ----------------------------------------------------------------------------- */

struct machine_config scenario_machine_default(const struct scenario *scenario)
{
    uint64_t most = scenario->limits.memory;
    uint64_t bytes = most < RAM_DEFAULT ? most : RAM_DEFAULT;
    struct machine_config config = {.format = &quire_format_i386,
                                    .ram_bytes = bytes,
                                    .swap_bytes = bytes,
                                    .tlb_entries = 64,
                                    .tlb_ways = 4,
                                    .policy = &quire_policy_clock,
                                    .verify_flushes = true};

    return config;
}

unsigned scenario_pa_digits(const struct scenario *scenario)
{
    unsigned digits = va_digits(scenario_format(scenario));
    uint64_t last = scenario->machine.config.ram_bytes - 1;

    while (digits < 16 && last >> 4 * digits != 0) {
        digits++;
    }
    return digits;
}

void scenario_reset(struct scenario *scenario)
{
    if (!scenario->open) {
        return;
    }
    registry_end(scenario);
    machine_listen(&scenario->machine, NULL, NULL);
    for (unsigned i = 0; i < scenario->processes; i++) {
        process_end(scenario, scenario->process[i]);
        free(scenario->process[i]);
    }
    for (unsigned i = 0; i < scenario->objects; i++) {
        object_end(scenario->object[i]);
        free(scenario->object[i]);
    }
    machine_close(&scenario->machine);
    free(scenario->described);
    scenario->described = NULL;
    scenario->processes = 0;
    scenario->objects = 0;
    scenario->open = false;
    scenario->outcome.kind = OUTCOME_OK;
    scenario->outcome.has_value = false;
    memset(scenario->mark, 0, sizeof scenario->mark);
}

/* Can such a machine be? It is built, and gone again. */
static bool try_machine(const struct machine_config *config, struct problem *problem)
{
    struct machine *machine = malloc(sizeof *machine);
    const char *why = "no memory to simulate one";
    bool fine = machine != NULL && machine_open(machine, config, &why) == QUIRE_OK;

    if (fine) {
        machine_close(machine);
    }
    free(machine);
    return fine || problem_set(problem, "machine: %s", why);
}

bool scenario_machine_open(struct scenario *scenario, const struct machine_config *config,
                           const struct quire_layout *layout, struct problem *problem)
{
    const char *why;

    if (config->ram_bytes > scenario->limits.memory ||
        config->swap_bytes > scenario->limits.memory) {
        return problem_set(problem, "machine: more memory than is allowed here, %" PRIu64 " bytes",
                           scenario->limits.memory);
    }
    if (!try_machine(config, problem)) {
        return false;
    }
    scenario_reset(scenario);
    if (machine_open(&scenario->machine, config, &why) != QUIRE_OK) {
        return problem_set(problem, "machine: %s", why);
    }
    if (layout == NULL || quire_usermode_init(&scenario->usermode, &scenario->machine.system,
                                              config->format, layout) != QUIRE_OK) {
        scenario->usermode.layout = NULL;
    }
    scenario->machine.faults.frame = scenario->inject.frame;
    scenario->machine.disk.fail_read = scenario->inject.read;
    scenario->machine.disk.fail_write = scenario->inject.write;
    scenario->machine.disk.delay = scenario->inject.delay;
    scenario->open = true;
    return true;
}

bool scenario_valid(struct scenario *scenario, const char **what)
{
    struct quire_space *space[NAMED_MAX];
    unsigned spaces = 0;

    for (unsigned i = 0; i < scenario->processes; i++) {
        if (scenario->process[i]->alive) {
            space[spaces++] = scenario->process[i]->space;
        }
    }
    return !scenario->open ||
           (quire_validate(&scenario->machine.system, space, spaces, what) == QUIRE_OK &&
            registry_valid(scenario, what));
}

/* ---- processes ------------------------------------------------------------------------------- */

struct scenario_process *process_find(const struct scenario *scenario, const struct word *name)
{
    for (unsigned i = 0; i < scenario->processes; i++) {
        if (strcmp(scenario->process[i]->name, name->text) == 0) {
            return scenario->process[i];
        }
    }
    return NULL;
}

const char *space_name(const struct scenario *scenario, const struct quire_space *space)
{
    for (unsigned i = 0; i < scenario->processes; i++) {
        if (scenario->process[i]->alive && scenario->process[i]->space == space) {
            return scenario->process[i]->name;
        }
    }
    return "nobody";
}

const struct scenario_process *process_with(const struct scenario *scenario, uint16_t asid)
{
    for (unsigned i = 0; i < scenario->processes; i++) {
        if (scenario->process[i]->alive && scenario->process[i]->space->id == asid) {
            return scenario->process[i];
        }
    }
    return NULL;
}

const char *asid_name(const struct scenario *scenario, uint16_t asid)
{
    const struct scenario_process *process = process_with(scenario, asid);

    return process != NULL ? process->name : "nobody";
}

static struct scenario_process *process_known(struct call *call, const struct word *name)
{
    struct scenario *scenario = call->scenario;
    struct scenario_process *process = process_find(scenario, name);

    if (process == NULL && scenario->processes < NAMED_MAX) {
        process = calloc(1, sizeof *process);
        if (process != NULL) {
            memcpy(process->name, name->text, name->length + 1);
            process->space = &process->process.space;
            scenario->process[scenario->processes++] = process;
        }
    }
    if (process == NULL) {
        outcome_failed(call, QUIRE_NO_SPACE, "%s: no more than %d processes", call->command->name,
                       NAMED_MAX);
    }
    return process;
}

struct scenario_process *process_place(struct call *call, const struct word *name)
{
    struct scenario_process *process = process_known(call, name);

    if (process != NULL && process->alive) {
        outcome_failed(call, QUIRE_EXISTS, "%s: a process %s runs already", call->command->name,
                       name->text);
        return NULL;
    }
    return process;
}

uint16_t process_number(const struct scenario *scenario)
{
    uint16_t number = 1;

    while (process_with(scenario, number) != NULL) {
        number++;
    }
    return number;
}

void process_run(struct scenario *scenario, struct scenario_process *process)
{
    if (process->process.usermode != NULL) {
        quire_process_switch(&process->process);
    } else {
        quire_table_activate(&process->space->table);
    }
    scenario->running = process;
}

void process_end(struct scenario *scenario, struct scenario_process *process)
{
    if (!process->alive) {
        return;
    }
    machine_settle(&scenario->machine);
    if (machine_runs(&scenario->machine, process->space)) {
        machine_idle(&scenario->machine);
    }
    if (scenario->running == process) {
        scenario->running = NULL;
    }
    if (process->process.usermode != NULL) {
        quire_process_exit(&process->process);
    } else {
        quire_space_destroy(process->space);
    }
    memset(&process->process, 0, sizeof process->process);
    free(process->limit_state);
    process->limit_state = NULL;
    process->alive = false;
}

/* ---- files and memory ------------------------------------------------------------------------ */

struct scenario_object *object_find(const struct scenario *scenario, const struct word *name)
{
    for (unsigned i = 0; i < scenario->objects; i++) {
        if (strcmp(scenario->object[i]->name, name->text) == 0) {
            return scenario->object[i];
        }
    }
    return NULL;
}

const struct scenario_object *object_of(const struct scenario *scenario,
                                        const struct quire_object *object)
{
    for (unsigned i = 0; i < scenario->objects; i++) {
        const struct scenario_object *o = scenario->object[i];

        if (o->alive && (&o->object == object || quire_image_has(&o->image, object))) {
            return o;
        }
    }
    return NULL;
}

const char *object_name(const struct scenario *scenario, const struct quire_object *object)
{
    const struct scenario_object *named = object_of(scenario, object);

    return named != NULL ? named->name : "nobody";
}

static struct scenario_object *object_known(struct call *call, const struct word *name,
                                            enum object_kind kind)
{
    struct scenario *scenario = call->scenario;
    struct scenario_object *object = object_find(scenario, name);

    if (object == NULL && scenario->objects < NAMED_MAX) {
        object = calloc(1, sizeof *object);
        if (object != NULL) {
            memcpy(object->name, name->text, name->length + 1);
            object->scenario = scenario;
            scenario->object[scenario->objects++] = object;
        }
    }
    if (object == NULL) {
        outcome_failed(call, QUIRE_NO_SPACE, "%s: no more than %d files and the like",
                       call->command->name, NAMED_MAX);
    } else if (!object->alive) {
        object->kind = kind;
    }
    return object;
}

struct scenario_object *object_place(struct call *call, const struct word *name,
                                     enum object_kind kind)
{
    struct scenario_object *object = object_known(call, name, kind);

    if (object != NULL && object->alive) {
        outcome_failed(call, QUIRE_EXISTS, "%s: there is a %s already", call->command->name,
                       name->text);
        return NULL;
    }
    return object;
}

bool names_introduce(struct call *call)
{
    return (!call_has(call, OPERAND_NEW) ||
            process_known(call, call->value[OPERAND_NEW].word) != NULL) &&
           (!call_has(call, OPERAND_NAME) ||
            object_known(call, call->value[OPERAND_NAME].word,
                         (enum object_kind)call->command->variant) != NULL);
}

/* => no process maps it */
void object_end(struct scenario_object *object)
{
    machine_settle(&object->scenario->machine);
    if (object->alive && object->kind == OBJECT_LIBRARY) {
        quire_library_remove(&object->library);
    } else if (object->alive && object->kind != OBJECT_PROGRAM) {
        quire_object_destroy(&object->object);
    }
    object->alive = false;
    if (object->disk.bytes != NULL) {
        disk_close(&object->disk);
    }
}

bool object_room(struct scenario_object *object, uint64_t bytes)
{
    struct machine *machine = &object->scenario->machine;
    uint64_t page = quire_format_page_bytes(machine->config.format);

    if (bytes > DEVICE_MOST ||
        !disk_open(&object->disk, NULL, ((bytes + page - 1) & ~(page - 1)) + page)) {
        return false;
    }
    object->disk.fails_with = &machine->disk;
    object->disk.queue = machine->disk.queue;
    object->disk.slow = machine->disk.slow;
    return true;
}

const struct host_file *host_file(struct scenario *scenario, const char *path,
                                  struct problem *problem)
{
    struct host_file *file = scenario->files;
    struct bytes bytes;

    while (file != NULL && strcmp(file->path, path) != 0) {
        file = file->next;
    }
    if (file != NULL) {
        return file;
    }
    if (!scenario->limits.host_files || strcmp(path, "-") == 0) {
        problem_set(problem, "%s: no files are read here", path);
        return NULL;
    }
    if (!bytes_read(&bytes, path, BYTES_COPY, HOST_FILE_MOST, problem)) {
        return NULL;
    }
    file = malloc(sizeof *file);
    if (file == NULL) {
        problem_set(problem, "%s: no memory for it", path);
        bytes_free(&bytes);
        return NULL;
    }
    *file = (struct host_file){strdup(path), bytes.at, bytes.count, scenario->files};
    scenario->files = file;
    return file;
}

/* ---- the running processor ------------------------------------------------------------------- */

static const char *access_verb(unsigned access)
{
    return (access & QUIRE_WRITE) != 0 ? "write" : (access & QUIRE_EXECUTE) != 0 ? "fetch" : "read";
}

static void refused(struct call *call, const struct scenario_process *process,
                    const struct machine_trap *trap)
{
    struct scenario *scenario = call->scenario;
    struct problem text;

    problem_set(&text, "fault: %s: %s at 0x%0*" PRIx64 ": %s", process->name,
                access_verb(trap->access), (int)va_digits(scenario_format(scenario)), trap->va.at,
                quire_refusal_text(trap->refusal));
    fprintf(call->out, "%s\n", text.text);
    outcome_wrong(scenario, OUTCOME_FAULT, text.text);
    scenario->outcome.refusal = trap->refusal;
}

static void failed(struct call *call, const struct scenario_process *process,
                   const struct machine_trap *trap)
{
    static const char *const because[QUIRE_STATUSES] = {
        [QUIRE_NO_MEMORY] = "no frame is free, and no page can be evicted",
        [QUIRE_NO_SPACE] = "no frame is free, and swap is full",
        [QUIRE_IO_ERROR] = "the disk failed",
        [QUIRE_CORRUPT] = "the TLB holds an entry that is not true any more",
    };
    const char *why = because[trap->status];

    outcome_failed(call, trap->status, "%s: %s at 0x%0*" PRIx64 ": %s", process->name,
                   access_verb(trap->access), (int)va_digits(scenario_format(call->scenario)),
                   trap->va.at, why != NULL ? why : quire_status_text(trap->status));
}

bool scenario_access(struct call *call, struct scenario_process *process, quire_va va,
                     unsigned access, void *data, uint64_t bytes)
{
    struct scenario *scenario = call->scenario;
    uint64_t pages = ((va.at & (quire_format_page_bytes(scenario_format(scenario)) - 1)) + bytes +
                      quire_format_page_bytes(scenario_format(scenario)) - 1) >>
                     scenario_page_shift(scenario);
    struct machine_trap trap;
    enum machine_result result;

    if (scenario->work < pages || scenario->stop) {
        return !outcome_failed(call, QUIRE_BUSY,
                               "%s: stopped, or more pages touched than is allowed here",
                               call->command->name);
    }
    scenario->work -= pages;
    scenario->running = process;
    tale_access(scenario, process, va, access, bytes);
    result = machine_access(&scenario->machine, process->space, va, access, data, bytes, &trap);
    if (result == MACHINE_REFUSED) {
        refused(call, process, &trap);
    } else if (result == MACHINE_FAILED) {
        failed(call, process, &trap);
    }
    return result == MACHINE_OK;
}
