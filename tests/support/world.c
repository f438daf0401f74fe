/* The world: a machine and its model, side by side. */
#include "tests/support/world.h"

#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "tests/support/check.h"
#include "tests/support/model_walk.h"

enum {
    WHOLE_UP_TO = 256,
    WINDOW_PAGES = 40,
    FILE_PAGES = 24,
    MOST_FRAMES = 4096,
    MOST_BYTES = 4 << 20,
    FEW_FRAMES = 1024
};

/* ---- where things are ------------------------------------------------------------------------ */

quire_va world_va(const struct world *world, uint32_t page)
{
    unsigned i = 0;

    while (page - world->window[i].first >= world->window[i].pages) {
        i++;
    }
    return quire_va_at(world->window[i].va.at +
                       (page - world->window[i].first) * world->page_bytes);
}

uint32_t world_window_end(const struct world *world, uint32_t page)
{
    unsigned i = 0;

    while (page - world->window[i].first >= world->window[i].pages) {
        i++;
    }
    return world->window[i].first + world->window[i].pages;
}

/* The page that holds va, or QUIRE_NONE. */
static uint32_t page_at(const struct world *world, quire_va va)
{
    for (unsigned i = 0; i < world->windows; i++) {
        uint64_t page = (va.at - world->window[i].va.at) / world->page_bytes;

        if (page < world->window[i].pages) {
            return world->window[i].first + (uint32_t)page;
        }
    }
    return QUIRE_NONE;
}

static void add_window(struct world *world, uint64_t va, uint64_t bytes)
{
    uint32_t pages = (uint32_t)(bytes / world->page_bytes);

    world->window[world->windows++] = (struct world_window){quire_va_at(va), world->pages, pages};
    world->pages += pages;
}

/* All of a small address space; of a large one its bottom, its top, the border between two of its
 * root entries and, if it has a hole in the middle, the last pages below that. */
static void choose_windows(struct world *world)
{
    const struct quire_format *format = world->format;
    bool sign = format->canonical == QUIRE_SIGN_EXTENDED;
    uint64_t last = quire_ones(format->va_bits - (sign ? 1U : 0U)); /* below the hole */
    uint64_t window = WINDOW_PAGES * world->page_bytes;
    uint64_t border = quire_format_span(format, 1);

    if (last / world->page_bytes < WHOLE_UP_TO) {
        window = last + 1;
    }
    add_window(world, 0, window);
    while (border < 2 * window) {
        border += quire_format_span(format, 1);
    }
    if (window <= last && format->levels > 1) {
        add_window(world, border - window / 2, window);
    }
    if (window <= last && sign) {
        add_window(world, last - (window - 1), window);
    }
    if (window <= last || sign) {
        add_window(world, (sign ? UINT64_MAX : last) - (window - 1), window);
    }
}

/* Rights that the format cannot withhold. */
static unsigned rights_always(const struct quire_format *format)
{
    const struct quire_attribute_bits *leaf = &format->leaf;

    return (leaf->read.mask == 0 ? QUIRE_READ : 0U) | (leaf->write.mask == 0 ? QUIRE_WRITE : 0U) |
           (leaf->execute.mask == 0 ? QUIRE_EXECUTE : 0U) |
           (leaf->user.mask == 0 ? QUIRE_USER : 0U);
}

