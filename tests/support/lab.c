/* The laboratory: opening and closing it, the disks, the processor. */
#include "tests/support/lab.h"

#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "tests/support/check.h"
#include "tests/support/formats.h"

enum { BASE_FRAMES = 8 }; /* memory does not begin at physical address 0 */

/* ---- machines -------------------------------------------------------------------------------- */

static const struct quire_bits never = QUIRE_NEVER;
static const struct quire_bits always = QUIRE_ALWAYS;

/* ostep14 with all that it lacks put into its free bits; and that with things taken away. */
static const struct quire_format *small(unsigned which)
{
    static const char *const name[] = {[LAB_SMALL] = "small",
                                       [LAB_NO_DIRTY] = "small, no dirty bit",
                                       [LAB_NO_WRITE] = "small, neither dirty nor write bit",
                                       [LAB_NO_MARKS] = "small, no marks",
                                       [LAB_NO_RIGHTS] = "small, no rights",
                                       [LAB_DIRTY_ONLY] = "small, dirty bit, no write bit"};
    static struct quire_format format[LAB_MACHINES];
    struct quire_format *f = &format[which];
    struct quire_attribute_bits *leaf = &f->leaf;

    *f = quire_format_ostep14;
    f->name = name[which];
    f->code = NULL;
    f->ignored = QUIRE_MASK(23, 7);
    leaf->user = (struct quire_bits)QUIRE_IF_SET(4);
    leaf->accessed = which == LAB_NO_MARKS ? never : (struct quire_bits)QUIRE_IF_SET(5);
    leaf->dirty =
        which == LAB_SMALL || which == LAB_DIRTY_ONLY ? (struct quire_bits)QUIRE_IF_SET(6) : never;
    if (which == LAB_NO_WRITE || which == LAB_NO_RIGHTS || which == LAB_DIRTY_ONLY) {
        leaf->write = always;
    }
    if (which == LAB_NO_RIGHTS) {
        leaf->read = leaf->execute = leaf->user = always;
    }
    return f;
}

const struct quire_format *lab_machine(unsigned i, uint32_t *frames)
{
    static const struct {
        const struct quire_format *format;
        uint32_t frames;
    } machine[LAB_MACHINES] = {
        [LAB_SMALL] = {NULL, 200},
        [LAB_NO_DIRTY] = {NULL, 200},
        [LAB_NO_WRITE] = {NULL, 200},
        [LAB_NO_MARKS] = {NULL, 200},
        [LAB_NO_RIGHTS] = {NULL, 200},
        [LAB_DIRTY_ONLY] = {NULL, 200},
        [LAB_I386] = {&quire_format_i386, 96},
        [LAB_X86_64] = {&quire_format_x86_64, 96},
        [LAB_FULL_64] = {&full_64, 128},
        [LAB_MACHINES - 5] = {&quire_format_ostep14, 200},
        [LAB_MACHINES - 4] = {&quire_format_ptsim, 200},
        [LAB_MACHINES - 3] = {&quire_format_ostep_multilevel, 118},
        [LAB_MACHINES - 2] = {&tiny_wide_root, 240},
        [LAB_MACHINES - 1] = {&tiny_six, 700},
    };

    if (frames != NULL) {
        *frames = machine[i].frames;
    }
    return machine[i].format != NULL ? machine[i].format : small(i);
}

/* ---- things that go wrong -------------------------------------------------------------------- */

bool lab_trips(struct lab_trip *trip)
{
    if (trip->in != 1) {
        trip->in -= trip->in != 0;
        return false;
    }
    trip->in = trip->stays;
    trip->struck++;
    return true;
}

/* No processor may still reach a frame that is free, or whose page is being moved to or from `pa`.
 * */
static void check_cached(const struct lab *lab, uint64_t pa)
{
    for (unsigned i = 0; i < LAB_SPACES * LAB_PAGES; i++) {
        const struct lab_cached *cached = &lab->space[i / LAB_PAGES].cached[i % LAB_PAGES];
        quire_pfn pfn = quire_pa_pfn(quire_pa_at(cached->pa), lab->arena.page_shift);

        checkf(!cached->valid ||
                   (cached->pa != pa && quire_frames_count(&lab->arena.frames, pfn) != 0),
               "space %u, page %u: the TLB still has it", i / LAB_PAGES, i % LAB_PAGES);
    }
}

static bool refuse(void *context, unsigned order)
{
    struct lab *lab = context;

    (void)order;
    check_cached(lab, UINT64_MAX);
    return lab_trips(&lab->refuse);
}

