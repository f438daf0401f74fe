/*
 * The functions that hosts call: each locks the system and does its work.
 *
 * What they do is told in the public headers, and done in the files of this directory by functions
 * of the same names with "locked" in them, which call each other freely.
 */
#include "quire/advice.h"
#include "quire/limit.h"

#include "locked.h"

enum quire_status quire_space_create(struct quire_space *space, struct quire_system *system,
                                     const struct quire_format *format, uint16_t id)
{
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_create(space, system, format, id);
    quire_lock_release(&system->lock);
    return status;
}

void quire_space_destroy(struct quire_space *space)
{
    struct quire_system *system = space->system;

    quire_lock_acquire(&system->lock);
    quire_locked_space_destroy(space);
    quire_lock_release(&system->lock);
}

enum quire_status quire_space_map(struct quire_space *space, const struct quire_region_spec *spec)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_map(space, spec);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_unmap(struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_unmap(space, va, bytes);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_protect(struct quire_space *space, quire_va va, uint64_t bytes,
                                      unsigned prot)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_protect(space, va, bytes, prot);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_fork(struct quire_space *child, struct quire_space *parent,
                                   uint16_t id)
{
    struct quire_system *system = parent->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_fork(child, parent, id);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_discard(struct quire_space *space, quire_va va, uint64_t bytes)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_discard(space, va, bytes);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_wire(struct quire_space *space, quire_va va, unsigned access,
                                   struct quire_request *request)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_wire(space, va, access, request);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_unwire(struct quire_space *space, quire_va va)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_unwire(space, va);
    quire_lock_release(&system->lock);
    return status;
}

uint32_t quire_space_working_set(struct quire_space *space)
{
    struct quire_system *system = space->system;
    uint32_t pages;

    quire_lock_acquire(&system->lock);
    pages = quire_locked_space_working_set(space);
    quire_lock_release(&system->lock);
    return pages;
}

enum quire_status quire_space_fault(struct quire_space *space, quire_va va, unsigned access,
                                    struct quire_request *request)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_fault(space, va, access, request);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_resume(struct quire_request *request)
{
    struct quire_system *system = request->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_resume(request);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_advise(struct quire_space *space, quire_va va, uint64_t bytes,
                                     enum quire_advice advice)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_advise(space, va, bytes, advice);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_prefetch(struct quire_space *space, quire_va va, uint64_t bytes,
                                       uint64_t *done, struct quire_request *request)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_prefetch(space, va, bytes, done, request);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_space_limit(struct quire_space *space, uint32_t pages,
                                    const struct quire_policy_ops *policy, void *state,
                                    size_t state_bytes)
{
    struct quire_system *system = space->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_space_limit(space, pages, policy, state, state_bytes);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_system_reclaim(struct quire_system *system, struct quire_request *request)
{
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_system_reclaim(system, request);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_object_create(struct quire_object *object, struct quire_system *system,
                                      const struct quire_device *device, uint64_t bytes)
{
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_object_create(object, system, device, bytes);
    quire_lock_release(&system->lock);
    return status;
}

void quire_object_destroy(struct quire_object *object)
{
    struct quire_system *system = object->system;

    quire_lock_acquire(&system->lock);
    quire_locked_object_destroy(object);
    quire_lock_release(&system->lock);
}

enum quire_status quire_object_sync(struct quire_object *object, uint64_t *next,
                                    struct quire_request *request)
{
    struct quire_system *system = object->system;
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_object_sync(object, next, request);
    quire_lock_release(&system->lock);
    return status;
}

enum quire_status quire_validate(struct quire_system *system, struct quire_space *const *spaces,
                                 unsigned count, const char **what)
{
    enum quire_status status;

    quire_lock_acquire(&system->lock);
    status = quire_locked_validate(system, spaces, count, what);
    quire_lock_release(&system->lock);
    return status;
}
