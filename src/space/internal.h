/* What the files of src/space share. */
#ifndef QUIRE_SPACE_INTERNAL_H
#define QUIRE_SPACE_INTERNAL_H

#include "quire/pte.h"
#include "quire/space.h"

#include "locked.h"

static inline uint64_t space_page_bytes(const struct quire_space *space)
{
    return quire_format_page_bytes(space->table.format);
}

static inline uint64_t space_vpn(const struct quire_space *space, quire_va va)
{
    const struct quire_format *format = space->table.format;

    return (va.at & quire_ones(format->va_bits)) >> quire_format_page_shift(format);
}

static inline struct quire_page *page_of(struct quire_system *system, quire_pfn pfn)
{
    return &system->page[pfn.n - system->first];
}

static inline quire_pa frame_pa(const struct quire_system *system, quire_pfn pfn)
{
    return quire_pfn_pa(pfn, system->host->frames->page_shift);
}

static inline uint64_t frame_bytes(const struct quire_system *system)
{
    return UINT64_C(1) << system->host->frames->page_shift;
}

static inline struct quire_record record_of(enum quire_record_kind kind, uint32_t number)
{
    struct quire_record record = {(uint8_t)kind, false, number};
    return record;
}

/* In transit: a request owns the page for now. */
static inline bool record_moving(struct quire_record record)
{
    return record.kind == QUIRE_RECORD_COMING || record.kind == QUIRE_RECORD_GOING;
}

/* In frame `number`, be it in transit. */
static inline bool record_in_frame(struct quire_record record)
{
    return record.kind == QUIRE_RECORD_FRAME || record_moving(record);
}

/* Counts an event and tells the host's listener. */
void quire_space_tell(struct quire_space *space, enum quire_event_kind kind, uint64_t vpn,
                      quire_pfn pfn, quire_slot slot, uint64_t value);

/* quire_supplement_next() for who goes through all records: it remembers where it was. */
bool quire_supplement_go_on(struct quire_supplement *supplement, uint64_t *vpn, uint64_t end,
                            struct quire_record *record);

/* For quire_validate(): are the nodes all there, each of them once, and counted? */
bool quire_supplement_sound(const struct quire_supplement *supplement);

/* May anything be done with a page of this region? If not it is never mapped: there are MMUs that
 * cannot withhold every right. */
static inline bool region_usable(const struct quire_region *region)
{
    return (region->prot & (QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE)) != 0;
}

/* ---- pages: page.c --------------------------------------------------------------------------- */

/* Promises memory for so many pages. QUIRE_NO_SPACE: more than there is, and the system does not
 * overcommit. To be taken back: system->committed -= pages. */
enum quire_status quire_commit_charge(struct quire_system *system, uint64_t pages);

/* Makes an empty frame a page of a space (object NULL) or of an object. */
void quire_page_make(struct quire_system *system, quire_pfn pfn, struct quire_space *space,
                     struct quire_object *object, uint64_t vpn);

/* The record of the page is gone from its frame; the frame is the caller's to free. */
void quire_page_clear(struct quire_system *system, quire_pfn pfn);

/* The number by which the policy knows a page, the same each time it comes in: 16 bits of whose, 48
 * of which. Of an object's page the space does not matter. */
static inline uint64_t page_number(const struct quire_space *space,
                                   const struct quire_object *object, uint64_t vpn)
{
    uint64_t whose = object != NULL ? 0x8000U | object->id : space->id;

    return whose << 48 | vpn;
}

/* Which policy a page is in the hands of. */
static inline struct quire_policy *page_policy(struct quire_system *system,
                                               const struct quire_page *page)
{
    return page->object == NULL && page->space->limit != 0 ? &page->space->policy : &system->policy;
}

/* Ends a space's limit; its pages go back to the system's policy. */
void quire_space_unlimit(struct quire_space *space);

/* Tells the policy of a page, or takes it back. A listed page may be evicted; a wired one is not.
 * */
