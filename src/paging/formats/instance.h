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

static enum quire_status instance_walk(const struct quire_mmu *mmu, quire_va va, unsigned access,
                                       struct quire_walk *out)
{
    /* Marking is rare where speed matters, and would grow the loop: a copy of its own. */
    if (access & QUIRE_ACCESSED) {
        return walk_inline(&FORMAT, mmu, va, access | QUIRE_ACCESSED, out, NULL, NULL);
    }
    return walk_inline(&FORMAT, mmu, va, access & QUIRE_RIGHTS, out, NULL, NULL);
}

static enum quire_status instance_translate(const struct quire_mmu *mmu, quire_va va, quire_pa *pa)
{
    return walk_inline(&FORMAT, mmu, va, 0, NULL, NULL, pa);
}

static const struct quire_format_code instance_code = {instance_walk, instance_translate};
