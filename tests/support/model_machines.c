/* MMUs written by hand: x86-64, i386, RISC-V, and the teaching machines. */
#include "tests/support/model_machines.h"

#include <string.h>

#include "tests/support/check.h"

enum { ALL = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE | QUIRE_USER };

/* The state of a walk by hand. */
struct hand {
    struct arena *arena;
    struct quire_walk *out;
    struct quire_trace *trace;
    unsigned bytes; /* of an entry */
    unsigned rights;
};

static struct hand hand_new(struct arena *arena, uint64_t root, unsigned bytes,
                            struct quire_walk *out, struct quire_trace *trace)
{
    struct hand hand = {arena, out, trace, bytes, ALL};

    out->entry_at.at = root;
    return hand;
}

static enum quire_status stop(struct hand *hand, enum quire_reason reason)
{
    hand->out->reason = reason;
    return QUIRE_FAULT;
}

/* Reads entry `index` of the table at `table` as the next step. */
static bool step(struct hand *hand, uint64_t table, uint32_t index, uint64_t *entry)
{
    uint64_t at = table + (uint64_t)index * hand->bytes;
    struct quire_step *s = &hand->trace->step[hand->trace->steps];

    if (!arena_peek(hand->arena, at, hand->bytes, false, entry)) {
        return false;
    }
    hand->trace->steps++;
    *s = (struct quire_step){quire_pa_at(table), index, quire_pa_at(at), *entry, hand->rights};
    hand->out->level = hand->trace->steps;
    hand->out->index = index;
    hand->out->entry_at.at = at;
    hand->out->entry = *entry;
    return true;
}

static void restrict_to(struct hand *hand, unsigned rights)
{
    hand->rights &= rights;
    hand->trace->step[hand->trace->steps - 1].rights = hand->rights;
}

static enum quire_status found(struct hand *hand, unsigned access, uint64_t va, uint64_t frame,
                               uint64_t page_bytes, unsigned marks)
{
    if (model_missing_right(access, hand->trace, hand->out)) {
        return QUIRE_FAULT;
    }
    hand->out->page_bytes = page_bytes;
    hand->out->pa.at = frame + va % page_bytes;
    hand->out->attributes = hand->rights | marks;
    return QUIRE_OK;
}

/* Sets x86's accessed bit (5) in all entries used, dirty (6) in the last if written: SDM 3A 4.8. */
static void x86_mark(struct hand *hand, unsigned access)
{
    if (!(access & QUIRE_ACCESSED)) {
        return;
    }
    for (unsigned i = 0; i < hand->trace->steps; i++) {
        uint64_t at = hand->trace->step[i].entry_at.at, entry;
        bool dirty = i + 1 == hand->trace->steps && (access & QUIRE_WRITE);
        check(arena_peek(hand->arena, at, hand->bytes, false, &entry));
        arena_poke(hand->arena, at, hand->bytes, false, entry | 0x20 | (dirty ? 0x40 : 0));
    }
}

static unsigned x86_rights(uint64_t entry)
{
    return QUIRE_READ | QUIRE_EXECUTE | (entry & 2 ? QUIRE_WRITE : 0) |
           (entry & 4 ? QUIRE_USER : 0);
}

static unsigned x86_marks(uint64_t entry)
{
    static const unsigned type[4] = {QUIRE_TYPE_NORMAL, QUIRE_TYPE_WRITE_THROUGH,
                                     QUIRE_TYPE_UNCACHED_WEAK, QUIRE_TYPE_UNCACHED};

    return (entry & 0x20 ? QUIRE_ACCESSED : 0) | (entry & 0x40 ? QUIRE_DIRTY : 0) |
           (entry & 0x100 ? QUIRE_GLOBAL : 0) | type[entry >> 3 & 3];
}

/* SDM 3A 4.3: a 4 MiB page's address is bits 31:22 and, as 39:32, 20:13; bit 21 is reserved. */
static enum quire_status i386(unsigned pa_bits, struct arena *arena, uint64_t root, uint64_t va,
                              unsigned access, struct quire_walk *out, struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 4, out, trace);
    uint64_t pde, pte, high;
    enum quire_status status;

    if (va > UINT32_MAX) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    if (!step(&hand, root, (uint32_t)(va / 0x400000), &pde)) {
        return stop(&hand, QUIRE_REASON_UNREACHABLE);
    }
    if ((pde & 1) == 0) {
        return stop(&hand, QUIRE_REASON_NOT_PRESENT);
    }
    restrict_to(&hand, x86_rights(pde));
    if (pde & 0x80) {
        high = pde >> 13 & 0xff;
        if ((pde & 0x200000) || high >> (pa_bits - 32)) {
            return stop(&hand, QUIRE_REASON_RESERVED);
        }
        status =
            found(&hand, access, va, (pde & 0xffc00000) | high << 32, 0x400000, x86_marks(pde));
    } else {
        if (!step(&hand, pde & 0xfffff000, va >> 12 & 0x3ff, &pte)) {
            return stop(&hand, QUIRE_REASON_UNREACHABLE);
        }
        if ((pte & 1) == 0) {
            return stop(&hand, QUIRE_REASON_NOT_PRESENT);
        }
        restrict_to(&hand, x86_rights(pte));
        status = found(&hand, access, va, pte & 0xfffff000, 0x1000, x86_marks(pte));
    }
    if (status == QUIRE_OK) {
        x86_mark(&hand, access);
    }
    return status;
}

