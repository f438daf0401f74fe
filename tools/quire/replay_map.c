/* Two pictures of a replay's end: the program's address space, and the frames of the machine. */
#include "replay_draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the address space --------------------------------------------------------------------- */

/* What became of a page. */
enum { RESIDENT, IN_SWAP, ZEROS, NEVER, PAGE_STATES };

static const struct draw_cell page_cells[PAGE_STATES] = {
    [RESIDENT] = {"\u2588", '#', 32, "in a frame"},
    [IN_SWAP] = {"\u2592", 'x', 33, "in swap"},
    [ZEROS] = {"\u2591", ':', 34, "never stored to: zeros, kept nowhere"},
    [NEVER] = {"\u00b7", '.', 90, "never touched"},
};

enum { ROW = 64, ROWS_MAX = 20, RANGES_MAX = 12 };

/* Pages that lie together: from the first of the touched ones to the last, counted in their
 * order. */
struct range {
    size_t first, last;
    size_t resident;
};

/* What the picture is made from. */
struct picture {
    struct draw_style style;
    const struct quire_space *space;
    unsigned page_shift;
    const uint64_t *page; /* the numbers of the pages that were touched, in order */
    size_t pages;
    int digits; /* of an address */
};

static quire_va va_of(const struct picture *picture, uint64_t page)
{
    return quire_va_at(page << picture->page_shift);
}

static unsigned char state_of(const struct picture *picture, uint64_t page)
{
    uint64_t vpn = quire_space_vpn(picture->space, va_of(picture, page));

    switch (quire_supplement_get(&picture->space->supplement, vpn).kind) {
    case QUIRE_RECORD_FRAME: return RESIDENT;
    case QUIRE_RECORD_SWAP: return IN_SWAP;
    default: return ZEROS;
    }
}

/* The widest gaps between touched pages part the ranges: one at least this wide begins a new
 * range. */
static uint64_t narrowest_parting_gap(const struct picture *picture)
{
    uint64_t widest[RANGES_MAX] = {0}; /* falling; the last is that of one range too many */

    for (size_t n = 1; n < picture->pages; n++) {
        uint64_t gap = picture->page[n] - picture->page[n - 1] - 1;

        for (size_t i = 0; i < RANGES_MAX && gap != 0; i++) {
            if (gap > widest[i]) {
                uint64_t narrower = widest[i];
                widest[i] = gap;
                gap = narrower;
            }
        }
    }
    return widest[RANGES_MAX - 1] + 1;
}

static size_t find_ranges(const struct picture *picture, struct range *range)
{
    uint64_t parting = narrowest_parting_gap(picture);
    size_t count = 0;

    for (size_t n = 0; n < picture->pages; n++) {
        if (n == 0 || picture->page[n] - picture->page[n - 1] - 1 >= parting) {
            range[count++] = (struct range){.first = n};
        }
        range[count - 1].last = n;
        range[count - 1].resident += state_of(picture, picture->page[n]) == RESIDENT;
    }
    return count;
}

/* Pages in a cell, so that all ranges fit. */
static uint64_t pages_in_cell(const struct picture *picture, const struct range *range,
                              size_t ranges)
{
    uint64_t each = 1;

    for (;; each *= 2) {
        uint64_t rows = 0;

        for (size_t i = 0; i < ranges; i++) {
            uint64_t span = picture->page[range[i].last] - picture->page[range[i].first];
            rows += span / each / ROW + 1;
        }
        if (rows <= ROWS_MAX) {
            return each;
        }
    }
}

/* A row from the page `first` on; a cell shows what most of its touched pages are. *n is the next
 * touched page, and moves on. Returns the cells up to the last one that is not empty. */
static size_t fill_row(const struct picture *picture, const struct range *range, uint64_t first,
                       uint64_t each, size_t *n, unsigned char *row)
{
    uint64_t count[ROW][PAGE_STATES] = {{0}};
    size_t length = 0;

    for (; *n <= range->last && (picture->page[*n] - first) / each < ROW; ++*n) {
        size_t cell = (size_t)((picture->page[*n] - first) / each);

        count[cell][state_of(picture, picture->page[*n])]++;
        length = cell + 1;
    }
    for (size_t cell = 0; cell < length; cell++) {
        unsigned char most = NEVER;

        for (unsigned char state = 0; state < NEVER; state++) {
            most = count[cell][state] > count[cell][most] ? state : most;
        }
        row[cell] = most;
    }
    return length;
}

