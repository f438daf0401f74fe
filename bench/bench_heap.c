/*
 * The heap against the C library's malloc, and against mimalloc if this machine has it (it is
 * looked for when this runs; Debian: libmimalloc2.0).
 *
 * All are called through the same table of functions. quire's pages come from mmap, go by munmap
 * and are discarded by madvise. Each program touches what it was given as programs do: its first
 * word when it gets a block, and again before it frees it. The last table counts what that costs
 * in pages: the most that were resident at a time, against the bytes that were live then.
 */
#include "bench.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quire/heap.h"
#include "tools/quire/heap_trace.h"

/* ---- allocators ------------------------------------------------------------------------------ */

struct allocator {
    const char *name;
    void *(*alloc)(size_t bytes);
    void *(*zeroed)(size_t count, size_t bytes);
    void *(*aligned)(size_t align, size_t bytes);
    void *(*resize)(void *block, size_t bytes);
    void (*free)(void *block);
};

static struct quire_heap heap;

static void *get_pages(void *context, void *wish, size_t bytes)
{
    void *at = mmap(wish, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)context;
    return at != MAP_FAILED ? at : NULL;
}

static bool give_pages(void *context, void *at, size_t bytes)
{
    (void)context;
    return munmap(at, bytes) == 0;
}

static void discard_pages(void *context, void *at, size_t bytes)
{
    (void)context;
    madvise(at, bytes, MADV_DONTNEED);
}

static void open_heap(void)
{
    const struct quire_heap_options options = {
        .source = {get_pages, give_pages, discard_pages, NULL, 12, true},
        .keep = 4 << 20, /* as suits a machine that runs this */
    };

    if (quire_heap_init(&heap, &options) != QUIRE_OK) {
        fprintf(stderr, "quire: benchmark: no heap\n");
        exit(1);
    }
}

static void *quire_alloc(size_t bytes)
{
    return quire_heap_alloc(&heap, bytes);
}

static void *quire_zeroed(size_t count, size_t bytes)
{
    return quire_heap_calloc(&heap, count, bytes);
}

static void *quire_aligned(size_t align, size_t bytes)
{
    return quire_heap_aligned(&heap, align, bytes);
}

static void *quire_resize(void *block, size_t bytes)
{
    return quire_heap_realloc(&heap, block, bytes);
}

static void quire_free(void *block)
{
    quire_heap_free(&heap, block);
}

enum { LIBRARY, QUIRE, MIMALLOC, ALLOCATORS };

static struct allocator allocators[ALLOCATORS] = {
    {"C library", malloc, calloc, aligned_alloc, realloc, free},
    {"quire_heap", quire_alloc, quire_zeroed, quire_aligned, quire_resize, quire_free},
};
static size_t allocator_count = MIMALLOC;

static void *mi_aligned_first; /* mi_malloc_aligned(bytes, align): the other way round */

static void *mimalloc_aligned(size_t align, size_t bytes)
{
    void *(*function)(size_t, size_t);

    memcpy(&function, &mi_aligned_first, sizeof function);
    return function(bytes, align);
}

static void find_mimalloc(void)
{
    static const char *const name[] = {"mi_malloc", "mi_calloc", "mi_realloc", "mi_free"};
    struct allocator *mi = &allocators[MIMALLOC];
    void *to[] = {&mi->alloc, &mi->zeroed, &mi->resize, &mi->free};
    void *library = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);

    mi_aligned_first = library != NULL ? dlsym(library, "mi_malloc_aligned") : NULL;
    if (mi_aligned_first == NULL) {
        printf("libmimalloc.so.2 is not here: compared to the C library only\n");
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        void *function = dlsym(library, name[i]);
        memcpy(to[i], &function, sizeof function);
    }
    mi->name = "mimalloc";
    mi->aligned = mimalloc_aligned;
    allocator_count = ALLOCATORS;
}

/* ---- programs -------------------------------------------------------------------------------- */

struct block {
    uint64_t *at;
    size_t bytes;
};

struct program {
    const struct allocator *allocator;
    unsigned live;      /* blocks; 0: a trace */
    unsigned steps;     /* of one run */
    size_t least, most; /* bytes of a block: as likely in each doubling, or in all if `even` */
    bool even;
    const struct heap_trace *trace;
    struct block *blocks;
    void (*watch)(struct program *program); /* after each 64th step; NULL: nobody does */
    size_t live_bytes;
};

static size_t some_size(const struct program *p, uint64_t random)
{
    uint64_t span = p->most - p->least + 1;

    if (!p->even) {
        unsigned doublings = 0;
        while (p->least << doublings < p->most) {
            doublings++;
        }
        span = p->least << (random >> 56) % doublings;
        return span + (random >> 20) % span;
    }
    return p->least + (random >> 20) % span;
}