unsigned world_rights(const struct world *world, unsigned bits)
{
    const unsigned usable = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE;
    unsigned rights = (bits & QUIRE_RIGHTS) | world->always;

    return (rights & usable) != 0 ? model_granted(world->format, rights) & QUIRE_RIGHTS : rights;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* What lies behind the file's end is noise: the core has to clear it. */
static void make_file(struct world *world)
{
    uint64_t bytes = FILE_PAGES * world->page_bytes + world->page_bytes / 3; /* ends in a page */
    struct disk *disk = &world->file_disk;

    check(disk_open(disk, NULL, (FILE_PAGES + 1) * world->page_bytes));
    for (uint64_t i = 0; i < disk->size; i++) {
        disk->bytes[i] = (unsigned char)(prng_next(world->prng) | 1);
    }
    disk->queue = world->machine.disk.queue;
    disk->slow = world->machine.disk.slow;
    check(quire_object_create(&world->file, &world->machine.system,
                              &(struct quire_device){disk_transfer, disk}, bytes) == QUIRE_OK);
}

/* ---- making a world -------------------------------------------------------------------------- */

/* The largest memory that pages and tables can lie in, as far as any test needs. */
static uint64_t reach(const struct quire_format *format)
{
    uint64_t most = MOST_FRAMES * quire_format_page_bytes(format);
    uint64_t ram = most < MOST_BYTES ? most : MOST_BYTES;
    struct machine machine;
    struct machine_config config = {
        .format = format, .policy = &quire_policy_fifo, .records = MACHINE_RECORDS_BESIDE};

    for (; ram >= quire_format_page_bytes(format); ram /= 2) {
        config.ram_bytes = ram;
        if (machine_open(&machine, &config, NULL) == QUIRE_OK) {
            machine_close(&machine);
            return ram;
        }
    }
    return quire_format_page_bytes(format);
}

struct machine_config world_config(const struct quire_format *format,
                                   const struct quire_policy_ops *policy)
{
    return (struct machine_config){
        .format = format,
        .ram_bytes = reach(format),
        .tlb_entries = 16,
        .tlb_ways = 4,
        .policy = policy,
        .records = MACHINE_RECORDS_BESIDE,
        .swap_bytes = (WORLD_SPACES * WHOLE_UP_TO) * quire_format_page_bytes(format),
        .verify_flushes = true,
    };
}

void world_open(struct world *world, const struct machine_config *config, struct prng *prng)
{
    const char *why = "";

    *world = (struct world){.format = config->format,
                            .prng = prng,
                            .page_bytes = quire_format_page_bytes(config->format),
                            .always = rights_always(config->format)};
    checkf(machine_open(&world->machine, config, &why) == QUIRE_OK, "%s: %s", config->format->name,
           why);
    world->frames_at_start = world->machine.frames.free;
    world->spaces = world->machine.frames.total < FEW_FRAMES ? 2 : WORLD_SPACES;
    world->may_fail = world->machine.frames.total < FEW_FRAMES ? 1U << QUIRE_NO_MEMORY : 0;
    for (uint32_t i = 0; i < world->machine.frames.total; i++) {
        if (quire_frames_count(&world->machine.frames, quire_pfn_of(i)) == 0) {
            memset(world->machine.ram + i * world->page_bytes, 0xa5, world->page_bytes);
        }
    }
    choose_windows(world);
    make_file(world);
}

void world_close(struct world *world)
{
    struct machine *machine = &world->machine;
    struct quire_frames *slots = &machine->system.swap.slots;

    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        if (world->space[i].alive) {
            world_destroy(world, i);
        }
        free(world->space[i].page);
        free(world->space[i].bytes);
    }
    world_validate(world);
    quire_object_destroy(&world->file);
    checkf(machine->frames.free == world->frames_at_start, "%s: %u frames are lost",
           world->format->name, world->frames_at_start - machine->frames.free);
    check(machine->frames.allocs - machine->frames.frees == machine->system.own_frames);
    check(machine->system.resident == 0);
    checkf(slots->free == slots->total, "%s: %u slots are lost", world->format->name,
           slots->total - slots->free);
    disk_close(&world->file_disk);
    machine_close(machine);
}

const char *world_unfit(const struct quire_format *format, const struct quire_policy_ops *policy)
{
    struct machine_config config = world_config(format, policy);
    struct quire_region_spec spec = {.bytes = quire_format_page_bytes(format)};
    enum quire_status status;
    struct machine machine;
    struct quire_space space;
    const char *why;

    if (machine_open(&machine, &config, &why) != QUIRE_OK) {
        return why;
    }
    status = quire_space_create(&space, &machine.system, format, 1);
    if (status == QUIRE_OK) {
        status = quire_space_map(&space, &spec);
        quire_space_destroy(&space);
    }
    machine_close(&machine);
    return status == QUIRE_OK ? NULL : quire_status_text(status);
}

uint32_t world_overhead(const struct quire_format *format)
{
    struct machine_config config = world_config(format, &quire_policy_fifo);
    struct prng prng = {0};
    struct world world;
    uint32_t overhead, next;

    world_open(&world, &config, &prng);
    check(world_create(&world, 0));
    for (uint32_t page = 0; page < world.pages; page = next) {
        next = world_window_end(&world, page);
        world_map(&world, 0, page, next - page, QUIRE_RIGHTS, 0, QUIRE_NONE);
    }
    for (uint32_t page = 0; page < world.pages; page++) {
        world_access(&world, 0, world_va(&world, page), QUIRE_READ, 1);
    }
    overhead = world.frames_at_start - world.machine.frames.free - world.machine.system.resident;
    world_close(&world);
    return overhead;
}

/* ---- doing things twice ---------------------------------------------------------------------- */

