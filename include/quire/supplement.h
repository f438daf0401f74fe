/*
 * The supplemental page table (seed 000): what became of each page of an address space.
 *
 *      root node, one frame, reserved at once        second-level nodes, each when first used
 *      +---+---+---+-- 1 << 10 --+---+               +--------+--------+-- 1 << 10 --+--------+
 *      |   | o |   |             |   |  ---------->  | record | record |             | record |
 *      +---+---+---+-------------+---+               +--------+--------+-------------+--------+
 *
 * The page table says what the MMU may do; this says where a page is when the MMU has nothing. A
 * record is 4 bytes, so a node of one 4 KiB frame holds 1 << 10 of them, and the seed's two levels
 * cover 32 bits. The same shape serves every format: frames of another size make wider or narrower
 * nodes, longer page numbers make more levels. An untouched page costs nothing but its share of a
 * node; page numbers are those of quire_space_vpn().
 *
 * Nodes live in the machine's frames. Caller locks (the address space). No I/O.
 */
#ifndef QUIRE_SUPPLEMENT_H
#define QUIRE_SUPPLEMENT_H

#include "quire/host.h"
#include "quire/status.h"

enum quire_record_kind {
    QUIRE_RECORD_UNTOUCHED = 0, /* never used, or as it is in its object: the region tells which */
    QUIRE_RECORD_ZERO,          /* all zeros, though its object is not, and not in a frame */
    QUIRE_RECORD_FRAME,         /* in frame `number` */
    QUIRE_RECORD_SWAP,          /* in swap slot `number` */
    QUIRE_RECORD_COMING,        /* in transit: being read into frame `number` */
    QUIRE_RECORD_GOING          /* in transit: being written from frame `number` */
};

/* Frames and slots have numbers below this: with 4 KiB pages, 1 TiB of each. */
#define QUIRE_RECORD_NUMBERS (UINT32_C(1) << 28)

struct quire_record {
    uint8_t kind; /* enum quire_record_kind */
    bool shared;  /* copy-on-write: others may own the same frame or slot */
    uint32_t number;
};

enum { QUIRE_SUPPLEMENT_LEVELS_MAX = 16 };

struct quire_supplement {
    const struct quire_host *host; /* frames and memory */
    quire_pfn root;
    uint8_t levels, node_bits, vpn_bits;
    uint32_t nodes;   /* frames in use, the root included */
    quire_pfn leaf;   /* the node of records that was used last, while it is there; or QUIRE_NONE */
    uint64_t leaf_at; /* which one it is: page number >> node_bits */
};

/* The root node. QUIRE_NO_MEMORY; QUIRE_OUT_OF_RANGE: more levels than fit. */
enum quire_status quire_supplement_create(struct quire_supplement *supplement,
                                          const struct quire_host *host, unsigned vpn_bits);

/* Frees all nodes. What the records name (frames, slots) is the caller's business before that. */
void quire_supplement_destroy(struct quire_supplement *supplement);

/* The record of a page; UNTOUCHED where there is no node. => vpn < 1 << vpn_bits */
struct quire_record quire_supplement_get(const struct quire_supplement *supplement, uint64_t vpn);

/* Makes sure that a record can be set without fail. QUIRE_NO_MEMORY: nothing changed. */
enum quire_status quire_supplement_reserve(struct quire_supplement *supplement, uint64_t vpn);

/* => reserved, or a record was set there before */
void quire_supplement_set(struct quire_supplement *supplement, uint64_t vpn,
                          struct quire_record record);

/* Finds the first record in [*vpn, end) that is not UNTOUCHED; false if there is none. */
bool quire_supplement_next(const struct quire_supplement *supplement, uint64_t *vpn, uint64_t end,
                           struct quire_record *record);

/* Frees the nodes that hold nothing but UNTOUCHED records in [first, end). The root stays. */
void quire_supplement_trim(struct quire_supplement *supplement, uint64_t first, uint64_t end);

/* Bytes in use. */
uint64_t quire_supplement_bytes(const struct quire_supplement *supplement);

#endif
