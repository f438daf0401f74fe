/* Showing processes: what they have, from their regions down to their page tables. */
#include <inttypes.h>
#include <string.h>

#include "entry_fields.h"
#include "explain.h"
#include "scenario_internal.h"

static int va_width(const struct call *call)
{
    return (int)va_digits(scenario_format(call->scenario));
}

static int pa_width(const struct call *call)
{
    return (int)scenario_pa_digits(call->scenario);
}

/* ---- the machine ----------------------------------------------------------------------------- */

bool run_show_machine(struct call *call)
{
    const struct machine_config *config = &call->scenario->machine.config;

    fprintf(call->out, "format    %s: %s, pages of %s\n", config->format->name,
            config->format->title, size_text(quire_format_page_bytes(config->format)).text);
    fprintf(call->out, "ram       %s\n", size_text(config->ram_bytes).text);
    fprintf(call->out, "swap      %s\n", size_text(config->swap_bytes).text);
    if (config->tlb_ways != 0) {
        fprintf(call->out, "tlb       %u entries, %u ways\n", config->tlb_entries,
                config->tlb_ways);
    } else {
        fprintf(call->out, "tlb       %u entries, fully associative\n", config->tlb_entries);
    }
    fprintf(call->out, "policy    %s\n", config->policy->name);
    if (config->resident_limit != 0) {
        fprintf(call->out, "resident  at most %" PRIu32 " pages\n", config->resident_limit);
    }
    fprintf(call->out, "commit    %s\n",
            config->commit == QUIRE_COMMIT_STRICT ? "strict: no more than there is"
                                                  : "over: more than there is");
    fprintf(call->out, "records   %s\n",
            config->records == MACHINE_RECORDS_INSIDE ? "inside: in frames of the machine"
                                                      : "beside the machine");
    if (config->slow_disk) {
        fputs("disk      slow: transfers end when they are waited for, in any order\n", call->out);
    }
    if (config->reads_ahead) {
        fputs("ahead     on\n", call->out);
    }
    if (config->fault_around != 0) {
        fprintf(call->out, "around    %u pages\n", 1U << config->fault_around);
    }
    return true;
}

bool run_show_processes(struct call *call)
{
    const struct scenario *scenario = call->scenario;

    for (unsigned i = 0; i < scenario->processes; i++) {
        const struct scenario_process *p = scenario->process[i];

        if (p->alive) {
            fprintf(call->out,
                    "%s%s: %" PRIu32 " pages of its own resident, %" PRIu32 " in swap; %" PRIu64
                    " page tables, %" PRIu32 " supplement nodes",
                    p->name, p == scenario->running ? " (runs)" : "", p->space->resident,
                    p->space->swapped, p->space->table.tables, p->space->supplement.nodes);
            if (p->space->limit != 0) {
                fprintf(call->out, "; at most %" PRIu32 " pages resident, by %s", p->space->limit,
                        p->space->policy.ops->name);
            }
            fputc('\n', call->out);
        }
    }
    return true;
}

bool run_show_objects(struct call *call)
{
    static const char *const kind[] = {"file", "memory", "program", "library"};

    for (unsigned i = 0; i < call->scenario->objects; i++) {
        const struct scenario_object *o = call->scenario->object[i];
        unsigned mappings = 0;

        if (!o->alive) {
            continue;
        }
        if (o->kind == OBJECT_PROGRAM || o->kind == OBJECT_LIBRARY) {
            fprintf(call->out, "%s: %s of %" PRIu64 " pages; segments: %u; users: %" PRIu32 "\n",
                    o->name, kind[o->kind], o->image.bytes / o->image.page_bytes, o->image.segments,
                    o->image.users);
            continue;
        }
        for (const struct quire_region *r = o->object.mappings; r != NULL; r = r->object_next) {
            mappings++;
        }
        fprintf(call->out,
                "%s: %s of %" PRIu64 " bytes; %" PRIu32 " pages resident, %" PRIu32
                " in swap; mapped %u times\n",
                o->name, kind[o->kind], o->object.bytes, o->object.resident, o->object.swapped,
                mappings);
    }
    return true;
}