/* QUIRE_OK, as expected; or no memory, which may be. */
static bool done(struct world *world, enum quire_status status, enum quire_status expected,
                 const char *what)
{
    if (status == QUIRE_NO_MEMORY) {
        world->count.no_memory++;
        return false;
    }
    checkf(status == expected, "%s: %s: %s instead of %s", world->format->name, what,
           quire_status_text(status), quire_status_text(expected));
    return status == QUIRE_OK;
}

static bool id_in_use(const struct world *world, uint16_t id)
{
    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        if (world->space[i].alive && world->space[i].space.id == id) {
            return true;
        }
    }
    return false;
}

bool world_create(struct world *world, unsigned space)
{
    struct world_space *s = &world->space[space];
    unsigned bits = world->format->asid_bits;
    uint64_t ids = bits != 0 && bits < 4 ? UINT64_C(1) << bits : 16;
    uint16_t id;

    do {
        id = (uint16_t)prng_below(world->prng, ids);
    } while (id_in_use(world, id));
    if (!done(world, quire_space_create(&s->space, &world->machine.system, world->format, id),
              QUIRE_OK, "create")) {
        return false;
    }
    if (world->kernel.bytes != 0 &&
        !done(world, quire_space_map(&s->space, &world->kernel), QUIRE_OK, "map the kernel")) {
        quire_space_destroy(&s->space);
        return false;
    }
    free(s->page);
    s->page = calloc(world->pages, sizeof(*s->page));
    s->bytes = s->bytes != NULL ? s->bytes : malloc(world->pages * world->page_bytes);
    check(s->page != NULL && s->bytes != NULL);
    s->alive = true;
    world->count.spaces++;
    return true;
}

void world_destroy(struct world *world, unsigned space)
{
    machine_settle(&world->machine);
    quire_space_destroy(&world->space[space].space);
    world->space[space].alive = false;
}

/* What a region has at first: zeros, or the file from one of its pages on and zeros behind it. */
static void fill_model(struct world *world, struct world_space *s, uint32_t page, uint32_t pages,
                       uint32_t file_page)
{
    unsigned char *to = s->bytes + page * world->page_bytes;
    uint64_t bytes = pages * world->page_bytes;
    uint64_t offset = file_page * world->page_bytes;
    uint64_t rest;

    memset(to, 0, bytes);
    if (file_page != QUIRE_NONE && offset < world->file.bytes) {
        rest = world->file.bytes - offset;
        memcpy(to, world->file_disk.bytes + offset, bytes < rest ? bytes : rest);
    }
}

bool world_map(struct world *world, unsigned space, uint32_t page, uint32_t pages, unsigned prot,
               unsigned max_prot, uint32_t file_page)
{
    struct world_space *s = &world->space[space];
    struct quire_region_spec spec = {
        .va = world_va(world, page),
        .bytes = pages * world->page_bytes,
        .prot = prot,
        .max_prot = max_prot,
        .object = file_page != QUIRE_NONE ? &world->file : NULL,
        .offset = file_page != QUIRE_NONE ? file_page * world->page_bytes : 0};
    enum quire_status expected = QUIRE_OK;

    for (uint32_t i = page; i < page + pages; i++) {
        expected = s->page[i].mapped ? QUIRE_EXISTS : expected;
    }
    if (!done(world, quire_space_map(&s->space, &spec), expected, "map")) {
        return expected != QUIRE_OK;
    }
    for (uint32_t i = page; i < page + pages; i++) {
        s->page[i] = (struct world_page){true, prot, max_prot == 0 ? prot : max_prot};
    }
    fill_model(world, s, page, pages, file_page);
    world->count.maps++;
    return true;
}

bool world_unmap(struct world *world, unsigned space, uint32_t page, uint32_t pages)
{
    struct world_space *s = &world->space[space];
    enum quire_status status =
        quire_space_unmap(&s->space, world_va(world, page), pages * world->page_bytes);

    if (status == QUIRE_BUSY) {
        check(world->machine.queue.length != 0);
        machine_settle(&world->machine);
        status = quire_space_unmap(&s->space, world_va(world, page), pages * world->page_bytes);
    }
    if (!done(world, status, QUIRE_OK, "unmap")) {
        return false;
    }
    for (uint32_t i = page; i < page + pages; i++) {
        s->page[i].mapped = false;
    }
    world->count.unmaps++;
    return true;
}

