/* Commands about a process's memory: what is mapped, and what is read and written there. */
#include <inttypes.h>
#include <string.h>

#include "explain.h"
#include "scenario_internal.h"

/* ---- what is mapped -------------------------------------------------------------------------- */

static unsigned privilege(const struct call *call)
{
    return call_said(call, "kernel") ? 0U : (unsigned)QUIRE_USER;
}

static quire_va va_of(const struct call *call)
{
    return quire_va_at(call->value[OPERAND_VA].number);
}

struct mapping {
    struct quire_space *space;
    const struct quire_region_spec *spec;
};

static enum quire_status map_it(void *context)
{
    const struct mapping *mapping = context;

    return quire_space_map(mapping->space, mapping->spec);
}

bool run_map(struct call *call)
{
    struct quire_region_spec spec = {
        .va = va_of(call),
        .bytes = call->value[OPERAND_SIZE].number,
        .prot = QUIRE_READ | QUIRE_WRITE | privilege(call),
        .offset = call->value[OPERAND_OFFSET].number,
        .sharing = call_said(call, "shared") ? QUIRE_SHARED : QUIRE_PRIVATE,
        .stack_limit = call->value[OPERAND_LIMIT].number,
    };

    if (call_has(call, OPERAND_RIGHTS)) {
        spec.prot = (unsigned)call->value[OPERAND_RIGHTS].number | privilege(call);
    }
    if (call_has(call, OPERAND_MOST)) {
        spec.max_prot = (unsigned)call->value[OPERAND_MOST].number | privilege(call);
    }
    if (call_has(call, OPERAND_OBJECT)) {
        spec.object = &call->value[OPERAND_OBJECT].object->object;
    } else if (call_said(call, "shared") || call_has(call, OPERAND_OFFSET)) {
        return problem_set(call->problem, "map: shared and at need an object: of OBJECT");
    }
    return outcome_of(call, machine_insist(&call->scenario->machine, map_it,
                                           &(struct mapping){call_process(call)->space, &spec}));
}

/* What changes a range wants none of its pages in transit. */
bool run_unmap(struct call *call)
{
    machine_settle(&call->scenario->machine);
    return outcome_of(call, quire_space_unmap(call_process(call)->space, va_of(call),
                                              call->value[OPERAND_SIZE].number));
}

bool run_protect(struct call *call)
{
    machine_settle(&call->scenario->machine);
    return outcome_of(
        call, quire_space_protect(call_process(call)->space, va_of(call),
                                  call->value[OPERAND_SIZE].number,
                                  (unsigned)call->value[OPERAND_RIGHTS].number | privilege(call)));
}

bool run_discard(struct call *call)
{
    machine_settle(&call->scenario->machine);
    return outcome_of(call, quire_space_discard(call_process(call)->space, va_of(call),
                                                call->value[OPERAND_SIZE].number));
}

struct wire {
    struct quire_space *space;
    quire_va va;
    unsigned access;
};

static enum quire_status wire_step(void *context, struct quire_request *request)
{
    const struct wire *wire = context;

    return quire_space_wire(wire->space, wire->va, wire->access, request);
}

bool run_wire(struct call *call)
{
    struct wire wire = {call_process(call)->space, va_of(call),
                        (call_said(call, "write") ? QUIRE_WRITE : QUIRE_READ) | privilege(call)};
    struct quire_request request;
    enum quire_status status;

    if (call->command->variant != 0) {
        return outcome_of(call, quire_space_unwire(wire.space, wire.va));
    }
    status = machine_complete(&call->scenario->machine, wire_step, &wire, &request);
    return status == QUIRE_FAULT
               ? outcome_failed(call, status, "wire: %s", quire_refusal_text(request.refusal))
               : outcome_of(call, status);
}

bool run_working_set(struct call *call)
{
    struct scenario_process *process = call_process(call);
    uint64_t pages = quire_space_working_set(process->space);
    struct outcome *outcome = &call->scenario->outcome;

    fprintf(call->out, "%s: %" PRIu64 " pages accessed since the last time\n", process->name,
            pages);
    outcome->has_value = true;
    outcome->is_text = false;
    outcome->length = sizeof pages;
    for (size_t i = 0; i < sizeof pages; i++) {
        outcome->data[i] = (unsigned char)(pages >> 8 * i);
    }
    return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Numbers lie in memory in the byte order of the machine's page-table entries. */
static unsigned shift_of(const struct scenario *scenario, size_t at, size_t width)
{
    return 8 * (unsigned)(scenario_format(scenario)->big_endian ? width - 1 - at : at);
}

static uint64_t number_from(const struct scenario *scenario, const unsigned char *data,
                            size_t width)
{
    uint64_t number = 0;

    for (size_t i = 0; i < width; i++) {
        number |= (uint64_t)data[i] << shift_of(scenario, i, width);
    }
    return number;
}

static void print_text(const unsigned char *data, size_t length, FILE *out)
{
    fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        fputs(byte_text(data[i]).text, out);
    }
    fputs("\"\n", out);
}

static void print_bytes(const unsigned char *data, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++) {
        const char *before = i % 16 != 0 ? " " : length > 16 ? "\n  " : "";
        fprintf(out, "%s%02x", before, data[i]);
    }
    fputc('\n', out);
}

