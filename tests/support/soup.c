/* Memory full of entries that could be. */
#include "tests/support/soup.h"

#include "tests/support/check.h"
#include "tests/support/model_walk.h"

/* An address that a table (or page) could have: mostly in the arena. */
static uint64_t some_address(struct prng *prng, const struct quire_format *format,
                             const struct arena *arena)
{
    uint64_t frame = prng_below(prng, arena->total) << arena->page_shift;

    if (prng_one_in(prng, 12)) {
        return prng_next(prng) & (UINT64_MAX >> (64 - format->pa_bits));
    }
    return arena->base + frame;
}

static uint64_t some_entry(struct prng *prng, const struct quire_format *format,
                           const struct arena *arena)
{
    const struct quire_level *level = &format->level[prng_below(prng, format->levels)];
    bool leaf =
        level == &format->level[format->levels - 1] || (level->leaf && prng_one_in(prng, 4));
    const struct quire_entry_layout *layout = leaf ? &level->as_leaf : &level->as_table;
    uint64_t entry = prng_next(prng);

    if (prng_one_in(prng, 10)) {
        return entry;
    }
    if (prng_one_in(prng, 10)) {
        return format->empty;
    }
    if (!prng_one_in(prng, 3)) { /* let most rights be there */
        entry = model_put(format->table.write, entry, true);
        entry = model_put(format->table.user, entry, true);
        entry = model_put(format->table.execute, entry, true);
        entry = model_put(format->table.read, entry, true);
    }
    if (!prng_one_in(prng, 20)) {
        entry &= ~layout->reserved;
    }
    entry &= ~(format->absent.mask | level->table.mask);
    entry &= ~model_address_bits(layout, UINT64_MAX);
    return entry | layout->set | model_address_bits(layout, some_address(prng, format, arena));
}

void soup_fill(struct prng *prng, const struct quire_format *format, struct arena *arena)
{
    for (uint64_t at = 0; at < arena->bytes; at += format->pte_bytes) {
        arena_poke(arena, arena->base + at, format->pte_bytes, format->big_endian,
                   some_entry(prng, format, arena));
    }
}

uint64_t soup_va(struct prng *prng, const struct quire_format *format)
{
    uint64_t va = prng_next(prng);

    if (prng_one_in(prng, 16)) {
        return va;
    }
    if (format->va_bits < 64) {
        va &= (UINT64_C(1) << format->va_bits) - 1;
        if (format->canonical == QUIRE_SIGN_EXTENDED && va >> (format->va_bits - 1)) {
            va |= UINT64_MAX << (format->va_bits - 1);
        }
        if (prng_one_in(prng, 64)) {
            va ^= UINT64_C(1) << format->va_bits;
        }
    }
    return va;
}

uint64_t soup_root(struct prng *prng, const struct quire_format *format, const struct arena *arena)
{
    uint64_t root = some_address(prng, format, arena);

    return root & ~(uint64_t)(format->pte_bytes - 1U);
}

void soup_arena(struct prng *prng, const struct quire_format *format, enum arena_reach reach,
                struct arena *arena)
{
    unsigned shift = quire_format_page_shift(format);
    unsigned frame_bits = format->pa_bits - shift;
    uint64_t frames = frame_bits < 5 ? UINT64_C(1) << frame_bits : 32;
    uint64_t all = frame_bits > 31 ? UINT64_C(1) << 31 : UINT64_C(1) << frame_bits;
    uint64_t first = prng_one_in(prng, 2) ? 0 : prng_below(prng, all - frames + 1);

    arena_init(arena, reach, first << shift, (uint32_t)frames, shift);
}
