/* Usermode: does a layout fit, and the pictures of memory: PHYS and VIRT. */
#include "quire/usermode.h"

#include "internal.h"

/* ---- setting up ------------------------------------------------------------------------------ */

static bool are_pages(const struct quire_layout *layout, uint64_t page)
{
    return ((layout->kernel.at | layout->kernel_bytes | layout->kernel_pa.at | layout->users.at |
             (layout->last.at + 1) | layout->image.at | layout->stack.at | layout->stack_bytes |
             layout->stack_limit | layout->heap.at | layout->mappings.at) &
            (page - 1)) == 0;
}

/* Is `at` an address of programs, or 0 where that means none? */
static bool is_users(const struct quire_layout *layout, quire_va at)
{
    return at.at >= layout->users.at && at.at <= layout->last.at;
}

static bool is_users_or_none(const struct quire_layout *layout, quire_va at)
{
    return at.at == 0 || is_users(layout, at);
}

static enum quire_status check_kernel(const struct quire_layout *layout,
                                      const struct quire_format *format)
{
    uint64_t last = layout->kernel.at + (layout->kernel_bytes - 1);

    if (layout->kernel_bytes == 0) {
        return QUIRE_OK;
    }
    if (format->leaf.user.mask == 0 ||
        (layout->kernel.at <= layout->last.at && last >= layout->users.at)) {
        return QUIRE_INVALID;
    }
    return quire_range_check(format, layout->kernel, layout->kernel_bytes);
}

static enum quire_status check_layout(const struct quire_layout *layout,
                                      const struct quire_format *format)
{
    uint64_t page = quire_format_page_bytes(format);
    enum quire_status status;

    if (!are_pages(layout, page) || layout->users.at > layout->last.at ||
        layout->stack_bytes == 0 || layout->stack_bytes - 1 > UINT64_MAX - layout->stack.at) {
        return QUIRE_INVALID;
    }
    if (!is_users(layout, layout->image) || !is_users(layout, layout->stack) ||
        !is_users(layout, quire_va_at(layout->stack.at + (layout->stack_bytes - 1))) ||
        !is_users_or_none(layout, layout->heap) || !is_users_or_none(layout, layout->mappings)) {
        return QUIRE_INVALID;
    }
    status = quire_range_check(format, layout->users, layout->last.at - layout->users.at + 1);
    return status == QUIRE_OK ? check_kernel(layout, format) : status;
}

enum quire_status quire_usermode_init(struct quire_usermode *usermode, struct quire_system *system,
                                      const struct quire_format *format,
                                      const struct quire_layout *layout)
{
    enum quire_status status = check_layout(layout, format);

    if (status == QUIRE_OK) {
        *usermode = (struct quire_usermode){.system = system, .format = format, .layout = layout};
    }
    return status;
}

const char *quire_range_name(const struct quire_range *range)
{
    static const char *const name[QUIRE_OWNERS] = {
        [QUIRE_OWNER_NONE] = "free",
        [QUIRE_OWNER_KERNEL] = "kernel",
        [QUIRE_OWNER_OTHER] = "other",
    };
    const char *own = NULL;

    if (range->owner == QUIRE_OWNER_PROCESS) {
        own = range->process->name;
    } else if (range->owner == QUIRE_OWNER_LIBRARY) {
        own = range->library->image->name;
    } else if (range->owner == QUIRE_OWNER_IMAGE) {
        own = range->image->name;
    } else {
        own = name[range->owner];
    }
    return own != NULL ? own : "nameless";
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static bool same_owner(const struct quire_range *a, const struct quire_range *b)
{
    return a->owner == b->owner && a->process == b->process && a->library == b->library &&
           a->image == b->image;
}

/* The next range: pieces are added to it as long as they have the same owner. piece() tells the
 * one that begins at piece->first; all is [0, end]. */
static bool next_range(const void *context,
                       void (*piece)(const void *context, struct quire_range *piece), uint64_t end,
                       struct quire_range *range)
{
    struct quire_range next = {.begun = true};

    if (range->begun && range->last >= end) {
        return false;
    }
    next.first = range->begun ? range->last + 1 : 0;
    piece(context, &next);
    *range = next;
    while (range->last < end) {
        next = (struct quire_range){.first = range->last + 1};
        piece(context, &next);
        if (!same_owner(range, &next)) {
            break;
        }
        range->last = next.last;
    }
    return true;
}

/* ---- PHYS ------------------------------------------------------------------------------------ */

/* The highest address that a page can have. */
static uint64_t last_pa(const struct quire_format *format)
{
    const struct quire_entry_layout *leaf = &format->level[format->levels - 1].as_leaf;
    unsigned bits = 0;

    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS; i++) {
        unsigned top = leaf->address[i].bits == 0
                           ? 0U
                           : (unsigned)leaf->address[i].pa_bit + leaf->address[i].bits;
        bits = top > bits ? top : bits;
    }
    bits = bits < format->pa_bits ? bits : format->pa_bits;
    return UINT64_MAX >> (64 - bits);
}

