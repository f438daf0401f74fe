/* Processes on a simulated machine, with everything checked. */
#include "crew.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "quire/policy.h"
#include "tests/support/check.h"
#include "tests/support/prng.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* Reading behind the end of a file gives noise: the core must not show it. */
static void fill(const struct crew_file *file, struct quire_transfer *transfer)
{
    unsigned char *to = transfer->where;

    check(transfer->direction == QUIRE_TRANSFER_IN); /* nobody writes to an image */
    for (uint64_t i = 0; i < transfer->bytes; i++) {
        uint64_t at = transfer->offset + i;
        to[i] = at < file->size ? file->bytes[at] : (unsigned char)(0xa5 ^ at);
    }
}

/* What a transfer that is done answers. */
static enum quire_status hold(struct crew *crew, struct quire_transfer *transfer)
{
    if (!crew->hold) {
        return QUIRE_OK;
    }
    check(crew->held_count < CREW_HELD);
    crew->held[crew->held_count++] = transfer;
    return QUIRE_PENDING;
}

static enum quire_status transfer_file(void *context, struct quire_transfer *transfer)
{
    struct crew_file *file = context;
    struct crew *crew = file->crew;

    check(transfer->offset < file->size);
    file->reads++;
    if (mishap_strikes(&crew->fail)) {
        return QUIRE_IO_ERROR;
    }
    fill(file, transfer);
    return hold(crew, transfer);
}

/* The machine's disk, and late if it should be. */
static enum quire_status transfer_swap(void *context, struct quire_transfer *transfer)
{
    struct crew *crew = context;
    enum quire_status status = disk_transfer(&crew->machine.disk, transfer);

    return status == QUIRE_OK ? hold(crew, transfer) : status;
}

void crew_deliver(struct crew *crew, enum quire_status status)
{
    unsigned count = crew->held_count;

    crew->held_count = 0;
    for (unsigned i = 0; i < count; i++) {
        quire_transfer_done(crew->held[i], status);
    }
}

static struct crew_file *make_file(struct crew *crew, unsigned n, uint64_t size)
{
    struct crew_file *file = &crew->file[n];
    struct prng prng = prng_new(1000 + n);

    free(file->bytes);
    *file = (struct crew_file){.crew = crew, .bytes = malloc(size), .size = size};
    check(file->bytes != NULL);
    for (uint64_t i = 0; i < size; i++) {
        file->bytes[i] = (unsigned char)(prng_next(&prng) >> 32);
    }
    return file;
}

struct quire_image *crew_image(struct crew *crew, unsigned n, const char *name, uint64_t bytes)
{
    struct crew_file *file = make_file(crew, n, bytes);
    struct quire_device device = {transfer_file, file};

    check(quire_image_of_size(&file->image, name, &device, bytes,
                              quire_format_page_bytes(crew->usermode.format)) == QUIRE_OK);
    return &file->image;
}

struct quire_image *crew_parts(struct crew *crew, unsigned n, const char *name, uint64_t text,
                               uint64_t data)
{
    struct crew_file *file = make_file(crew, n, text + data);
    struct quire_device device = {transfer_file, file};

    check(quire_image_of_parts(&file->image, name, &device, text, data,
                               quire_format_page_bytes(crew->usermode.format)) == QUIRE_OK);
    return &file->image;
}

struct quire_library *crew_library(struct crew *crew, unsigned n, const char *name, uint64_t text,
                                   uint64_t data, bool kept)
{
    struct quire_image *image = crew_parts(crew, n, name, text, data);
    struct quire_library *library = &crew->file[n].library;

    check(quire_library_add(&crew->usermode, library, image, kept) == QUIRE_OK);
    return library;
}

struct quire_image *crew_file(struct crew *crew, unsigned n, const void *bytes, uint64_t size)
{
    struct crew_file *file = make_file(crew, n, size);

    memcpy(file->bytes, bytes, size);
    file->image.device = (struct quire_device){transfer_file, file};
    return &file->image;
}

/* ---- the machine ----------------------------------------------------------------------------- */

void crew_open(struct crew *crew, const struct crew_setup *setup)
{
    struct machine_config config = {
        .format = setup->format,
        .ram_bytes = setup->ram_bytes,
        .tlb_entries = 64,
        .tlb_ways = 4,
        .policy = &quire_policy_clock,
        .pages_from = setup->kernel_bytes,
        .swap_bytes = setup->swap_bytes,
        .verify_flushes = true,
    };
    const char *why = NULL;

    memset(crew, 0, sizeof(*crew));
    checkf(machine_open(&crew->machine, &config, &why) == QUIRE_OK, "%s", why);
    crew->machine.system.swap.device = (struct quire_device){transfer_swap, crew};
    check(quire_usermode_init(&crew->usermode, &crew->machine.system, setup->format,
                              setup->layout) == QUIRE_OK);
    crew->frames_at_start = crew->machine.frames.free;
}

void crew_open_seed(struct crew *crew, const struct quire_format *format)
{
    struct crew_setup setup = {format, &quire_layout_seed, 16 << 20, 8 << 20, 0};

    crew_open(crew, &setup);
}

