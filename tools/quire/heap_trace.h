/* What a program asked of its heap, in order: the text of docs/heap-trace.md. */
#ifndef QUIRE_TOOLS_HEAP_TRACE_H
#define QUIRE_TOOLS_HEAP_TRACE_H

#include "output.h"

enum heap_call {
    HEAP_CALL_ALLOC = 'a',
    HEAP_CALL_ZEROED = 'z',
    HEAP_CALL_ALIGNED = 'm',
    HEAP_CALL_REALLOC = 'r',
    HEAP_CALL_FREE = 'f'
};

struct heap_step {
    char call;           /* enum heap_call */
    uint8_t align_shift; /* aligned only */
    uint32_t id;         /* of the block; not of another live one */
    uint64_t bytes;      /* but for free */
};

struct heap_trace {
    struct heap_step *steps;
    size_t count;
    uint32_t ids; /* all are below this */
};

enum { HEAP_TRACE_IDS = 1 << 24 };

/* Reads a file. false: it cannot be read, or is not such a trace; the problem says where. What is
 * read is sound: only live blocks are resized or freed. */
bool heap_trace_read(struct heap_trace *trace, const char *path, struct problem *problem);

void heap_trace_free(struct heap_trace *trace);

#endif
