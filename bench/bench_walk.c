/*
 * The walk that reads a descriptor against loops written by hand for one MMU.
 *
 * The reference does what one would write into a kernel or a dump reader for that machine alone,
 * with the same checks and the same answer. The goal is to be no slower: a format as data costs
 * nothing.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "quire/formats.h"
#include "quire/walk.h"
#include "tables.h"

enum { ADDRESSES = 1 << 16, PASSES = 8, KIB4 = 4096 };

/* What is walked: tables, and addresses to look up. */
struct job {
    struct bench_tables tables;
    struct quire_format interpreted;
    struct quire_mmu fast, slow;
    const unsigned char *ram;
    uint64_t bytes, root;
    uint64_t va[ADDRESSES];
};

/* ---- by hand: x86-64 ------------------------------------------------------------------------- */

static bool hand_read(const struct job *job, uint64_t at, uint64_t *entry)
{
    if (at > job->bytes - 8) {
        return false;
    }
    memcpy(entry, job->ram + at, 8);
    return true;
}

static bool hand_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

__attribute__((noinline)) static bool hand_translate_64(const struct job *job, uint64_t va,
                                                        uint64_t *pa)
{
    uint64_t table = job->root, entry;

    if (!hand_canonical(va)) {
        return false;
    }
    for (int shift = 39; shift >= 12; shift -= 9) {
        uint64_t span = UINT64_C(1) << shift;

        if (!hand_read(job, table + 8 * (va >> shift & 511), &entry) || (entry & 1) == 0) {
            return false;
        }
        table = entry & UINT64_C(0xffffffffff000);
        if (shift == 12 || (entry & 0x80) != 0) {
            if (shift == 39 || (shift > 12 && (entry & (span - 1) & ~UINT64_C(0x1fff)) != 0)) {
                return false;
            }
            *pa = (table & ~(span - 1)) | (va & (span - 1));
            return true;
        }
    }
    return false;
}

/* With rights, and an answer that says all there is to know. */
__attribute__((noinline)) static bool hand_walk_64(const struct job *job, uint64_t va,
                                                   unsigned access, struct quire_walk *out)
{
    uint64_t table = job->root, entry = 0, rights = 6, at = table;
    unsigned level = 0;
    bool execute = true;

    memset(out, 0, sizeof(*out));
    if (!hand_canonical(va)) {
        out->reason = QUIRE_REASON_NONCANONICAL;
        return false;
    }
    for (int shift = 39; shift >= 12; shift -= 9) {
        uint64_t span = UINT64_C(1) << shift;

        at = table + 8 * (va >> shift & 511);
        if (!hand_read(job, at, &entry)) {
            out->reason = QUIRE_REASON_UNREACHABLE;
            return false;
        }
        out->level = ++level;
        out->index = va >> shift & 511;
        out->entry_at.at = at;
        out->entry = entry;
        if ((entry & 1) == 0) {
            out->reason = QUIRE_REASON_NOT_PRESENT;
            return false;
        }
        rights &= entry;
        execute = execute && (entry >> 63) == 0;
        table = entry & UINT64_C(0xffffffffff000);
        if (shift > 12 && (entry & 0x80) == 0) {
            continue;
        }
        if (shift == 39 || (shift > 12 && (entry & (span - 1) & ~UINT64_C(0x1fff)) != 0)) {
            out->reason = QUIRE_REASON_RESERVED;
            return false;
        }
        out->attributes = QUIRE_READ | (rights & 2 ? QUIRE_WRITE : 0) |
                          (rights & 4 ? QUIRE_USER : 0) | (execute ? QUIRE_EXECUTE : 0);
        if ((access & ~out->attributes) != 0) {
            out->reason =
                access & ~out->attributes & QUIRE_USER ? QUIRE_REASON_USER : QUIRE_REASON_WRITE;
            return false;
        }
        out->attributes |= (entry & 0x20 ? QUIRE_ACCESSED : 0) | (entry & 0x40 ? QUIRE_DIRTY : 0) |
                           (entry & 0x100 ? QUIRE_GLOBAL : 0) |
                           (unsigned)(entry >> 3 & 3) << QUIRE_TYPE_SHIFT;
        out->page_bytes = span;
        out->pa.at = (table & ~(span - 1)) | (va & (span - 1));
        return true;
    }
    return false;
}

/* ---- by hand: i386 --------------------------------------------------------------------------- */

__attribute__((noinline)) static bool hand_translate_32(const struct job *job, uint64_t va,
                                                        uint64_t *pa)
{
    uint32_t pde, pte;
    uint64_t at = job->root + 4 * (va >> 22);

    if (va > UINT32_MAX || at > job->bytes - 4) {
        return false;
    }
    memcpy(&pde, job->ram + at, 4);
    if ((pde & 1) == 0) {
        return false;
    }
    if ((pde & 0x80) != 0) {
        *pa = (pde & 0xffc00000) | (uint64_t)(pde & 0x1fe000) << 19 | (va & 0x3fffff);
        return (pde & 0x200000) == 0;
    }
    at = (pde & 0xfffff000) + 4 * (va >> 12 & 1023);
    if (at > job->bytes - 4) {
        return false;
    }
    memcpy(&pte, job->ram + at, 4);
    *pa = (pte & 0xfffff000) | (va & 0xfff);
    return (pte & 1) != 0;
}

