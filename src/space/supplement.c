/* The supplemental page table: a radix tree of one-frame nodes. */
#include "quire/supplement.h"

#include "../bytes.h"
#include "internal.h"
#include "quire/frames.h"

/*
 * A record is one word:   31  29 28      27                    0
 *                         | kind | shared | frame or slot      |
 *
 * An entry of an upper node is the number of the node below + 1, or 0.
 */
enum { KIND_SHIFT = 29, SHARED_BIT = 28 };

typedef uint32_t __attribute__((may_alias)) word;

static uint32_t pack(struct quire_record record)
{
    return (uint32_t)record.kind << KIND_SHIFT | (uint32_t)record.shared << SHARED_BIT |
           record.number;
}

static struct quire_record unpack(uint32_t packed)
{
    struct quire_record record = {(uint8_t)(packed >> KIND_SHIFT), (packed >> SHARED_BIT & 1) != 0,
                                  packed & (QUIRE_RECORD_NUMBERS - 1)};
    return record;
}

static uint32_t node_entries(const struct quire_supplement *s)
{
    return UINT32_C(1) << s->node_bits;
}

static uint32_t node_bytes(const struct quire_supplement *s)
{
    return node_entries(s) * (uint32_t)sizeof(word);
}

static word *node_open(const struct quire_supplement *s, quire_pfn pfn)
{
    return quire_memory_at(&s->host->memory, quire_pfn_pa(pfn, s->host->frames->page_shift),
                           node_bytes(s));
}

static void node_close(const struct quire_supplement *s, word *node)
{
    quire_memory_done(&s->host->memory, node, node_bytes(s));
}

/* The index of a page in its node of `level`; level 0 holds the records, the highest is the root.
 * */
static uint32_t index_at(const struct quire_supplement *s, unsigned level, uint64_t vpn)
{
    return (uint32_t)(vpn >> level * s->node_bits) & (node_entries(s) - 1);
}

static enum quire_status node_create(struct quire_supplement *s, quire_pfn *pfn)
{
    enum quire_status status = quire_frames_alloc(s->host->frames, 0, pfn);
    word *node;

    if (status != QUIRE_OK) {
        return status;
    }
    node = node_open(s, *pfn);
    if (node == NULL) {
        quire_frames_unref(s->host->frames, *pfn);
        return QUIRE_OUT_OF_RANGE;
    }
    memset(node, 0, (size_t)node_bytes(s));
    node_close(s, node);
    s->nodes++;
    return QUIRE_OK;
}

static bool is_remembered(const struct quire_supplement *s, uint64_t vpn)
{
    return vpn >> s->node_bits == s->leaf_at;
}

/* Pages next to each other, and one page several times in a row, are mostly what is asked for: one
 * node of records is remembered, as long as it is there. */
static void remember(struct quire_supplement *s, uint64_t vpn, quire_pfn leaf)
{
    s->leaf = leaf;
    s->leaf_at = vpn >> s->node_bits;
}

static void forget(struct quire_supplement *s)
{
    s->leaf = quire_pfn_of(QUIRE_NONE);
    s->leaf_at = UINT64_MAX;
}

enum quire_status quire_supplement_create(struct quire_supplement *s, const struct quire_host *host,
                                          unsigned vpn_bits)
{
    unsigned page_shift = host->frames->page_shift;

    *s = (struct quire_supplement){.host = host, .vpn_bits = (uint8_t)vpn_bits};
    s->node_bits = (uint8_t)(page_shift - 2);
    s->levels = (uint8_t)((vpn_bits + s->node_bits - 1) / s->node_bits);
    if (s->levels == 0) {
        s->levels = 1;
    }
    if (s->levels > QUIRE_SUPPLEMENT_LEVELS_MAX) {
        return QUIRE_OUT_OF_RANGE;
    }
    forget(s);
    return node_create(s, &s->root);
}

/* What the entry of an upper node leads to; QUIRE_NONE: nothing. */
static quire_pfn node_below(const struct quire_supplement *s, quire_pfn above, uint32_t index)
{
    word *node = node_open(s, above);
    quire_pfn at = quire_pfn_of(node[index] - 1);

    node_close(s, node);
    return at;
}

/* Follows the path of a page down to the node of `level`; QUIRE_NONE where it ends before. */
static quire_pfn descend(const struct quire_supplement *s, uint64_t vpn, unsigned level)
{
    quire_pfn at = s->root;

    for (unsigned l = s->levels - 1U; l > level && !quire_pfn_none(at); l--) {
        at = node_below(s, at, index_at(s, l, vpn));
    }
    return at;
}

