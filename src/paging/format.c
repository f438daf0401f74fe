/* Is a descriptor sound? And narrowing one to a machine's physical address width. */
#include "quire/format.h"

#include "quire/pte.h"

static const char *check_field(const struct quire_field *field, unsigned pte_bits, unsigned pa_bits)
{
    if (field->pte_bit >= pte_bits || field->bits > pte_bits - field->pte_bit) {
        return "an address field does not fit into the entry";
    }
    if (field->pa_bit > 63 || (field->bits != 0 && field->pa_bit + field->bits > pa_bits)) {
        return "an address field lies above the physical address";
    }
    return NULL;
}

static uint64_t field_mask(const struct quire_field *field)
{
    return quire_ones(field->bits) << field->pte_bit;
}

static uint64_t address_mask(const struct quire_entry_layout *layout)
{
    return field_mask(&layout->address[0]) | field_mask(&layout->address[1]);
}

/* All bits of an entry that attributes decide. */
static uint64_t flags_mask(const struct quire_attribute_bits *flags)
{
    return flags->read.mask | flags->write.mask | flags->execute.mask | flags->user.mask |
           flags->accessed.mask | flags->dirty.mask | flags->global.mask;
}

/* Are the ones in `bits` all next to each other? */
static bool one_run(uint64_t bits)
{
    uint64_t lowest = bits & (0 - bits);

    return (bits & (bits + lowest)) == 0;
}

static const char *check_address(const struct quire_format *format,
                                 const struct quire_entry_layout *layout)
{
    const struct quire_field *a = &layout->address[0], *b = &layout->address[1];
    const char *wrong = check_field(a, 8U * format->pte_bytes, format->pa_bits);

    if (wrong == NULL) {
        wrong = check_field(b, 8U * format->pte_bytes, format->pa_bits);
    }
    if (wrong != NULL) {
        return wrong;
    }
    if ((field_mask(a) & field_mask(b)) != 0 ||
        (quire_ones(a->bits) << a->pa_bit & quire_ones(b->bits) << b->pa_bit) != 0) {
        return "the two address fields overlap";
    }
    return one_run(quire_layout_address(layout, UINT64_MAX))
               ? NULL
               : "the two address fields leave a gap in the address";
}

static const char *check_layout(const struct quire_format *format,
                                const struct quire_entry_layout *layout)
{
    const char *wrong = check_address(format, layout);

    if (wrong != NULL) {
        return wrong;
    }
    if (((layout->set | layout->reserved) & ~quire_ones(8U * format->pte_bytes)) != 0) {
        return "a set or reserved bit lies outside the entry";
    }
    if ((layout->set & layout->reserved) != 0) {
        return "a bit is both always set and reserved";
    }
    if (((layout->set | layout->reserved) & address_mask(layout)) != 0) {
        return "an always-set or reserved bit lies in the address";
    }
    return NULL;
}

/* Flags must lie inside the entry, clear of addresses and of each other. */
static const char *check_flags(const struct quire_format *format,
                               const struct quire_attribute_bits *flags, uint64_t taken)
{
    const struct quire_bits *flag[] = {&flags->read,  &flags->write,    &flags->execute,
                                       &flags->user,  &flags->accessed, &flags->dirty,
                                       &flags->global};

    for (unsigned i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
        if ((flag[i]->mask & ~quire_ones(8U * format->pte_bytes)) != 0) {
            return "an attribute bit lies outside the entry";
        }
        if ((flag[i]->mask & taken) != 0) {
            return "an attribute bit is used for something else too";
        }
        if (flag[i]->mask != 0 && (flag[i]->value & ~flag[i]->mask) != 0) {
            return "an attribute's value has bits outside its mask";
        }
        taken |= flag[i]->mask;
    }
    return NULL;
}

/* Can a condition hold for an entry with these bits set, whatever stands in the `open` ones? */
static bool may_hold(struct quire_bits bits, uint64_t set, uint64_t open)
{
    return (bits.value & ~bits.mask) == 0 && ((set ^ bits.value) & bits.mask & ~open) == 0;
}

/* What may be refused are combinations of rights: leaves of all levels are alike in these. */
static const char *check_refused(const struct quire_format *format)
{
    const struct quire_attribute_bits *leaf = &format->leaf;
    uint64_t rights = leaf->read.mask | leaf->write.mask | leaf->execute.mask | leaf->user.mask;

    for (unsigned i = 0; i < QUIRE_REFUSED; i++) {
        if ((format->refused[i].mask & ~rights) != 0) {
            return "a refused combination is not one of rights";
        }
        if (format->refused[i].mask != 0 &&
            (format->refused[i].value & ~format->refused[i].mask) != 0) {
            return "a refused combination has bits outside its mask";
        }
    }
    return NULL;
}