void quire_page_list(struct quire_system *system, quire_pfn pfn);
void quire_page_unlist(struct quire_system *system, quire_pfn pfn);

/* A page of the space's own that is in no frame is no more: policies need not await it. */
void quire_page_forget(struct quire_space *space, uint64_t vpn);

/* Gives up the copy of a page that is kept in swap, if there is one. */
void quire_page_drop_slot(struct quire_system *system, struct quire_page *page);

/* Does the page go back to its object's device? Else it goes to swap, like anonymous pages. */
static inline bool page_has_device(const struct quire_page *page)
{
    return page->object != NULL && page->object->device.transfer != NULL;
}

/* How many pages an object has. Behind them, private regions show zeros. */
static inline uint64_t object_pages(const struct quire_object *object)
{
    return ((object->bytes - 1) >> object->system->host->frames->page_shift) + 1;
}

/* The object may end inside its page at `offset`, which is in the frame: zeros behind its end. */
void quire_page_clear_past_end(struct quire_system *system, quire_pfn pfn,
                               const struct quire_object *object, uint64_t offset);

/* Remembers in software what the MMU has marked in a leaf; for visitors. context: the system. */
void quire_page_note_marks(void *context, const struct quire_leaf *leaf);

/* The same of a page, wherever it is: which space, which address; of neither if it is nowhere. */
void quire_page_tell(struct quire_system *system, quire_pfn pfn, enum quire_event_kind kind,
                     uint64_t value);

/* ---- who has a page: owners.c ---------------------------------------------------------------- */

/* Goes through the spaces that own an anonymous page, or through all mappings of any page. */
struct owners {
    struct quire_system *system;
    const struct quire_page *page;
    quire_pfn pfn;
    struct quire_space *space, *end; /* anonymous: where in the ring */
    bool begun;
    struct quire_region *region; /* of an object: where in its list */
};

struct owners quire_owners(struct quire_system *system, quire_pfn pfn);

/* The next space in which the page may be mapped, and at which page number. */
bool quire_owners_next(struct owners *owners, struct quire_space **space, uint64_t *vpn);

/* The record of a page, which is the same wherever it is recorded. */
struct quire_record quire_owners_get(struct quire_system *system, quire_pfn pfn);

/* Writes the record of a page in all places where it is recorded; returns in how many. Pages in
 * swap or resident are counted anew. A slot gets one reference for each record beyond the first. */
uint32_t quire_owners_record(struct quire_system *system, quire_pfn pfn,
                             struct quire_record record);

/* Takes a page off the MMU, in every space, and gathers its marks. Commits: afterwards nobody can
 * reach it. */
void quire_owners_unmap(struct quire_system *system, quire_pfn pfn);

/* Has it been accessed? Clears the marks; the caller commits the batch. */
bool quire_owners_used(struct quire_system *system, quire_pfn pfn);

/* Has it been written since it came in, as far as software or any MMU knows? */
bool quire_owners_dirty(struct quire_system *system, quire_pfn pfn);

/* One owner of an anonymous page leaves: the page goes with the last. The frame is freed when the
 * batch is committed. */
void quire_owners_leave(struct quire_space *space, uint64_t vpn, quire_pfn pfn);

/* ---- transfers and eviction: page.c, reclaim.c ----------------------------------------------- */

/* Starts moving one page between a frame and a device, through request->transfer. Answers as the
 * device does; transfer->status is set unless it is QUIRE_PENDING. */
enum quire_status quire_request_transfer(struct quire_system *system, struct quire_request *request,
                                         const struct quire_device *device,
                                         enum quire_direction direction, quire_pfn pfn,
                                         uint64_t offset);

