/* A conformance test for a host's hooks. Each check is one promise of quire/host.h. */
#include "quire/port.h"

#include "../bytes.h"
#include "../paging/host_inline.h"

enum { FRAMES = 8, WORDS = 8 };

static const char unreachable[] = "memory: a frame that alloc_table gave cannot be reached";

struct check {
    const struct quire_port *port;
    const struct quire_host *host;
    quire_pa frame[FRAMES];
    unsigned frames;
    const char *what;
};

static uint64_t page_bytes(const struct check *check)
{
    return quire_format_page_bytes(check->port->format);
}

static bool fails(struct check *check, bool failed, const char *what)
{
    if (failed && check->what == NULL) {
        check->what = what;
    }
    return failed;
}

/* A word that no other place holds. */
static uint64_t mark_of(quire_pa pa, uint64_t offset)
{
    return (pa.at + offset + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool hooks_missing(struct check *check)
{
    const struct quire_host *host = check->host;

    return fails(check, host->frames == NULL && host->alloc_table == NULL,
                 "neither frames nor alloc_table is set") ||
           fails(check, host->alloc_table != NULL && host->free_table == NULL,
                 "alloc_table is set, but free_table is not") ||
           fails(check, host->tlb_flush == NULL, "tlb_flush is not set") ||
           fails(check, host->memory.bytes == 0 && host->memory.map == NULL,
                 "memory has neither a direct part nor map") ||
           fails(check,
                 host->frames != NULL &&
                     host->frames->page_shift != quire_format_page_shift(check->port->format),
                 "frames and format disagree on the page size");
}

static bool alloc_frames(struct check *check)
{
    for (; check->frames < FRAMES; check->frames++) {
        quire_pa *pa = &check->frame[check->frames];

        if (fails(check, host_alloc_table(check->host, 0, pa) != QUIRE_OK,
                  "alloc_table: there are not even eight frames")) {
            return false;
        }
        if (fails(check, (pa->at & (page_bytes(check) - 1)) != 0,
                  "alloc_table: a frame is not aligned to its size")) {
            return false;
        }
        for (unsigned i = 0; i < check->frames; i++) {
            if (fails(check, check->frame[i].at == pa->at,
                      "alloc_table: the same frame was given out twice")) {
                return false;
            }
        }
    }
    return true;
}

/* Writes a mark into the first and last word of a frame, or checks it. */
static bool marks(struct check *check, quire_pa pa, bool write)
{
    const struct quire_memory *memory = &check->host->memory;
    uint64_t offset[2] = {0, page_bytes(check) - 8};
    unsigned char *where = quire_memory_at(memory, pa, page_bytes(check));
    bool good = true;

    if (fails(check, where == NULL, unreachable)) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        uint64_t mark = mark_of(pa, offset[i]);
        if (write) {
            memcpy(where + offset[i], &mark, sizeof(mark));
        } else {
            good = good && memcmp(where + offset[i], &mark, sizeof(mark)) == 0;
        }
    }
    quire_memory_done(memory, where, page_bytes(check));
    return !fails(check, !good, "memory: a frame does not hold what was written to it");
}

static bool check_memory(struct check *check)
{
    for (unsigned i = 0; i < check->frames; i++) {
        if (!marks(check, check->frame[i], true)) {
            return false;
        }
    }
    for (unsigned i = 0; i < check->frames; i++) {
        if (!marks(check, check->frame[i], false)) {
            return false;
        }
    }
    return true;
}

/* Two frames visible at the same time must not be the same window. */
static bool check_two_windows(struct check *check)
{
    const struct quire_memory *memory = &check->host->memory;
    void *a = quire_memory_at(memory, check->frame[0], page_bytes(check));
    void *b;
    bool bad;

    if (fails(check, a == NULL, unreachable)) {
        return false;
    }
    b = quire_memory_at(memory, check->frame[1], page_bytes(check));
    bad =
        fails(check, a == b || b == NULL, "memory: two frames cannot be visible at the same time");
    if (b != NULL) {
        quire_memory_done(memory, b, page_bytes(check));
    }
    quire_memory_done(memory, a, page_bytes(check));
    return !bad;
}

static enum quire_status map_scratch(struct check *check, struct quire_table *table,
                                     struct quire_batch *batch, quire_pa pa)
{
    const struct quire_mapping mapping = {.va = check->port->scratch,
                                          .pa = pa,
                                          .bytes = page_bytes(check),
                                          .attributes = QUIRE_READ | QUIRE_WRITE,
                                          .existing = QUIRE_EXISTING_REPLACE};

    return quire_table_map(table, batch, &mapping, NULL);
}

/* What the MMU reads at the scratch address must be the frame's first word. */
static bool mmu_reads(struct check *check, quire_pa pa, const char *what)
{
    const struct quire_port *port = check->port;

    return port->read == NULL ||
           !fails(check, port->read(port->context, port->scratch) != mark_of(pa, 0), what);
}

/* Maps one frame, looks, maps another at the same address, looks again: a flush that does not flush
 * shows the first frame still. */
static bool check_mmu_on(struct check *check, struct quire_table *table)
{
    const struct quire_port *port = check->port;
    struct quire_batch batch = {0};
    bool good;

    quire_batch_begin(&batch, check->host);
    if (fails(check, port->prepare != NULL && port->prepare(port->context, table) != QUIRE_OK,
              "prepare failed") ||
        fails(check, map_scratch(check, table, &batch, check->frame[0]) != QUIRE_OK,
              "the scratch page cannot be mapped")) {
        return false;
    }
    quire_batch_commit(&batch);
    if (port->read != NULL) {
        quire_table_activate(table);
    }
    good = mmu_reads(check, check->frame[0], "activate: the MMU does not use the table");
    map_scratch(check, table, &batch, check->frame[1]);
    quire_batch_commit(&batch);
    good = good &&
           mmu_reads(check, check->frame[1], "tlb_flush: a replaced translation was still used");
    if (port->read != NULL) {
        port->restore(port->context);
    }
    return good;
}

static bool check_mmu(struct check *check)
{
    struct quire_table table;
    bool good;

    if (fails(check, check->port->read != NULL && check->host->activate == NULL,
              "activate is not set") ||
        fails(check, check->port->read != NULL && check->port->restore == NULL,
              "read is set, but restore is not") ||
        fails(check, quire_table_create(&table, check->port->format, check->host, 0) != QUIRE_OK,
              "alloc_table: no frame for a root table")) {
        return false;
    }
    good = check_mmu_on(check, &table);
    quire_table_destroy(&table);
    return good;
}

/* Frames that were freed can be had again. */
static bool check_reuse(struct check *check)
{
    for (unsigned round = 0; round < 1000; round++) {
        quire_pa pa;

        if (fails(check, host_alloc_table(check->host, 0, &pa) != QUIRE_OK,
                  "free_table: frames that were freed do not come back")) {
            return false;
        }
        host_free_table(check->host, 0, pa);
    }
    return true;
}

enum quire_status quire_port_check(const struct quire_port *port, const char **what)
{
    struct check check = {.port = port, .host = port->host};
    bool good;

    good = quire_format_check(port->format, &check.what) == QUIRE_OK && !hooks_missing(&check) &&
           alloc_frames(&check) && check_two_windows(&check) && check_memory(&check) &&
           check_mmu(&check) && check_reuse(&check);
    while (check.frames != 0) {
        host_free_table(port->host, 0, check.frame[--check.frames]);
    }
    if (what != NULL) {
        *what = check.what;
    }
    return good ? QUIRE_OK : QUIRE_INVALID;
}
