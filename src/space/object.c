/* Memory objects: their making, their end, and writing them back. */
#include "quire/object.h"

#include "internal.h"

static unsigned bits_for(uint64_t pages)
{
    unsigned bits = 1;

    while ((pages - 1) >> bits != 0) {
        bits++;
    }
    return bits;
}

enum quire_status quire_locked_object_create(struct quire_object *object,
                                             struct quire_system *system,
                                             const struct quire_device *device, uint64_t bytes)
{
    enum quire_status status;

    if (bytes == 0) {
        return QUIRE_INVALID;
    }
    *object = (struct quire_object){.system = system, .bytes = bytes};
    if (device != NULL) {
        object->device = *device;
    }
    status = quire_supplement_create(&object->pages, system->host, bits_for(object_pages(object)));
    if (status != QUIRE_OK) {
        return status;
    }
    if (object->device.transfer == NULL) {
        status = quire_commit_charge(system, object_pages(object));
    }
    if (status != QUIRE_OK) {
        quire_supplement_destroy(&object->pages);
        return status;
    }
    object->id = system->next_object_id++;
    object->next = system->objects;
    if (object->next != NULL) {
        object->next->prev = object;
    }
    system->objects = object;
    return QUIRE_OK;
}

static void free_page(struct quire_object *object, struct quire_record record)
{
    struct quire_system *system = object->system;
    quire_pfn pfn = quire_pfn_of(record.number);

    if (record.kind == QUIRE_RECORD_FRAME) {
        quire_page_unlist(system, pfn);
        quire_page_drop_slot(system, page_of(system, pfn));
        quire_page_clear(system, pfn);
        quire_frames_unref(system->host->frames, pfn);
    } else if (record.kind == QUIRE_RECORD_SWAP) {
        quire_swap_unref(&system->swap, quire_slot_of(record.number));
    }
}

void quire_locked_object_destroy(struct quire_object *object)
{
    struct quire_system *system = object->system;
    uint64_t end = UINT64_C(1) << object->pages.vpn_bits;
    struct quire_record record;

    for (uint64_t i = 0; quire_supplement_next(&object->pages, &i, end, &record); i++) {
        free_page(object, record);
    }
    if (object->device.transfer == NULL) {
        system->committed -= object_pages(object);
    }
    quire_supplement_destroy(&object->pages);
    if (object->prev != NULL) {
        object->prev->next = object->next;
    } else {
        system->objects = object->next;
    }
    if (object->next != NULL) {
        object->next->prev = object->prev;
    }
}

enum quire_status quire_locked_object_sync(struct quire_object *object, uint64_t *next,
                                           struct quire_request *request)
{
    uint64_t end = UINT64_C(1) << object->pages.vpn_bits;
    enum quire_status status = QUIRE_OK;
    struct quire_record record;

    if (object->device.transfer == NULL) {
        return QUIRE_OK;
    }
    request->system = object->system;
    request->space = NULL;
    while (quire_supplement_next(&object->pages, next, end, &record)) {
        if (record.kind == QUIRE_RECORD_GOING) {
            return QUIRE_BUSY; /* one that is COMING nobody can have written yet */
        }
        if (record.kind == QUIRE_RECORD_FRAME) {
            status = quire_write_back(object->system, request, quire_pfn_of(record.number));
        }
        if (status != QUIRE_OK) {
            return status;
        }
        ++*next;
    }
    return QUIRE_OK;
}