bool world_protect(struct world *world, unsigned space, uint32_t page, uint32_t pages,
                   unsigned prot)
{
    struct world_space *s = &world->space[space];
    enum quire_status expected = QUIRE_OK;
    enum quire_status status =
        quire_space_protect(&s->space, world_va(world, page), pages * world->page_bytes, prot);

    for (uint32_t i = page; i < page + pages && expected == QUIRE_OK; i++) {
        expected = !s->page[i].mapped                   ? QUIRE_NOT_FOUND
                   : (prot & ~s->page[i].max_prot) != 0 ? QUIRE_INVALID
                                                        : QUIRE_OK;
    }
    if (!done(world, status, expected, "protect")) {
        return expected != QUIRE_OK;
    }
    for (uint32_t i = page; i < page + pages; i++) {
        s->page[i].prot = prot;
    }
    world->count.protects++;
    return true;
}

/* ---- accesses -------------------------------------------------------------------------------- */

static enum quire_refusal judge(const struct world *world, unsigned space, quire_va va,
                                unsigned access)
{
    uint32_t n = page_at(world, va);
    const struct world_page *page = &world->space[space].page[n == QUIRE_NONE ? 0 : n];
    unsigned missing = n == QUIRE_NONE ? 0 : access & QUIRE_RIGHTS & ~page->prot;

    if (n == QUIRE_NONE || !page->mapped) {
        return QUIRE_REFUSAL_NO_REGION;
    }
    return missing & QUIRE_USER      ? QUIRE_REFUSAL_USER
           : missing & QUIRE_WRITE   ? QUIRE_REFUSAL_WRITE
           : missing & QUIRE_EXECUTE ? QUIRE_REFUSAL_EXECUTE
           : missing & QUIRE_READ    ? QUIRE_REFUSAL_READ
                                     : QUIRE_REFUSAL_NONE;
}

/* How many bytes the model lets through, and why not more. */
static uint64_t allowed(const struct world *world, unsigned space, quire_va va, unsigned access,
                        uint64_t bytes, enum quire_refusal *refusal)
{
    uint64_t n = 0;

    while (n < bytes) {
        *refusal = judge(world, space, quire_va_at(va.at + n), access);
        if (*refusal != QUIRE_REFUSAL_NONE) {
            return n;
        }
        n += world->page_bytes - ((va.at + n) & (world->page_bytes - 1));
    }
    *refusal = QUIRE_REFUSAL_NONE;
    return bytes;
}

/* The bytes that moved, in the model; loads must have brought these. */
static void move_model(struct world *world, unsigned space, quire_va va, unsigned access,
                       const unsigned char *data, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        quire_va at = quire_va_at(va.at + i);
        uint32_t page = page_at(world, at);
        unsigned char *byte =
            &world->space[space]
                 .bytes[page * world->page_bytes + (at.at & (world->page_bytes - 1))];

        if (access & QUIRE_WRITE) {
            *byte = data[i];
        }
        checkf(*byte == data[i], "%s: space %u, va %#llx: %#x instead of %#x", world->format->name,
               space, (unsigned long long)at.at, data[i], *byte);
    }
}

enum machine_result world_access(struct world *world, unsigned space, quire_va va, unsigned access,
                                 uint64_t bytes)
{
    unsigned char data[WORLD_LONGEST];
    struct machine_trap trap;
    enum quire_refusal refusal;
    uint64_t through = allowed(world, space, va, access, bytes, &refusal);
    enum machine_result result;

    for (uint64_t i = 0; i < bytes; i++) {
        data[i] = (unsigned char)prng_next(world->prng);
    }
    result =
        machine_access(&world->machine, &world->space[space].space, va, access, data, bytes, &trap);
    if (result == MACHINE_FAILED) {
        checkf((world->may_fail >> trap.status & 1) != 0, "%s: va %#llx, access %u: %s",
               world->format->name, (unsigned long long)trap.va.at, access,
               quire_status_text(trap.status));
        check(trap.va.at - va.at <= through);
        through = trap.va.at - va.at;
        world->count.failed++;
    } else if (result == MACHINE_REFUSED) {
        checkf(trap.refusal == refusal && trap.va.at - va.at == through,
               "%s: va %#llx: %s, instead of %s at %#llx", world->format->name,
               (unsigned long long)trap.va.at, quire_refusal_text(trap.refusal),
               quire_refusal_text(refusal), (unsigned long long)(va.at + through));
        world->count.refused++;
    } else {
        checkf(through == bytes, "%s: va %#llx should have been refused: %s", world->format->name,
               (unsigned long long)(va.at + through), quire_refusal_text(refusal));
        world->count.ok++;
    }
    move_model(world, space, va, access, data, through);
    return result;
}