__attribute__((noinline)) static bool hand_walk_32(const struct job *job, uint64_t va,
                                                   unsigned access, struct quire_walk *out)
{
    uint64_t table = job->root, at;
    uint32_t entry, rights = 6;

    memset(out, 0, sizeof(*out));
    if (va > UINT32_MAX) {
        out->reason = QUIRE_REASON_NONCANONICAL;
        return false;
    }
    for (unsigned level = 1;; level++) {
        unsigned shift = level == 1 ? 22 : 12;

        at = table + 4 * (va >> shift & 1023);
        if (at > job->bytes - 4) {
            out->reason = QUIRE_REASON_UNREACHABLE;
            return false;
        }
        memcpy(&entry, job->ram + at, 4);
        out->level = level;
        out->index = va >> shift & 1023;
        out->entry_at.at = at;
        out->entry = entry;
        if ((entry & 1) == 0) {
            out->reason = QUIRE_REASON_NOT_PRESENT;
            return false;
        }
        rights &= entry;
        table = entry & 0xfffff000;
        if (level == 2 || (entry & 0x80) != 0) {
            break;
        }
    }
    out->attributes =
        QUIRE_READ | QUIRE_EXECUTE | (rights & 2 ? QUIRE_WRITE : 0) | (rights & 4 ? QUIRE_USER : 0);
    if ((access & ~out->attributes) != 0 || (out->level == 1 && (entry & 0x200000) != 0)) {
        out->reason = access & ~out->attributes & QUIRE_USER ? QUIRE_REASON_USER
                      : access & ~out->attributes            ? QUIRE_REASON_WRITE
                                                             : QUIRE_REASON_RESERVED;
        return false;
    }
    out->attributes |= (entry & 0x20 ? QUIRE_ACCESSED : 0) | (entry & 0x40 ? QUIRE_DIRTY : 0) |
                       (entry & 0x100 ? QUIRE_GLOBAL : 0) |
                       (unsigned)(entry >> 3 & 3) << QUIRE_TYPE_SHIFT;
    out->page_bytes = out->level == 1 ? 0x400000 : KIB4;
    if (out->level == 1) {
        table = (entry & 0xffc00000) | (uint64_t)(entry & 0x1fe000) << 19;
    }
    out->pa.at = table | (va & (out->page_bytes - 1));
    return true;
}

/* ---- what is measured ------------------------------------------------------------------------ */

#define LOOP(call) \
    struct job *job = context; \
    uint64_t sum = 0; \
    for (unsigned pass = 0; pass < PASSES; pass++) { \
        for (unsigned i = 0; i < ADDRESSES; i++) { \
            uint64_t va = job->va[i]; \
            call; \
        } \
    } \
    bench_keep(sum); \
    return (uint64_t)PASSES * ADDRESSES

static uint64_t run_hand_translate_64(void *context)
{
    uint64_t pa = 0;
    LOOP(sum += hand_translate_64(job, va, &pa) ? pa : 0);
}

static uint64_t run_hand_translate_32(void *context)
{
    uint64_t pa = 0;
    LOOP(sum += hand_translate_32(job, va, &pa) ? pa : 0);
}

static uint64_t run_translate(void *context)
{
    quire_pa pa = {0};
    LOOP(sum += quire_translate(&job->fast, quire_va_at(va), &pa) == QUIRE_OK ? pa.at : 0);
}

static uint64_t run_translate_slow(void *context)
{
    quire_pa pa = {0};
    LOOP(sum += quire_translate(&job->slow, quire_va_at(va), &pa) == QUIRE_OK ? pa.at : 0);
}

static uint64_t run_hand_walk_64(void *context)
{
    struct quire_walk out;
    LOOP(sum += hand_walk_64(job, va, QUIRE_READ | QUIRE_USER, &out) ? out.pa.at : 0);
}

static uint64_t run_hand_walk_32(void *context)
{
    struct quire_walk out;
    LOOP(sum += hand_walk_32(job, va, QUIRE_READ | QUIRE_USER, &out) ? out.pa.at : 0);
}

static uint64_t run_walk(void *context)
{
    struct quire_walk out;
    LOOP(sum += quire_walk(&job->fast, quire_va_at(va), QUIRE_READ | QUIRE_USER, &out) == QUIRE_OK
                    ? out.pa.at
                    : 0);
}

static uint64_t run_walk_slow(void *context)
{
    struct quire_walk out;
    LOOP(sum += quire_walk(&job->slow, quire_va_at(va), QUIRE_READ | QUIRE_USER, &out) == QUIRE_OK
                    ? out.pa.at
                    : 0);
}

