/*
 * The whole story of a command, told from the stream of events (quire/event.h).
 *
 * Each kind of event has a sentence. What the core finds when it is asked about a page (the region,
 * the supplement) is no event: it is looked up when the fault begins, before anything changes.
 */
#include <inttypes.h>
#include <string.h>

#include "entry_fields.h"
#include "explain.h"
#include "scenario_internal.h"

struct hex {
    char text[24];
};

static struct hex hex(uint64_t value, unsigned digits)
{
    struct hex text;

    snprintf(text.text, sizeof text.text, "0x%0*" PRIx64, (int)digits, value);
    return text;
}

static struct hex va_text(const struct scenario *scenario, quire_va va)
{
    return hex(va.at, va_digits(scenario_format(scenario)));
}

static struct hex pa_text(const struct scenario *scenario, quire_pa pa)
{
    return hex(pa.at, scenario_pa_digits(scenario));
}

static struct hex page_text(const struct scenario *scenario, quire_va va)
{
    const struct quire_format *format = scenario_format(scenario);

    return hex((va.at & quire_ones(format->va_bits)) >> quire_format_page_shift(format), 1);
}

/* ---- where a page is ------------------------------------------------------------------------- */

static const struct quire_region *region_at(const struct quire_space *space, quire_va va)
{
    const struct quire_region *region = space->regions;

    while (region != NULL && va.at - region->va.at >= region->bytes) {
        region = region->next;
    }
    return region;
}

static uint64_t offset_in(const struct quire_region *region, quire_va va)
{
    uint64_t page = quire_format_page_bytes(region->space->table.format);

    return region->offset + ((va.at - region->va.at) & ~(page - 1));
}

static void untouched(const struct scenario *scenario, const struct quire_space *space, quire_va va,
                      struct place_text *text)
{
    const struct quire_region *region = region_at(space, va);

    if (region == NULL) {
        snprintf(text->text, sizeof text->text, "nowhere: nothing is mapped there");
    } else if (region->sharing == QUIRE_FIXED) {
        snprintf(text->text, sizeof text->text, "where the kernel put it: it is never paged");
    } else if (region->object != NULL && region->object->device.transfer != NULL) {
        snprintf(text->text, sizeof text->text, "untouched: as %s has it at offset 0x%" PRIx64,
                 object_name(scenario, region->object), offset_in(region, va));
    } else {
        snprintf(text->text, sizeof text->text,
                 "untouched: zeros, when somebody wants to see them");
    }
}

struct place_text place_of(const struct scenario *scenario, const struct quire_space *space,
                           quire_va va)
{
    struct quire_record record = quire_space_record(space, va);
    struct place_text text;
    uint32_t owners;

    switch (record.kind) {
    case QUIRE_RECORD_FRAME:
        owners = quire_frames_count(&scenario->machine.frames, quire_pfn_of(record.number));
        snprintf(text.text, sizeof text.text, "in frame 0x%" PRIx32 "%s", record.number,
                 owners > 1 ? ", which has several owners since a fork" : "");
        break;
    case QUIRE_RECORD_SWAP:
        snprintf(text.text, sizeof text.text, "in swap slot 0x%" PRIx32, record.number);
        break;
    case QUIRE_RECORD_ZERO:
        snprintf(text.text, sizeof text.text, "all zeros, and in no frame");
        break;
    default: untouched(scenario, space, va, &text); break;
    }
    return text;
}

struct rights_text rights_text(unsigned rights)
{
    struct rights_text text;

    snprintf(text.text, sizeof text.text, "%c%c%c%s", (rights & QUIRE_READ) != 0 ? 'r' : '-',
             (rights & QUIRE_WRITE) != 0 ? 'w' : '-', (rights & QUIRE_EXECUTE) != 0 ? 'x' : '-',
             (rights & QUIRE_USER) != 0 ? "" : " kernel");
    return text;
}

/* ---- a sentence for each event --------------------------------------------------------------- */

static void tell_hit(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  The TLB knows page %s: frame 0x%" PRIx32 ". No page table is read.\n",
            page_text(s, event->va).text, event->pfn.n);
}

static void tell_miss(struct scenario *s, const struct quire_event *event)
{
    s->tale_walks = 0;
    if (s->machine.config.tlb_entries == 0) {
        fputs("  There is no TLB: the MMU walks the page table.\n", s->tale);
    } else {
        fprintf(s->tale,
                "  The TLB has nothing for page %s that would do: the MMU walks the page table.\n",
                page_text(s, event->va).text);
    }
}

