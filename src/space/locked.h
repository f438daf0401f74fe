/*
 * What the public functions of space.h, object.h and advice.h do once the system is locked.
 * => the system's lock is held
 */
#ifndef QUIRE_SPACE_LOCKED_H
#define QUIRE_SPACE_LOCKED_H

#include "quire/space.h"

enum quire_status quire_locked_space_create(struct quire_space *space, struct quire_system *system,
                                            const struct quire_format *format, uint16_t id);
void quire_locked_space_destroy(struct quire_space *space);
enum quire_status quire_locked_space_map(struct quire_space *space,
                                         const struct quire_region_spec *spec);
enum quire_status quire_locked_space_unmap(struct quire_space *space, quire_va va, uint64_t bytes);
enum quire_status quire_locked_space_protect(struct quire_space *space, quire_va va, uint64_t bytes,
                                             unsigned prot);
enum quire_status quire_locked_space_fork(struct quire_space *child, struct quire_space *parent,
                                          uint16_t id);
enum quire_status quire_locked_space_discard(struct quire_space *space, quire_va va,
                                             uint64_t bytes);
enum quire_status quire_locked_space_wire(struct quire_space *space, quire_va va, unsigned access,
                                          struct quire_request *request);
enum quire_status quire_locked_space_unwire(struct quire_space *space, quire_va va);
uint32_t quire_locked_space_working_set(struct quire_space *space);
enum quire_status quire_locked_space_fault(struct quire_space *space, quire_va va, unsigned access,
                                           struct quire_request *request);
enum quire_status quire_locked_space_resume(struct quire_request *request);
enum quire_status quire_locked_space_advise(struct quire_space *space, quire_va va, uint64_t bytes,
                                            enum quire_advice advice);
enum quire_status quire_locked_space_prefetch(struct quire_space *space, quire_va va,
                                              uint64_t bytes, uint64_t *done,
                                              struct quire_request *request);
enum quire_status quire_locked_space_limit(struct quire_space *space, uint32_t pages,
                                           const struct quire_policy_ops *policy, void *state,
                                           size_t state_bytes);
enum quire_status quire_locked_system_reclaim(struct quire_system *system,
                                              struct quire_request *request);
enum quire_status quire_locked_object_create(struct quire_object *object,
                                             struct quire_system *system,
                                             const struct quire_device *device, uint64_t bytes);
void quire_locked_object_destroy(struct quire_object *object);
enum quire_status quire_locked_object_sync(struct quire_object *object, uint64_t *next,
                                           struct quire_request *request);
enum quire_status quire_locked_validate(struct quire_system *system,
                                        struct quire_space *const *spaces, unsigned count,
                                        const char **what);

#endif