static uint64_t run_walk_marking(void *context)
{
    struct quire_walk out;
    LOOP(sum +=
         quire_walk(&job->fast, quire_va_at(va), QUIRE_WRITE | QUIRE_ACCESSED, &out) == QUIRE_OK
             ? out.pa.at
             : 0);
}

/* ---- scenes ---------------------------------------------------------------------------------- */

/* `pages` pages of 4 KiB from an odd place on, and addresses in them: in order, or anywhere. */
static void scene(struct job *job, const struct quire_format *format, uint64_t first,
                  uint64_t pages, bool random)
{
    uint64_t seed = 1;

    bench_tables_init(&job->tables, (uint32_t)(pages / 512 * (8 / format->pte_bytes) + 64));
    bench_tables_reset(&job->tables, format);
    bench_tables_map(&job->tables, first, 0x5000, pages * KIB4, KIB4);
    job->interpreted = *format;
    job->interpreted.code = NULL;
    job->fast = quire_table_mmu(&job->tables.table);
    job->slow = job->fast;
    job->slow.format = &job->interpreted;
    job->ram = job->tables.ram;
    job->bytes = job->tables.host.memory.bytes;
    job->root = job->tables.table.root.at;
    for (unsigned i = 0; i < ADDRESSES; i++) {
        uint64_t page = random ? bench_random(&seed) % pages : i % pages;
        job->va[i] = first + page * KIB4 + bench_random(&seed) % KIB4;
    }
}

/* What is compared must say the same. */
static void agree(const struct job *job, bool (*hand)(const struct job *job, uint64_t va,
                                                      unsigned access, struct quire_walk *out))
{
    const unsigned access = QUIRE_READ | QUIRE_USER;

    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct quire_walk a, b;

        if (!hand(job, job->va[i], access, &a) ||
            quire_walk(&job->fast, quire_va_at(job->va[i]), access, &b) != QUIRE_OK ||
            a.pa.at != b.pa.at || a.attributes != b.attributes || a.page_bytes != b.page_bytes ||
            a.level != b.level || a.entry_at.at != b.entry_at.at || a.entry != b.entry) {
            bench_must(QUIRE_CORRUPT, "the walk by hand and quire_walk() differ");
        }
    }
}

static void measure_64(struct job *job, const char *name, uint64_t pages, bool random)
{
    const struct bench_case translates[] = {
        {"by hand", run_hand_translate_64, NULL, job},
        {"quire_translate", run_translate, NULL, job},
        {"quire_translate, interpreted", run_translate_slow, NULL, job},
    };
    const struct bench_case walks[] = {
        {"by hand", run_hand_walk_64, NULL, job},
        {"quire_walk", run_walk, NULL, job},
        {"quire_walk, interpreted", run_walk_slow, NULL, job},
        {"quire_walk that marks", run_walk_marking, NULL, job},
    };
    char title[96];

    scene(job, &quire_format_x86_64, UINT64_C(0x7f1234000000), pages, random);
    agree(job, hand_walk_64);
    snprintf(title, sizeof(title), "x86-64: translate, %s", name);
    bench_group(title, BENCH_MILLION, "translation", translates, BENCH_CASES(translates));
    snprintf(title, sizeof(title), "x86-64: walk with rights, %s", name);
    bench_group(title, BENCH_MILLION, "walk", walks, BENCH_CASES(walks));
    bench_tables_free(&job->tables);
}

static void measure_32(struct job *job, const char *name, uint64_t pages, bool random)
{
    const struct bench_case translates[] = {
        {"by hand", run_hand_translate_32, NULL, job},
        {"quire_translate", run_translate, NULL, job},
        {"quire_translate, interpreted", run_translate_slow, NULL, job},
    };
    const struct bench_case walks[] = {
        {"by hand", run_hand_walk_32, NULL, job},
        {"quire_walk", run_walk, NULL, job},
        {"quire_walk, interpreted", run_walk_slow, NULL, job},
    };
    char title[96];

    scene(job, &quire_format_i386, 0x10000000, pages, random);
    agree(job, hand_walk_32);
    snprintf(title, sizeof(title), "i386: translate, %s", name);
    bench_group(title, BENCH_MILLION, "translation", translates, BENCH_CASES(translates));
    snprintf(title, sizeof(title), "i386: walk with rights, %s", name);
    bench_group(title, BENCH_MILLION, "walk", walks, BENCH_CASES(walks));
    bench_tables_free(&job->tables);
}

int main(void)
{
    struct job *job = bench_memory(sizeof(*job));

    measure_64(job, "16 MiB in order (tables in the nearest cache)", 4096, false);
    measure_64(job, "random, 5.7 MB of tables", 1390 * 512, true);
    measure_64(job, "random, 64 MB of tables (not in cache)", 16384 * 512, true);
    measure_32(job, "16 MiB in order", 4096, false);
    measure_32(job, "random, 3 MB of tables", 768 * 1024, true);
    return 0;
}
