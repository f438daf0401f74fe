/*
 * Processes: from an image to an address space that can run, and back to nothing.
 *
 *   spawn:  image opened --> space --> kernel | stack | image mapped --> in the list
 *   load:   pages come in, in order of address, each by the fault that would have brought it
 *   exit:   space destroyed (or BUSY) --> libraries, image closed --> out of the list
 */
#include "quire/process.h"

#include "internal.h"

enum { USER_READ_WRITE = QUIRE_READ | QUIRE_WRITE | QUIRE_USER };

/* ---- the list -------------------------------------------------------------------------------- */

static void enter(struct quire_process *process)
{
    struct quire_usermode *usermode = process->usermode;

    process->prev = usermode->youngest;
    process->next = NULL;
    if (process->prev != NULL) {
        process->prev->next = process;
    } else {
        usermode->processes = process;
    }
    usermode->youngest = process;
}

static void leave(struct quire_process *process)
{
    struct quire_usermode *usermode = process->usermode;

    if (process->prev != NULL) {
        process->prev->next = process->next;
    } else {
        usermode->processes = process->next;
    }
    if (process->next != NULL) {
        process->next->prev = process->prev;
    } else {
        usermode->youngest = process->prev;
    }
    if (usermode->running == process) {
        usermode->running = NULL;
    }
}

/* ---- spawn ----------------------------------------------------------------------------------- */

static enum quire_status map_kernel(struct quire_process *process)
{
    const struct quire_layout *layout = process->usermode->layout;
    const struct quire_table *kernel = process->usermode->kernel;
    struct quire_region_spec spec = {.va = layout->kernel,
                                     .bytes = layout->kernel_bytes,
                                     .prot = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE,
                                     .offset = layout->kernel_pa.at,
                                     .sharing = kernel != NULL ? QUIRE_INHERITED : QUIRE_FIXED,
                                     .from = kernel};

    return layout->kernel_bytes == 0 ? QUIRE_OK : quire_space_map(&process->space, &spec);
}

static enum quire_status map_stack(struct quire_process *process)
{
    const struct quire_layout *layout = process->usermode->layout;
    struct quire_region_spec spec = {.va = layout->stack,
                                     .bytes = layout->stack_bytes,
                                     .prot = USER_READ_WRITE,
                                     .stack_limit = layout->stack_limit};

    return quire_space_map(&process->space, &spec);
}

/* Where its file says; or as low as the layout allows. */
static enum quire_status map_image(struct quire_process *process)
{
    const struct quire_layout *layout = process->usermode->layout;
    struct quire_image *image = process->image;
    uint64_t at = image->va;

    if (image->movable) {
        at = layout->image.at + ((image->va - layout->image.at) & (image->align - 1));
    }
    if (at < layout->users.at || at > layout->last.at || image->bytes - 1 > layout->last.at - at) {
        return QUIRE_OUT_OF_RANGE;
    }
    process->image_va = quire_va_at(at);
    process->entry = quire_va_at(at + (image->entry - image->va));
    return quire_image_map(image, &process->space, process->image_va);
}

static enum quire_status map_all(struct quire_process *process)
{
    enum quire_status status = map_kernel(process);

    if (status == QUIRE_OK) {
        status = map_stack(process);
    }
    return status == QUIRE_OK ? map_image(process) : status;
}

enum quire_status quire_process_spawn(struct quire_process *process,
                                      struct quire_usermode *usermode,
                                      const struct quire_process_spec *spec)
{
    const struct quire_layout *layout = usermode->layout;
    enum quire_status status = quire_image_open(spec->image, usermode->system);

    if (status != QUIRE_OK) {
        return status;
    }
    *process = (struct quire_process){
        .usermode = usermode, .name = spec->name, .loading = spec->loading, .image = spec->image};
    status = quire_space_create(&process->space, usermode->system, usermode->format, spec->id);
    if (status == QUIRE_OK) {
        status = map_all(process);
        if (status == QUIRE_OK) {
            enter(process);
            quire_process_owe(process, layout->stack, layout->stack_bytes);
            quire_process_owe(process, process->image_va, process->image->bytes);
            return QUIRE_OK;
        }
        quire_space_destroy(&process->space);
    }
    quire_image_close(spec->image);
    return status;
}

/* ---- loading --------------------------------------------------------------------------------- */

void quire_process_owe(struct quire_process *process, quire_va va, uint64_t bytes)
{
    uint64_t last = va.at + (bytes - 1);

    if (process->loading == QUIRE_LOAD_DEMAND) {
        return;
    }
    if (!process->owes) {
        process->owed = va;
        process->owed_last = quire_va_at(last);
        process->owes = true;
        return;
    }
    process->owed.at = va.at < process->owed.at ? va.at : process->owed.at;
    process->owed_last.at = last > process->owed_last.at ? last : process->owed_last.at;
}

/* The access that brings a page in as the process will have it: what it may write becomes its own
 * at once; but a library's data is everybody's until it is really written. 0: nobody may use it, or
 * it is the host's business. */