/* ---- random doings --------------------------------------------------------------------------- */

/* A space that is alive, mostly the one it was before; WORLD_SPACES: there is none. */
static unsigned choose_space(struct world *world)
{
    unsigned from = prng_one_in(world->prng, 8) ? (unsigned)prng_below(world->prng, WORLD_SPACES)
                                                : world->recent_space;

    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        if (world->space[(from + i) % WORLD_SPACES].alive) {
            return (from + i) % WORLD_SPACES;
        }
    }
    return WORLD_SPACES;
}

/* A page near the last one, mostly. */
static uint32_t choose_page(struct world *world)
{
    if (prng_one_in(world->prng, 4)) {
        return (uint32_t)prng_below(world->prng, world->pages);
    }
    return (uint32_t)((world->recent_page + prng_below(world->prng, 3)) % world->pages);
}

enum machine_result world_random_access(struct world *world)
{
    static const unsigned kind[] = {QUIRE_READ, QUIRE_WRITE, QUIRE_EXECUTE, QUIRE_READ};
    unsigned access = kind[prng_below(world->prng, 4)] |
                      (prng_one_in(world->prng, 8) ? 0U : (unsigned)QUIRE_USER);
    uint64_t bytes = 1 + prng_below(world->prng, WORLD_LONGEST);
    unsigned space = choose_space(world);
    quire_va va;

    if (space == WORLD_SPACES) {
        return MACHINE_OK;
    }
    world->recent_space = space;
    world->recent_page = choose_page(world);
    va = world_va(world, world->recent_page);
    va.at += prng_one_in(world->prng, 4) ? world->page_bytes - 1 /* most of these cross a page */
                                         : prng_below(world->prng, world->page_bytes);
    return world_access(world, space, va, access, bytes);
}

static void random_map(struct world *world, unsigned space, uint32_t page, uint32_t pages)
{
    unsigned all = world_rights(world, QUIRE_RIGHTS);
    unsigned bits = (unsigned)prng_next(world->prng);
    unsigned prot = world_rights(world, prng_one_in(world->prng, 3) ? bits : all);

    world_map(world, space, page, pages, prot, prng_one_in(world->prng, 4) ? 0 : all,
              prng_one_in(world->prng, 3) ? (uint32_t)prng_below(world->prng, FILE_PAGES + 2)
                                          : QUIRE_NONE);
}

void world_random_change(struct world *world)
{
    unsigned space = (unsigned)prng_below(world->prng, world->spaces);
    uint32_t page = (uint32_t)prng_below(world->prng, world->pages);
    uint32_t most = world_window_end(world, page) - page;
    uint32_t pages = 1 + (uint32_t)prng_below(world->prng, most < 12 ? most : 12);
    uint64_t what = prng_below(world->prng, 16);

    if (!world->space[space].alive) {
        world_create(world, space);
    } else if (what < 7) {
        random_map(world, space, page, pages);
    } else if (what < 11) {
        world_unmap(world, space, page, pages);
    } else if (what < 15) {
        world_protect(world, space, page, pages,
                      world_rights(world, (unsigned)prng_next(world->prng)));
    } else if (prng_one_in(world->prng, 4)) {
        world_destroy(world, space);
        (void)world_create(world, space);
    }
}

/* ---- looking it all over --------------------------------------------------------------------- */

void world_validate(struct world *world)
{
    struct quire_space *spaces[WORLD_SPACES];
    const char *what = "";
    unsigned count = 0;
    enum quire_status status;

    for (unsigned i = 0; i < WORLD_SPACES; i++) {
        if (world->space[i].alive) {
            spaces[count++] = &world->space[i].space;
        }
    }
    status = quire_validate(&world->machine.system, spaces, count, &what);
    checkf(status == QUIRE_OK, "%s: %s: %s", world->format->name, quire_status_text(status), what);
}

void world_compare(struct world *world)
{
    uint64_t step = world->page_bytes < WORLD_LONGEST ? world->page_bytes : WORLD_LONGEST;

    for (unsigned space = 0; space < WORLD_SPACES; space++) {
        for (uint32_t page = 0; page < world->pages && world->space[space].alive; page++) {
            quire_va va = world_va(world, page);

            for (uint64_t at = 0; at < world->page_bytes; at += step) {
                if (judge(world, space, va, QUIRE_READ) == QUIRE_REFUSAL_NONE) {
                    world_access(world, space, quire_va_at(va.at + at), QUIRE_READ, step);
                }
            }
        }
    }
}