/* SDM 3A 4.5. Depth 1 is the PML4E. Reserved: bits 51:MAXPHYADDR, PS of a PML4E, and below the
 * address of a large page bits 29:13 or 20:13 (bit 12 is PAT). */
static bool x86_64_reserved(unsigned pa_bits, unsigned depth, uint64_t entry)
{
    bool large = depth < 4 && (entry & 0x80);

    if ((entry & UINT64_C(0x000fffffffffffff)) >> pa_bits) {
        return true;
    }
    return (depth == 1 && large) || (depth == 2 && large && (entry & 0x3fffe000)) ||
           (depth == 3 && large && (entry & 0x001fe000));
}

static enum quire_status x86_64(unsigned pa_bits, struct arena *arena, uint64_t root, uint64_t va,
                                unsigned access, struct quire_walk *out, struct quire_trace *trace)
{
    static const uint64_t page[5] = {0, 0, UINT64_C(1) << 30, 1 << 21, 1 << 12};
    struct hand hand = hand_new(arena, root, 8, out, trace);
    uint64_t table = root, entry;
    unsigned depth = 1;
    enum quire_status status;

    if (va >= UINT64_C(0x0000800000000000) && va < UINT64_C(0xffff800000000000)) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    for (;; depth++) {
        if (!step(&hand, table, va >> (48 - 9 * depth) & 0x1ff, &entry)) {
            return stop(&hand, QUIRE_REASON_UNREACHABLE);
        }
        if ((entry & 1) == 0) {
            return stop(&hand, QUIRE_REASON_NOT_PRESENT);
        }
        restrict_to(&hand, x86_rights(entry) & (entry >> 63 ? ~(unsigned)QUIRE_EXECUTE : ~0U));
        if (x86_64_reserved(pa_bits, depth, entry)) {
            return stop(&hand, QUIRE_REASON_RESERVED);
        }
        table = entry & UINT64_C(0x000ffffffffff000);
        if (depth == 4 || (entry & 0x80)) {
            break;
        }
    }
    status = found(&hand, access, va, table & ~(page[depth] - 1), page[depth], x86_marks(entry));
    if (status == QUIRE_OK) {
        x86_mark(&hand, access);
    }
    return status;
}

/* Seed 003: PFN in bits 31:24, and below what quire_format_ostep14 says: valid 0, r 1, w 2, x 3. */
static enum quire_status ostep14(unsigned pa_bits, struct arena *arena, uint64_t root, uint64_t va,
                                 unsigned access, struct quire_walk *out, struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 4, out, trace);
    uint64_t entry;

    (void)pa_bits;
    if (va >= 16384) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    if (!step(&hand, root, (uint32_t)(va / 1024), &entry)) {
        return stop(&hand, QUIRE_REASON_UNREACHABLE);
    }
    if (!(entry & 1)) {
        return stop(&hand, QUIRE_REASON_NOT_PRESENT);
    }
    if (!step(&hand, (entry >> 24) * 64, va / 64 % 16, &entry)) {
        return stop(&hand, QUIRE_REASON_UNREACHABLE);
    }
    if (!(entry & 1)) {
        return stop(&hand, QUIRE_REASON_NOT_PRESENT);
    }
    restrict_to(&hand, QUIRE_USER | (entry & 2 ? QUIRE_READ : 0) | (entry & 4 ? QUIRE_WRITE : 0) |
                           (entry & 8 ? QUIRE_EXECUTE : 0));
    return found(&hand, access, va, (entry >> 24) * 64, 64, 0);
}

/* OSTEP, "Smaller Tables": 32-byte pages, 5 + 5 + 5 bits, bit 7 of each byte says valid. */
static enum quire_status ostep_multilevel(unsigned pa_bits, struct arena *arena, uint64_t root,
                                          uint64_t va, unsigned access, struct quire_walk *out,
                                          struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 1, out, trace);
    uint64_t entry, table = root;

    (void)pa_bits;
    if (va >= 32768) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    for (unsigned part = 1024; part >= 32; part /= 32) {
        if (!step(&hand, table, va / part % 32, &entry)) {
            return stop(&hand, QUIRE_REASON_UNREACHABLE);
        }
        if (entry < 0x80) {
            return stop(&hand, QUIRE_REASON_NOT_PRESENT);
        }
        table = (entry - 0x80) * 32;
    }
    return found(&hand, access, va, table, 32, 0);
}