/* ---- disks ----------------------------------------------------------------------------------- */

static uint64_t sum(const unsigned char *bytes, uint64_t n)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < n; i++) {
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

static void noise(struct prng *prng, unsigned char *bytes, uint64_t n)
{
    uint64_t random = 0;

    for (uint64_t i = 0; i < n; i++, random >>= 8) {
        random = i % 8 == 0 ? prng_next(prng) : random;
        bytes[i] = (unsigned char)random;
    }
}

/* Moves the page, or does damage to where it should have gone. */
static enum quire_status move(struct lab_disk *disk, struct quire_transfer *t,
                              enum quire_status status)
{
    struct lab *lab = disk->lab;
    unsigned char *memory = arena_at(&lab->arena, t->pa.at, t->bytes);
    unsigned char *data = disk->data + t->offset;
    bool in = t->direction == QUIRE_TRANSFER_IN;

    if (status != QUIRE_OK) {
        noise(&lab->prng, in ? memory : data, t->bytes / 2);
    } else if (in) {
        memcpy(memory, data, t->bytes);
        disk->reads++;
    } else {
        memcpy(data, memory, t->bytes);
        disk->writes++;
    }
    if (!in && disk->written != NULL) {
        disk->written[t->offset / t->bytes] = status == QUIRE_OK;
    }
    return status;
}

/* Nothing past the end of a file is written to it. */
static void check_end_of_file(const struct lab_disk *disk, const struct quire_transfer *t)
{
    const unsigned char *memory = arena_at(&disk->lab->arena, t->pa.at, t->bytes);

    for (uint64_t i = 0; i < t->bytes; i++) {
        check(t->offset + i < disk->bytes || memory[i] == 0);
    }
}

/* Is it a transfer that makes sense? What is read has one owner. */
static void check_transfer(const struct lab_disk *disk, const struct quire_transfer *t)
{
    const struct lab *lab = disk->lab;
    const struct quire_memory *memory = &lab->arena.host.memory;
    uint64_t slot = t->offset / lab->page_bytes;
    bool out = t->direction == QUIRE_TRANSFER_OUT;
    uint32_t frame_owners, slot_owners;

    check(t->bytes == lab->page_bytes && t->offset % t->bytes == 0 && t->offset < disk->bytes);
    check(arena_at(&lab->arena, t->pa.at, t->bytes) != NULL);
    check(t->where == (t->pa.at - memory->base < memory->bytes
                           ? memory->direct + (t->pa.at - memory->base)
                           : NULL));
    frame_owners =
        quire_frames_count(&lab->arena.frames, quire_pa_pfn(t->pa, lab->arena.page_shift));
    check(out ? frame_owners != 0 : frame_owners == 1);
    if (disk->written != NULL) {
        slot_owners = quire_frames_count(&lab->system.swap.slots, quire_pfn_of((uint32_t)slot));
        check(out ? slot_owners == 1 : slot_owners != 0);
        checkf(out || disk->written[slot], "slot %u is read and was never written", (unsigned)slot);
    } else if (out) {
        check_end_of_file(disk, t);
    }
    check_cached(lab, t->pa.at);
}

static enum quire_status transfer(void *context, struct quire_transfer *t)
{
    struct lab_disk *disk = context;
    struct lab *lab = disk->lab;
    unsigned char *memory = arena_at(&lab->arena, t->pa.at, t->bytes);

    check_transfer(disk, t);
    if (lab->early) {
        quire_transfer_done(t, move(disk, t, lab_trips(&lab->fail) ? QUIRE_IO_ERROR : QUIRE_OK));
        return QUIRE_PENDING;
    }
    if (!lab->hold) {
        return move(disk, t, lab_trips(&lab->fail) ? QUIRE_IO_ERROR : QUIRE_OK);
    }
    check(lab->held_count < LAB_HELD);
    if (t->direction == QUIRE_TRANSFER_IN) {
        noise(&lab->prng, memory, t->bytes); /* nobody may rely on it yet */
    }
    lab->held[lab->held_count++] = (struct lab_held){t, disk, sum(memory, t->bytes)};
    return QUIRE_PENDING;
}

void lab_complete(struct lab *lab, unsigned held, enum quire_status status)
{
    struct lab_held done = lab->held[held];

    check(held < lab->held_count);
    lab->held_count--;
    memmove(&lab->held[held], &lab->held[held + 1],
            (lab->held_count - held) * sizeof(lab->held[0]));
    check_transfer(done.disk, done.transfer);
    checkf(sum(arena_at(&lab->arena, done.transfer->pa.at, lab->page_bytes), lab->page_bytes) ==
               done.sum,
           "a frame was changed while its page was on the way");
    quire_transfer_done(done.transfer, move(done.disk, done.transfer, status));
}

static uint64_t whole_pages(const struct lab *lab, uint64_t bytes)
{
    return (bytes + lab->page_bytes - 1) / lab->page_bytes * lab->page_bytes;
}

struct quire_object *lab_file(struct lab *lab, unsigned file, uint64_t bytes)
{
    struct lab_disk *disk = &lab->file_disk[file];
    uint64_t whole = whole_pages(lab, bytes);

    lab_forget(lab, file);
    *disk = (struct lab_disk){.lab = lab, .data = malloc(whole), .bytes = bytes};
    lab->seen[file] = calloc(1, whole);
    check(disk->data != NULL && lab->seen[file] != NULL);
    noise(&lab->prng, disk->data, whole);
    memcpy(lab->seen[file], disk->data, bytes);
    check(quire_object_create(&lab->file[file], &lab->system,
                              &(struct quire_device){transfer, disk}, bytes) == QUIRE_OK);
    return &lab->file[file];
}

struct quire_object *lab_memory(struct lab *lab, unsigned file, uint64_t bytes)
{
    lab_forget(lab, file);
    lab->seen[file] = calloc(1, whole_pages(lab, bytes));
    check(lab->seen[file] != NULL);
    check(quire_object_create(&lab->file[file], &lab->system, NULL, bytes) == QUIRE_OK);
    return &lab->file[file];
}

void lab_forget(struct lab *lab, unsigned file)
{
    if (lab->file[file].system != NULL) {
        quire_object_destroy(&lab->file[file]);
        memset(&lab->file[file], 0, sizeof(lab->file[file]));
    }
    free(lab->file_disk[file].data);
    free(lab->seen[file]);
    lab->file_disk[file].data = lab->seen[file] = NULL;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void on_flush(void *context, const struct quire_flush *flush)
{
    struct lab *lab = context;

    for (unsigned n = 0; n < LAB_SPACES; n++) {
        for (unsigned i = 0; i < LAB_PAGES; i++) {
            struct lab_cached *cached = &lab->space[n].cached[i];
            uint64_t va = lab_va(lab, n, i).at;

            if (flush->all && !flush->asid_only) {
                cached->valid = false;
            }
            for (unsigned r = 0; r < flush->ranges && cached->valid; r++) {
                const struct quire_flush_range *range = &flush->range[r];
                bool there = flush->all || va - range->va.at < range->bytes;
                cached->valid = !(there && range->asid == lab->space[n].space.table.asid);
            }
        }
    }
}

static void open_swap(struct lab *lab, uint32_t slots)
{
    struct lab_disk *swap = &lab->swap;

    swap->lab = lab;
    swap->bytes = slots * lab->page_bytes;
    swap->data = malloc(swap->bytes + 1);
    swap->written = calloc(slots + 1, sizeof(bool));
    check(swap->data != NULL && swap->written != NULL);
}

enum { KERNEL_PAGES_BITS = 8, KERNEL_ID = 1000 };

/* A kernel table and tracker pages from the same frames, and kernel addresses for windows. */
static void open_registry(struct lab *lab)
{
    unsigned shift = lab->arena.page_shift, bits = lab->format->va_bits - shift - 1; /* half */
    uint32_t pages = UINT32_C(1) << (bits < KERNEL_PAGES_BITS ? bits : KERNEL_PAGES_BITS);
    size_t bytes = quire_frames_size(pages);
    enum quire_status status;

    lab->addresses_state = malloc(bytes);
    check(lab->addresses_state != NULL);
    check(quire_frames_init(&lab->addresses, lab->addresses_state, bytes, quire_pfn_of(0), pages,
                            shift) == QUIRE_OK);
    check(quire_frames_release(&lab->addresses, quire_pfn_of(0), pages) == QUIRE_OK);
    check(quire_table_create(&lab->kernel, lab->format, &lab->arena.host, KERNEL_ID) == QUIRE_OK);
    status = quire_registry_init(&lab->registry, &lab->kernel, &lab->arena.host, &lab->addresses);
    checkf(status == QUIRE_OK || status == QUIRE_INVALID, "%s: %s", lab->format->name,
           quire_status_text(status));
    if (status != QUIRE_OK) {
        quire_table_destroy(&lab->kernel);
        lab->registry.kernel = NULL;
    }
}

/* Every window is gone. */
static void close_registry(struct lab *lab)
{
    if (lab->registry.kernel == NULL) {
        return;
    }
    check(lab->registry.spaces == 0);
    quire_registry_destroy(&lab->registry);
    check(lab->addresses.free == lab->addresses.total && lab->kernel.tables == 1);
    quire_table_destroy(&lab->kernel);
}

void lab_open(struct lab *lab, const struct lab_setup *setup)
{
    const struct quire_policy_ops *policy =
        setup->policy != NULL ? setup->policy : &quire_policy_fifo;
    struct quire_system_config config = {.policy = policy,
                                         .swap_slots = setup->slots,
                                         .resident_limit = setup->limit,
                                         .commit = setup->strict ? QUIRE_COMMIT_STRICT
                                                                 : QUIRE_OVERCOMMIT};
    unsigned page_shift = quire_format_page_shift(setup->format);

    memset(lab, 0, sizeof(*lab));
    lab->format = setup->format;
    lab->page_bytes = quire_format_page_bytes(setup->format);
    lab->prng = prng_new(UINT64_C(0x1ab) + setup->frames + setup->limit);
    arena_init(&lab->arena, setup->reach, (uint64_t)BASE_FRAMES << page_shift, setup->frames,
               page_shift);
    arena_scramble(&lab->arena);
    arena_use_frames(&lab->arena);
    lab->arena.frames.refuse = refuse;
    lab->arena.frames.refuse_context = lab;
    lab->arena.on_flush = on_flush;
    lab->arena.context = lab;
    lab->arena.host.concurrent_walks = setup->concurrent;
    lab->view = (struct quire_memory){
        .direct = lab->arena.ram, .base = lab->arena.base, .bytes = lab->arena.bytes};
    open_swap(lab, setup->slots);
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        lab->space[n].bytes = malloc(LAB_PAGES * lab->page_bytes);
        check(lab->space[n].bytes != NULL);
    }

    if (setup->windows) {
        open_registry(lab);
    }

    config.host = &lab->arena.host;
    config.registry = lab->registry.kernel != NULL ? &lab->registry : NULL;
    config.swap = (struct quire_device){transfer, &lab->swap};
    if (!setup->records_inside) {
        config.state_bytes = quire_system_size(&config);
        config.state = lab->state = malloc(config.state_bytes);
    }
    check(quire_system_init(&lab->system, &config) == QUIRE_OK);
}

void lab_start(struct lab *lab, unsigned machine, uint32_t limit, uint32_t slots)
{
    struct lab_setup setup = {.limit = limit, .slots = slots};

    setup.format = lab_machine(machine, &setup.frames);
    lab_open(lab, &setup);
    check(lab_create(lab, 0, 0) == QUIRE_OK);
}

void lab_abandon(struct lab *lab)
{
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        free(lab->space[n].bytes);
    }
    for (unsigned i = 0; i < LAB_FILES; i++) {
        free(lab->file_disk[i].data);
        free(lab->seen[i]);
    }
    free(lab->swap.data);
    free(lab->swap.written);
    free(lab->state);
    free(lab->addresses_state);
    arena_free(&lab->arena);
}