/* What a width's choices are, by value.last; see read_width(). */
enum { WIDTH_BYTES = 4, WIDTH_TEXT = 5 };

void outcome_value(struct call *call, const unsigned char *data, const struct value *width)
{
    struct scenario *scenario = call->scenario;
    struct outcome *outcome = &scenario->outcome;
    size_t length = (size_t)width->number;
    uint64_t number;

    outcome->has_value = true;
    outcome->is_text = width->last >= WIDTH_BYTES;
    outcome->length = length;
    memmove(outcome->data, data, length);
    if (outcome->is_text) {
        (width->last == WIDTH_TEXT ? print_text : print_bytes)(data, length, call->out);
        return;
    }
    number = number_from(scenario, data, length);
    for (size_t i = 0; i < length; i++) {
        outcome->data[i] = (unsigned char)(number >> 8 * i);
    }
    fprintf(call->out, number > 9 ? "0x%" PRIx64 " (%" PRIu64 ")\n" : "%" PRIu64 "\n", number,
            number);
}

bool run_read(struct call *call)
{
    struct scenario_process *process = call_process(call);
    struct value width = {.number = 4, .last = 2};
    unsigned char data[VALUE_BYTES];

    if (call_has(call, OPERAND_WIDTH)) {
        width = call->value[OPERAND_WIDTH];
    }
    if (scenario_access(call, process, va_of(call), QUIRE_READ | privilege(call), data,
                        width.number)) {
        fprintf(call->out, "%s reads 0x%0*" PRIx64 ": ", process->name,
                (int)va_digits(scenario_format(call->scenario)), va_of(call).at);
        outcome_value(call, data, &width);
    }
    return true;
}

static bool number_bytes(struct call *call, unsigned char *data, size_t *length)
{
    const struct value *width = &call->value[OPERAND_WIDTH];
    uint64_t number = call->value[OPERAND_VALUE].number;

    *length = call_has(call, OPERAND_WIDTH) ? (size_t)width->number : 4;
    if (call_has(call, OPERAND_WIDTH) && width->last >= WIDTH_BYTES) {
        return problem_set(call->problem, "write: a number is u8, u16, u32 or u64 wide");
    }
    if (*length < 8 && number >> 8 * *length != 0) {
        return problem_set(call->problem,
                           "write: 0x%" PRIx64 " does not fit into %zu byte%s (u8, "
                           "u16, u32 or u64 says how many)",
                           number, *length, *length == 1 ? "" : "s");
    }
    for (size_t i = 0; i < *length; i++) {
        data[i] = (unsigned char)(number >> shift_of(call->scenario, i, *length));
    }
    return true;
}

bool run_write(struct call *call)
{
    const struct word *word = call->value[OPERAND_VALUE].word;
    unsigned char data[VALUE_BYTES];
    size_t length = word->length;

    if (!word->quoted) {
        if (!number_bytes(call, data, &length)) {
            return false;
        }
    } else if (length == 0 || call_has(call, OPERAND_WIDTH)) {
        return problem_set(call->problem, "write: a string has one byte or more, and no width");
    } else {
        memcpy(data, word->text, length);
    }
    scenario_access(call, call_process(call), va_of(call), QUIRE_WRITE | privilege(call), data,
                    length);
    return true;
}

bool run_fetch(struct call *call)
{
    unsigned char instruction;

    scenario_access(call, call_process(call), va_of(call), QUIRE_EXECUTE | privilege(call),
                    &instruction, 1);
    return true;
}

bool run_fill(struct call *call)
{
    struct scenario_process *process = call_process(call);
    uint64_t bytes = call->value[OPERAND_SIZE].number;
    unsigned char data[VALUE_BYTES];
    quire_va va = va_of(call);

    memset(data, (int)call->value[OPERAND_BYTE].number, sizeof data);
    while (bytes != 0) {
        uint64_t part = sizeof data - va.at % sizeof data;

        part = part < bytes ? part : bytes;
        if (!scenario_access(call, process, va, QUIRE_WRITE | privilege(call), data, part)) {
            break;
        }
        va.at += part;
        bytes -= part;
    }
    return true;
}

/* ---- reference strings ----------------------------------------------------------------------- */

/* One byte of a page; a write leaves the number of the page there. */
static bool touch(struct call *call, struct scenario_process *process, uint64_t page)
{
    unsigned shift = scenario_page_shift(call->scenario);
    unsigned char data = (unsigned char)page;
    unsigned access = call_said(call, "write") ? QUIRE_WRITE : QUIRE_READ;

    if (page > UINT64_MAX >> shift) {
        return !outcome_failed(call, QUIRE_OUT_OF_RANGE, "touch: there is no page %" PRIu64, page);
    }
    return scenario_access(call, process, quire_va_at(page << shift), access | privilege(call),
                           &data, 1);
}

bool run_touch(struct call *call)
{
    struct scenario_process *process = call_process(call);

    for (unsigned i = call->first; i < call->end; i++) {
        struct value range = {0};
        uint64_t page;

        operands[OPERAND_PAGES].read(call, &call->words[i], &range);
        page = range.number;
        while (touch(call, process, page) && page != range.last) {
            page += range.last > page ? 1 : UINT64_MAX;
        }
        if (call->scenario->outcome.kind != OUTCOME_OK) {
            break;
        }
    }
    return true;
}
