/*
 * Ties the walk to a format. A format's file says
 *
 *     static const struct quire_format_code instance_code;
 *     const struct quire_format quire_format_NAME = { ..., .code = &instance_code };
 *     #define FORMAT quire_format_NAME
 *     #include "instance.h"
 *
 * and because the descriptor stands in the same file, the compiler sees it as a constant.
 */
#include "../walk_inline.h"

/* Marking would grow the loop: a copy of its own. */
static enum quire_status instance_mark(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                       struct quire_walk *out)
{
    return walk_inline(&FORMAT, mmu, va, access | QUIRE_ACCESSED, WALK_BRIEF, out, NULL, NULL);
}

static enum quire_status instance_walk(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                       struct quire_walk *out)
{
    enum quire_status status =
        access & QUIRE_ACCESSED
            ? instance_mark(mmu, va, access, out)
            : walk_inline(&FORMAT, mmu, va, access & QUIRE_RIGHTS, WALK_BRIEF, out, NULL, NULL);

    return status == QUIRE_NOT_FOUND ? quire_walk_in_full(mmu, va, access, out) : status;
}

static enum quire_status instance_translate(const struct quire_mmu *mmu, quire_va va, quire_pa *pa)
{
    enum quire_status status = walk_inline(&FORMAT, mmu, va, 0, WALK_BRIEF, NULL, NULL, pa);

    return status == QUIRE_NOT_FOUND ? quire_translate_in_full(mmu, va, pa) : status;
}

static const struct quire_format_code instance_code = {instance_walk, instance_translate};
