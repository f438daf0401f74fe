/* The walk by the descriptor, bit by bit, and the comparison of answers. */
#include "tests/support/model_walk.h"

#include <string.h>

#include "tests/support/check.h"
#include "tests/support/model_machines.h"

static bool bit_of(uint64_t word, unsigned n)
{
    return word >> n & 1;
}

bool model_holds(struct quire_bits bits, uint64_t entry)
{
    for (unsigned n = 0; n < 64; n++) {
        bool seen = bit_of(bits.mask, n) && bit_of(entry, n);
        if (seen != bit_of(bits.value, n)) {
            return false;
        }
    }
    return true;
}

uint64_t model_put(struct quire_bits bits, uint64_t entry, bool on)
{
    for (unsigned n = 0; n < 64; n++) {
        if (bit_of(bits.mask, n)) {
            bool one = on == bit_of(bits.value, n);
            entry = one ? entry | UINT64_C(1) << n : entry & ~(UINT64_C(1) << n);
        }
    }
    return entry;
}

uint64_t model_address(const struct quire_entry_layout *layout, uint64_t entry)
{
    uint64_t address = 0;

    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        const struct quire_field *field = &layout->address[i];
        for (unsigned n = 0; n < field->bits; n++) {
            if (bit_of(entry, field->pte_bit + n)) {
                address |= UINT64_C(1) << (field->pa_bit + n);
            }
        }
    }
    return address;
}

uint64_t model_address_bits(const struct quire_entry_layout *layout, uint64_t address)
{
    uint64_t entry = 0;

    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        const struct quire_field *field = &layout->address[i];
        for (unsigned n = 0; n < field->bits; n++) {
            if (bit_of(address, field->pa_bit + n)) {
                entry |= UINT64_C(1) << (field->pte_bit + n);
            }
        }
    }
    return entry;
}

static unsigned decode_marks(const struct quire_format *format, uint64_t entry)
{
    unsigned marks = 0;

    marks |= model_holds(format->leaf.accessed, entry) ? QUIRE_ACCESSED : 0;
    marks |= model_holds(format->leaf.dirty, entry) ? QUIRE_DIRTY : 0;
    marks |= model_holds(format->leaf.global, entry) ? QUIRE_GLOBAL : 0;
    if (format->type_mask != 0) {
        unsigned type = 0;
        while (type < QUIRE_TYPES_OF_MEMORY && (entry & format->type_mask) != format->type[type]) {
            type++;
        }
        marks |= (type % QUIRE_TYPES_OF_MEMORY) << QUIRE_TYPE_SHIFT;
    }
    return marks;
}

static bool refused(const struct quire_format *format, uint64_t entry)
{
    bool is = false;

    for (unsigned i = 0; i < QUIRE_REFUSED; i++) {
        is |= format->refused[i].mask != 0 && model_holds(format->refused[i], entry);
    }
    return is;
}

struct model_entry model_decode(const struct quire_format *format, unsigned level, uint64_t entry)
{
    const struct quire_level *l = &format->level[level - 1];
    const struct quire_attribute_bits *bits = &format->leaf;
    struct model_entry is = {MODEL_ABSENT, 0, 0, 0};

    if (model_holds(format->absent, entry)) {
        return is;
    }
    is.kind = MODEL_LEAF;
    if (level != format->levels && model_holds(l->table, entry)) {
        is.kind = MODEL_TABLE;
        bits = &format->table;
    }
    is.rights |= model_holds(bits->read, entry) ? QUIRE_READ : 0;
    is.rights |= model_holds(bits->write, entry) ? QUIRE_WRITE : 0;
    is.rights |= model_holds(bits->execute, entry) ? QUIRE_EXECUTE : 0;
    is.rights |= model_holds(bits->user, entry) ? QUIRE_USER : 0;
    if (is.kind == MODEL_LEAF && (!l->leaf || refused(format, entry))) {
        is.kind = MODEL_RESERVED;
    } else if (entry & (is.kind == MODEL_TABLE ? l->as_table : l->as_leaf).reserved) {
        is.kind = MODEL_RESERVED;
    } else {
        is.address = model_address(is.kind == MODEL_TABLE ? &l->as_table : &l->as_leaf, entry);
        is.marks = is.kind == MODEL_LEAF ? decode_marks(format, entry)
                   : format->table.global.mask != 0 && model_holds(format->table.global, entry)
                       ? QUIRE_GLOBAL
                       : 0;
    }
    return is;
}