static void tell_step(struct scenario *s, const struct quire_event *event)
{
    const struct quire_format *format = scenario_format(s);
    enum quire_pte_kind kind = quire_pte_kind(format, event->level, event->value);
    const char *name = quire_level_of(format, event->level)->name;

    s->tale_leaf = kind == QUIRE_PTE_LEAF;
    if (event->level == 1 && s->tale_walks++ > 0) {
        fputs("  The access is tried again, and the MMU walks again.\n", s->tale);
    }
    fprintf(s->tale, "    level %u: entry %" PRIu32 ", the %s at %s, holds %s: ", event->level,
            quire_va_index(format, event->level, event->va), name, pa_text(s, event->pa).text,
            hex(event->value, entry_digits(format)).text);
    if (kind == QUIRE_PTE_ABSENT) {
        fputs("not present\n", s->tale);
        return;
    }
    fprintf(s->tale, "the %s at %s", kind == QUIRE_PTE_TABLE ? "table" : "page",
            pa_text(s, quire_pte_address(format, event->level, kind, event->value)).text);
    if (kind == QUIRE_PTE_LEAF) {
        fprintf(s->tale, "; %s", attributes_text(quire_pte_attributes(format, event->value)).text);
    }
    fputc('\n', s->tale);
}

static void tell_region(struct scenario *s, const struct quire_space *space, quire_va va)
{
    const struct quire_region *region = region_at(space, va);

    if (region == NULL) {
        fputs("    No region is there", s->tale);
        for (region = space->regions; region != NULL && region->va.at < va.at;
             region = region->next) {
        }
        fprintf(s->tale, "%s.\n",
                region != NULL && region->grows_to != 0 ? "; but a stack that grows is above it"
                                                        : "");
        return;
    }
    if (region->sharing == QUIRE_FIXED) {
        fprintf(s->tale, "    The kernel has %s-%s for itself (%s).\n", va_text(s, region->va).text,
                va_text(s, quire_va_at(region->va.at + (region->bytes - 1))).text,
                rights_text(region->prot).text);
        return;
    }
    fprintf(s->tale, "    The region %s-%s allows %s and is made of %s%s.\n",
            va_text(s, region->va).text,
            va_text(s, quire_va_at(region->va.at + (region->bytes - 1))).text,
            rights_text(region->prot).text,
            region->object != NULL ? object_name(s, region->object) : "zeros",
            region->object == NULL             ? ""
            : region->sharing == QUIRE_PRIVATE ? ", privately"
                                               : ", shared");
}

/* What the supplements say: the space's own, and that of the region's object where it has nothing.
 */
static void tell_record(struct scenario *s, const struct quire_space *space, quire_va va)
{
    const struct quire_region *region = region_at(space, va);
    const char *name = space_name(s, space);
    struct quire_record own;

    if (region == NULL || region->sharing == QUIRE_FIXED) {
        return;
    }
    own = quire_supplement_get(&space->supplement, quire_space_vpn(space, va));
    if (own.kind == QUIRE_RECORD_UNTOUCHED && region->object != NULL) {
        fprintf(s->tale, "    The supplement of %s has no page of its own there; %s says: %s.\n",
                name, object_name(s, region->object), place_of(s, space, va).text);
    } else {
        fprintf(s->tale, "    The supplement of %s says: %s.\n", name, place_of(s, space, va).text);
    }
}

static void tell_fault(struct scenario *s, const struct quire_event *event)
{
    const struct scenario_process *process = process_with(s, event->asid);
    bool forbidden = s->tale_leaf;

    s->tale_leaf = false; /* a fault that comes without an access has walked nothing */
    fprintf(s->tale, "  Page fault%s: %s wants to %s page %s. The core asks what there is:\n",
            forbidden ? ", as the entry does not allow that" : "", asid_name(s, event->asid),
            (event->value & QUIRE_WRITE) != 0     ? "write"
            : (event->value & QUIRE_EXECUTE) != 0 ? "execute"
                                                  : "read",
            page_text(s, event->va).text);
    if (process != NULL) {
        tell_region(s, process->space, event->va);
        tell_record(s, process->space, event->va);
    }
}

static void tell_zero(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  Frame 0x%" PRIx32 " is filled with zeros for page %s.\n", event->pfn.n,
            page_text(s, event->va).text);
}

static void tell_file_read(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  The device is read at offset 0x%" PRIx64 " into frame 0x%" PRIx32 ".\n",
            event->value, event->pfn.n);
}

static void tell_swap_in(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  Swap slot 0x%" PRIx32 " is read into frame 0x%" PRIx32 ".\n", event->slot.n,
            event->pfn.n);
}

static void tell_map(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  The page table of %s gets page %s -> frame 0x%" PRIx32 ": %s.\n",
            asid_name(s, event->asid), page_text(s, event->va).text, event->pfn.n,
            attributes_text((unsigned)event->value & QUIRE_RIGHTS).text);
}

static void tell_copy(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale,
            "  That frame is %s's own: a copy of frame 0x%" PRIx64 ", which others have, too.\n",
            asid_name(s, event->asid), event->value);
}

static void tell_upgrade(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  Page %s may be written from now on; it is nobody else's.\n",
            page_text(s, event->va).text);
}

static void tell_victim(struct scenario *s, const struct quire_event *event)
{
    const struct quire_page *page = quire_system_page(&s->machine.system, event->pfn);
    const char *whose = page != NULL && page->object != NULL ? object_name(s, page->object)
                                                             : asid_name(s, event->asid);

    fprintf(s->tale,
            "  There is no frame to be had: %s chooses frame 0x%" PRIx32 ", page 0x%" PRIx64
            " of %s, to go.\n",
            s->machine.config.policy->name, event->pfn.n, page != NULL ? page->vpn : 0, whose);
}