static void owner_of_object(const struct quire_usermode *usermode,
                            const struct quire_object *object, struct quire_range *range)
{
    for (const struct quire_library *l = usermode->libraries; l != NULL; l = l->next) {
        if (quire_image_has(l->image, object)) {
            range->owner = QUIRE_OWNER_LIBRARY;
            range->library = l;
            return;
        }
    }
    for (const struct quire_process *p = usermode->processes; p != NULL; p = p->next) {
        if (quire_image_has(p->image, object)) {
            range->owner = QUIRE_OWNER_IMAGE;
            range->image = p->image;
            return;
        }
    }
    range->owner = QUIRE_OWNER_OTHER;
}

static void owner_of_page(const struct quire_usermode *usermode, const struct quire_page *page,
                          struct quire_range *range)
{
    if (page->object != NULL) {
        owner_of_object(usermode, page->object, range);
        return;
    }
    range->owner = QUIRE_OWNER_OTHER;
    for (const struct quire_process *p = usermode->processes; p != NULL; p = p->next) {
        if (&p->space == page->space) {
            range->owner = QUIRE_OWNER_PROCESS;
            range->process = p;
        }
    }
}

static void physical_piece(const void *context, struct quire_range *piece)
{
    const struct quire_usermode *usermode = context;
    struct quire_system *system = usermode->system;
    unsigned shift = quire_format_page_shift(usermode->format);
    uint64_t kernel_end = (uint64_t)system->pages_from.n << shift;
    uint64_t begin = (uint64_t)system->first << shift;
    uint64_t end = begin + ((uint64_t)system->frames << shift);
    quire_pfn pfn = quire_pfn_of((uint32_t)(piece->first >> shift));
    const struct quire_page *page;

    if (piece->first < kernel_end) {
        piece->owner = QUIRE_OWNER_KERNEL;
        piece->last = kernel_end - 1;
        return;
    }
    if (piece->first < begin || piece->first >= end) {
        piece->owner = QUIRE_OWNER_NONE;
        piece->last = piece->first < begin ? begin - 1 : last_pa(usermode->format);
        return;
    }
    page = quire_system_page(system, pfn);
    piece->last = piece->first + (usermode_page(usermode) - 1);
    if (page != NULL) {
        owner_of_page(usermode, page, piece);
    } else if (quire_frames_count(system->host->frames, pfn) != 0) {
        piece->owner = QUIRE_OWNER_KERNEL;
    }
}

bool quire_usermode_physical(const struct quire_usermode *usermode, struct quire_range *range)
{
    return next_range(usermode, physical_piece, last_pa(usermode->format), range);
}

/* ---- VIRT ------------------------------------------------------------------------------------ */

static uint64_t last_va(const struct quire_format *format)
{
    return format->canonical == QUIRE_SIGN_EXTENDED ? UINT64_MAX
                                                    : UINT64_MAX >> (64 - format->va_bits);
}

static void virtual_piece(const void *context, struct quire_range *piece)
{
    static const enum quire_owner owner[QUIRE_PARTS] = {
        [QUIRE_PART_KERNEL] = QUIRE_OWNER_KERNEL,   [QUIRE_PART_STACK] = QUIRE_OWNER_PROCESS,
        [QUIRE_PART_IMAGE] = QUIRE_OWNER_PROCESS,   [QUIRE_PART_HEAP] = QUIRE_OWNER_PROCESS,
        [QUIRE_PART_LIBRARY] = QUIRE_OWNER_LIBRARY, [QUIRE_PART_OTHER] = QUIRE_OWNER_OTHER,
    };
    const struct quire_process *process = context;
    const struct quire_region *region = region_from(process, piece->first);

    if (region == NULL || region->va.at > piece->first) {
        piece->owner = QUIRE_OWNER_NONE;
        piece->last = region == NULL ? last_va(process->space.table.format) : region->va.at - 1;
        return;
    }
    piece->owner = owner[quire_part_of(process, region, &piece->library)];
    piece->process = piece->owner == QUIRE_OWNER_PROCESS ? process : NULL;
    piece->last = region_end(region);
}

bool quire_process_virtual(const struct quire_process *process, struct quire_range *range)
{
    return next_range(process, virtual_piece, last_va(process->space.table.format), range);
}