void lab_close(struct lab *lab)
{
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        if (lab->space[n].alive) {
            lab_destroy(lab, n);
        }
    }
    lab_check(lab);
    for (unsigned i = 0; i < LAB_FILES; i++) {
        lab_forget(lab, i);
    }
    check(lab->system.resident == 0 && lab->system.slab_frames == 0 && lab->held_count == 0);
    check(lab->system.committed == 0 && lab->system.objects == NULL);
    check(quire_swap_used(&lab->system.swap) == 0);
    quire_system_destroy(&lab->system);
    close_registry(lab);
    checkf(lab->arena.frames.free == lab->arena.total - 1, "%u frames are lost",
           lab->arena.total - 1 - lab->arena.frames.free);
    lab_abandon(lab);
}

/* ---- the processor --------------------------------------------------------------------------- */

quire_va lab_va(const struct lab *lab, unsigned space, unsigned page)
{
    return quire_va_at(lab->space[space].base + page * lab->page_bytes);
}

/* Rights that the format cannot withhold. */
static unsigned rights_always(const struct quire_format *format)
{
    const struct quire_attribute_bits *leaf = &format->leaf;

    return (leaf->read.mask == 0 ? QUIRE_READ : 0U) | (leaf->write.mask == 0 ? QUIRE_WRITE : 0U) |
           (leaf->execute.mask == 0 ? QUIRE_EXECUTE : 0U) |
           (leaf->user.mask == 0 ? QUIRE_USER : 0U);
}