static void touch(struct block *block, void *at, size_t bytes)
{
    block->at = at;
    block->bytes = bytes;
    if (bytes >= sizeof *block->at) {
        *block->at = bytes;
    }
}

static void drop(struct program *p, struct block *block)
{
    if (block->at != NULL && block->bytes >= sizeof *block->at) {
        bench_keep(*block->at);
    }
    p->allocator->free(block->at);
    p->live_bytes -= block->bytes;
    *block = (struct block){NULL, 0};
}

/* Any block goes, another comes. */
static uint64_t churn(void *context)
{
    struct program *p = context;
    uint64_t seed = 1;

    for (unsigned i = 0; i < p->steps; i++) {
        uint64_t random = bench_random(&seed);
        struct block *block = &p->blocks[(random & 0xfffff) % p->live];
        size_t bytes = some_size(p, random);

        drop(p, block);
        touch(block, p->allocator->alloc(bytes), bytes);
        p->live_bytes += bytes;
        if (p->watch != NULL && i % 64 == 0) {
            p->watch(p);
        }
    }
    return p->steps;
}

static void drop_all(struct program *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        drop(p, &p->blocks[i]);
    }
}

static void *take(const struct program *p, const struct heap_step *step, void *before)
{
    const struct allocator *a = p->allocator;
    size_t bytes = (size_t)step->bytes;

    switch (step->call) {
    case HEAP_CALL_ZEROED: return a->zeroed(1, bytes);
    case HEAP_CALL_ALIGNED: return a->aligned((size_t)1 << step->align_shift, bytes);
    case HEAP_CALL_REALLOC: return a->resize(before, bytes);
    default: return a->alloc(bytes);
    }
}

static uint64_t replay(void *context)
{
    struct program *p = context;

    for (size_t i = 0; i < p->trace->count; i++) {
        const struct heap_step *step = &p->trace->steps[i];
        struct block *block = &p->blocks[step->id];

        if (step->call == HEAP_CALL_FREE) {
            drop(p, block);
        } else {
            p->live_bytes += (size_t)step->bytes - block->bytes;
            touch(block, take(p, step, block->at), (size_t)step->bytes);
        }
        if (p->watch != NULL && i % 64 == 0) {
            p->watch(p);
        }
    }
    drop_all(p, p->trace->ids);
    return p->trace->count;
}

/* Arrays of unknown length: by turns they grow by half; one that is large enough goes, and another
 * begins. */
static uint64_t grow(void *context)
{
    struct program *p = context;

    for (unsigned i = 0; i < p->steps; i++) {
        struct block *block = &p->blocks[i % p->live];
        size_t bytes = block->bytes + block->bytes / 2;

        if (block->at == NULL || bytes > p->most) {
            drop(p, block);
            bytes = i < p->live ? p->least << i % 14 : p->least; /* not all end together */
        }
        p->live_bytes += bytes - block->bytes;
        touch(block, p->allocator->resize(block->at, bytes), bytes);
        if (p->watch != NULL && i % 64 == 0) {
            p->watch(p);
        }
    }
    return p->steps;
}

static void start(void *context)
{
    struct program *p = context;
    uint64_t seed = 7;

    for (unsigned i = 0; i < p->live; i++) {
        size_t bytes = some_size(p, bench_random(&seed));
        drop(p, &p->blocks[i]);
        touch(&p->blocks[i], p->allocator->alloc(bytes), bytes);
        p->live_bytes += bytes;
    }
}

/* ---- speed ----------------------------------------------------------------------------------- */

enum { BLOCKS_MAX = 1 << 16 };

/* Not from malloc: what it learns from large blocks that are freed would count. */
static struct block blocks[ALLOCATORS][BLOCKS_MAX];

