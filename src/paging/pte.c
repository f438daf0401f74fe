/* Building and reading entries: the parts that need not be inlined into the walk. */
#include "quire/pte.h"

#include "entry.h"

bool quire_pte_fits(const struct quire_format *format, unsigned level, quire_pa pa)
{
    const struct quire_entry_layout *layout = &quire_level_of(format, level)->as_leaf;
    uint64_t stored = quire_layout_with_address(layout, pa.at);

    return quire_layout_address(layout, stored) == pa.at &&
           !quire_bits_hold(format->absent, layout->set | stored);
}

uint64_t quire_pte_with_attributes(const struct quire_format *format, uint64_t leaf,
                                   unsigned attributes)
{
    const struct quire_attribute_bits *bits = &format->leaf;
    unsigned type = (attributes & QUIRE_TYPE) >> QUIRE_TYPE_SHIFT;

    leaf = quire_bits_put(bits->read, leaf, attributes & QUIRE_READ);
    leaf = quire_bits_put(bits->write, leaf, attributes & QUIRE_WRITE);
    leaf = quire_bits_put(bits->execute, leaf, attributes & QUIRE_EXECUTE);
    leaf = quire_bits_put(bits->user, leaf, attributes & QUIRE_USER);
    if (quire_pte_refused(format, leaf)) {
        leaf = quire_bits_put(bits->read, leaf, 1);
    }
    leaf = quire_bits_put(bits->accessed, leaf, attributes & QUIRE_ACCESSED);
    leaf = quire_bits_put(bits->dirty, leaf, attributes & QUIRE_DIRTY);
    leaf = quire_bits_put(bits->global, leaf, attributes & QUIRE_GLOBAL);
    return (leaf & ~format->type_mask) | format->type[type];
}

uint64_t quire_pte_leaf(const struct quire_format *format, unsigned level, quire_pa pa,
                        unsigned attributes)
{
    const struct quire_entry_layout *layout = &quire_level_of(format, level)->as_leaf;

    return quire_pte_with_attributes(format, layout->set | quire_layout_with_address(layout, pa.at),
                                     attributes);
}

uint64_t quire_pte_table(const struct quire_format *format, unsigned level, quire_pa pa)
{
    const struct quire_entry_layout *layout = &quire_level_of(format, level)->as_table;
    const struct quire_attribute_bits *bits = &format->table;
    uint64_t entry = layout->set | quire_layout_with_address(layout, pa.at);

    entry = quire_bits_put(bits->read, entry, 1);
    entry = quire_bits_put(bits->write, entry, 1);
    entry = quire_bits_put(bits->execute, entry, 1);
    return quire_bits_put(bits->user, entry, 1);
}

bool quire_pte_soft(const struct quire_format *format, uint64_t payload, uint64_t *entry)
{
    uint64_t field = quire_ones(format->soft.bits);
    uint64_t made;

    if (payload > field) {
        return false;
    }
    made = (format->empty & ~(field << format->soft.pte_bit)) | payload << format->soft.pte_bit;
    if (!quire_bits_hold(format->absent, made)) {
        return false;
    }
    *entry = made;
    return true;
}

uint64_t quire_pte_soft_payload(const struct quire_format *format, uint64_t entry)
{
    return entry >> format->soft.pte_bit & quire_ones(format->soft.bits);
}

uint64_t quire_pte_load(const struct quire_format *format, const void *where)
{
    return entry_load(format, where);
}

void quire_pte_store(const struct quire_format *format, void *where, uint64_t entry)
{
    entry_store(format, where, entry);
}
