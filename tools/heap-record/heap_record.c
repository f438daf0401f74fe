/*
 * Records what a program asks of its heap, as the text of docs/heap-trace.md: a shared object that
 * is loaded before the C library's own functions. record.sh compiles and uses it.
 *
 * QUIRE_HEAP_TRACE     the file, which must not exist: so programs that the first one starts, which
 *                      inherit all this, record nothing
 * QUIRE_HEAP_TRACE_MAX at most so many lines; then recording ends, and the trace is a beginning
 *
 * Only calls that succeeded are written. Blocks are numbered from 0, a number that became free is
 * used again. Threads are put in an order by one lock. Nothing here asks the heap that it records.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    void *(*malloc)(size_t bytes);
    void *(*calloc)(size_t count, size_t bytes);
    void *(*realloc)(void *block, size_t bytes);
    void (*free)(void *block);
    void *(*aligned_alloc)(size_t align, size_t bytes);
} real;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static uint64_t lines_left = UINT64_MAX;
static char text[1 << 16];
static size_t text_bytes;

/* ---- output ---------------------------------------------------------------------------------- */

static void stop(void)
{
    if (out >= 0) {
        close(out);
    }
    out = -1;
}

static void flush(void)
{
    size_t done = 0;

    while (out >= 0 && done < text_bytes) {
        ssize_t n = write(out, text + done, text_bytes - done);
        if (n <= 0 && errno != EINTR) {
            stop();
        }
        done += n > 0 ? (size_t)n : 0;
    }
    text_bytes = 0;
}

static void put_number(uint64_t number)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
    } while ((number /= 10) != 0);
    text[text_bytes++] = ' ';
    while (n-- > 0) {
        text[text_bytes++] = digits[n];
    }
}

/* A line; numbers are UINT64_MAX from where there are no more. */
static void put_line(char call, uint64_t id, uint64_t second, uint64_t third)
{
    const uint64_t number[] = {id, second, third};

    text[text_bytes++] = call;
    for (unsigned i = 0; i < 3 && number[i] != UINT64_MAX; i++) {
        put_number(number[i]);
    }
    text[text_bytes++] = '\n';
    if (sizeof text - text_bytes < 100 || --lines_left == 0) {
        flush();
    }
    if (lines_left == 0) {
        stop();
    }
}

/* ---- numbers of blocks ----------------------------------------------------------------------- */

/* Open addressing, linear probing; a removed entry is filled by those after it. */
static struct entry {
    const void *block; /* NULL: none */
    uint32_t id;
} * table;
static size_t table_room, table_used;
static uint32_t *free_ids;
static uint32_t free_count, next_id;

static void *pages(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at != MAP_FAILED ? at : NULL;
}

static size_t place_of(const void *block)
{
    return (size_t)((uintptr_t)block / 16 * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table_room - 1);
}

static struct entry *find(const void *block)
{
    size_t at = place_of(block);

    while (table[at].block != NULL && table[at].block != block) {
        at = (at + 1) & (table_room - 1);
    }
    return &table[at];
}

static bool make_room(void)
{
    struct entry *old = table;
    size_t old_room = table_room, room = old_room != 0 ? old_room * 2 : 1 << 16;
    struct entry *larger = pages(room * sizeof *larger);
    uint32_t *ids = pages(room * sizeof *ids);

    if (larger == NULL || ids == NULL) {
        stop();
        return false;
    }
    table = larger;
    table_room = room;
    for (size_t i = 0; i < old_room; i++) {
        if (old[i].block != NULL) {
            *find(old[i].block) = old[i];
        }
    }
    if (old_room != 0) {
        memcpy(ids, free_ids, free_count * sizeof *ids);
        munmap(old, old_room * sizeof *old);
        munmap(free_ids, old_room * sizeof *ids);
    }
    free_ids = ids;
    return true;
}

static bool add(const void *block, uint32_t id)
{
    if (table_used * 2 >= table_room && !make_room()) {
        return false;
    }
    *find(block) = (struct entry){block, id};
    table_used++;
    return true;
}

static void remove_entry(struct entry *entry)
{
    size_t hole = (size_t)(entry - table), at = hole;

    table_used--;
    for (;;) {
        table[hole].block = NULL;
        do {
            at = (at + 1) & (table_room - 1);
            if (table[at].block == NULL) {
                return;
            }
        } while (((at - place_of(table[at].block)) & (table_room - 1)) <
                 ((at - hole) & (table_room - 1)));
        table[hole] = table[at];
        hole = at;
    }
}

/* ---- what is noted --------------------------------------------------------------------------- */