/* ---- regions --------------------------------------------------------------------------------- */

bool run_show_regions(struct call *call)
{
    const struct scenario_process *process = call_process(call);

    for (const struct quire_region *r = process->space->regions; r != NULL; r = r->next) {
        fprintf(call->out, "0x%0*" PRIx64 "-0x%0*" PRIx64 " %s ", va_width(call), r->va.at,
                va_width(call), r->va.at + (r->bytes - 1), rights_text(r->prot).text);
        if (r->sharing == QUIRE_FIXED) {
            fprintf(call->out, "physical memory from 0x%" PRIx64, r->offset);
        } else if (r->object != NULL) {
            fprintf(call->out, "%s %s from 0x%" PRIx64, object_name(call->scenario, r->object),
                    r->sharing == QUIRE_SHARED ? "shared" : "private", r->offset);
        } else {
            fputs("zeros", call->out);
        }
        if (r->max_prot != r->prot) {
            fprintf(call->out, ", at most %s", rights_text(r->max_prot).text);
        }
        if (r->grows_to != 0) {
            fprintf(call->out, ", grows down to 0x%0*" PRIx64, va_width(call), r->grows_to);
        }
        fputc('\n', call->out);
    }
    return true;
}

/* ---- the supplement -------------------------------------------------------------------------- */

/* Records of consecutive pages that say the same: in consecutive frames, or slots. */
struct run {
    uint64_t first, last;
    struct quire_record record; /* of the first */
};

static bool follows(const struct run *run, uint64_t vpn, struct quire_record record)
{
    uint64_t step = record.kind == QUIRE_RECORD_ZERO ? 0 : vpn - run->first;

    return vpn == run->last + 1 && record.kind == run->record.kind &&
           record.shared == run->record.shared && record.number == run->record.number + step;
}

static void print_run(const struct run *run, FILE *out)
{
    static const char *const kind[] = {[QUIRE_RECORD_ZERO] = "zeros",
                                       [QUIRE_RECORD_FRAME] = "in frame",
                                       [QUIRE_RECORD_SWAP] = "in swap slot",
                                       [QUIRE_RECORD_COMING] = "coming into frame",
                                       [QUIRE_RECORD_GOING] = "going from frame"};
    uint64_t more = run->last - run->first;

    if (more != 0) {
        fprintf(out, "  pages 0x%" PRIx64 "-0x%" PRIx64 ": ", run->first, run->last);
    } else {
        fprintf(out, "  page 0x%" PRIx64 ": ", run->first);
    }
    fputs(kind[run->record.kind], out);
    if (run->record.kind != QUIRE_RECORD_ZERO) {
        fprintf(out, " 0x%" PRIx32 "%s", run->record.number, more != 0 ? " and up" : "");
    }
    fprintf(out, "%s\n", run->record.shared ? ", shared since a fork" : "");
}

static void print_records(const struct quire_supplement *supplement, FILE *out)
{
    uint64_t end = UINT64_C(1) << supplement->vpn_bits;
    struct run run = {.first = UINT64_MAX};
    struct quire_record record;

    for (uint64_t vpn = 0; quire_supplement_next(supplement, &vpn, end, &record); vpn++) {
        if (run.first != UINT64_MAX && follows(&run, vpn, record)) {
            run.last = vpn;
            continue;
        }
        if (run.first != UINT64_MAX) {
            print_run(&run, out);
        }
        run = (struct run){vpn, vpn, record};
    }
    if (run.first != UINT64_MAX) {
        print_run(&run, out);
    }
}