/* Is a leaf a leaf and not refused, whichever rights it is built with? */
static const char *check_rights(const struct quire_format *format, unsigned level)
{
    const struct quire_attribute_bits *bits = &format->leaf;
    const struct quire_level *l = quire_level_of(format, level);
    uint64_t open = address_mask(&l->as_leaf) | bits->accessed.mask | bits->dirty.mask |
                    bits->global.mask | format->type_mask;

    for (unsigned rights = 0; rights <= QUIRE_RIGHTS; rights++) {
        uint64_t leaf = quire_pte_leaf(format, level, quire_pa_at(0), rights);

        if (level < format->levels && may_hold(l->table, leaf, open)) {
            return "a leaf cannot be told from a table pointer";
        }
        if (quire_pte_refused(format, leaf)) {
            return "a leaf would be refused, even with the right to read";
        }
    }
    return NULL;
}

/* Does some entry of this layout read as absent? That one address of all does (ptsim's frame 0) is
 * allowed, and found out by quire_pte_fits(); but attributes must have no part in it. */
static bool reads_as_absent(const struct quire_format *format,
                            const struct quire_entry_layout *layout, uint64_t attributes)
{
    uint64_t address = address_mask(layout);

    return may_hold(format->absent, layout->set, address | attributes) &&
           ((format->absent.mask & address) == 0 || (format->absent.value & attributes) != 0);
}

static const char *check_leaf_level(const struct quire_format *format, unsigned level)
{
    const struct quire_level *l = quire_level_of(format, level);
    const struct quire_entry_layout *layout = &l->as_leaf;
    uint64_t attributes = flags_mask(&format->leaf) | format->type_mask;
    uint64_t fixed, bits;
    const char *wrong = check_layout(format, layout);

    if (wrong != NULL) {
        return wrong;
    }
    fixed = address_mask(layout) | layout->set | layout->reserved;
    wrong = check_flags(format, &format->leaf, fixed | format->type_mask);
    if (wrong != NULL) {
        return wrong;
    }
    if ((format->type_mask & fixed) != 0) {
        return "a memory-type bit is used for something else too";
    }
    if ((format->ignored & (fixed | attributes | format->absent.mask)) != 0) {
        return "a bit that is said to be ignored has a meaning";
    }
    /* Narrowed to less than the leaf's size, only address 0 is left. */
    bits = quire_layout_address(layout, UINT64_MAX);
    if (bits == 0 && l->shift < format->pa_bits) {
        return "a leaf has no address field";
    }
    if (bits != 0 && (bits & (0 - bits)) != quire_format_span(format, level)) {
        return "a leaf's address does not begin at the size of its page";
    }
    if (reads_as_absent(format, layout, attributes)) {
        return "a leaf would read as absent";
    }
    return check_rights(format, level);
}

static const char *check_table_level(const struct quire_format *format, unsigned level)
{
    const struct quire_level *l = quire_level_of(format, level);
    const struct quire_entry_layout *layout = &l->as_table;
    uint64_t attributes = flags_mask(&format->table), entry;
    const char *wrong = check_layout(format, layout);

    if (wrong == NULL) {
        wrong = check_flags(format, &format->table,
                            address_mask(layout) | layout->set | layout->reserved);
    }
    if (wrong != NULL) {
        return wrong;
    }
    if (quire_layout_address(layout, UINT64_MAX) == 0) {
        return "a table pointer has no address field";
    }
    if ((quire_layout_address(layout, UINT64_MAX) & (format->pte_bytes - 1U)) != 0) {
        return "a table's address is finer than an entry";
    }
    entry = quire_pte_table(format, level, quire_pa_at(0));
    if (quire_pte_rights(format, QUIRE_PTE_TABLE, entry) != QUIRE_RIGHTS) {
        return "a table pointer could never grant a right";
    }
    if (quire_bits_match(format->table.global, entry)) {
        return "a table pointer would make all below it global";
    }
    if (!quire_bits_hold(l->table, entry) ||
        (l->table.mask & (address_mask(layout) | attributes)) != 0) {
        return "a table pointer would read as a leaf";
    }
    return reads_as_absent(format, layout, attributes) ? "a table pointer would read as absent"
                                                       : NULL;
}