unsigned char *lab_mmu(struct lab *lab, unsigned space, unsigned page, unsigned access)
{
    struct lab_space *s = &lab->space[space];
    struct quire_mmu mmu = {lab->format, &lab->view, s->space.table.root};
    unsigned rights = access & QUIRE_RIGHTS;
    unsigned prot = s->page[page].prot;
    struct quire_walk walk;
    quire_pfn pfn;

    if (quire_walk(&mmu, lab_va(lab, space, page), access | QUIRE_ACCESSED, &walk) != QUIRE_OK) {
        return NULL;
    }
    pfn = quire_pa_pfn(walk.pa, lab->arena.page_shift);
    checkf(s->page[page].mapped && (prot & (QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE)) != 0,
           "%s: the MMU lets one at page %u, where nothing may be", lab->format->name, page);
    checkf((rights & ~prot & ~rights_always(lab->format)) == 0,
           "%s: the MMU allows access %#x to page %u", lab->format->name, rights, page);
    check(quire_system_page(&lab->system, pfn) != NULL);
    checkf((access & QUIRE_WRITE) == 0 || !lab_can_protect(lab) || s->page[page].object == NULL ||
               s->page[page].sharing == QUIRE_SHARED || s->page[page].own,
           "%s: page %u could be written, and is not its own", lab->format->name, page);
    s->cached[page] =
        (struct lab_cached){true, walk.pa.at, walk.attributes & (unsigned)QUIRE_RIGHTS};
    quire_system_reference(&lab->system, pfn);
    return arena_at(&lab->arena, walk.pa.at, lab->page_bytes);
}

