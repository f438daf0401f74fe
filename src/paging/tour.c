/* The tour of a tree of page tables. */
#include "tour.h"

struct tour quire_tour_begin(const struct quire_table *table)
{
    struct tour tour = {.at = cursor_at_root(table),
                        .level = 1,
                        .inherited = table->inherited,
                        .inherited_end = table->inherited_end};

    return tour;
}

static bool is_inherited(const struct tour *tour, uint32_t index)
{
    return index >= tour->inherited && index < tour->inherited_end;
}

unsigned quire_tour_next(struct tour *tour, quire_pa *pa)
{
    const struct quire_format *format = tour->at.format;

    while (tour->level != 0) {
        unsigned level = tour->level;
        uint32_t index = tour->next[level - 1]++;
        quire_pa below;

        if (level == format->levels || index == level_entries(format, level)) {
            *pa = tour->at.path[level - 1];
            tour->level--;
            return level;
        }
        if ((level == 1 && is_inherited(tour, index)) ||
            !quire_cursor_pointer(&tour->at, level, index, &below)) {
            continue;
        }
        if (!quire_memory_has(tour->at.memory, below,
                              quire_format_table_bytes(format, level + 1))) {
            tour->lost++;
            continue;
        }
        tour->at.path[level] = below;
        tour->next[level] = 0;
        tour->level++;
    }
    return 0;
}

uint64_t quire_tour_address(const struct tour *tour, uint32_t index)
{
    const struct quire_format *format = tour->at.format;
    uint64_t at = (uint64_t)index << format->level[tour->level].shift;
    uint64_t sign = UINT64_C(1) << (format->va_bits - 1);

    /* The levels above the table given last stand one entry past the one they went down through. */
    for (unsigned level = 1; level <= tour->level; level++) {
        at |= (uint64_t)(tour->next[level - 1] - 1) << format->level[level - 1].shift;
    }
    return format->canonical == QUIRE_SIGN_EXTENDED && (at & sign) != 0 ? at | (0 - sign) : at;
}