/* The same; level 0, the node that has the record of the page, may be remembered. */
static quire_pfn find_node(const struct quire_supplement *s, uint64_t vpn, unsigned level)
{
    return level == 0 && is_remembered(s, vpn) ? s->leaf : descend(s, vpn, level);
}

struct quire_record quire_supplement_get(const struct quire_supplement *s, uint64_t vpn)
{
    const struct quire_record untouched = {QUIRE_RECORD_UNTOUCHED, false, 0};
    quire_pfn at = find_node(s, vpn, 0);
    struct quire_record record;
    word *node;

    if (quire_pfn_none(at)) {
        return untouched;
    }
    node = node_open(s, at);
    record = unpack(node[index_at(s, 0, vpn)]);
    node_close(s, node);
    return record;
}

void quire_supplement_set(struct quire_supplement *s, uint64_t vpn, struct quire_record record)
{
    quire_pfn leaf = find_node(s, vpn, 0);
    word *node = node_open(s, leaf);

    node[index_at(s, 0, vpn)] = pack(record);
    node_close(s, node);
    remember(s, vpn, leaf);
}

/* Puts node number + 1, or 0, into the upper node at `above`. */
static void set_pointer(struct quire_supplement *s, quire_pfn above, uint32_t index, uint32_t value)
{
    word *node = node_open(s, above);

    node[index] = value;
    node_close(s, node);
}

static bool node_empty(const struct quire_supplement *s, quire_pfn pfn)
{
    word *node = node_open(s, pfn);
    uint32_t entries = node_entries(s);
    uint32_t i = 0;

    while (i < entries && node[i] == 0) {
        i++;
    }
    node_close(s, node);
    return i == entries;
}

/* Frees the nodes on the way to a page that are empty, from the bottom up. */
static void trim_path(struct quire_supplement *s, uint64_t vpn)
{
    for (unsigned level = 0; level + 1U < s->levels; level++) {
        quire_pfn at = find_node(s, vpn, level);

        if (quire_pfn_none(at)) {
            continue;
        }
        if (!node_empty(s, at)) {
            return;
        }
        set_pointer(s, find_node(s, vpn, level + 1), index_at(s, level + 1, vpn), 0);
        quire_frames_unref(s->host->frames, at);
        s->nodes--;
        if (is_remembered(s, vpn)) {
            forget(s);
        }
    }
}

enum quire_status quire_supplement_reserve(struct quire_supplement *s, uint64_t vpn)
{
    quire_pfn above = s->root;

    if (is_remembered(s, vpn)) {
        return QUIRE_OK;
    }
    for (unsigned level = s->levels - 1U; level-- > 0;) {
        quire_pfn at = node_below(s, above, index_at(s, level + 1, vpn));

        if (quire_pfn_none(at)) {
            enum quire_status status = node_create(s, &at);
            if (status != QUIRE_OK) {
                trim_path(s, vpn);
                return status;
            }
            set_pointer(s, above, index_at(s, level + 1, vpn), at.n + 1);
        }
        above = at;
    }
    remember(s, vpn, above);
    return QUIRE_OK;
}

/* The first page after vpn that does not share its node of `level`. */
static uint64_t after_node(const struct quire_supplement *s, uint64_t vpn, unsigned level)
{
    unsigned shift = (level + 1) * s->node_bits;

    return shift >= 64 ? UINT64_MAX : ((vpn >> shift) + 1) << shift;
}

/* From a page on that has no node below `level`: the first page of the next entry that its node
 * there uses, or of what comes after the node. */
static uint64_t skip_unused(const struct quire_supplement *s, unsigned level, uint64_t vpn)
{
    word *node = node_open(s, find_node(s, vpn, level));
    uint32_t left = node_entries(s) - index_at(s, level, vpn);
    uint32_t unused = 1;

    while (unused < left && node[index_at(s, level, vpn) + unused] == 0) {
        unused++;
    }
    node_close(s, node);
    return after_node(s, vpn, level - 1) + ((uint64_t)(unused - 1) << level * s->node_bits);
}

/* The node of `level` that has the page *vpn, or else the next one, and *vpn is its first page;
 * QUIRE_NONE: there is none below `end`. */
static quire_pfn next_node(const struct quire_supplement *s, unsigned level, uint64_t *vpn,
                           uint64_t end)
{
    while (*vpn < end) {
        unsigned lowest = level;
        quire_pfn at;

        while (quire_pfn_none(at = find_node(s, *vpn, lowest))) {
            lowest++;
        }
        if (lowest == level) {
            return at;
        }
        *vpn = skip_unused(s, lowest, *vpn);
    }
    return quire_pfn_of(QUIRE_NONE);
}