static void note_ready(struct quire_request *request)
{
    struct lab *lab = request->context;

    lab->ready = true;
}

/* Goes on with a request until it has ended; transfers that are held back are ended in order. */
static enum quire_status finish(struct lab *lab, struct quire_request *request,
                                enum quire_status status)
{
    while (status == QUIRE_PENDING) {
        if (!lab->ready) {
            lab_complete(lab, 0, lab_trips(&lab->fail) ? QUIRE_IO_ERROR : QUIRE_OK);
        }
        if (lab->ready) {
            lab->ready = false;
            status = quire_space_resume(request);
        }
    }
    return status;
}

/* What the model learns of a fault's end, and what must not have changed if it failed. */
static void check_fault(struct lab *lab, unsigned space, unsigned page, unsigned access,
                        enum quire_refusal refusal, enum quire_status status,
                        struct lab_state *before)
{
    if (refusal == QUIRE_REFUSAL_NONE && !lab->space[space].page[page].mapped) {
        lab_grown(lab, space, page); /* for good, whatever came after that */
        lab_remember(lab, before);
    }
    check((status == QUIRE_FAULT) == (refusal != QUIRE_REFUSAL_NONE));
    if (status == QUIRE_OK) {
        lab_faulted(lab, space, page, access);
    } else {
        lab_unchanged(lab, before, status == QUIRE_FAULT ? LAB_SAME : LAB_BUT_EVICTED);
    }
}

enum quire_status lab_fault(struct lab *lab, unsigned space, unsigned page, unsigned access)
{
    struct quire_request request = {.ready = note_ready, .context = lab};
    enum quire_refusal refusal = lab_judge(lab, space, page, access);
    struct lab_state before;
    enum quire_status status;

    lab_remember(lab, &before);
    lab->ready = false;
    status =
        quire_space_fault(&lab->space[space].space, lab_va(lab, space, page), access, &request);
    status = finish(lab, &request, status);
    checkf(request.refusal == refusal, "%s instead of %s", quire_refusal_text(request.refusal),
           quire_refusal_text(refusal));
    check_fault(lab, space, page, access, refusal, status, &before);
    return status;
}

enum quire_status lab_wire(struct lab *lab, unsigned space, unsigned page, unsigned access)
{
    struct quire_request request = {.ready = note_ready, .context = lab};
    struct lab_page *p = &lab->space[space].page[page];
    enum quire_refusal refusal = lab_judge(lab, space, page, access);
    enum quire_status status, waited = QUIRE_PENDING;
    struct lab_state before;

