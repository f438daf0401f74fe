/* The size of a supplement: one is built, in frames that are there for nothing else. */
#include "supplement_size.h"

#include <stdlib.h>
#include <string.h>

#include "lazy.h"

static unsigned vpn_bits_of(const struct quire_format *format)
{
    return format->va_bits - quire_format_page_shift(format);
}

unsigned supplement_hash_entry(unsigned vpn_bits)
{
    return (vpn_bits <= 32 ? 4 : 8) + SUPPLEMENT_RECORD;
}

uint64_t supplement_hash_entries(uint64_t pages)
{
    uint64_t entries = SUPPLEMENT_HASH_FIRST;

    while (pages > entries / 4 * 3) {
        entries *= 2;
    }
    return entries;
}

unsigned supplement_nodes(const struct quire_format *format, const struct address_range *range,
                          size_t ranges, uint64_t nodes[QUIRE_SUPPLEMENT_LEVELS_MAX])
{
    unsigned shift = quire_format_page_shift(format);
    unsigned node_bits = shift - 2;
    unsigned levels = (vpn_bits_of(format) + node_bits - 1) / node_bits;

    levels = levels == 0 ? 1 : levels;
    if (levels > QUIRE_SUPPLEMENT_LEVELS_MAX) {
        return 0;
    }
    nodes[0] = 1;
    for (unsigned level = 1; level < levels; level++) {
        nodes[level] = ranges_touch(range, ranges, shift + (levels - level) * node_bits);
    }
    return levels;
}

/* ---- building it ----------------------------------------------------------------------------- */

bool supplement_memory_open(struct supplement_memory *memory, uint32_t frames, unsigned page_shift)
{
    uint64_t bytes = (uint64_t)frames << page_shift;
    size_t state_bytes = quire_frames_size(frames);

    memset(memory, 0, sizeof(*memory));
    memory->state = malloc(state_bytes);
    memory->host.frames = &memory->frames;
    memory->host.memory.direct = lazy_alloc(bytes);
    memory->host.memory.bytes = bytes;
    if (memory->state == NULL || memory->host.memory.direct == NULL ||
        quire_frames_init(&memory->frames, memory->state, state_bytes, quire_pfn_of(0), frames,
                          page_shift) != QUIRE_OK) {
        supplement_memory_close(memory);
        return false;
    }
    return quire_frames_release(&memory->frames, quire_pfn_of(0), frames) == QUIRE_OK;
}

void supplement_memory_close(struct supplement_memory *memory)
{
    lazy_free(memory->host.memory.direct, memory->host.memory.bytes);
    free(memory->state);
}

/* Touches one page. What is missing on its path is the lower end of it: so many levels got a node
 * more. */
static enum quire_status touch(struct quire_supplement *supplement, uint64_t vpn,
                               struct supplement_size *size)
{
    struct quire_record record = {QUIRE_RECORD_FRAME, false,
                                  (uint32_t)size->pages & (QUIRE_RECORD_NUMBERS - 1)};
    uint32_t before = supplement->nodes;
    enum quire_status status = quire_supplement_reserve(supplement, vpn);

    if (status == QUIRE_OK) {
        quire_supplement_set(supplement, vpn, record);
        size->pages++;
        for (uint32_t made = supplement->nodes - before; made != 0; made--) {
            size->nodes[size->levels - made]++;
        }
    }
    return status;
}

static enum quire_status build(struct quire_supplement *supplement,
                               const struct address_range *range, size_t ranges,
                               struct supplement_size *size)
{
    unsigned shift = supplement->host->frames->page_shift;
    enum quire_status status = QUIRE_OK;

    size->levels = supplement->levels;
    size->nodes[0] = supplement->nodes;
    for (size_t i = 0; i < ranges; i++) {
        uint64_t vpn = range[i].first >> shift;

        for (; vpn <= range[i].last >> shift && status == QUIRE_OK; vpn++) {
            status = touch(supplement, vpn, size);
        }
    }
    size->radix = quire_supplement_bytes(supplement);
    return status;
}

/* Builds it in memory that holds what was computed, and a frame more. */
static bool build_and_compare(const struct quire_format *format, const struct address_range *range,
                              size_t ranges, const uint64_t *computed, uint64_t nodes,
                              struct supplement_size *size, struct problem *problem)
{
    struct quire_supplement supplement;
    struct supplement_memory memory;
    enum quire_status status;

    if (!supplement_memory_open(&memory, (uint32_t)nodes + 1, quire_format_page_shift(format))) {
        return problem_set(problem, "%s: no memory for a supplement of %s frames", format->name,
                           grouped(nodes).text);
    }
    status = quire_supplement_create(&supplement, &memory.host, vpn_bits_of(format));
    if (status == QUIRE_OK) {
        status = build(&supplement, range, ranges, size);
        quire_supplement_destroy(&supplement);
    }
    supplement_memory_close(&memory);
    if (status != QUIRE_OK || memcmp(size->nodes, computed, sizeof(size->nodes)) != 0) {
        return problem_set(problem, "%s: the supplement as built is not as computed: %s",
                           format->name, quire_status_text(status));
    }
    return true;
}

bool supplement_size(const struct quire_format *format, struct address_range *range, size_t ranges,
                     struct supplement_size *size, struct problem *problem)
{
    uint64_t computed[QUIRE_SUPPLEMENT_LEVELS_MAX] = {0};
    size_t count = ranges_tidy(format, range, ranges);
    unsigned levels = supplement_nodes(format, range, count, computed);
    unsigned shift = quire_format_page_shift(format);
    unsigned vpn_bits = vpn_bits_of(format);
    uint64_t nodes = 0;

    if (levels == 0) {
        return problem_set(problem, "%s: a supplement of at most %d levels cannot have 2^%u pages",
                           format->name, QUIRE_SUPPLEMENT_LEVELS_MAX, vpn_bits);
    }
    for (unsigned level = 0; level < levels; level++) {
        nodes += computed[level]; /* each below 2^61: ranges are few, or come from a trace */
    }
    if (nodes > SUPPLEMENT_BYTES_MAX >> shift) {
        return problem_set(problem, "%s: %s pages take a supplement of more than %s", format->name,
                           grouped(ranges_touch(range, count, shift)).text,
                           size_text(SUPPLEMENT_BYTES_MAX).text);
    }
    *size = (struct supplement_size){.pages = 0};
    if (!build_and_compare(format, range, count, computed, nodes, size, problem)) {
        return false;
    }
    size->hash_entries = supplement_hash_entries(size->pages);
    size->hash = size->hash_entries * supplement_hash_entry(vpn_bits);
    size->hash_growing =
        size->hash_entries > SUPPLEMENT_HASH_FIRST ? size->hash + size->hash / 2 : size->hash;
    size->linear = (uint64_t)SUPPLEMENT_RECORD << vpn_bits;
    return true;
}
