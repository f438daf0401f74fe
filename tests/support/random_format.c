/* Random paging formats: the bits of an entry are dealt out like cards. */
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/formats.h"

/* Entry bits that nothing uses yet. */
struct deck {
    struct prng *prng;
    uint64_t left;
};

static uint64_t low_ones(unsigned bits)
{
    return bits == 0 ? 0 : UINT64_MAX >> (64 - bits);
}

static unsigned between(struct prng *prng, unsigned low, unsigned high)
{
    return low + (unsigned)prng_below(prng, high - low + 1);
}

static unsigned bits_left(const struct deck *deck)
{
    return (unsigned)__builtin_popcountll(deck->left);
}

/* One bit, as a mask. => the deck is not empty */
static uint64_t deal(struct deck *deck)
{
    for (;;) {
        uint64_t bit = UINT64_C(1) << prng_below(deck->prng, 64);
        if (deck->left & bit) {
            deck->left &= ~bit;
            return bit;
        }
    }
}

/* A condition on a fresh bit, of either polarity; now and then none at all. */
static struct quire_bits deal_flag(struct deck *deck, struct quire_bits none)
{
    struct quire_bits flag = none;

    if (bits_left(deck) > 0 && !prng_one_in(deck->prng, 4)) {
        flag.mask = deal(deck);
        flag.value = prng_one_in(deck->prng, 2) ? flag.mask : 0;
    }
    return flag;
}

/* The address: one run of bits, or two with something between them. */
static void deal_address(struct deck *deck, const struct quire_format *format, unsigned bits,
                         unsigned low_bits, struct quire_field field[2])
{
    unsigned pte_bits = 8U * format->pte_bytes;
    unsigned page_shift = quire_format_page_shift(format);
    unsigned spare = pte_bits - bits;
    unsigned at = between(deck->prng, 0, spare);

    memset(field, 0, 2 * sizeof(*field));
    field[0] = (struct quire_field){(uint8_t)at, (uint8_t)bits, (uint8_t)page_shift};
    if (bits > low_bits && prng_one_in(deck->prng, 3)) {
        unsigned gap = between(deck->prng, 0, spare - at);
        field[0].bits = (uint8_t)low_bits;
        field[1] = (struct quire_field){(uint8_t)(at + low_bits + gap), (uint8_t)(bits - low_bits),
                                        (uint8_t)(page_shift + low_bits)};
    }
    for (unsigned i = 0; i < 2; i++) {
        deck->left &= ~(low_ones(field[i].bits) << field[i].pte_bit);
    }
}

/* The shape: how many levels of how many bits, how wide the entries. */
static void deal_shape(struct prng *prng, struct quire_format *format)
{
    unsigned shift = between(prng, 3, 7);
    unsigned budget = between(prng, 1, 9);

    format->pte_bytes = (uint8_t)(1U << between(prng, 0, 3));
    format->levels = (uint8_t)between(prng, 1, budget < 4 ? budget : prng_one_in(prng, 4) ? 6 : 4);
    if (budget < format->levels) {
        budget = format->levels;
    }
    for (unsigned level = format->levels; level >= 1; level--) {
        unsigned keep = level - 1; /* the levels above want a bit each */
        unsigned bits = between(prng, 1, budget - keep < 5 ? budget - keep : 5);
        format->level[level - 1].shift = (uint8_t)shift;
        format->level[level - 1].bits = (uint8_t)bits;
        shift += bits;
        budget -= bits;
    }
    format->va_bits = (uint8_t)shift;
    format->canonical = prng_one_in(prng, 2) ? QUIRE_SIGN_EXTENDED : QUIRE_ZERO_EXTENDED;
    format->big_endian = prng_one_in(prng, 3);
    format->asid_bits = (uint8_t)(4 * prng_below(prng, 3));
}

