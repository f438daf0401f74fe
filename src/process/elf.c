/*
 * Program headers of ELF files, field by field: nothing is believed before it was compared to
 * something else, and nothing is read twice, as the file may change meanwhile.
 */
#include "quire/elf.h"

#include "../bytes.h"

enum { IDENT_BYTES = 16, HEADER_BYTES_MAX = 64, ENTRY_BYTES_MAX = 56 };
enum { TYPE_EXECUTABLE = 2, TYPE_MOVABLE = 3, ENTRY_LOAD = 1, ENTRY_LOADER = 3 };
enum { FLAG_EXECUTE = 1, FLAG_WRITE = 2, FLAG_READ = 4, MANY_ENTRIES = 0xffff };

struct field {
    uint8_t at, bytes;
};

/* Where the two classes have what. */
struct shape {
    uint8_t bits, header_bytes, entry_bytes;
    struct field entry, entries_at, own_bytes, entry_size, entry_count; /* header */
    struct field flags, offset, va, file_bytes, bytes, align;           /* program header */
};
static const struct field type = {16, 2}, machine = {18, 2}, version = {20, 4}, entry_type = {0, 4};

static const struct shape shapes[] = {
    {.bits = 32,
     .header_bytes = 52,
     .entry_bytes = 32,
     .entry = {24, 4},
     .entries_at = {28, 4},
     .own_bytes = {40, 2},
     .entry_size = {42, 2},
     .entry_count = {44, 2},
     .flags = {24, 4},
     .offset = {4, 4},
     .va = {8, 4},
     .file_bytes = {16, 4},
     .bytes = {20, 4},
     .align = {28, 4}},
    {.bits = 64,
     .header_bytes = 64,
     .entry_bytes = 56,
     .entry = {24, 8},
     .entries_at = {32, 8},
     .own_bytes = {52, 2},
     .entry_size = {54, 2},
     .entry_count = {56, 2},
     .flags = {4, 4},
     .offset = {8, 8},
     .va = {16, 8},
     .file_bytes = {32, 8},
     .bytes = {40, 8},
     .align = {48, 8}},
};

struct parse {
    struct quire_image *image;
    const struct quire_elf_source *source;
    const struct quire_elf_rules *rules;
    const struct shape *shape;
    bool big_endian;
    uint64_t entries_at;
    unsigned entries;
};

static uint64_t get(const struct parse *parse, const unsigned char *at, struct field field)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < field.bytes; i++) {
        unsigned place = parse->big_endian ? i : field.bytes - 1U - i;
        value = value << 8 | at[field.at + place];
    }
    return value;
}

/* ---- the header ------------------------------------------------------------------------------ */

/* What the first bytes say of all others. */
static enum quire_elf_reason read_ident(struct parse *parse, const unsigned char *ident)
{
    static const unsigned char magic[] = {0x7f, 'E', 'L', 'F'};
    unsigned class = ident[4], order = ident[5];

    if (memcmp(ident, magic, sizeof(magic)) != 0) {
        return QUIRE_ELF_MAGIC;
    }
    if (parse->source->bytes < IDENT_BYTES) {
        return QUIRE_ELF_SHORT;
    }
    if (class < 1 || class > 2 ||
        (parse->rules->bits != 0 && parse->rules->bits != shapes[class - 1].bits)) {
        return QUIRE_ELF_CLASS;
    }
    if ((order != QUIRE_ELF_LITTLE && order != QUIRE_ELF_BIG) ||
        (parse->rules->order != QUIRE_ELF_ANY_ORDER && parse->rules->order != order)) {
        return QUIRE_ELF_ORDER;
    }
    parse->shape = &shapes[class - 1];
    parse->big_endian = order == QUIRE_ELF_BIG;
    if (ident[6] != 1) {
        return QUIRE_ELF_VERSION;
    }
    return parse->source->bytes < parse->shape->header_bytes ? QUIRE_ELF_SHORT : QUIRE_ELF_SOUND;
}