/* Page by page what a fixed region would show. */
void crew_inherit(struct crew *crew)
{
    const struct quire_layout *layout = crew->usermode.layout;
    struct quire_batch batch = {0};
    const struct quire_mapping mapping = {.va = layout->kernel,
                                          .pa = layout->kernel_pa,
                                          .bytes = layout->kernel_bytes,
                                          .attributes = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE,
                                          .largest_leaf =
                                              quire_format_page_bytes(crew->usermode.format)};

    quire_batch_begin(&batch, &crew->machine.host);
    check(quire_table_create(&crew->kernel, crew->usermode.format, &crew->machine.host, 0) ==
          QUIRE_OK);
    check(quire_table_map(&crew->kernel, &batch, &mapping, NULL) == QUIRE_OK);
    crew->usermode.kernel = &crew->kernel;
}

void crew_close(struct crew *crew)
{
    for (unsigned n = 0; n < CREW_PROCESSES; n++) {
        if (crew->alive[n]) {
            crew_exit(crew, n);
        }
    }
    while (crew->usermode.libraries != NULL) {
        check(quire_library_remove(crew->usermode.libraries) == QUIRE_OK);
    }
    crew_check(crew);
    if (crew->usermode.kernel != NULL) {
        quire_table_destroy(&crew->kernel);
    }
    checkf(crew->machine.frames.free == crew->frames_at_start, "expected %u free frames, got %u",
           crew->frames_at_start, crew->machine.frames.free);
    check(crew->machine.count.stale == 0);
    for (unsigned n = 0; n < CREW_FILES; n++) {
        check(crew->file[n].image.users == 0);
        free(crew->file[n].bytes);
    }
    machine_close(&crew->machine);
}

/* ---- processes ------------------------------------------------------------------------------- */

/* How often do processes refer to this image, as their program or a library? */
static void check_users(const struct crew *crew, const struct crew_file *file)
{
    uint32_t programs = 0, libraries = 0;
    bool loaded = file->library.loaded;

    for (const struct quire_process *p = crew->usermode.processes; p != NULL; p = p->next) {
        programs += p->image == &file->image;
        for (unsigned i = 0; i < p->libraries; i++) {
            libraries += p->library[i].library == &file->library;
        }
    }
    check(file->library.users == libraries);
    check(file->image.users == programs + loaded);
    check(loaded == (libraries != 0 || (loaded && file->library.kept)));
}

void crew_check(struct crew *crew)
{
    struct quire_space *spaces[CREW_PROCESSES];
    const struct quire_process *before = NULL;
    const char *what = NULL;
    unsigned count = 0, alive = 0;

    for (struct quire_process *p = crew->usermode.processes; p != NULL; p = p->next) {
        check(p->prev == before && count < CREW_PROCESSES);
        spaces[count++] = &p->space;
        before = p;
    }
    check(crew->usermode.youngest == before);
    for (unsigned n = 0; n < CREW_PROCESSES; n++) {
        alive += crew->alive[n];
    }
    check(alive == count);
    checkf(quire_validate(&crew->machine.system, spaces, count, &what) == QUIRE_OK, "%s", what);
    check(crew->usermode.kernel == NULL || quire_table_validate(&crew->kernel, NULL) == QUIRE_OK);
    for (unsigned n = 0; n < CREW_FILES; n++) {
        check_users(crew, &crew->file[n]);
    }
}

enum quire_status crew_load(struct crew *crew, unsigned n)
{
    struct quire_request request = {.ready = NULL};
    enum quire_status status;

    while ((status = quire_process_load(&crew->process[n], &request)) == QUIRE_PENDING) {
        crew_deliver(crew, QUIRE_OK);
        check(quire_space_resume(&request) == QUIRE_OK);
    }
    crew_check(crew);
    return status;
}

enum quire_status crew_spawn(struct crew *crew, unsigned n, const char *name, unsigned file,
                             enum quire_loading loading)
{
    struct quire_process_spec spec = {name, (uint16_t)(n + 1), &crew->file[file].image, loading};
    uint32_t free = crew->machine.frames.free;
    enum quire_status status;

    check(!crew->alive[n]);
    status = quire_process_spawn(&crew->process[n], &crew->usermode, &spec);
    crew->alive[n] = status == QUIRE_OK;
    crew_check(crew);
    if (status != QUIRE_OK) {
        check(crew->machine.frames.free == free);
        return status;
    }
    return crew_load(crew, n);
}

void crew_exit(struct crew *crew, unsigned n)
{
    check(quire_process_exit(&crew->process[n]) == QUIRE_OK);
    crew->alive[n] = false;
    crew_check(crew);
}

void crew_open_usual(struct crew *crew, enum quire_loading loading)
{
    crew_open_seed(crew, &quire_format_i386);
    crew_image(crew, CREW_PROGRAM, "program", 2 * 4096 + 1);
    crew_library(crew, CREW_LIBRARY, "library", 4700, 1863, false);
    check(crew_spawn(crew, 0, "first", CREW_PROGRAM, loading) == QUIRE_OK);
}