static void tell_swap_out(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  It was written: frame 0x%" PRIx32 " goes to swap slot 0x%" PRIx32 ".\n",
            event->pfn.n, event->slot.n);
}

static void tell_file_write(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale,
            "  Frame 0x%" PRIx32 " is written back to its device at offset 0x%" PRIx64 ".\n",
            event->pfn.n, event->value);
}

static void tell_drop(struct scenario *s, const struct quire_event *event)
{
    static const char *const why[] = {[QUIRE_DROP_ZERO] = "it is all zeros",
                                      [QUIRE_DROP_IN_FILE] = "it is as its device has it",
                                      [QUIRE_DROP_IN_SWAP] = "its swap slot still has the same"};

    fprintf(s->tale, "  It need not be written: %s.\n", why[event->value]);
}

static void tell_kill(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  The access is refused: %s.\n",
            quire_refusal_text((enum quire_refusal)event->value));
}

static void tell_flush(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  The TLB forgets %s-%s of %s.\n", va_text(s, event->va).text,
            va_text(s, quire_va_at(event->va.at + (event->value - 1))).text,
            asid_name(s, event->asid));
}

static void tell_table(struct scenario *s, const struct quire_event *event)
{
    fprintf(s->tale, "  A page table of level %u %s %s.\n", event->level,
            event->kind == QUIRE_EVENT_TABLE_TAKEN ? "is put at" : "goes from",
            pa_text(s, event->pa).text);
}

static void (*const tell[QUIRE_EVENTS])(struct scenario *s, const struct quire_event *event) = {
    [QUIRE_EVENT_TLB_HIT] = tell_hit,
    [QUIRE_EVENT_TLB_MISS] = tell_miss,
    [QUIRE_EVENT_WALK_STEP] = tell_step,
    [QUIRE_EVENT_TLB_FLUSH] = tell_flush,
    [QUIRE_EVENT_FAULT] = tell_fault,
    [QUIRE_EVENT_ZERO_FILL] = tell_zero,
    [QUIRE_EVENT_FILE_READ] = tell_file_read,
    [QUIRE_EVENT_SWAP_IN] = tell_swap_in,
    [QUIRE_EVENT_MAP] = tell_map,
    [QUIRE_EVENT_COPY] = tell_copy,
    [QUIRE_EVENT_FILE_WRITE] = tell_file_write,
    [QUIRE_EVENT_UPGRADE] = tell_upgrade,
    [QUIRE_EVENT_VICTIM] = tell_victim,
    [QUIRE_EVENT_SWAP_OUT] = tell_swap_out,
    [QUIRE_EVENT_DROP] = tell_drop,
    [QUIRE_EVENT_KILL] = tell_kill,
    [QUIRE_EVENT_TABLE_TAKEN] = tell_table,
    [QUIRE_EVENT_TABLE_FREED] = tell_table,
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static void listen(void *context, const struct quire_event *event)
{
    struct scenario *scenario = context;

    if (scenario->tale != NULL && tell[event->kind] != NULL) {
        scenario->tale_told = true;
        tell[event->kind](scenario, event);
    }
}

void tale_begin(struct scenario *scenario, FILE *out)
{
    scenario->tale = out;
    scenario->tale_leaf = false;
    scenario->tale_told = false;
    memset(scenario->tale_before, 0, sizeof scenario->tale_before);
    if (scenario->open) {
        counters_now(scenario, scenario->tale_before);
        machine_listen(&scenario->machine, listen, scenario);
    }
}

void tale_end(struct scenario *scenario, bool ran)
{
    FILE *out = scenario->tale;

    scenario->tale = NULL;
    if (scenario->open) {
        if (!counters_tell(scenario, scenario->tale_before, out) && !scenario->tale_told && ran) {
            fputs("  The machine has no part in that: no access, no event, figures as before.\n",
                  out);
        }
        machine_listen(&scenario->machine, NULL, NULL);
    }
}

void tale_access(struct scenario *scenario, const struct scenario_process *process, quire_va va,
                 unsigned access, uint64_t bytes)
{
    uint64_t offset = va.at & (quire_format_page_bytes(scenario_format(scenario)) - 1);

    if (scenario->tale == NULL) {
        return;
    }
    scenario->tale_told = true;
    if (!machine_runs(&scenario->machine, process->space)) {
        fprintf(scenario->tale, "  The processor switches to %s: its root table is at %s.\n",
                process->name, pa_text(scenario, process->space->table.root).text);
    }
    fprintf(scenario->tale, "  %s %s %" PRIu64 " byte%s at %s: byte 0x%" PRIx64 " of page %s.\n",
            process->name,
            (access & QUIRE_WRITE) != 0     ? "writes"
            : (access & QUIRE_EXECUTE) != 0 ? "fetches"
                                            : "reads",
            bytes, bytes == 1 ? "" : "s", va_text(scenario, va).text, offset,
            page_text(scenario, va).text);
}
