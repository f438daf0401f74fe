/* Images: describing one by its size, and mapping any. */
#include "quire/image.h"

#include "../bytes.h"
#include "quire/space.h"

/* A movable image of `bytes` bytes, without segments yet. */
static enum quire_status describe(struct quire_image *image, const char *name,
                                  const struct quire_device *device, uint64_t bytes,
                                  uint64_t page_bytes)
{
    if (bytes == 0 || bytes > QUIRE_IMAGE_BYTES || page_bytes == 0 ||
        (page_bytes & (page_bytes - 1)) != 0) {
        return QUIRE_INVALID;
    }
    memset(image, 0, sizeof(*image));
    image->name = name;
    image->device = *device;
    image->movable = true;
    image->align = page_bytes;
    image->page_bytes = page_bytes;
    return QUIRE_OK;
}

static uint64_t whole_pages(const struct quire_image *image, uint64_t bytes)
{
    return ((bytes - 1) | (image->page_bytes - 1)) + 1;
}

/* The next segment, from `offset` in the file. */
static void add_segment(struct quire_image *image, uint64_t offset, uint64_t bytes, unsigned prot)
{
    uint64_t va = image->bytes + (offset & (image->page_bytes - 1));

    image->segment[image->segments++] = (struct quire_segment){
        .va = va, .bytes = bytes, .offset = offset, .file_bytes = bytes, .prot = prot | QUIRE_USER};
    image->size = va + bytes;
    image->bytes = whole_pages(image, image->size);
}

enum quire_status quire_image_of_size(struct quire_image *image, const char *name,
                                      const struct quire_device *device, uint64_t bytes,
                                      uint64_t page_bytes)
{
    enum quire_status status = describe(image, name, device, bytes, page_bytes);

    if (status == QUIRE_OK) {
        add_segment(image, 0, bytes, QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE);
    }
    return status;
}

enum quire_status quire_image_of_parts(struct quire_image *image, const char *name,
                                       const struct quire_device *device, uint64_t text,
                                       uint64_t data, uint64_t page_bytes)
{
    enum quire_status status = describe(image, name, device, text, page_bytes);

    if (status != QUIRE_OK || data > QUIRE_IMAGE_BYTES) {
        return QUIRE_INVALID;
    }
    add_segment(image, 0, text, QUIRE_READ | QUIRE_EXECUTE);
    if (data != 0) {
        add_segment(image, text, data, QUIRE_READ | QUIRE_WRITE);
    }
    return QUIRE_OK;
}

/* Where the segment's object ends. A segment without bytes in the file is all behind its end. */
static uint64_t object_bytes(const struct quire_segment *segment)
{
    return segment->file_bytes != 0 ? segment->offset + segment->file_bytes : 1;
}

static void destroy_objects(struct quire_image *image, unsigned count)
{
    while (count-- != 0) {
        quire_object_destroy(&image->object[count]);
    }
}

static enum quire_status create_objects(struct quire_image *image, struct quire_system *system)
{
    for (unsigned i = 0; i < image->segments; i++) {
        enum quire_status status = quire_object_create(&image->object[i], system, &image->device,
                                                       object_bytes(&image->segment[i]));
        if (status != QUIRE_OK) {
            destroy_objects(image, i);
            return status;
        }
    }
    return QUIRE_OK;
}

enum quire_status quire_image_open(struct quire_image *image, struct quire_system *system)
{
    enum quire_status status = QUIRE_OK;

    if (image->page_bytes != UINT64_C(1) << system->host->frames->page_shift ||
        image->segments == 0 || (image->users != 0 && image->system != system)) {
        return QUIRE_INVALID;
    }
    if (image->users == 0) {
        status = create_objects(image, system);
    }
    if (status == QUIRE_OK) {
        image->system = system;
        image->users++;
    }
    return status;
}

void quire_image_close(struct quire_image *image)
{
    if (--image->users == 0) {
        destroy_objects(image, image->segments);
    }
}

bool quire_image_fits(const struct quire_image *image, quire_va va)
{
    uint64_t moved = va.at - image->va;

    return image->movable ? (moved & (image->align - 1)) == 0 : moved == 0;
}

/* Whole pages. */
static struct quire_region_spec region_of(struct quire_image *image, unsigned segment, quire_va va)
{
    const struct quire_segment *s = &image->segment[segment];
    uint64_t mask = image->page_bytes - 1;
    uint64_t begin = s->va & ~mask;
    struct quire_region_spec spec = {.va = {begin - image->va + va.at},
                                     .bytes = whole_pages(image, s->va + s->bytes) - begin,
                                     .prot = s->prot,
                                     .object = &image->object[segment],
                                     .sharing = QUIRE_PRIVATE};

    spec.offset = s->file_bytes != 0 ? s->offset & ~mask : image->page_bytes;
    return spec;
}

enum quire_status quire_image_map(struct quire_image *image, struct quire_space *space, quire_va va)
{
    enum quire_status status = quire_image_fits(image, va) ? QUIRE_OK : QUIRE_INVALID;
    struct quire_region_spec spec;
    unsigned i;

    for (i = 0; i < image->segments && status == QUIRE_OK; i++) {
        spec = region_of(image, i, va);
        status = quire_space_map(space, &spec);
    }
    if (status == QUIRE_OK) {
        return QUIRE_OK;
    }
    while (i-- > 1) { /* the last one was not mapped */
        spec = region_of(image, i - 1, va);
        quire_space_unmap(space, spec.va, spec.bytes); /* a whole region, untouched: cannot fail */
    }
    return status;
}
