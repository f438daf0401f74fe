/* Memory images, raw or as text. */
#include "image.h"

#include <stdlib.h>

#include "page_text.h"

/* What comes through a pipe is held in memory; files of any size are only looked at. */
#define PIPE_LIMIT ((size_t)256 << 20)

/* Takes the memory out of a text. */
static bool take_text(struct image *image, const char *name, struct problem *problem)
{
    struct page_text text;

    if (!page_text_parse(&text, (const char *)image->raw.at, image->raw.count, PAGE_TEXT_STRICT,
                         name, problem)) {
        return false;
    }
    bytes_free(&image->raw);
    if (text.pages == 0) {
        page_text_free(&text);
        return problem_set(problem, "%s: expected 'page NUMBER:' and hexadecimal digits", name);
    }
    image->has_root = text.has_root;
    image->root = quire_pa_at(text.root * text.page_bytes);
    image->raw = (struct bytes){text.memory, text.bytes, false};
    text.memory = NULL;
    page_text_free(&text);
    return true;
}

bool image_open(struct image *image, const char *path, uint64_t base, struct problem *problem)
{
    const char *name = input_name(path);

    *image = (struct image){.has_root = false};
    if (!bytes_read(&image->raw, path, BYTES_VIEW, PIPE_LIMIT, problem)) {
        return false;
    }
    if (page_text_likely(image->raw.at, image->raw.count) && !take_text(image, name, problem)) {
        image_close(image);
        return false;
    }
    if (image->raw.count - 1 > UINT64_MAX - base) {
        image_close(image);
        return problem_set(problem, "%s: does not fit into 64-bit addresses from --base on", name);
    }
    image->memory.direct = image->raw.at;
    image->memory.base = base;
    image->memory.bytes = image->raw.count;
    return true;
}

void image_close(struct image *image)
{
    bytes_free(&image->raw);
}