    lab_remember(lab, &before);
    do {
        lab->ready = false;
        status =
            quire_space_wire(&lab->space[space].space, lab_va(lab, space, page), access, &request);
        if (status == QUIRE_PENDING) {
            waited = finish(lab, &request, status);
        }
    } while (status == QUIRE_PENDING && waited == QUIRE_OK);
    status = status == QUIRE_PENDING ? waited : status;
    if (p->sharing == QUIRE_PRIVATE) {
        access |= p->prot & (unsigned)QUIRE_WRITE; /* so that it need not move */
    }
    check_fault(lab, space, page, access, refusal, status, &before);
    p->wired += status == QUIRE_OK;
    return status;
}

enum quire_status lab_sync(struct lab *lab, unsigned file)
{
    struct quire_request request = {.ready = note_ready, .context = lab};
    struct quire_object *object = &lab->file[file];
    enum quire_status status;
    uint64_t next = 0;

    do {
        lab->ready = false;
        status = quire_object_sync(object, &next, &request);
        if (status == QUIRE_PENDING) {
            status = finish(lab, &request, status);
            status = status == QUIRE_OK ? QUIRE_PENDING : status; /* and once more */
        }
    } while (status == QUIRE_PENDING);
    if (status == QUIRE_OK && object->device.transfer != NULL) {
        check(memcmp(lab->file_disk[file].data, lab->seen[file], object->bytes) == 0);
    }
    return status;
}

/* One access: two faults at most, as the first may bring a page in read-only. */
static enum quire_status reach(struct lab *lab, unsigned space, unsigned page, unsigned access,
                               unsigned char **where)
{
    for (unsigned tries = 0; tries < 3; tries++) {
        enum quire_status status;

        *where = lab_mmu(lab, space, page, access);
        if (*where != NULL) {
            return QUIRE_OK;
        }
        status = lab_fault(lab, space, page, access);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    checkf(false, "%s: page %u faults for ever", lab->format->name, page);
    return QUIRE_CORRUPT;
}

/* As a user, but for pages that are the kernel's. */
static unsigned mode(const struct lab *lab, unsigned space, unsigned page)
{
    const struct lab_page *p = &lab->space[space].page[page];

    return p->mapped && p->prot != 0 ? p->prot & (unsigned)QUIRE_USER : QUIRE_USER;
}

enum quire_status lab_read(struct lab *lab, unsigned space, unsigned page)
{
    unsigned char *where;
    enum quire_status status = reach(lab, space, page, QUIRE_READ | mode(lab, space, page), &where);

    if (status == QUIRE_OK) {
        lab_expect_bytes(lab, space, page, where);
    }
    return status;
}

/* Stores noise, or zeros, in [from, from + bytes) of a page. */
static enum quire_status store(struct lab *lab, unsigned space, unsigned page, uint64_t from,
                               uint64_t bytes, bool zeros)
{
    unsigned char *model, *where;
    enum quire_status status =
        reach(lab, space, page, QUIRE_WRITE | mode(lab, space, page), &where);

    if (status == QUIRE_OK) {
        lab_expect_bytes(lab, space, page, where);
        model = lab_model(lab, space, page);
        lab->space[space].page[page].written = true;
        memset(model + from, 0, bytes);
        if (!zeros) {
            noise(&lab->prng, model + from, bytes);
        }
        memcpy(where + from, model + from, bytes);
    }
    return status;
}

enum quire_status lab_write(struct lab *lab, unsigned space, unsigned page)
{
    return store(lab, space, page, 0, lab->page_bytes, false);
}

enum quire_status lab_write_some(struct lab *lab, unsigned space, unsigned page)
{
    uint64_t from = prng_below(&lab->prng, lab->page_bytes);

    return store(lab, space, page, from, 1 + prng_below(&lab->prng, lab->page_bytes - from), false);
}

enum quire_status lab_clear(struct lab *lab, unsigned space, unsigned page)
{
    return store(lab, space, page, 0, lab->page_bytes, true);
}

void lab_compare(struct lab *lab)
{
    for (unsigned n = 0; n < LAB_SPACES; n++) {
        for (unsigned i = 0; i < LAB_PAGES && lab->space[n].alive; i++) {
            if ((lab->space[n].page[i].prot & QUIRE_READ) != 0 && lab->space[n].page[i].mapped) {
                enum quire_status status = lab_read(lab, n, i);
                checkf(status == QUIRE_OK, "space %u, page %u: %s", n, i,
                       quire_status_text(status));
            }
        }
    }
}