/* OSTEP, "Introduction to Paging", in its default size: 4 pages of 4 KiB, bit 31 says valid. */
static enum quire_status ostep_linear(unsigned pa_bits, struct arena *arena, uint64_t root,
                                      uint64_t va, unsigned access, struct quire_walk *out,
                                      struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 4, out, trace);
    uint64_t entry;

    (void)pa_bits;
    if (va >= 16384) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    if (!step(&hand, root, (uint32_t)(va / 4096), &entry)) {
        return stop(&hand, QUIRE_REASON_UNREACHABLE);
    }
    if (entry < UINT32_C(0x80000000)) {
        return stop(&hand, QUIRE_REASON_NOT_PRESENT);
    }
    return found(&hand, access, va, (entry - UINT32_C(0x80000000)) * 4096, 4096, 0);
}

/* Seed 004: 64 pages of 256 bytes, one byte each, 0 is not mapped. */
static enum quire_status ptsim(unsigned pa_bits, struct arena *arena, uint64_t root, uint64_t va,
                               unsigned access, struct quire_walk *out, struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 1, out, trace);
    uint64_t entry;

    (void)pa_bits;
    if (va >= 16384) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    if (!step(&hand, root, (uint32_t)(va / 256), &entry)) {
        return stop(&hand, QUIRE_REASON_UNREACHABLE);
    }
    if (entry == 0) {
        return stop(&hand, QUIRE_REASON_NOT_PRESENT);
    }
    return found(&hand, access, va, entry * 256, 256, 0);
}

/* RISC-V, volume II, "Virtual Address Translation Process": i counts the levels down to 0. Of what
 * an implementation may choose: the supervisor may touch users' pages (SUM), A and D are set. */
static enum quire_status riscv(struct hand *hand, unsigned levels, unsigned pa_bits, uint64_t va,
                               unsigned access)
{
    unsigned bits = hand->bytes == 4 ? 10 : 9, i = levels, global = 0;
    uint64_t a = hand->out->entry_at.at, pte, ppn;
    enum quire_status status;

    for (;;) {
        i--;
        if (!step(hand, a, va >> (12 + i * bits) & ((1U << bits) - 1), &pte)) {
            return stop(hand, QUIRE_REASON_UNREACHABLE);
        }
        if (!(pte & 1)) {
            return stop(hand, QUIRE_REASON_NOT_PRESENT);
        }
        ppn = pte << 10 >> 20;
        if (pte >> 54 || ppn >> (pa_bits - 12)) {
            restrict_to(hand, (pte & 0xe) == 0 && i > 0 ? ALL : pte >> 1 & ALL);
            return stop(hand, QUIRE_REASON_RESERVED);
        }
        if ((pte & 0xe) != 0 || i == 0) {
            break;
        }
        if (pte & 0xd0) {
            return stop(hand, QUIRE_REASON_RESERVED);
        }
        global |= pte & 0x20 ? QUIRE_GLOBAL : 0;
        a = ppn << 12;
    }
    restrict_to(hand, pte >> 1 & ALL);
    if ((pte & 0xe) == 0 || (pte & 6) == 4 || ppn % (UINT64_C(1) << i * bits) != 0) {
        return stop(hand, QUIRE_REASON_RESERVED);
    }
    status = found(hand, access, va, ppn << 12, UINT64_C(1) << (12 + i * bits),
                   global | (pte & 0x20 ? QUIRE_GLOBAL : 0) | (pte & 0x40 ? QUIRE_ACCESSED : 0) |
                       (pte & 0x80 ? QUIRE_DIRTY : 0));
    if (status == QUIRE_OK && (access & QUIRE_ACCESSED)) {
        arena_poke(hand->arena, hand->out->entry_at.at, hand->bytes, false,
                   pte | 0x40 | (access & QUIRE_WRITE ? 0x80 : 0));
    }
    return status;
}

static enum quire_status riscv_32(unsigned pa_bits, struct arena *arena, uint64_t root, uint64_t va,
                                  unsigned access, struct quire_walk *out,
                                  struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 4, out, trace);

    if (va > UINT32_MAX) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    return riscv(&hand, 2, pa_bits, va, access);
}

static enum quire_status riscv_39(unsigned pa_bits, struct arena *arena, uint64_t root, uint64_t va,
                                  unsigned access, struct quire_walk *out,
                                  struct quire_trace *trace)
{
    struct hand hand = hand_new(arena, root, 8, out, trace);

    if (va >= UINT64_C(0x4000000000) && va < UINT64_C(0xffffffc000000000)) {
        out->entry_at.at = 0;
        return stop(&hand, QUIRE_REASON_NONCANONICAL);
    }
    return riscv(&hand, 3, pa_bits, va, access);
}

model_machine *model_machine_of(const struct quire_format *format)
{
    static const struct {
        const char *name;
        model_machine *machine;
    } machines[] = {{"i386", i386},
                    {"x86-64", x86_64},
                    {"ostep14", ostep14},
                    {"ostep-multilevel", ostep_multilevel},
                    {"ostep-linear", ostep_linear},
                    {"ptsim", ptsim},
                    {"sv32", riscv_32},
                    {"sv39", riscv_39}};

    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        bool resized = machines[i].machine == ostep_linear && format->va_bits != 14;
        if (strcmp(machines[i].name, format->name) == 0 && !resized) {
            return machines[i].machine;
        }
    }
    return NULL;
}