static enum quire_elf_reason check_header(struct parse *parse, const unsigned char *header)
{
    const struct shape *shape = parse->shape;
    uint64_t kind = get(parse, header, type);
    uint64_t bytes = parse->source->bytes;

    if (get(parse, header, version) != 1) {
        return QUIRE_ELF_VERSION;
    }
    if (kind != TYPE_EXECUTABLE && kind != TYPE_MOVABLE) {
        return QUIRE_ELF_TYPE;
    }
    if (parse->rules->machine != 0 && get(parse, header, machine) != parse->rules->machine) {
        return QUIRE_ELF_MACHINE;
    }
    parse->entries = (unsigned)get(parse, header, shape->entry_count);
    parse->entries_at = get(parse, header, shape->entries_at);
    if (get(parse, header, shape->own_bytes) != shape->header_bytes ||
        (parse->entries != 0 && get(parse, header, shape->entry_size) != shape->entry_bytes)) {
        return QUIRE_ELF_HEADER_SIZE;
    }
    if (parse->entries == MANY_ENTRIES) {
        return QUIRE_ELF_MANY_SEGMENTS; /* the number is in a section: there are 65,535 or more */
    }
    if (parse->entries_at > bytes ||
        (uint64_t)parse->entries * shape->entry_bytes > bytes - parse->entries_at) {
        return QUIRE_ELF_HEADERS_OUTSIDE;
    }
    parse->image->movable = kind == TYPE_MOVABLE;
    parse->image->entry = get(parse, header, shape->entry);
    return QUIRE_ELF_SOUND;
}

static enum quire_elf_reason read_header(struct parse *parse)
{
    const struct quire_elf_source *source = parse->source;
    unsigned char header[HEADER_BYTES_MAX] = {0};
    uint32_t bytes = source->bytes < sizeof(header) ? (uint32_t)source->bytes : sizeof(header);
    enum quire_elf_reason reason;

    if (source->bytes < 4) {
        return QUIRE_ELF_SHORT;
    }
    if (source->read(source->context, 0, header, bytes) != QUIRE_OK) {
        return QUIRE_ELF_UNREADABLE;
    }
    reason = read_ident(parse, header);
    return reason == QUIRE_ELF_SOUND ? check_header(parse, header) : reason;
}

/* ---- program headers ------------------------------------------------------------------------- */

static uint64_t last_of(const struct quire_segment *segment)
{
    return segment->va + (segment->bytes - 1);
}

/* By itself, and in the file. */
static enum quire_elf_reason check_segment(const struct parse *parse,
                                           const struct quire_segment *segment, uint64_t align)
{
    uint64_t mask = parse->rules->page_bytes - 1;
    uint64_t highest = UINT64_MAX >> (64 - parse->shape->bits);
    uint64_t last = last_of(segment);

    if (segment->file_bytes > segment->bytes) {
        return QUIRE_ELF_FILE_LARGER;
    }
    if (segment->file_bytes != 0 &&
        (segment->offset > parse->source->bytes ||
         segment->file_bytes > parse->source->bytes - segment->offset)) {
        return QUIRE_ELF_OUTSIDE;
    }
    if (segment->bytes > QUIRE_IMAGE_BYTES ||
        (segment->file_bytes != 0 && segment->offset > QUIRE_IMAGE_BYTES)) {
        return QUIRE_ELF_TOO_LARGE;
    }
    if (last < segment->va || last > highest || (last | mask) == UINT64_MAX) {
        return QUIRE_ELF_WRAPS;
    }
    if ((align & (align - 1)) != 0) {
        return QUIRE_ELF_ALIGN;
    }
    if (segment->file_bytes != 0 && ((segment->va - segment->offset) & mask) != 0) {
        return QUIRE_ELF_MISALIGNED;
    }
    if (parse->rules->last != 0 && last > parse->rules->last) {
        return QUIRE_ELF_TOO_HIGH;
    }
    if (parse->rules->no_write_execute && (segment->prot & QUIRE_WRITE) != 0 &&
        (segment->prot & QUIRE_EXECUTE) != 0) {
        return QUIRE_ELF_WRITE_EXECUTE;
    }
    return QUIRE_ELF_SOUND;
}

