/*
 * Locks: yours, if you want the core to take them.
 *
 * By default there are none, and the caller lets one thread at a time work on a system and all that
 * belongs to it. With
 *
 *     cc -DQUIRE_LOCK_HEADER='"my_lock.h"' ...
 *
 * for the core and everybody who includes its headers, the functions of space.h, object.h and
 * advice.h, quire_validate() and quire_system_tick() lock the system themselves. my_lock.h defines
 * what is below the #else here: a structure and three functions.
 *
 * A lock has a class, by which a host can check its order: a lock is only taken while those held
 * are of lower classes. The core holds one lock at a time. While it is held the host's hooks are
 * called (memory windows, TLB flushes, transfers, events): these may take locks of the host's own,
 * which come after it in the order; threads that hold such a lock do not call the core.
 *
 *     QUIRE_LOCK_SYSTEM   a system: its spaces, objects, frames, swap slots and policy
 */
#ifndef QUIRE_LOCK_H
#define QUIRE_LOCK_H

enum quire_lock_class { QUIRE_LOCK_SYSTEM, QUIRE_LOCK_CLASSES };

#ifdef QUIRE_LOCK_HEADER
#include QUIRE_LOCK_HEADER /* the host's */
#else

struct quire_lock {
    char none;
};

static inline void quire_lock_init(struct quire_lock *lock, enum quire_lock_class class_)
{
    (void)class_;
    lock->none = 0;
}

static inline void quire_lock_acquire(struct quire_lock *lock)
{
    (void)lock;
}

static inline void quire_lock_release(struct quire_lock *lock)
{
    (void)lock;
}

#endif
#endif