/* The bits of a large leaf that a small one uses for address: nothing, or reserved. */
static void make_leaf(struct prng *prng, const struct quire_format *format, unsigned level,
                      const struct quire_field small[2], struct quire_entry_layout *leaf)
{
    unsigned below = format->level[level - 1].shift - quire_format_page_shift(format);

    leaf->address[0] = small[0];
    leaf->address[1] = small[1];
    leaf->address[0].pte_bit = (uint8_t)(small[0].pte_bit + below);
    leaf->address[0].pa_bit = (uint8_t)(small[0].pa_bit + below);
    leaf->address[0].bits = (uint8_t)(small[0].bits - below);
    if (prng_one_in(prng, 2)) {
        leaf->reserved |= low_ones(below) << small[0].pte_bit;
    }
}

/* What tells a table pointer from a leaf: a bit, or that there are no large leaves. */
static struct quire_bits deal_pointer(struct deck *deck, const struct quire_format *format)
{
    const struct quire_bits always = QUIRE_ALWAYS;

    return format->levels > 1 ? deal_flag(deck, always) : always;
}

static void make_levels(struct deck *deck, struct quire_format *format,
                        const struct quire_field field[2], uint64_t present,
                        struct quire_bits pointer)
{
    bool by_rights = pointer.mask != 0 && pointer.mask == format->refused[0].mask;
    unsigned first_leaf = between(deck->prng, 1, format->levels);

    for (unsigned i = 1; i <= format->levels; i++) {
        struct quire_level *level = &format->level[i - 1];
        bool last = i == format->levels;
        uint64_t insist = prng_next(deck->prng) & prng_next(deck->prng) & deck->left;

        level->name = "entry";
        level->leaf = last || (pointer.mask != 0 && i >= first_leaf);
        level->table = last ? (struct quire_bits)QUIRE_NEVER : pointer;
        level->as_leaf.set = present | (last || by_rights ? 0 : pointer.mask & ~pointer.value);
        level->as_leaf.reserved = insist;
        make_leaf(deck->prng, format, i, field, &level->as_leaf);
        if (!last) {
            level->as_table.set = present | pointer.value;
            level->as_table.reserved = prng_next(deck->prng) & deck->left;
            level->as_table.address[0] = field[0];
            level->as_table.address[1] = field[1];
        }
    }
}

static void deal_attributes(struct deck *deck, struct quire_format *format)
{
    const struct quire_bits always = QUIRE_ALWAYS, never = QUIRE_NEVER;
    struct quire_attribute_bits *leaf = &format->leaf, *table = &format->table;

    leaf->write = deal_flag(deck, always);
    leaf->accessed = deal_flag(deck, never);
    leaf->dirty = deal_flag(deck, never);
    leaf->user = deal_flag(deck, always);
    leaf->execute = deal_flag(deck, always);
    leaf->global = deal_flag(deck, never);
    leaf->read = deal_flag(deck, always);
    table->write = prng_one_in(deck->prng, 2) ? leaf->write : always;
    table->user = prng_one_in(deck->prng, 2) ? leaf->user : deal_flag(deck, always);
    table->execute = prng_one_in(deck->prng, 2) ? leaf->execute : always;
    table->read = prng_one_in(deck->prng, 4) ? leaf->read : always;
    table->accessed = prng_one_in(deck->prng, 2) ? leaf->accessed : never;
    table->dirty = never;
    table->global = leaf->global.value != 0 && leaf->global.mask != 0 && prng_one_in(deck->prng, 2)
                        ? leaf->global
                        : never;
    if (bits_left(deck) >= 2 && prng_one_in(deck->prng, 2)) {
        uint64_t a = deal(deck), b = deal(deck);
        uint64_t flip = prng_one_in(deck->prng, 2) ? a : 0;
        uint64_t type[QUIRE_TYPES_OF_MEMORY] = {flip, flip ^ b, flip ^ a, flip ^ a ^ b};
        format->type_mask = a | b;
        memcpy(format->type, type, sizeof(type));
    }
}

