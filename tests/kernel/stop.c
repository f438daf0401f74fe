/* The kernel's lines at a stop: see stop.h. */
#include "stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* NAME may hold blanks. */
static bool read_head(struct stop *stop, const char *line)
{
    const char *end = strstr(line, " process ");
    struct pages pages = stop->pages;

    if (end == NULL || (size_t)(end - line) >= sizeof(stop->name)) {
        return false;
    }
    pages_clear(&pages);
    *stop = (struct stop){0};
    memcpy(stop->name, line, (size_t)(end - line));
    return sscanf(end, " process %u %63s root 0x%" SCNx32, &stop->process, stop->program,
                  &stop->root) == 3;
}

static bool read_range(struct stop_ranges *ranges, const char *line)
{
    struct stop_range *range = &ranges->range[ranges->count];

    if (ranges->count == STOP_RANGES || sscanf(line, "%8" SCNx32 " %8" SCNx32 " %31[^\n]",
                                               &range->first, &range->last, range->name) != 3) {
        return false;
    }
    ranges->count++;
    return true;
}

static bool read_physical(struct stop *stop, const char *line)
{
    return read_range(&stop->physical, line);
}

static bool read_virtual(struct stop *stop, const char *line)
{
    return read_range(&stop->virtual, line);
}

static bool read_map(struct stop *stop, const char *line)
{
    uint32_t va, pa, bytes;
    char user, write, rest;

    return sscanf(line, "%8" SCNx32 " %8" SCNx32 " %8" SCNx32 " %c%c %c", &va, &pa, &bytes, &user,
                  &write, &rest) == 5 &&
           strchr("u-", user) != NULL && strchr("w-", write) != NULL &&
           pages_add(&stop->pages, va, pa, bytes, user == 'u', write == 'w');
}

enum stop_event stop_read(struct stop *stop, const char *line)
{
    static const struct {
        const char *word;
        bool (*read)(struct stop *stop, const char *line);
    } lines[] = {{"stop ", read_head},
                 {"phys ", read_physical},
                 {"virt ", read_virtual},
                 {"map ", read_map}};

    if (strcmp(line, "examine") == 0) {
        return STOP_WAITS;
    }
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        size_t length = strlen(lines[i].word);

        if (strncmp(line, lines[i].word, length) == 0) {
            return lines[i].read(stop, line + length) ? STOP_PART : STOP_WRONG;
        }
    }
    return STOP_NOT;
}