static const char *check_level(const struct quire_format *format, unsigned level)
{
    const struct quire_level *l = quire_level_of(format, level);
    bool last = level == format->levels;
    unsigned top = l->shift + l->bits;
    const char *wrong;

    if (l->bits == 0 || l->bits > 26) {
        return "a level has no index bits, or more than 26";
    }
    if (top != (level == 1 ? format->va_bits : format->level[level - 2].shift)) {
        return "the levels' index bits do not follow each other down from va_bits";
    }
    if (last && !l->leaf) {
        return "the last level must be a leaf";
    }
    if (!last && l->leaf && !format->level[level].leaf) {
        return "a level below one with leaves has none, so a leaf cannot be split";
    }
    wrong = l->leaf ? check_leaf_level(format, level) : NULL;
    if (wrong == NULL && !last) {
        wrong = check_table_level(format, level);
    }
    return wrong;
}

static const char *check_entry(const struct quire_format *format)
{
    uint64_t inside = quire_ones(8U * format->pte_bytes);

    if (format->absent.mask == 0 || (format->absent.mask & ~inside) != 0 ||
        (format->absent.value & ~format->absent.mask) != 0) {
        return "the rule for absent entries is empty or lies outside the entry";
    }
    if ((format->empty & ~inside) != 0 || !quire_bits_hold(format->absent, format->empty)) {
        return "the empty entry does not read as absent";
    }
    if (format->soft.pte_bit + format->soft.bits > 8U * format->pte_bytes) {
        return "the soft field does not fit into the entry";
    }
    if ((format->ignored & ~inside) != 0 || (format->type_mask & ~inside) != 0) {
        return "an ignored or memory-type bit lies outside the entry";
    }
    for (unsigned i = 0; i < QUIRE_TYPES_OF_MEMORY; i++) {
        if ((format->type[i] & ~format->type_mask) != 0) {
            return "a memory type's value has bits outside its mask";
        }
    }
    return NULL;
}

static const char *check_all(const struct quire_format *format)
{
    const char *wrong;
    unsigned bytes = format->pte_bytes;

    if (format->levels < 1 || format->levels > QUIRE_LEVELS_MAX) {
        return "the number of levels is not 1 to 6";
    }
    if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) {
        return "an entry is not 1, 2, 4 or 8 bytes";
    }
    if (format->va_bits < 1 || format->va_bits > 64 || format->pa_bits < 1 ||
        format->pa_bits > 64) {
        return "an address is not 1 to 64 bits wide";
    }
    if (format->asid_bits > 16) {
        return "an address-space number is wider than 16 bits";
    }
    if (quire_format_page_shift(format) < 3 || quire_format_page_shift(format) > 30) {
        return "a page is not 8 bytes to 1 GiB";
    }
    wrong = check_entry(format);
    if (wrong == NULL) {
        wrong = check_refused(format);
    }
    for (unsigned level = 1; level <= format->levels && wrong == NULL; level++) {
        wrong = check_level(format, level);
    }
    return wrong;
}

enum quire_status quire_format_check(const struct quire_format *format, const char **why)
{
    const char *wrong = check_all(format);

    if (why != NULL) {
        *why = wrong;
    }
    return wrong == NULL ? QUIRE_OK : QUIRE_INVALID;
}

/* Address bits from `pa_bits` up become reserved bits. */
static void limit_layout(struct quire_entry_layout *layout, unsigned pa_bits)
{
    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        struct quire_field *field = &layout->address[i];
        unsigned top = field->pa_bit + field->bits;
        unsigned keep = field->pa_bit >= pa_bits ? 0 : pa_bits - field->pa_bit;

        if (field->bits == 0 || top <= pa_bits) {
            continue;
        }
        layout->reserved |= (quire_ones(field->bits) & ~quire_ones(keep)) << field->pte_bit;
        field->bits = (uint8_t)keep;
    }
}

enum quire_status quire_format_limit_pa(struct quire_format *format, unsigned pa_bits)
{
    if (pa_bits <= quire_format_page_shift(format) || pa_bits > format->pa_bits) {
        return QUIRE_OUT_OF_RANGE;
    }
    for (unsigned level = 1; level < format->levels; level++) {
        uint64_t pointer = quire_layout_address(&format->level[level - 1].as_table, UINT64_MAX);
        if ((pointer & quire_ones(pa_bits)) == 0) {
            return QUIRE_OUT_OF_RANGE; /* no table could be pointed to */
        }
    }
    for (unsigned level = 1; level <= format->levels; level++) {
        limit_layout(&format->level[level - 1].as_table, pa_bits);
        limit_layout(&format->level[level - 1].as_leaf, pa_bits);
    }
    format->pa_bits = (uint8_t)pa_bits;
    format->code = NULL;
    return QUIRE_OK;
}
