/*
 * OSTEP's linear homework machine (chapter "Introduction to Paging"): one table of 32-bit entries.
 *
 *   31 30                      0
 *   +-+------------------------+
 *   |V| PFN                    |       not valid: 0
 *   +-+------------------------+
 *
 * Page and address-space sizes are parameters, so the descriptor is built, not written down.
 */
#include "quire/formats.h"

enum { V = 31, PFN_BITS = 31 };

const struct quire_format quire_format_ostep_linear = {
    .name = "ostep-linear",
    .title = "OSTEP homework, linear: one table of 4-byte entries, sizes as you like",
    .levels = 1,
    .va_bits = 14,
    .pa_bits = PFN_BITS + 12,
    .pte_bytes = 4,
    .canonical = QUIRE_ZERO_EXTENDED,
    .absent = QUIRE_IF_CLEAR(V),
    .soft = {.pte_bit = 0, .bits = 31},
    .leaf = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .table = {.accessed = QUIRE_NEVER, .dirty = QUIRE_NEVER, .global = QUIRE_NEVER},
    .level = {{.shift = 12,
               .bits = 2,
               .leaf = true,
               .table = QUIRE_NEVER,
               .as_leaf = {.address = {{0, PFN_BITS, 12}}, .set = QUIRE_BIT(V)},
               .name = "PTE"}},
};

enum quire_status quire_format_ostep_linear_init(struct quire_format *format, unsigned va_bits,
                                                 unsigned page_shift)
{
    struct quire_level *level = &format->level[0];

    if (page_shift < 3 || page_shift > 30 || va_bits <= page_shift || va_bits > page_shift + 26) {
        return QUIRE_OUT_OF_RANGE;
    }
    *format = quire_format_ostep_linear;
    format->va_bits = (uint8_t)va_bits;
    format->pa_bits = (uint8_t)(PFN_BITS + page_shift);
    level->shift = (uint8_t)page_shift;
    level->bits = (uint8_t)(va_bits - page_shift);
    level->as_leaf.address[0].pa_bit = (uint8_t)page_shift;
    return QUIRE_OK;
}