static void compare(const char *title, struct program program, uint64_t (*run)(void *),
                    void (*prepare)(void *))
{
    struct program each[ALLOCATORS];
    struct bench_case cases[ALLOCATORS];

    for (size_t i = 0; i < allocator_count; i++) {
        each[i] = program;
        each[i].allocator = &allocators[i];
        each[i].blocks = blocks[i];
        cases[i] = (struct bench_case){allocators[i].name, run, prepare, &each[i]};
    }
    bench_group(title, BENCH_MILLION, run == churn ? "pair" : "call", cases, allocator_count);
    for (size_t i = 0; i < allocator_count; i++) {
        drop_all(&each[i], BLOCKS_MAX);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct memory {
    size_t start, touched, live; /* bytes: resident at first, the most more, the most live */
};

static struct memory memory;

static size_t resident(void)
{
    static char text[64];
    int file = open("/proc/self/statm", O_RDONLY);
    ssize_t n = read(file, text, sizeof text - 1);
    unsigned long all = 0, pages = 0;

    close(file);
    text[n > 0 ? n : 0] = '\0';
    sscanf(text, "%lu %lu", &all, &pages);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void watch(struct program *p)
{
    size_t now = resident();

    memory.touched = now - memory.start > memory.touched ? now - memory.start : memory.touched;
    memory.live = p->live_bytes > memory.live ? p->live_bytes : memory.live;
}

/* In a process of its own; *result is what it writes into a pipe. */
static void measure(struct program program, uint64_t (*run)(void *), struct memory *result)
{
    int ends[2];

    *result = (struct memory){0, 0, 0};
    fflush(stdout);
    if (pipe(ends) != 0) {
        return;
    }
    if (fork() == 0) {
        program.blocks = blocks[0];
        memset(blocks, 0, sizeof blocks);
        malloc_trim(0); /* what was freed so far shall not serve the program */
        watch(&program);
        memory = (struct memory){.start = resident()};
        program.watch = watch;
        if (run == churn) {
            start(&program);
        }
        run(&program);
        _exit(write(ends[1], &memory, sizeof memory) != sizeof memory);
    }
    close(ends[1]);
    if (read(ends[0], result, sizeof *result) != sizeof *result) {
        fprintf(stderr, "quire: benchmark: a process did not end well\n");
        exit(1);
    }
    close(ends[0]);
    wait(NULL);
}

static void print_memory(const char *title, struct program program, uint64_t (*run)(void *))
{
    struct memory result[ALLOCATORS];

    for (size_t i = 0; i < allocator_count; i++) {
        program.allocator = &allocators[i];
        measure(program, run, &result[i]);
    }
    printf("  %-32s %7zu", title, result[LIBRARY].live / 1024);
    for (size_t i = 0; i < allocator_count; i++) {
        printf("  %7zu (%.2f)", result[i].touched / 1024,
               (double)result[i].touched / (double)result[i].live);
    }
    printf("\n");
}

/* ---- groups ---------------------------------------------------------------------------------- */

static const struct group {
    const char *title;
    struct program program;
    uint64_t (*run)(void *context);
    bool memory; /* is it in the last table? */
} groups[] = {
    {"one block of 64 bytes",
     {.live = 1, .steps = 1000000, .least = 64, .most = 64, .even = true},
     churn,
     false},
    {"16 to 1,024 bytes, 10,000 live",
     {.live = 10000, .steps = 400000, .least = 16, .most = 1024, .even = true},
     churn,
     true},
    {"16 to 128 bytes, 50,000 live",
     {.live = 50000, .steps = 400000, .least = 16, .most = 128, .even = true},
     churn,
     true},
    {"8 bytes to 64 KiB, 2,000 live",
     {.live = 2000, .steps = 100000, .least = 8, .most = 65536},
     churn,
     true},
    {"16 to 1,024 bytes, 100 live",
     {.live = 100, .steps = 400000, .least = 16, .most = 1024, .even = true},
     churn,
     true},
    {"64 arrays grow to 256 KiB",
     {.live = 64, .steps = 20000, .least = 16, .most = 262144},
     grow,
     true},
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

static const char *const traces[] = {"cc1", "perl", "sqlite3"};
enum { TRACES = sizeof traces / sizeof traces[0] };

static void read_trace(const char *name, struct heap_trace *trace)
{
    struct problem problem;
    char path[80];

    snprintf(path, sizeof path, "examples/heap/%s.heap", name);
    if (!heap_trace_read(trace, path, &problem) || trace->ids > BLOCKS_MAX) {
        fprintf(stderr, "quire: benchmark: %s\n", problem.text);
        exit(1);
    }
}

int main(void)
{
    struct heap_trace trace[TRACES];

    open_heap();
    find_mimalloc();
    for (unsigned i = 0; i < TRACES; i++) {
        read_trace(traces[i], &trace[i]);
    }
    printf("%-34s %7s", "most KiB touched (for each live)", "live");
    for (size_t i = 0; i < allocator_count; i++) {
        printf("  %14s", allocators[i].name);
    }
    printf("\n");
    for (unsigned i = 0; i < GROUPS; i++) {
        if (groups[i].memory) {
            print_memory(groups[i].title, groups[i].program, groups[i].run);
        }
    }
    for (unsigned i = 0; i < TRACES; i++) {
        print_memory(traces[i], (struct program){.trace = &trace[i]}, replay);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        compare(groups[i].title, groups[i].program, groups[i].run,
                groups[i].run == churn ? start : NULL);
    }
    for (unsigned i = 0; i < TRACES; i++) {
        compare(traces[i], (struct program){.trace = &trace[i]}, replay, NULL);
    }
    return 0;
}
