/* What programs fill memory with, so that each word tells where it should be. */
#ifndef SUPPORT_PATTERN_H
#define SUPPORT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE = 4096, PAGE_WORDS = PAGE / sizeof(uint32_t), MIB = 1 << 20 };

/* Scatters all bits over all bits; 0 only for 0 (MurmurHash3's last step). */
static inline uint32_t pattern_mix(uint32_t x)
{
    x = (x ^ x >> 16) * UINT32_C(0x85ebca6b);
    x = (x ^ x >> 13) * UINT32_C(0xc2b2ae35);
    return x ^ x >> 16;
}

/* A page whose words follow from a key: no two keys give the same word at the same place. */
static inline void pattern_fill(uint32_t *page, uint32_t key)
{
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        page[i] = pattern_mix(key) + i * UINT32_C(0x9e3779b1);
    }
}

/* The first word that is not as pattern_fill() leaves it, or PAGE_WORDS. */
static inline uint32_t pattern_wrong(const uint32_t *page, uint32_t key)
{
    uint32_t i = 0;

    while (i < PAGE_WORDS && page[i] == pattern_mix(key) + i * UINT32_C(0x9e3779b1)) {
        i++;
    }
    return i;
}

#endif
