/* Showing the machine's parts: frames, swap, the TLB, counters; and the steps so far. */
#include <inttypes.h>
#include <string.h>

#include "entry_fields.h"
#include "scenario_internal.h"

static const char *page_owner(const struct scenario *scenario, const struct quire_page *page)
{
    return page->object != NULL ? object_name(scenario, page->object)
                                : space_name(scenario, page->space);
}

bool run_show_frames(struct call *call)
{
    const struct machine *machine = &call->scenario->machine;
    const struct quire_system *system = &machine->system;

    fprintf(call->out, "%" PRIu32 " frames, %" PRIu32 " free, %" PRIu32 " hold pages\n",
            machine->frames.total, machine->frames.free, system->resident);
    for (uint32_t i = 0; i < system->frames; i++) {
        const struct quire_page *page = &system->page[i];
        uint32_t owners;

        if (!quire_page_used(page)) {
            continue;
        }
        owners = quire_frames_count(&machine->frames, quire_pfn_of(system->first + i));
        fprintf(call->out, "  frame 0x%" PRIx32 ": page 0x%" PRIx64 " of %s", system->first + i,
                page->vpn, page_owner(call->scenario, page));
        if (owners > 1) {
            fprintf(call->out, ", %" PRIu32 " owners", owners);
        }
        if (!quire_slot_none(page->slot)) {
            fprintf(call->out, ", a copy in swap slot 0x%" PRIx32, page->slot.n);
        }
        if (page->wired != 0) {
            fprintf(call->out, ", wired %u times", page->wired);
        }
        fputc('\n', call->out);
    }
    return true;
}

/* ---- swap ------------------------------------------------------------------------------------ */

static void print_slots(const struct quire_supplement *supplement, const char *name, FILE *out)
{
    uint64_t end = UINT64_C(1) << supplement->vpn_bits;
    struct quire_record record;

    for (uint64_t vpn = 0; quire_supplement_next(supplement, &vpn, end, &record); vpn++) {
        if (record.kind == QUIRE_RECORD_SWAP) {
            fprintf(out, "  slot 0x%" PRIx32 ": page 0x%" PRIx64 " of %s\n", record.number, vpn,
                    name);
        }
    }
}

bool run_show_swap(struct call *call)
{
    const struct scenario *scenario = call->scenario;
    const struct quire_system *system = &scenario->machine.system;

    fprintf(call->out, "%" PRIu32 " slots, %" PRIu32 " used\n", system->swap.slots.total,
            quire_swap_used(&system->swap));
    for (unsigned i = 0; i < scenario->processes; i++) {
        if (scenario->process[i]->alive) {
            print_slots(&scenario->process[i]->space->supplement, scenario->process[i]->name,
                        call->out);
        }
    }
    for (const struct quire_object *o = system->objects; o != NULL; o = o->next) {
        print_slots(&o->pages, object_name(scenario, o), call->out);
    }
    for (uint32_t i = 0; i < system->frames; i++) {
        const struct quire_page *page = &system->page[i];

        if (quire_page_used(page) && !quire_slot_none(page->slot)) {
            fprintf(call->out,
                    "  slot 0x%" PRIx32 ": page 0x%" PRIx64 " of %s, also in frame 0x%" PRIx32 "\n",
                    page->slot.n, page->vpn, page_owner(scenario, page), system->first + i);
        }
    }
    return true;
}

/* ---- the TLB --------------------------------------------------------------------------------- */

bool run_show_tlb(struct call *call)
{
    const struct tlb *tlb = &call->scenario->machine.tlb;
    unsigned entries = tlb->sets * tlb->ways;
    unsigned used = 0;

    for (unsigned i = 0; i < entries; i++) {
        used += tlb->entry[i].vpn != TLB_NO_PAGE;
    }
    fprintf(call->out, "%u entries, %u used\n", entries, used);
    for (unsigned i = 0; i < entries; i++) {
        const struct tlb_entry *entry = &tlb->entry[i];

        if (entry->vpn != TLB_NO_PAGE) {
            fprintf(call->out, "  set %u way %u: page 0x%" PRIx64 " -> frame 0x%" PRIx32 "  %s",
                    i / tlb->ways, i % tlb->ways, entry->vpn, entry->pfn.n,
                    attributes_text(entry->rights).text);
            if (tlb->asid_mask != 0) {
                fprintf(call->out, ", %s", asid_name(call->scenario, entry->asid));
            }
            fprintf(call->out, "%s\n", entry->global ? ", global" : "");
        }
    }
    return true;
}

/* ---- numbers and steps ----------------------------------------------------------------------- */

bool run_show_counters(struct call *call)
{
    for (unsigned i = 0; counter_names[i] != NULL; i++) {
        uint64_t value;

        counter_value(call->scenario, i, NULL, &value);
        fprintf(call->out, "%-16s %" PRIu64 "\n", counter_names[i], value);
    }
    return true;
}

bool run_show_steps(struct call *call)
{
    const struct steps *steps = &call->scenario->steps;

    for (size_t i = 0; i < steps->count; i++) {
        fprintf(call->out, "%4zu%s %s\n", i + 1, i < steps->done ? " " : " (taken back)",
                steps->line[i]);
    }
    return true;
}