uint64_t crew_open_library(struct crew *crew, unsigned n, unsigned file)
{
    struct quire_library *library = &crew->file[file].library;
    quire_va va = {0};

    check(quire_process_open_library(&crew->process[n], library, &va) == QUIRE_OK);
    check(crew_load(crew, n) == QUIRE_OK);
    return va.at;
}

uint64_t crew_map_heap(struct crew *crew, unsigned n, uint64_t bytes)
{
    quire_va va = {0};

    check(quire_process_map_heap(&crew->process[n], bytes, &va) == QUIRE_OK);
    crew_check(crew);
    return va.at;
}

enum quire_status crew_fork(struct crew *crew, unsigned child, unsigned parent)
{
    enum quire_status status = quire_process_fork(&crew->process[child], &crew->process[parent],
                                                  "child", (uint16_t)(child + 1));
    crew->alive[child] = status == QUIRE_OK;
    crew_check(crew);
    return status;
}

/* ---- looking --------------------------------------------------------------------------------- */

void crew_draw(struct crew *crew, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "%u free, %" PRIu64 " committed\n",
                                 crew->machine.frames.free, crew->machine.system.committed);

    for (const struct quire_process *p = crew->usermode.processes; p != NULL; p = p->next) {
        enum quire_part part;
        quire_va va = {0};
        uint64_t bytes = 0;

        at += (size_t)snprintf(text + at, size - at, "%s brk %" PRIx64 "-%" PRIx64 ":", p->name,
                               p->heap.at, p->brk.at);
        while ((part = quire_process_part(p, quire_va_at(va.at + bytes), &va, &bytes)) !=
               QUIRE_PART_NOTHING) {
            at += (size_t)snprintf(text + at, size - at, " %s %" PRIx64 "+%" PRIx64,
                                   quire_part_text(part), va.at, bytes);
        }
        at += (size_t)snprintf(text + at, size - at, "\n");
        check(at < size);
    }
}

enum machine_result crew_access(struct crew *crew, unsigned n, uint64_t va, unsigned access,
                                void *data, uint64_t bytes, struct machine_trap *trap)
{
    return machine_access(&crew->machine, &crew->process[n].space, quire_va_at(va),
                          access | QUIRE_USER, data, bytes, trap);
}

uint8_t crew_get(struct crew *crew, unsigned n, uint64_t va)
{
    struct machine_trap trap;
    uint8_t byte = 0;

    checkf(crew_access(crew, n, va, QUIRE_READ, &byte, 1, &trap) == MACHINE_OK, "0x%llx: %s",
           (unsigned long long)va, quire_refusal_text(trap.refusal));
    return byte;
}

void crew_put(struct crew *crew, unsigned n, uint64_t va, uint8_t byte)
{
    struct machine_trap trap;

    checkf(crew_access(crew, n, va, QUIRE_WRITE, &byte, 1, &trap) == MACHINE_OK, "0x%llx: %s",
           (unsigned long long)va, quire_refusal_text(trap.refusal));
}

uint32_t crew_pfn(struct crew *crew, unsigned n, uint64_t va)
{
    const struct quire_table *table = &crew->process[n].space.table;
    struct quire_leaf leaf;

    if (quire_table_query(table, quire_va_at(va), &leaf) != QUIRE_OK) {
        return QUIRE_NONE;
    }
    return (uint32_t)((leaf.pa.at + (va - leaf.va.at)) / quire_format_page_bytes(table->format));
}

/* What an address of a segment should hold. */
static uint8_t expected(const struct crew_file *file, const struct quire_segment *segment,
                        uint64_t at)
{
    uint64_t index = at - segment->va;

    return index < segment->file_bytes ? file->bytes[segment->offset + index] : 0;
}

static void compare_segment(struct crew *crew, unsigned n, const struct crew_file *file,
                            const struct quire_segment *segment, uint64_t va)
{
    uint64_t page = file->image.page_bytes;
    uint64_t end = (segment->va + segment->bytes + page - 1) / page * page;
    uint8_t got[256];
    struct machine_trap trap;

    for (uint64_t at = segment->va, part; at < end; at += part) {
        part = end - at < sizeof(got) ? end - at : sizeof(got);
        check(crew_access(crew, n, at - file->image.va + va, QUIRE_READ, got, part, &trap) ==
              MACHINE_OK);
        for (uint64_t i = 0; i < part; i++) {
            uint8_t want = expected(file, segment, at + i);
            checkf(got[i] == want, "process %u, 0x%llx: expected %02x, got %02x", n,
                   (unsigned long long)(at + i - file->image.va + va), want, got[i]);
        }
    }
}

void crew_compare(struct crew *crew, unsigned n, unsigned file, uint64_t va)
{
    const struct quire_image *image = &crew->file[file].image;

    for (unsigned i = 0; i < image->segments; i++) {
        if ((image->segment[i].prot & QUIRE_READ) != 0) {
            compare_segment(crew, n, &crew->file[file], &image->segment[i], va);
        }
    }
}