bool run_show_supplement(struct call *call)
{
    const struct scenario_process *process = call_process(call);
    const struct quire_supplement *supplement = &process->space->supplement;

    fprintf(call->out,
            "%s: %u levels, %" PRIu32 " nodes of %" PRIu32 " records, %" PRIu64 " bytes\n",
            process->name, supplement->levels, supplement->nodes,
            UINT32_C(1) << supplement->node_bits, quire_supplement_bytes(supplement));
    print_records(supplement, call->out);
    return true;
}

bool run_show_page(struct call *call)
{
    const struct scenario_process *process = call_process(call);
    quire_va va = quire_va_at(call->value[OPERAND_VA].number);

    fprintf(call->out, "%s: page 0x%" PRIx64 ": %s\n", process->name,
            quire_space_vpn(process->space, va), place_of(call->scenario, process->space, va).text);
    return true;
}

/* ---- page tables ----------------------------------------------------------------------------- */

/* Leaves that continue each other, both ways, with the same attributes. */
struct stretch {
    struct call *call;
    struct quire_leaf leaf; /* bytes 0: none yet */
};

static void print_stretch(const struct stretch *stretch)
{
    const struct quire_leaf *leaf = &stretch->leaf;
    struct call *call = stretch->call;

    if (leaf->bytes != 0) {
        fprintf(call->out,
                "  0x%0*" PRIx64 "-0x%0*" PRIx64 " -> 0x%0*" PRIx64 "-0x%0*" PRIx64 "  %s\n",
                va_width(call), leaf->va.at, va_width(call), leaf->va.at + (leaf->bytes - 1),
                pa_width(call), leaf->pa.at, pa_width(call), leaf->pa.at + (leaf->bytes - 1),
                attributes_text(leaf->attributes).text);
    }
}

static void visit(void *context, const struct quire_leaf *leaf)
{
    struct stretch *stretch = context;
    struct quire_leaf *so_far = &stretch->leaf;

    if (so_far->bytes != 0 && so_far->va.at + so_far->bytes == leaf->va.at &&
        so_far->pa.at + so_far->bytes == leaf->pa.at && so_far->attributes == leaf->attributes) {
        so_far->bytes += leaf->bytes;
        return;
    }
    print_stretch(stretch);
    *so_far = *leaf;
}

/* Half by half, as a range cannot be all of 64 bits. */
bool run_show_tables(struct call *call)
{
    const struct scenario_process *process = call_process(call);
    const struct quire_table *table = &process->space->table;
    uint64_t half = UINT64_C(1) << (table->format->va_bits - 1);
    uint64_t upper = table->format->canonical == QUIRE_SIGN_EXTENDED ? 0 - half : half;
    struct stretch stretch = {.call = call};
    struct quire_visitor visitor = {visit, &stretch};

    fprintf(call->out, "%s: root at 0x%0*" PRIx64 ", %" PRIu64 " tables, %" PRIu64 " bytes\n",
            process->name, pa_width(call), table->root.at, table->tables, table->table_bytes);
    quire_table_visit(table, quire_va_at(0), half, &visitor);
    quire_table_visit(table, quire_va_at(upper), half, &visitor);
    print_stretch(&stretch);
    return true;
}

bool run_show_walk(struct call *call)
{
    struct quire_mmu mmu = quire_table_mmu(&call_process(call)->space->table);
    quire_va va = quire_va_at(call->value[OPERAND_VA].number);
    struct quire_trace trace;
    struct quire_walk walk;
    enum quire_status status = quire_walk_traced(&mmu, va, 0, &walk, &trace);

    explain_walk(&mmu, va, &walk, &trace, call->out);
    if (status == QUIRE_OK) {
        fprintf(call->out, "0x%0*" PRIx64 " -> 0x%0*" PRIx64 "\n", va_width(call), va.at,
                pa_width(call), walk.pa.at);
    } else {
        fprintf(call->out, "0x%0*" PRIx64 " -> fault: %s\n", va_width(call), va.at,
                quire_reason_text(walk.reason));
    }
    return true;
}

