/* The shadow copy: a hash table of pages, and what stores write. */
#include "replay_shadow.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024, BLOCK_BYTES = 1 << 20 };

/* Pages are never freed before all are: their bytes come from large blocks. */
struct shadow_block {
    struct shadow_block *next;
    unsigned char bytes[];
};

/* Splitmix64's finisher (Steele, Lea, Flood 2014): every bit of the input matters to every bit. */
static inline uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

#define NO_BYTE_ZERO UINT64_C(0x0101010101010101)

void shadow_bytes(uint64_t number, unsigned char *to, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value = i % 8 == 0 ? mix(number * 1024 + i / 8) | NO_BYTE_ZERO : value >> 8;
        to[i] = (unsigned char)value;
    }
}

bool shadow_open(struct shadow *shadow, enum shadow_of of, unsigned page_shift)
{
    memset(shadow, 0, sizeof(*shadow));
    shadow->of = of;
    shadow->page_shift = page_shift;
    shadow->room = FIRST_ROOM - 1;
    shadow->entry = calloc(FIRST_ROOM, sizeof(*shadow->entry));
    return shadow->entry != NULL;
}

void shadow_close(struct shadow *shadow)
{
    while (shadow->blocks != NULL) {
        struct shadow_block *next = shadow->blocks->next;
        free(shadow->blocks);
        shadow->blocks = next;
    }
    free(shadow->entry);
    memset(shadow, 0, sizeof(*shadow));
}

/* The entry of the page, or the free one where it would be. */
static struct shadow_entry *place_of(struct shadow_entry *entry, size_t room, uint64_t vpn)
{
    size_t i = (size_t)mix(vpn) & room;

    while (entry[i].bytes != NULL && entry[i].vpn != vpn) {
        i = (i + 1) & room;
    }
    return &entry[i];
}

/* At most half of the entries are used, so that there is always a free one near. */
static bool grow(struct shadow *shadow)
{
    size_t room = shadow->room * 2 + 1;
    struct shadow_entry *entry = calloc(room + 1, sizeof(*entry));

    if (entry == NULL) {
        return false;
    }
    for (size_t i = 0; i <= shadow->room; i++) {
        if (shadow->entry[i].bytes != NULL) {
            *place_of(entry, room, shadow->entry[i].vpn) = shadow->entry[i];
        }
    }
    free(shadow->entry);
    shadow->entry = entry;
    shadow->room = room;
    return true;
}

static unsigned char *new_page(struct shadow *shadow)
{
    static unsigned char nothing;
    size_t pages = (size_t)BLOCK_BYTES >> shadow->page_shift;

    if (shadow->of == SHADOW_OF_NUMBERS) {
        return &nothing;
    }
    pages = pages == 0 ? 1 : pages;
    if (shadow->left == 0) {
        struct shadow_block *block = calloc(1, sizeof(*block) + (pages << shadow->page_shift));
        if (block == NULL) {
            return NULL;
        }
        block->next = shadow->blocks;
        shadow->blocks = block;
        shadow->left = pages;
    }
    shadow->left--;
    return shadow->blocks->bytes + (shadow->left << shadow->page_shift);
}

unsigned char *shadow_find(struct shadow *shadow, uint64_t vpn)
{
    struct shadow_entry *entry = place_of(shadow->entry, shadow->room, vpn);

    if (entry->bytes == NULL) {
        unsigned char *bytes;

        if (shadow->pages * 2 > shadow->room) {
            if (!grow(shadow)) {
                return NULL;
            }
            entry = place_of(shadow->entry, shadow->room, vpn);
        }
        bytes = new_page(shadow);
        if (bytes == NULL) {
            return NULL;
        }
        *entry = (struct shadow_entry){vpn, bytes};
        shadow->pages++;
    }
    shadow->last[vpn & 1] = *entry;
    return entry->bytes;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

uint64_t *shadow_numbers(const struct shadow *shadow)
{
    uint64_t *numbers = malloc((shadow->pages + 1) * sizeof(*numbers));
    size_t count = 0;

    for (size_t i = 0; numbers != NULL && i <= shadow->room; i++) {
        if (shadow->entry[i].bytes != NULL) {
            numbers[count++] = shadow->entry[i].vpn;
        }
    }
    if (numbers != NULL) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
    }
    return numbers;
}