/* Behind the one before. */
static enum quire_elf_reason add_segment(struct parse *parse, const struct quire_segment *segment)
{
    struct quire_image *image = parse->image;
    uint64_t mask = parse->rules->page_bytes - 1;
    const struct quire_segment *before;

    if (image->segments == QUIRE_IMAGE_SEGMENTS) {
        return QUIRE_ELF_MANY_SEGMENTS;
    }
    if (image->segments != 0) {
        before = &image->segment[image->segments - 1];
        if (segment->va < before->va) {
            return QUIRE_ELF_UNSORTED;
        }
        if (segment->va <= (last_of(before) | mask)) {
            return QUIRE_ELF_OVERLAP;
        }
    }
    image->segment[image->segments++] = *segment;
    return QUIRE_ELF_SOUND;
}

static unsigned rights_of(uint64_t flags)
{
    return QUIRE_USER | ((flags & FLAG_READ) != 0 ? QUIRE_READ : 0U) |
           ((flags & FLAG_WRITE) != 0 ? QUIRE_WRITE : 0U) |
           ((flags & FLAG_EXECUTE) != 0 ? QUIRE_EXECUTE : 0U);
}

static enum quire_elf_reason read_segment(struct parse *parse, const unsigned char *entry)
{
    const struct shape *shape = parse->shape;
    uint64_t align = get(parse, entry, shape->align);
    struct quire_segment segment = {.va = get(parse, entry, shape->va),
                                    .bytes = get(parse, entry, shape->bytes),
                                    .offset = get(parse, entry, shape->offset),
                                    .file_bytes = get(parse, entry, shape->file_bytes),
                                    .prot = rights_of(get(parse, entry, shape->flags))};
    enum quire_elf_reason reason;

    if (segment.bytes == 0 && segment.file_bytes == 0) {
        return QUIRE_ELF_SOUND; /* nothing at all, which is no harm */
    }
    reason = check_segment(parse, &segment, align);
    if (reason == QUIRE_ELF_SOUND) {
        reason = add_segment(parse, &segment);
    }
    if (reason == QUIRE_ELF_SOUND && align > parse->image->align) {
        parse->image->align = align;
    }
    return reason;
}

static enum quire_elf_reason read_entry(struct parse *parse, unsigned number)
{
    const struct quire_elf_source *source = parse->source;
    uint32_t bytes = parse->shape->entry_bytes;
    unsigned char entry[ENTRY_BYTES_MAX];
    uint64_t kind;

    if (source->read(source->context, parse->entries_at + (uint64_t)number * bytes, entry, bytes) !=
        QUIRE_OK) {
        return QUIRE_ELF_UNREADABLE;
    }
    kind = get(parse, entry, entry_type);
    if (kind == ENTRY_LOADER) {
        parse->image->wants_loader = true;
        return parse->rules->no_loader ? QUIRE_ELF_LOADER : QUIRE_ELF_SOUND;
    }
    return kind == ENTRY_LOAD ? read_segment(parse, entry) : QUIRE_ELF_SOUND;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* An entry of 0 is none, even where something is at 0, as in libraries (gABI, "ELF Header"). */
static bool can_begin(const struct quire_image *image)
{
    for (unsigned i = 0; i < image->segments && image->entry != 0; i++) {
        const struct quire_segment *segment = &image->segment[i];
        if (image->entry - segment->va < segment->bytes && (segment->prot & QUIRE_EXECUTE) != 0) {
            return true;
        }
    }
    return false;
}

static enum quire_elf_reason finish(struct parse *parse)
{
    struct quire_image *image = parse->image;
    uint64_t mask = parse->rules->page_bytes - 1;
    uint64_t last;

