/* ELF files made to order. */
#include "elf_file.h"

#include <elf.h>
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/prng.h"

struct elf_plan elf_plan(unsigned bits, bool big_endian)
{
    struct elf_plan plan = {
        .bits = bits,
        .big_endian = big_endian,
        .magic = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3},
        .class = bits == 64 ? ELFCLASS64 : ELFCLASS32,
        .order = big_endian ? ELFDATA2MSB : ELFDATA2LSB,
        .ident_version = EV_CURRENT,
        .version = EV_CURRENT,
        .type = ET_EXEC,
        .machine = bits == 64 ? EM_X86_64 : EM_386,
        .header_bytes = bits == 64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr),
        .entry_bytes = bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr),
        .entries = 5,
        .entry = 0x401010,
        .bytes = 0x2b00,
    };

    plan.entries_at = plan.header_bytes;
    plan.entry_of[ELF_PLAN_STACK] = (struct elf_entry){PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 16};
    plan.entry_of[ELF_PLAN_HEADERS] =
        (struct elf_entry){PT_LOAD, PF_R, 0, 0x400000, 0x234, 0x234, 0x1000};
    plan.entry_of[ELF_PLAN_TEXT] =
        (struct elf_entry){PT_LOAD, PF_R | PF_X, 0x1000, 0x401000, 0x1800, 0x1800, 0x1000};
    plan.entry_of[ELF_PLAN_NOTE] = (struct elf_entry){PT_NOTE, PF_R, 0x200, 0x400200, 32, 32, 4};
    plan.entry_of[ELF_PLAN_DATA] =
        (struct elf_entry){PT_LOAD, PF_R | PF_W, 0x2800, 0x404800, 0x300, 0x2000, 0x1000};
    return plan;
}

/* A field of the system's structures, in the file's byte order. */
static void put(void *field, size_t bytes, uint64_t value, bool big_endian)
{
    unsigned char *at = field;

    for (size_t i = 0; i < bytes; i++) {
        at[big_endian ? bytes - 1 - i : i] = (unsigned char)(value >> 8 * i);
    }
}

#define PUT(field, value) put(&(field), sizeof(field), value, plan->big_endian)

/* The two classes have the same names for all fields. */
#define PUT_HEADER(header) \
    do { \
        memcpy((header).e_ident, plan->magic, 4); \
        (header).e_ident[EI_CLASS] = plan->class; \
        (header).e_ident[EI_DATA] = plan->order; \
        (header).e_ident[EI_VERSION] = plan->ident_version; \
        PUT((header).e_type, plan->type); \
        PUT((header).e_machine, plan->machine); \
        PUT((header).e_version, plan->version); \
        PUT((header).e_entry, plan->entry); \
        PUT((header).e_phoff, plan->entries_at); \
        PUT((header).e_ehsize, plan->header_bytes); \
        PUT((header).e_phentsize, plan->entry_bytes); \
        PUT((header).e_phnum, plan->entries); \
    } while (0)

#define PUT_ENTRY(to, from) \
    do { \
        PUT((to).p_type, (from)->type); \
        PUT((to).p_flags, (from)->flags); \
        PUT((to).p_offset, (from)->offset); \
        PUT((to).p_vaddr, (from)->va); \
        PUT((to).p_paddr, (from)->va ^ 0x5a5a000); \
        PUT((to).p_filesz, (from)->file_bytes); \
        PUT((to).p_memsz, (from)->bytes); \
        PUT((to).p_align, (from)->align); \
    } while (0)

static void write_header(const struct elf_plan *plan, unsigned char *file)
{
    Elf32_Ehdr small = {0};
    Elf64_Ehdr large = {0};

    if (plan->bits == 64) {
        PUT_HEADER(large);
        memcpy(file, &large, sizeof(large));
    } else {
        PUT_HEADER(small);
        memcpy(file, &small, sizeof(small));
    }
}

static void write_entry(const struct elf_plan *plan, const struct elf_entry *entry,
                        unsigned char *file, uint64_t at)
{
    size_t bytes = plan->bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    Elf32_Phdr small;
    Elf64_Phdr large;

    if (at > ELF_FILE_BYTES || bytes > ELF_FILE_BYTES - at) {
        return;
    }
    if (plan->bits == 64) {
        PUT_ENTRY(large, entry);
        memcpy(file + at, &large, bytes);
    } else {
        PUT_ENTRY(small, entry);
        memcpy(file + at, &small, bytes);
    }
}

void elf_write(const struct elf_plan *plan, unsigned char *file)
{
    struct prng prng = prng_new(77);
    size_t bytes = plan->bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

    for (unsigned i = 0; i < ELF_FILE_BYTES; i++) {
        file[i] = (unsigned char)(prng_next(&prng) >> 40);
    }
    for (unsigned i = 0; i < plan->entries && i < ELF_FILE_ENTRIES; i++) {
        write_entry(plan, &plan->entry_of[i], file, plan->entries_at + i * bytes);
    }
    write_header(plan, file);
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void check_segment(const struct quire_image *image, const struct quire_segment *s,
                          uint64_t file_bytes, const struct quire_elf_rules *rules)
{
    uint64_t last = s->va + (s->bytes - 1);

    check(s->bytes != 0 && last >= s->va);
    check(s->file_bytes <= s->bytes);
    check(s->file_bytes == 0 ||
          (s->offset <= file_bytes && s->file_bytes <= file_bytes - s->offset));
    check(s->file_bytes == 0 || s->va % rules->page_bytes == s->offset % rules->page_bytes);
    check((s->prot & QUIRE_USER) != 0 && (s->prot & ~(unsigned)QUIRE_RIGHTS) == 0);
    check(!rules->no_write_execute || (s->prot & QUIRE_WRITE) == 0 ||
          (s->prot & QUIRE_EXECUTE) == 0);
    check(rules->last == 0 || last <= rules->last);
    check(s->va >= image->va && last - image->va < image->bytes);
}

void elf_check_image(const struct quire_image *image, uint64_t file_bytes,
                     const struct quire_elf_rules *rules)
{
    uint64_t page = rules->page_bytes;
    bool begins = rules->library;

    check(image->segments != 0 && image->segments <= QUIRE_IMAGE_SEGMENTS);
    check(image->va % page == 0 && image->bytes % page == 0 && image->bytes != 0);
    check(image->align >= page && (image->align & (image->align - 1)) == 0);
    check(!rules->no_loader || !image->wants_loader);
    for (unsigned i = 0; i < image->segments; i++) {
        const struct quire_segment *s = &image->segment[i];

        check_segment(image, s, file_bytes, rules);
        begins = begins || ((s->prot & QUIRE_EXECUTE) != 0 && image->entry >= s->va &&
                            image->entry <= s->va + (s->bytes - 1));
        check(i == 0 || (s[-1].va + (s[-1].bytes - 1)) / page < s->va / page);
    }
    check(begins);
}
