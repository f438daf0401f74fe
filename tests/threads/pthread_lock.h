/* The core's locks as POSIX mutexes, for the tests with threads: see quire/lock.h. */
#ifndef THREADS_PTHREAD_LOCK_H
#define THREADS_PTHREAD_LOCK_H

#include <pthread.h>

struct quire_lock {
    pthread_mutex_t mutex;
    unsigned class_;
};

/* Defined by the test: is the order kept? */
void lock_taken(unsigned class_);
void lock_given_back(unsigned class_);

static inline void quire_lock_init(struct quire_lock *lock, enum quire_lock_class class_)
{
    pthread_mutex_init(&lock->mutex, (void *)0);
    lock->class_ = (unsigned)class_;
}

static inline void quire_lock_acquire(struct quire_lock *lock)
{
    lock_taken(lock->class_);
    pthread_mutex_lock(&lock->mutex);
}

static inline void quire_lock_release(struct quire_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
    lock_given_back(lock->class_);
}

#endif