bool model_fits(const struct quire_format *format, unsigned level, enum model_kind kind,
                uint64_t address)
{
    const struct quire_level *l = &format->level[level - 1];
    const struct quire_entry_layout *layout = kind == MODEL_TABLE ? &l->as_table : &l->as_leaf;
    uint64_t entry = layout->set | model_address_bits(layout, address);
    struct model_entry is;

    if (model_address(layout, entry) != address) {
        return false;
    }
    if (kind == MODEL_LEAF) { /* without any right it may be something else */
        entry = model_put(format->leaf.read, entry, true);
    }
    is = model_decode(format, level, entry);
    return is.kind == kind && is.address == address;
}

uint32_t model_table_frames(const struct quire_format *format, uint32_t most)
{
    unsigned shift = quire_format_page_shift(format);
    uint64_t last = UINT64_MAX >> (64 - format->pa_bits) >> shift;
    uint32_t frames;

    for (unsigned i = 0; i + 1 < format->levels; i++) {
        uint64_t reach = model_address(&format->level[i].as_table, UINT64_MAX) >> shift;
        last = reach < last ? reach : last;
    }
    frames = last < most ? (uint32_t)last + 1 : most;
    for (unsigned level = 1; level < format->levels; level++) {
        const struct quire_entry_layout *table = &format->level[level - 1].as_table;
        uint32_t n = 1;
        if ((model_address_bits(table, UINT64_MAX) & format->absent.mask) == 0) {
            continue;
        }
        while (n < frames && model_fits(format, level, MODEL_TABLE, (uint64_t)n << shift)) {
            n++; /* until the frame whose number means "absent" */
        }
        frames = n;
    }
    return frames;
}

unsigned model_granted(const struct quire_format *format, unsigned attributes)
{
    const struct quire_attribute_bits *bits = &format->leaf;
    const struct {
        unsigned attribute;
        struct quire_bits where;
    } all[] = {{QUIRE_READ, bits->read},         {QUIRE_WRITE, bits->write},
               {QUIRE_EXECUTE, bits->execute},   {QUIRE_USER, bits->user},
               {QUIRE_ACCESSED, bits->accessed}, {QUIRE_DIRTY, bits->dirty},
               {QUIRE_GLOBAL, bits->global}};
    unsigned granted = 0;
    uint64_t entry = 0;

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        bool constant = all[i].where.mask == 0;
        bool on = constant ? all[i].where.value == 0 : (attributes & all[i].attribute) != 0;
        granted |= on ? all[i].attribute : 0;
        entry = model_put(all[i].where, entry, on);
    }
    granted |= refused(format, entry) ? QUIRE_READ : 0;
    if (format->type_mask != 0) { /* types that look alike: the first of them */
        unsigned wanted = (attributes & QUIRE_TYPE) >> QUIRE_TYPE_SHIFT, type = 0;
        while (format->type[type] != format->type[wanted]) {
            type++;
        }
        granted |= type << QUIRE_TYPE_SHIFT;
    }
    return granted;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Sets accessed (and dirty) in the entries that a walk used. */
static void mark(const struct quire_format *format, struct arena *arena, unsigned access,
                 const struct quire_trace *trace)
{
    for (unsigned i = 0; i < trace->steps; i++) {
        bool last = i + 1 == trace->steps;
        const struct quire_attribute_bits *bits = last ? &format->leaf : &format->table;
        uint64_t at = trace->step[i].entry_at.at, entry;

        check(arena_peek(arena, at, format->pte_bytes, format->big_endian, &entry));
        entry = model_put(bits->accessed, entry, true);
        if (last && (access & QUIRE_WRITE)) {
            entry = model_put(bits->dirty, entry, true);
        }
        arena_poke(arena, at, format->pte_bytes, format->big_endian, entry);
    }
}

static bool canonical(const struct quire_format *format, uint64_t va)
{
    for (unsigned n = format->va_bits; n < 64; n++) {
        bool should = format->canonical == QUIRE_SIGN_EXTENDED && bit_of(va, format->va_bits - 1);
        if (bit_of(va, n) != should) {
            return false;
        }
    }
    return true;
}

enum quire_status model_walk_described(const struct quire_format *format, struct arena *arena,
                                       uint64_t root, uint64_t va, unsigned access,
                                       struct quire_walk *out, struct quire_trace *trace)
{
    unsigned rights = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE | QUIRE_USER, marks = 0;
    struct quire_trace own;
    uint64_t table = root;