/*
 * Frees one frame by evicting a page (src/space/reclaim.c). QUIRE_OK; QUIRE_PENDING: the page is
 * being written, through request->transfer, and quire_reclaim_written() must follow;
 * QUIRE_NO_MEMORY: no page can be evicted; QUIRE_NO_SPACE: only pages are left that would need a
 * swap slot; QUIRE_BUSY: so it is now, but pages are in transit for other requests; QUIRE_IO_ERROR:
 * the page stays, and nothing is lost.
 */
enum quire_status quire_reclaim(struct quire_system *system, struct quire_request *request);

/* Writes a page of an object back to its device, if it is dirty, and keeps it. Answers as
 * quire_reclaim(), but for QUIRE_NO_MEMORY and QUIRE_NO_SPACE. */
enum quire_status quire_write_back(struct quire_system *system, struct quire_request *request,
                                   quire_pfn pfn);

/* After a pending write: frees the frame; or keeps the page, if that was wanted or the write
 * failed. */
enum quire_status quire_reclaim_written(struct quire_system *system, struct quire_request *request);

/* A frame for a page of the space's own, or of an object (space NULL). QUIRE_NO_MEMORY also when as
 * many pages are resident as may be, in the system or the space. */
enum quire_status quire_take_frame(struct quire_system *system, const struct quire_space *space,
                                   quire_pfn *pfn);

/* ---- mapping a resident page: map.c ---------------------------------------------------------- */

/* Puts a resident page of the space's own, or of the region's object, into the page table, with the
 * rights that it may have now. QUIRE_NO_MEMORY: no frame for a table; nothing changed. */
enum quire_status quire_map_resident(struct quire_space *space, const struct quire_region *region,
                                     uint64_t vpn, quire_pfn pfn, unsigned access);

/* Maps all of a region that is fixed, or inherited from that table; others: nothing. Statuses as
 * quire_table_map() and quire_table_inherit(); nothing changed. */
enum quire_status quire_map_at_once(struct quire_space *space, const struct quire_region *region,
                                    const struct quire_table *from);

/* Forgets what TLBs know of one page. */
void quire_flush_page(struct quire_space *space, quire_va va);

/* A frame with a copy of `from`, to be the space's own page vpn; it is not recorded yet. */
enum quire_status quire_make_copy(struct quire_space *space, uint64_t vpn, quire_pfn from,
                                  quire_pfn *to);

/* From now on the space has that page. => a record can be set */
void quire_adopt_copy(struct quire_space *space, uint64_t vpn, quire_pfn to);

/* Gives the space a copy of the page in frame `from`, as its own page vpn, and maps it. The frame
 * `from` is left to its other owners. QUIRE_NO_MEMORY: as above. */
enum quire_status quire_copy_page(struct quire_space *space, const struct quire_region *region,
                                  uint64_t vpn, quire_pfn from);

/* Can the MMU of this space withhold the right to write? */
static inline bool space_can_protect(const struct quire_space *space)
{
    return space->table.format->leaf.write.mask != 0;
}

/* Can the MMU tell of a write at all: by a dirty bit, or by faulting on the first one? */
static inline bool space_tells_writes(const struct quire_space *space)
{
    return space->table.format->leaf.dirty.mask != 0 || space_can_protect(space);
}

/* The number, in its object, of the page at vpn. */
uint64_t quire_region_index(const struct quire_region *region, uint64_t vpn);

/* What became of that page of the object. Behind the object's end, and without one: ZERO. */
struct quire_record quire_region_lower(const struct quire_region *region, uint64_t vpn);

/* ---- advice: advice.c ------------------------------------------------------------------------ */

/* The request's page was read from a device: which ones to read next? */
void quire_advice_note_read(struct quire_request *request);

/* Maps the pages near vpn that are in frames already, so that they need no fault of their own. */
void quire_map_around(struct quire_space *space, const struct quire_region *region, uint64_t vpn);

/* As quire_space_fault(), for a page that nobody has touched yet: not counted, not told. */
enum quire_status quire_request_prefetch(struct quire_space *space, quire_va va, unsigned access,
                                         struct quire_request *request);

#endif