/* A condition that holds for leaves that grant none of these rights. */
static struct quire_bits none_of(struct quire_bits a, struct quire_bits b, struct quire_bits c)
{
    struct quire_bits none = {a.mask | b.mask | c.mask, 0};

    none.value = none.mask & ~(a.value | b.value | c.value);
    return none;
}

/* RISC-V's peculiarities, of either polarity: what grants nothing points to a table; what may be
 * written can be read. */
static void deal_refused(struct deck *deck, struct quire_format *format, struct quire_bits *pointer)
{
    const struct quire_bits always = QUIRE_ALWAYS;
    const struct quire_attribute_bits *leaf = &format->leaf;
    struct quire_bits unreadable;

    if (leaf->read.mask == 0) {
        return;
    }
    if (format->levels > 1 && prng_one_in(deck->prng, 3)) {
        *pointer =
            none_of(leaf->read, prng_one_in(deck->prng, 2) ? leaf->write : always, leaf->execute);
        format->refused[0] = *pointer;
        format->table.read = format->table.write = format->table.execute = always;
    }
    if (leaf->write.mask != 0 && prng_one_in(deck->prng, 3)) {
        unreadable = none_of(leaf->read, always, always);
        unreadable.mask |= leaf->write.mask;
        unreadable.value |= leaf->write.value;
        format->refused[format->refused[0].mask != 0] = unreadable;
    }
}

/* A run of bits of an absent entry that do not say that it is absent. */
static void deal_soft(struct prng *prng, struct quire_format *format)
{
    unsigned pte_bits = 8U * format->pte_bytes;
    unsigned at = (unsigned)prng_below(prng, pte_bits);
    unsigned bits = 0;

    while (at + bits < pte_bits && !(format->absent.mask >> (at + bits) & 1)) {
        bits++;
    }
    if (bits != 0) {
        format->soft.pte_bit = (uint8_t)at;
        format->soft.bits = (uint8_t)between(prng, 1, bits);
    }
}

void random_format(struct prng *prng, struct quire_format *format)
{
    struct quire_field field[2];
    struct quire_bits pointer;
    struct deck deck = {prng, 0};
    unsigned bits, below, pte_bits;
    uint64_t present;
    const char *why;

    memset(format, 0, sizeof(*format));
    format->name = "random";
    format->title = "dealt by chance";
    do {
        deal_shape(prng, format);
        pte_bits = 8U * format->pte_bytes;
        below = format->level[0].shift - quire_format_page_shift(format);
    } while (below + 2 > pte_bits - 2 || (format->levels > 1 && pte_bits < 10 && below > 3));
    deck.left = low_ones(pte_bits);
    bits = between(prng, below + 2, pte_bits - 2 < 40 ? pte_bits - 2 : 40);
    if (bits < 4) {
        bits = 4;
    }
    deal_address(&deck, format, bits, between(prng, below + 1, bits), field);
    format->pa_bits = (uint8_t)(quire_format_page_shift(format) + bits);
    format->absent.mask = deal(&deck);
    if (bits_left(&deck) > 2 && prng_one_in(prng, 3)) {
        format->absent.mask |= deal(&deck);
    }
    format->absent.value = prng_next(prng) & format->absent.mask;
    /* one bit that differs is enough to be present */
    present = format->absent.value ^ (format->absent.mask & -format->absent.mask);
    format->empty =
        (prng_next(prng) & low_ones(pte_bits) & ~format->absent.mask) | format->absent.value;
    pointer = deal_pointer(&deck, format);
    deal_attributes(&deck, format);
    deal_refused(&deck, format, &pointer);
    make_levels(&deck, format, field, present, pointer);
    deal_soft(prng, format);
    format->ignored = prng_next(prng) & deck.left;
    for (unsigned i = 0; i < format->levels; i++) {
        format->ignored &= ~format->level[i].as_leaf.reserved;
    }
    checkf(quire_format_check(format, &why) == QUIRE_OK, "the random format is not sound: %s", why);
}
