/*
 * What the core asks of its host. Three hooks are mandatory for page tables: somewhere to get table
 * frames (or the bundled frame allocator), tlb_flush and activate. docs/porting.md is a whole port.
 */
#ifndef QUIRE_HOST_H
#define QUIRE_HOST_H

#include "quire/memory.h"
#include "quire/status.h"

struct quire_frames;
struct quire_flush;
struct quire_event;

struct quire_host {
    void *context; /* handed to every hook below */

    /* Physical memory. => frames given out by the allocator are reachable through it. */
    struct quire_memory memory;

    /* May processors walk (and mark) a table while it is being changed? Then entries whose marks
     * could still change are exchanged atomically, at some 5 ns each, and no accessed or dirty bit
     * is lost. False: nothing else runs on a table that is changed (one processor, a simulator). */
    bool concurrent_walks;

    /* The bundled allocator (quire/frames.h). If set, table frames come from it unless alloc_table
     * is set, too. Address spaces (quire/space.h) need it. */
    struct quire_frames *frames;

    /*
     * Finds 1 << order contiguous frames, aligned to their size, for a page table; contents do not
     * matter. QUIRE_NO_MEMORY if there are none: the operation then fails with nothing changed.
     * Context: inside any page-table operation, its locks held; must not sleep or call the core.
     * Example: `pa->at = my_page_alloc(); return pa->at ? QUIRE_OK : QUIRE_NO_MEMORY;`
     */
    enum quire_status (*alloc_table)(void *context, unsigned order, quire_pa *pa);
    void (*free_table)(void *context, unsigned order, quire_pa pa);

    /*
     * Told, before the first alloc_table of an operation on a table, how many it will ask for, so
     * that all can be refused at once: another status than QUIRE_OK is the operation's, with
     * nothing changed. Context: as alloc_table. May be NULL (quire/registry.h has a use for it).
     * Example: `return my_page_reserve(tables) ? QUIRE_OK : QUIRE_NO_MEMORY;`
     */
    enum quire_status (*expect_tables)(void *context, uint32_t tables);

    /*
     * Forgets translations, on every processor, before it returns: called by quire_batch_commit().
     * It cannot fail; a flush of more than was asked for is always right.
     * Example: `for each range: for (va...) invlpg(va); if (flush->all) reload_cr3();`
     */
    void (*tlb_flush)(void *context, const struct quire_flush *flush);

    /* Makes this page table the one the processor uses. Called by quire_table_activate() only.
     * Example: `write_cr3(root.at)`. May be NULL where nothing is ever activated. */
    void (*activate)(void *context, quire_pa root, uint16_t asid);

    /* Sees every event (quire/event.h), in order; NULL: none. Must not call the core. */
    void (*event)(void *context, const struct quire_event *event);
};

#endif