    trace = trace != NULL ? trace : &own;
    memset(out, 0, sizeof(*out));
    memset(trace, 0, sizeof(*trace));
    if (!canonical(format, va)) {
        out->reason = QUIRE_REASON_NONCANONICAL;
        return QUIRE_FAULT;
    }
    out->entry_at.at = root;
    for (unsigned level = 1;; level++) {
        const struct quire_level *l = &format->level[level - 1];
        uint32_t index = (uint32_t)(va >> l->shift & ((UINT64_C(1) << l->bits) - 1));
        uint64_t at = table + (uint64_t)index * format->pte_bytes, entry;
        struct quire_step *step = &trace->step[level - 1];
        struct model_entry is;

        if (!arena_peek(arena, at, format->pte_bytes, format->big_endian, &entry)) {
            out->reason = QUIRE_REASON_UNREACHABLE;
            return QUIRE_FAULT;
        }
        out->level = level;
        out->index = index;
        out->entry_at.at = at;
        out->entry = entry;
        is = model_decode(format, level, entry);
        rights &= is.kind == MODEL_ABSENT ? ~0U : is.rights;
        *step = (struct quire_step){quire_pa_at(table), index, quire_pa_at(at), entry, rights};
        trace->steps = level;
        if (is.kind == MODEL_ABSENT || is.kind == MODEL_RESERVED) {
            out->reason =
                is.kind == MODEL_ABSENT ? QUIRE_REASON_NOT_PRESENT : QUIRE_REASON_RESERVED;
            return QUIRE_FAULT;
        }
        table = is.address;
        marks |= is.marks;
        if (is.kind == MODEL_LEAF) {
            out->page_bytes = UINT64_C(1) << l->shift;
            out->pa.at = is.address + (va & (out->page_bytes - 1));
            out->attributes = rights | marks;
            break;
        }
    }
    if (model_missing_right(access, trace, out)) {
        return QUIRE_FAULT;
    }
    if (access & QUIRE_ACCESSED) {
        mark(format, arena, access, trace);
    }
    return QUIRE_OK;
}

bool model_missing_right(unsigned access, const struct quire_trace *trace, struct quire_walk *out)
{
    static const struct {
        unsigned right;
        enum quire_reason reason;
    } order[] = {{QUIRE_USER, QUIRE_REASON_USER},
                 {QUIRE_WRITE, QUIRE_REASON_WRITE},
                 {QUIRE_EXECUTE, QUIRE_REASON_EXECUTE},
                 {QUIRE_READ, QUIRE_REASON_READ}};

    for (unsigned n = 0; n < trace->steps; n++) {
        for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
            if ((access & order[i].right) && !(trace->step[n].rights & order[i].right)) {
                out->reason = order[i].reason;
                out->level = n + 1;
                out->index = trace->step[n].index;
                out->entry_at = trace->step[n].entry_at;
                out->entry = trace->step[n].entry;
                return true;
            }
        }
    }
    return false;
}

enum quire_status model_walk(const struct quire_format *format, struct arena *arena, uint64_t root,
                             uint64_t va, unsigned access, struct quire_walk *out,
                             struct quire_trace *trace)
{
    model_machine *machine = model_machine_of(format);
    struct quire_trace own;

    if (machine == NULL) {
        return model_walk_described(format, arena, root, va, access, out, trace);
    }
    trace = trace != NULL ? trace : &own;
    memset(out, 0, sizeof(*out));
    memset(trace, 0, sizeof(*trace));
    return machine(format->pa_bits, arena, root, va, access, out, trace);
}

void model_same_walk(const char *what, const struct quire_format *format, uint64_t va,
                     unsigned access, enum quire_status expected_status,
                     const struct quire_walk *expected, enum quire_status status,
                     const struct quire_walk *walk)
{
    bool ok = status == QUIRE_OK;

    checkf(
        status == expected_status && walk->reason == expected->reason &&
            walk->level == expected->level && walk->index == expected->index &&
            walk->entry_at.at == expected->entry_at.at && walk->entry == expected->entry &&
            (!ok || (walk->pa.at == expected->pa.at && walk->page_bytes == expected->page_bytes &&
                     walk->attributes == expected->attributes)),
        "%s, %s, va %#llx, access %#x:\n"
        "#   expected status %d reason %d level %u index %u at %#llx entry %#llx"
        " pa %#llx page %#llx attributes %#x\n"
        "#   got      status %d reason %d level %u index %u at %#llx entry %#llx"
        " pa %#llx page %#llx attributes %#x",
        what, format->name, (unsigned long long)va, access, expected_status, expected->reason,
        expected->level, expected->index, (unsigned long long)expected->entry_at.at,
        (unsigned long long)expected->entry, (unsigned long long)expected->pa.at,
        (unsigned long long)expected->page_bytes, expected->attributes, status, walk->reason,
        walk->level, walk->index, (unsigned long long)walk->entry_at.at,
        (unsigned long long)walk->entry, (unsigned long long)walk->pa.at,
        (unsigned long long)walk->page_bytes, walk->attributes);
}