    if (image->segments == 0) {
        return QUIRE_ELF_NO_SEGMENTS;
    }
    last = last_of(&image->segment[image->segments - 1]);
    image->va = image->segment[0].va & ~mask;
    image->bytes = (last | mask) - image->va + 1;
    image->size = last - image->segment[0].va + 1;
    return parse->rules->library || can_begin(image) ? QUIRE_ELF_SOUND : QUIRE_ELF_ENTRY;
}

static void begin(struct parse *parse)
{
    struct quire_image *image = parse->image;
    struct quire_device device = image->device;
    const char *name = image->name;

    memset(image, 0, sizeof(*image));
    image->name = name;
    image->device = device;
    image->page_bytes = parse->rules->page_bytes;
    image->align = parse->rules->page_bytes;
}

enum quire_elf_reason quire_elf_parse(struct quire_image *image,
                                      const struct quire_elf_source *source,
                                      const struct quire_elf_rules *rules, unsigned *header)
{
    struct parse parse = {.image = image, .source = source, .rules = rules};
    enum quire_elf_reason reason;
    unsigned i = 0;

    begin(&parse);
    reason = read_header(&parse);
    for (; i < parse.entries && reason == QUIRE_ELF_SOUND; i++) {
        reason = read_entry(&parse, i);
    }
    if (reason != QUIRE_ELF_SOUND && header != NULL && i != 0) {
        *header = i - 1;
    }
    if (reason == QUIRE_ELF_SOUND) {
        reason = finish(&parse);
    }
    if (reason != QUIRE_ELF_SOUND) {
        image->segments = 0;
    }
    return reason;
}

enum quire_status quire_elf_read_memory(void *context, uint64_t offset, void *to, uint32_t bytes)
{
    const struct quire_elf_memory *memory = context;

    if (offset > memory->bytes || bytes > memory->bytes - offset) {
        return QUIRE_OUT_OF_RANGE;
    }
    memcpy(to, (const unsigned char *)memory->at + offset, bytes);
    return QUIRE_OK;
}

const char *quire_elf_reason_text(enum quire_elf_reason reason)
{
    static const char *const text[QUIRE_ELF_REASONS] = {
        [QUIRE_ELF_SOUND] = "sound",
        [QUIRE_ELF_UNREADABLE] = "cannot be read",
        [QUIRE_ELF_SHORT] = "ends inside the ELF header",
        [QUIRE_ELF_MAGIC] = "not an ELF file",
        [QUIRE_ELF_CLASS] = "wrong class (32 or 64 bits)",
        [QUIRE_ELF_ORDER] = "wrong byte order",
        [QUIRE_ELF_VERSION] = "unknown ELF version",
        [QUIRE_ELF_TYPE] = "neither an executable nor position-independent",
        [QUIRE_ELF_MACHINE] = "made for another processor",
        [QUIRE_ELF_LOADER] = "dynamically linked: it wants a loader",
        [QUIRE_ELF_HEADER_SIZE] = "headers of an unknown size",
        [QUIRE_ELF_HEADERS_OUTSIDE] = "program headers reach beyond the end of the file",
        [QUIRE_ELF_NO_SEGMENTS] = "nothing to load",
        [QUIRE_ELF_MANY_SEGMENTS] = "too many segments",
        [QUIRE_ELF_OUTSIDE] = "a segment reaches beyond the end of the file",
        [QUIRE_ELF_FILE_LARGER] = "a segment is larger in the file than in memory",
        [QUIRE_ELF_WRAPS] = "a segment reaches beyond the end of all addresses",
        [QUIRE_ELF_TOO_LARGE] = "a segment is larger than anything",
        [QUIRE_ELF_ALIGN] = "a segment's alignment is no power of two",
        [QUIRE_ELF_MISALIGNED] = "a segment is not at the same place in a page as in the file",
        [QUIRE_ELF_UNSORTED] = "segments are not in order of address",
        [QUIRE_ELF_OVERLAP] = "segments overlap or share a page",
        [QUIRE_ELF_WRITE_EXECUTE] = "a segment is both writable and executable",
        [QUIRE_ELF_TOO_HIGH] = "a segment lies above the addresses that programs may have",
        [QUIRE_ELF_ENTRY] = "the entry is not in an executable segment",
    };

    return (unsigned)reason < QUIRE_ELF_REASONS ? text[reason] : "unknown reason";
}