/* ---- VIRT ------------------------------------------------------------------------------------ */

struct picture {
    struct call *call;
    uint64_t first, last;
    const char *name; /* NULL: nothing yet */
    int width;
};

static void picture_end(const struct picture *picture)
{
    if (picture->name != NULL) {
        fprintf(picture->call->out, "0x%0*" PRIx64 "-0x%0*" PRIx64 "  %s\n", picture->width,
                picture->first, picture->width, picture->last, picture->name);
    }
}

/* One more piece, right behind what there is. */
static void picture_add(struct picture *picture, uint64_t first, uint64_t last, const char *name)
{
    if (picture->name == NULL || strcmp(picture->name, name) != 0) {
        picture_end(picture);
        picture->first = first;
        picture->name = name;
    }
    picture->last = last;
}

/* A program's pages are the process's, as far as anybody can see who looks at addresses. */
static const char *region_owner(const struct scenario *scenario,
                                const struct scenario_process *process,
                                const struct quire_region *region)
{
    const struct scenario_object *object = object_of(scenario, region->object);

    if (region->sharing == QUIRE_FIXED) {
        return "kernel";
    }
    return object == NULL || object->kind == OBJECT_PROGRAM ? process->name : object->name;
}

bool run_show_virt(struct call *call)
{
    const struct scenario_process *process = call_process(call);
    uint64_t highest = quire_ones(scenario_format(call->scenario)->va_bits);
    struct picture picture = {.call = call, .width = va_width(call)};
    uint64_t next = 0;

    if (scenario_format(call->scenario)->canonical == QUIRE_SIGN_EXTENDED) {
        highest = UINT64_MAX;
        picture.width = 16;
    }
    for (const struct quire_region *r = process->space->regions; r != NULL; r = r->next) {
        if (r->va.at > next) {
            picture_add(&picture, next, r->va.at - 1, "unreserved");
        }
        picture_add(&picture, r->va.at, r->va.at + (r->bytes - 1),
                    region_owner(call->scenario, process, r));
        next = r->va.at + r->bytes;
    }
    if (next <= highest && (next != 0 || process->space->regions == NULL)) {
        picture_add(&picture, next, highest, "unreserved");
    }
    picture_end(&picture);
    return true;
}

/* ---- PHYS ------------------------------------------------------------------------------------ */

static const char *owner_of(const struct scenario *scenario, quire_pfn pfn)
{
    const struct machine *machine = &scenario->machine;
    const struct quire_page *page = &machine->system.page[pfn.n - machine->system.first];

    if (!quire_page_used(page)) {
        return pfn.n < machine->system.pages_from.n ||
                       quire_frames_count(&machine->frames, pfn) != 0
                   ? "kernel"
                   : "no-man's land";
    }
    return page->object != NULL ? object_name(scenario, page->object)
                                : space_name(scenario, page->space);
}

/* The highest address that a page can have. */
static uint64_t last_pa(const struct quire_format *format)
{
    return quire_layout_address(&format->level[format->levels - 1].as_leaf, UINT64_MAX) |
           (quire_format_page_bytes(format) - 1);
}

bool run_show_phys(struct call *call)
{
    const struct quire_frames *frames = &call->scenario->machine.frames;
    struct picture picture = {.call = call, .width = pa_width(call)};
    uint64_t last = last_pa(scenario_format(call->scenario));
    uint64_t end = (uint64_t)frames->total << frames->page_shift;

    for (uint32_t n = 0; n < frames->total; n++) {
        uint64_t pa = (uint64_t)n << frames->page_shift;

        picture_add(&picture, pa, pa + (UINT64_C(1) << frames->page_shift) - 1,
                    owner_of(call->scenario, quire_pfn_of(n)));
    }
    if (end <= last) {
        picture_add(&picture, end, last, "no-man's land");
    }
    picture_end(&picture);
    return true;
}