static void draw_range(const struct picture *picture, const struct range *range, uint64_t each)
{
    unsigned char row[ROW];
    uint64_t first = picture->page[range->first];
    size_t n = range->first;

    for (bool title = true; n <= range->last; title = false, first += each * ROW) {
        size_t length = fill_row(picture, range, first, each, &n, row);

        if (length == 0) {
            continue;
        }
        printf("  %0*" PRIx64 " ", picture->digits, va_of(picture, first).at);
        draw_cells(picture->style, page_cells, row, length);
        if (title) {
            printf("%*s %s of %s", (int)(ROW - length), "", grouped(range->resident).text,
                   grouped(range->last - range->first + 1).text);
        }
        putchar('\n');
    }
}

static void draw_ranges(const struct picture *picture)
{
    struct range range[RANGES_MAX];
    size_t ranges = find_ranges(picture, range);
    uint64_t each = pages_in_cell(picture, range, ranges);

    for (size_t i = 0; i < ranges; i++) {
        draw_range(picture, &range[i], each);
    }
    draw_legend(picture->style, page_cells, PAGE_STATES);
    if (each > 1) {
        printf("  one cell: %s pages, shown as most of them are\n", grouped(each).text);
    }
    putchar('\n');
}

void draw_address_space(struct draw_style style, const struct replay_report *report)
{
    const struct replay *replay = report->replay;
    uint64_t *numbers = shadow_numbers(&replay->shadow);
    struct picture picture = {.style = style,
                              .space = &replay->space,
                              .page_shift = replay->page_shift,
                              .page = numbers,
                              .pages = replay->shadow.pages};

    if (numbers == NULL) {
        return;
    }
    printf("The program's memory: %s pages touched, %s of them in frames at the end\n",
           grouped(picture.pages).text, grouped(report->figures.resident).text);
    picture.digits = (replay->config.format->va_bits + 3) / 4;
    if (numbers[picture.pages - 1] >> (replay->config.format->va_bits - picture.page_shift) != 0) {
        picture.digits = 16; /* the upper half, sign-extended */
    }
    draw_ranges(&picture);
    free(numbers);
}

/* ---- the frames ---------------------------------------------------------------------------- */

enum { DIRTY_PAGE, CLEAN_PAGE, TABLE, SUPPLEMENT, RECORDS, FREE, FRAME_KINDS };

static const struct draw_cell frame_cells[FRAME_KINDS] = {
    [DIRTY_PAGE] = {"\u2588", '#', 31, "dirty page"},
    [CLEAN_PAGE] = {"\u2592", 'o', 32, "clean page"},
    [TABLE] = {"T", 'T', 33, "page table"},
    [SUPPLEMENT] = {"S", 'S', 35, "supplement"},
    [RECORDS] = {"R", 'R', 34, "records"},
    [FREE] = {"\u00b7", '.', 90, "free"},
};

/* The frames of a machine, by number, as one of the kinds above. */
struct frames {
    const struct replay *replay;
    unsigned char *kind;
    uint32_t total;
};

static void mark(struct frames *frames, uint64_t first, uint64_t count, unsigned char kind)
{
    for (uint64_t n = first; n < first + count && n < frames->total; n++) {
        frames->kind[n] = kind;
    }
}

static void mark_block(struct frames *frames, quire_pa pa, uint64_t bytes, unsigned char kind)
{
    unsigned shift = frames->replay->page_shift;
    uint64_t last = (pa.at + bytes - 1) >> shift;

    mark(frames, pa.at >> shift, last - (pa.at >> shift) + 1, kind);
}