static void note_new(char call, const void *block, uint64_t second, uint64_t third)
{
    uint32_t id;

    pthread_mutex_lock(&lock);
    if (out >= 0 && block != NULL) {
        id = free_count != 0 ? free_ids[--free_count] : next_id++;
        if (add(block, id)) {
            put_line(call, id, second, third);
        }
    }
    pthread_mutex_unlock(&lock);
}

/* Forgets a block that was noted and tells its number; else UINT64_MAX. => locked */
static uint64_t forget(const void *block)
{
    struct entry *entry = out >= 0 && table_room != 0 ? find(block) : NULL;
    uint64_t id = UINT64_MAX;

    if (entry != NULL && entry->block != NULL) {
        id = entry->id;
        remove_entry(entry);
    }
    return id;
}

static void note_free(const void *block)
{
    uint64_t id;

    pthread_mutex_lock(&lock);
    id = forget(block);
    if (id != UINT64_MAX) {
        free_ids[free_count++] = (uint32_t)id;
        put_line('f', id, UINT64_MAX, UINT64_MAX);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the functions that are replaced --------------------------------------------------------- */

/* dlsym() itself may ask for a little memory before the real functions are known. */
static _Alignas(16) char early[1 << 14];
static size_t early_used;

static void *early_alloc(size_t bytes)
{
    size_t at = early_used;

    if (bytes > sizeof early - at) {
        _exit(127);
    }
    early_used += (bytes + 15) / 16 * 16;
    return early + at;
}

static bool is_early(const void *block)
{
    return (uintptr_t)block - (uintptr_t)early < sizeof early;
}

static void find_function(void *pointer, const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    memcpy(pointer, &function, sizeof function);
}

static void in_child(void)
{
    stop();
    pthread_mutex_unlock(&lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void begin(void)
{
    static const char first_line[] = "heap-trace 1\n";
    const char *path = getenv("QUIRE_HEAP_TRACE");
    const char *most = getenv("QUIRE_HEAP_TRACE_MAX");

    find_function(&real.malloc, "malloc");
    find_function(&real.calloc, "calloc");
    find_function(&real.realloc, "realloc");
    find_function(&real.free, "free");
    find_function(&real.aligned_alloc, "aligned_alloc");
    pthread_atfork(before_fork, after_fork, in_child);
    if (path != NULL) {
        lines_left = most != NULL ? strtoull(most, NULL, 10) : UINT64_MAX;
        out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        memcpy(text, first_line, strlen(first_line));
        text_bytes = strlen(first_line);
    }
}

__attribute__((destructor)) static void end(void)
{
    pthread_mutex_lock(&lock);
    flush();
    stop();
    pthread_mutex_unlock(&lock);
}

void *malloc(size_t bytes)
{
    void *block = real.malloc != NULL ? real.malloc(bytes) : early_alloc(bytes);

    note_new('a', block, bytes, UINT64_MAX);
    return block;
}

void *calloc(size_t count, size_t bytes)
{
    void *block = real.calloc != NULL ? real.calloc(count, bytes) : early_alloc(count * bytes);

    note_new('z', block, count * bytes, UINT64_MAX);
    return block;
}

void free(void *block)
{
    if (block != NULL && !is_early(block)) {
        note_free(block); /* first: afterwards another thread may get the same address */
        real.free(block);
    }
}

void *realloc(void *block, size_t bytes)
{
    void *moved;
    uint64_t id;

    if (block == NULL) {
        return malloc(bytes);
    }
    if (is_early(block)) {
        moved = malloc(bytes);
        return moved != NULL ? memcpy(moved, block, bytes < sizeof early ? bytes : 0) : NULL;
    }
    pthread_mutex_lock(&lock);
    moved = real.realloc(block, bytes);
    if (moved != NULL || bytes == 0) {
        id = forget(block);
        if (id != UINT64_MAX && moved != NULL && add(moved, (uint32_t)id)) {
            put_line('r', id, bytes, UINT64_MAX);
        } else if (id != UINT64_MAX) {
            free_ids[free_count++] = (uint32_t)id;
            put_line('f', id, UINT64_MAX, UINT64_MAX);
        }
    }
    pthread_mutex_unlock(&lock);
    return moved;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    void *block = real.aligned_alloc(align, bytes);

    note_new('m', block, align, bytes);
    return block;
}

void *memalign(size_t align, size_t bytes)
{
    return aligned_alloc(align, bytes);
}

int posix_memalign(void **block, size_t align, size_t bytes)
{
    void *at;

    if (align < sizeof(void *) || (align & (align - 1)) != 0) {
        return EINVAL;
    }
    at = aligned_alloc(align, bytes);
    if (at == NULL) {
        return ENOMEM;
    }
    *block = at;
    return 0;
}
