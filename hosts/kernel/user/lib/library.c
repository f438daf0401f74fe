/*
 * Shared libraries: what their own headers in memory say of them (System V ABI, generic part,
 * chapter 5; i386 supplement).
 *
 *   base -> ELF header -> program headers -> PT_DYNAMIC -> hash table, symbols, relocations
 *
 * They are for libraries of the kernel's archive, which are believed. Their text is never written.
 */
#include <library.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "system.h"

enum { LIBRARIES = 16, TYPE_DYNAMIC = 2 };

/* The fields of the ELF header and of entries that are looked at, and room between them. */
struct elf_header {
    unsigned char identity[28];
    uint32_t entries_at;
    uint32_t other[2];
    uint16_t own_bytes, entry_bytes, entries;
};

struct elf_entry {
    uint32_t type, offset, va, pa, file_bytes, bytes, flags, align;
};

struct elf_symbol {
    uint32_t name, value, bytes;
    uint8_t information, other;
    uint16_t section;
};

struct elf_relocation {
    uint32_t at;
    uint32_t information; /* symbol << 8 | kind */
};

enum {
    TAG_PLT_REL_BYTES = 2,
    TAG_HASH = 4,
    TAG_STRINGS = 5,
    TAG_SYMBOLS = 6,
    TAG_REL = 17,
    TAG_REL_BYTES = 18,
    TAG_PLT_REL = 23,
    TAGS
};
enum { KIND_32 = 1, KIND_GLOBAL_DATA = 6, KIND_JUMP_SLOT = 7, KIND_RELATIVE = 8 };

struct library {
    unsigned char *base;
    uint32_t tag[TAGS]; /* values of the dynamic section; 0: not there */
};

static void *relocated[LIBRARIES];

static void read_dynamic(struct library *library, void *base)
{
    const struct elf_header *header = base;
    const struct elf_entry *entry = (void *)((unsigned char *)base + header->entries_at);
    const uint32_t *dynamic;

    *library = (struct library){.base = base};
    while (entry->type != TYPE_DYNAMIC) {
        entry++;
    }
    for (dynamic = (void *)(library->base + entry->va); dynamic[0] != 0; dynamic += 2) {
        if (dynamic[0] < TAGS) {
            library->tag[dynamic[0]] = dynamic[1];
        }
    }
}

static const void *table(const struct library *library, unsigned tag)
{
    return library->base + library->tag[tag];
}

/* The hash function of the ABI. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 0;

    for (; *name != 0; name++) {
        uint32_t high;

        hash = (hash << 4) + (unsigned char)*name;
        high = hash & 0xf0000000;
        hash = (hash ^ high >> 24) & ~high;
    }
    return hash;
}

static void *find(const struct library *library, const char *name)
{
    const uint32_t *hash = table(library, TAG_HASH); /* buckets, symbols, buckets[], chains[] */
    const uint32_t *chain = hash + 2 + hash[0];
    const struct elf_symbol *symbol = table(library, TAG_SYMBOLS);
    const char *strings = table(library, TAG_STRINGS);

    for (uint32_t i = hash[2 + hash_of(name) % hash[0]]; i != 0; i = chain[i]) {
        if (symbol[i].section != 0 && strcmp(strings + symbol[i].name, name) == 0) {
            return library->base + symbol[i].value;
        }
    }
    return NULL;
}

/* Symbols are the library's own: there is nobody else who could have them. */
static void relocate(const struct library *library, unsigned table_tag, unsigned bytes_tag)
{
    const struct elf_relocation *r = table(library, table_tag);
    const struct elf_symbol *symbol = table(library, TAG_SYMBOLS);
    uint32_t base = (uint32_t)library->base;

    for (uint32_t left = library->tag[bytes_tag]; left != 0; left -= sizeof(*r), r++) {
        uint32_t *where = (void *)(library->base + r->at);
        uint32_t value = base + symbol[r->information >> 8].value;

        switch (r->information & 0xff) {
        case KIND_RELATIVE: *where += base; break;
        case KIND_32: *where += value; break;
        case KIND_GLOBAL_DATA:
        case KIND_JUMP_SLOT: *where = value; break;
        }
    }
}

static void relocate_once(const struct library *library)
{
    unsigned i = 0;

    while (i < LIBRARIES && relocated[i] != NULL && relocated[i] != library->base) {
        i++;
    }
    if (i < LIBRARIES && relocated[i] == NULL) {
        relocate(library, TAG_REL, TAG_REL_BYTES);
        relocate(library, TAG_PLT_REL, TAG_PLT_REL_BYTES);
        relocated[i] = library->base;
    }
}

void *library_open(const char *name)
{
    intptr_t at = system_library(name);

    return system_failed(at) ? NULL : (void *)at;
}

void *library_symbol(void *base, const char *name)
{
    struct library library;

    read_dynamic(&library, base);
    relocate_once(&library);
    return find(&library, name);
}