/* A resident page, and the tables that lead to it. */
static void mark_page(struct frames *frames, uint64_t vpn, uint32_t pfn)
{
    const struct quire_space *space = &frames->replay->space;
    const struct quire_format *format = space->table.format;
    struct quire_mmu mmu = quire_table_mmu(&space->table);
    const struct quire_page *page = quire_system_page(space->system, quire_pfn_of(pfn));
    struct quire_trace trace;
    struct quire_walk walk;
    bool dirty = page != NULL && page->dirty;

    if (quire_walk_traced(&mmu, quire_space_va(space, vpn), 0, &walk, &trace) == QUIRE_OK) {
        dirty = dirty || (walk.attributes & QUIRE_DIRTY) != 0;
    }
    for (unsigned i = 0; i < trace.steps; i++) {
        mark_block(frames, trace.step[i].table, quire_format_table_bytes(format, i + 1), TABLE);
    }
    mark(frames, pfn, 1, dirty ? DIRTY_PAGE : CLEAN_PAGE);
}

/* Frames that are in use and none of the others hold the supplement. */
static bool find_frames(struct frames *frames, const struct replay *replay)
{
    const struct quire_space *space = &replay->space;
    const struct quire_system *system = space->system;
    uint64_t end = UINT64_C(1) << space->supplement.vpn_bits;
    struct quire_record record;

    *frames = (struct frames){replay, NULL, replay->machine.frames.total};
    frames->kind = malloc(frames->total);
    if (frames->kind == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < frames->total; n++) {
        bool used = quire_frames_count(&replay->machine.frames, quire_pfn_of(n)) != 0;
        frames->kind[n] = used ? SUPPLEMENT : FREE;
    }
    mark(frames, system->own_first.n, system->own_frames, RECORDS);
    mark(frames,
         ((const unsigned char *)system->region_slab - replay->machine.ram) >> replay->page_shift,
         system->slab_frames != 0, RECORDS);
    mark_block(frames, space->table.root, quire_format_table_bytes(space->table.format, 1), TABLE);
    for (uint64_t vpn = 0; quire_supplement_next(&space->supplement, &vpn, end, &record); vpn++) {
        if (record.kind == QUIRE_RECORD_FRAME) {
            mark_page(frames, vpn, record.number);
        }
    }
    return true;
}

/* A cell of several frames shows what most of them are. */
static unsigned char kind_of_cell(const struct frames *frames, uint32_t first, uint32_t count)
{
    uint32_t of[FRAME_KINDS] = {0};
    unsigned char most = 0;

    for (uint32_t n = first; n < first + count && n < frames->total; n++) {
        of[frames->kind[n]]++;
    }
    for (unsigned char kind = 1; kind < FRAME_KINDS; kind++) {
        most = of[kind] > of[most] ? kind : most;
    }
    return most;
}

/* Frames up to the last that is in use: what lies above is free. */
static uint32_t frames_in_use(const struct frames *frames)
{
    uint32_t end = frames->total;

    while (end > 1 && frames->kind[end - 1] == FREE) {
        end--;
    }
    return end;
}

static void draw_frame_rows(struct draw_style style, const struct frames *frames, uint32_t end)
{
    unsigned char row[ROW];
    uint32_t each = 1;
    size_t length = 0;

    while ((end - 1) / (each * ROW) + 1 > ROWS_MAX) {
        each *= 2;
    }
    for (uint32_t n = 0; n < end; n += each) {
        if (length == 0) {
            printf("  %08" PRIx64 " ", (uint64_t)n << frames->replay->page_shift);
        }
        row[length++] = kind_of_cell(frames, n, each);
        if (length == ROW || n + each >= end) {
            draw_cells(style, frame_cells, row, length);
            putchar('\n');
            length = 0;
        }
    }
    draw_legend(style, frame_cells, FRAME_KINDS);
    if (each > 1) {
        printf("  one cell: %s frames, shown as most of them are\n", grouped(each).text);
    }
}

void draw_frames(struct draw_style style, const struct replay_report *report)
{
    struct frames frames;
    uint32_t end;

    if (!find_frames(&frames, report->replay)) {
        return;
    }
    end = frames_in_use(&frames);
    printf("The machine's memory: %s frames of %s\n", grouped(frames.total).text,
           size_text(UINT64_C(1) << report->replay->page_shift).text);
    draw_frame_rows(style, &frames, end);
    if (end < frames.total) {
        printf("  and %s free frames above\n", grouped(frames.total - end).text);
    }
    putchar('\n');
    free(frames.kind);
}