/* The first record of a node, from index *at on and below `end`, that is not UNTOUCHED. */
static bool next_in_node(const struct quire_supplement *s, quire_pfn pfn, uint32_t *at,
                         uint32_t end, struct quire_record *record)
{
    word *node = node_open(s, pfn);

    while (*at < end && node[*at] == 0) {
        ++*at;
    }
    if (*at < end) {
        *record = unpack(node[*at]);
    }
    node_close(s, node);
    return *at < end;
}

/* quire_supplement_next(): the node of the record, or QUIRE_NONE. */
static quire_pfn next_record(const struct quire_supplement *s, uint64_t *vpn, uint64_t end,
                             struct quire_record *record)
{
    while (*vpn < end) {
        quire_pfn leaf = next_node(s, 0, vpn, end);
        uint32_t begin = index_at(s, 0, *vpn), at = begin;
        uint32_t entries = node_entries(s);
        bool found;

        if (quire_pfn_none(leaf)) {
            break;
        }
        if (end - *vpn < entries - begin) {
            entries = begin + (uint32_t)(end - *vpn);
        }
        found = next_in_node(s, leaf, &at, entries, record);
        *vpn += at - begin;
        if (found) {
            return leaf;
        }
    }
    return quire_pfn_of(QUIRE_NONE);
}

bool quire_supplement_next(const struct quire_supplement *s, uint64_t *vpn, uint64_t end,
                           struct quire_record *record)
{
    return !quire_pfn_none(next_record(s, vpn, end, record));
}

bool quire_supplement_go_on(struct quire_supplement *s, uint64_t *vpn, uint64_t end,
                            struct quire_record *record)
{
    quire_pfn leaf = next_record(s, vpn, end, record);

    if (quire_pfn_none(leaf)) {
        return false;
    }
    remember(s, *vpn, leaf);
    return true;
}

void quire_supplement_trim(struct quire_supplement *s, uint64_t first, uint64_t end)
{
    while (!quire_pfn_none(next_node(s, 0, &first, end))) {
        trim_path(s, first);
        first = after_node(s, first, 0);
    }
}

/* Nodes from the bottom up: what is below a node is gone before the node goes. */
void quire_supplement_destroy(struct quire_supplement *s)
{
    for (unsigned level = 0; level < s->levels; level++) {
        uint64_t vpn = 0;
        quire_pfn node;

        while (!quire_pfn_none(node = next_node(s, level, &vpn, UINT64_C(1) << s->vpn_bits))) {
            if (level + 1U < s->levels) {
                set_pointer(s, find_node(s, vpn, level + 1), index_at(s, level + 1, vpn), 0);
            }
            quire_frames_unref(s->host->frames, node);
            s->nodes--;
            vpn = after_node(s, vpn, level);
        }
    }
}

/* Does every pointer of an upper node lead to a frame that has one owner and is there? */
static bool pointers_sound(const struct quire_supplement *s, quire_pfn pfn)
{
    const struct quire_host *host = s->host;
    word *node = node_open(s, pfn);
    uint32_t entries = node_entries(s);
    uint32_t i = 0;

    for (; i < entries; i++) {
        quire_pfn below = quire_pfn_of(node[i] - 1);
        if (!quire_pfn_none(below) &&
            (quire_frames_count(host->frames, below) != 1 ||
             !quire_memory_has(&host->memory, quire_pfn_pa(below, host->frames->page_shift),
                               node_bytes(s)))) {
            break;
        }
    }
    node_close(s, node);
    return i == entries;
}

/* From the root down: each level is looked at only if the pointers to it are sound. */
bool quire_supplement_sound(const struct quire_supplement *s)
{
    uint32_t nodes = 0;

    for (unsigned level = s->levels; level-- > 0;) {
        uint64_t vpn = 0;
        quire_pfn node;

        while (!quire_pfn_none(node = next_node(s, level, &vpn, UINT64_C(1) << s->vpn_bits))) {
            if (++nodes > s->nodes || (level != 0 && !pointers_sound(s, node))) {
                return false;
            }
            vpn = after_node(s, vpn, level);
        }
    }
    return nodes == s->nodes && quire_frames_count(s->host->frames, s->root) == 1 &&
           (quire_pfn_none(s->leaf) || descend(s, s->leaf_at << s->node_bits, 0).n == s->leaf.n);
}

uint64_t quire_supplement_bytes(const struct quire_supplement *s)
{
    return (uint64_t)s->nodes << s->host->frames->page_shift;
}