static unsigned loading_access(const struct quire_process *process,
                               const struct quire_region *region)
{
    static const unsigned order[] = {QUIRE_WRITE, QUIRE_READ, QUIRE_EXECUTE};
    enum quire_part part = quire_part_of(process, region, NULL);
    unsigned rights = region->prot;

    if (part == QUIRE_PART_KERNEL || part == QUIRE_PART_OTHER) {
        return 0;
    }
    if (part == QUIRE_PART_LIBRARY && (rights & (QUIRE_READ | QUIRE_EXECUTE)) != 0) {
        rights &= ~(unsigned)QUIRE_WRITE;
    }
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if ((rights & order[i]) != 0) {
            return order[i] | QUIRE_USER;
        }
    }
    return 0;
}

/* The next page at or above process->owed that is not there, and how to bring it in; 0: none. */
static unsigned next_owed(struct quire_process *process)
{
    uint64_t page = usermode_page(process->usermode);
    uint64_t at = process->owed.at;
    const struct quire_region *region = region_from(process, at);
    struct quire_leaf leaf;

    while (region != NULL) {
        unsigned access = loading_access(process, region);

        at = region->va.at > at ? region->va.at : at;
        while (access != 0 && at <= process->owed_last.at && at <= region_end(region)) {
            if (quire_table_query(&process->space.table, quire_va_at(at), &leaf) != QUIRE_OK) {
                process->owed = quire_va_at(at);
                return access;
            }
            at += page;
        }
        if (region_end(region) >= process->owed_last.at) {
            break;
        }
        region = region->next;
    }
    return 0;
}

enum quire_status quire_process_load(struct quire_process *process, struct quire_request *request)
{
    while (process->owes) {
        unsigned access = next_owed(process);
        enum quire_status status = QUIRE_OK;

        if (access == 0) {
            process->owes = false;
            break;
        }
        process->loads++;
        status = quire_space_fault(&process->space, process->owed, access, request);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* ---- running, and the end -------------------------------------------------------------------- */

void quire_process_switch(struct quire_process *process)
{
    quire_table_activate(&process->space.table);
    process->usermode->running = process;
}

static void close_images(struct quire_process *process)
{
    while (process->libraries != 0) {
        quire_library_close(process->library[--process->libraries].library);
    }
    quire_image_close(process->image);
}

enum quire_status quire_process_exit(struct quire_process *process)
{
    if (quire_space_in_transit(&process->space)) {
        return QUIRE_BUSY;
    }
    quire_space_destroy(&process->space);
    close_images(process);
    leave(process);
    return QUIRE_OK;
}

enum quire_status quire_process_fork(struct quire_process *child, struct quire_process *parent,
                                     const char *name, uint16_t id)
{
    enum quire_status status = quire_space_fork(&child->space, &parent->space, id);
    struct quire_mapped_library *library = parent->library;

    if (status != QUIRE_OK) {
        return status;
    }
    child->usermode = parent->usermode;
    child->name = name;
    child->loading = parent->loading;
    child->image = parent->image;
    child->image_va = parent->image_va;
    child->entry = parent->entry;
    child->heap = parent->heap;
    child->brk = parent->brk;
    child->owes = false;
    child->loads = 0;
    quire_image_open(child->image, child->usermode->system); /* it is open: cannot fail */
    for (child->libraries = 0; child->libraries < parent->libraries; child->libraries++) {
        child->library[child->libraries] = library[child->libraries];
        quire_library_open(library[child->libraries].library); /* neither */
    }
    enter(child);
    return QUIRE_OK;
}

/* ---- libraries ------------------------------------------------------------------------------- */

/* Its place among the process's libraries, or how many those are. */
static unsigned find_library(const struct quire_process *process,
                             const struct quire_library *library)
{
    unsigned i = 0;

    while (i < process->libraries && process->library[i].library != library) {
        i++;
    }
    return i;
}

static enum quire_status map_library(struct quire_process *process, struct quire_library *library,
                                     quire_va *va)
{
    const struct quire_image *image = library->image;

    if (!quire_find_gap(process, quire_mappings_from(process), image->bytes, image->align,
                        image->va, va)) {
        return QUIRE_NO_SPACE;
    }
    return quire_image_map(library->image, &process->space, *va);
}

enum quire_status quire_process_open_library(struct quire_process *process,
                                             struct quire_library *library, quire_va *va)
{
    unsigned i = find_library(process, library);
    struct quire_mapped_library *mapped = &process->library[i];
    enum quire_status status;

    if (i == QUIRE_PROCESS_LIBRARIES) {
        return QUIRE_NO_SPACE;
    }
    if (i == process->libraries) {
        status = quire_library_open(library);
        if (status != QUIRE_OK) {
            return status;
        }
        status = map_library(process, library, &mapped->va);
        if (status != QUIRE_OK) {
            quire_library_close(library);
            return status;
        }
        mapped->library = library;
        process->libraries++;
        quire_process_owe(process, mapped->va, library->image->bytes);
    }
    if (va != NULL) {
        *va = mapped->va;
    }
    return QUIRE_OK;
}

enum quire_status quire_process_close_library(struct quire_process *process,
                                              struct quire_library *library)
{
    unsigned i = find_library(process, library);
    enum quire_status status;

    if (i == process->libraries) {
        return QUIRE_NOT_FOUND;
    }
    status = quire_space_unmap(&process->space, process->library[i].va, library->image->bytes);
    if (status != QUIRE_OK) {
        return status;
    }
    for (process->libraries--; i < process->libraries; i++) {
        process->library[i] = process->library[i + 1];
    }
    quire_library_close(library);
    return QUIRE_OK;
}
