/* Programs and their replays. */
#include "tests/support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/pte.h"
#include "tests/support/check.h"

void program_end(struct program *program)
{
    free(program->record);
    free(program->string);
}

/* Every page number in the records, in order; then each is replaced by its rank of first use. */
static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static size_t page_numbers(const struct program *program, unsigned page_shift, uint64_t *numbers)
{
    size_t n = 0;

    for (size_t i = 0; i < program->records; i++) {
        uint64_t first = program->record[i].address;
        uint64_t last = first + program->record[i].size - 1;

        for (uint64_t page = first >> page_shift; page <= last >> page_shift; page++) {
            if (numbers != NULL) {
                numbers[n] = page;
            }
            n++;
        }
    }
    return n;
}

static void program_pages(struct program *program, unsigned page_shift)
{
    size_t length = page_numbers(program, page_shift, NULL);
    uint64_t *numbers = malloc(length * sizeof(uint64_t));
    uint64_t *sorted = malloc(length * sizeof(uint64_t));
    uint32_t distinct = 0;

    program->string = malloc(length * sizeof(uint32_t));
    check(numbers != NULL && sorted != NULL && program->string != NULL);
    page_numbers(program, page_shift, numbers);
    memcpy(sorted, numbers, length * sizeof(uint64_t));
    qsort(sorted, length, sizeof(uint64_t), compare_numbers);
    for (size_t i = 0; i < length; i++) {
        if (i == 0 || sorted[i] != sorted[distinct - 1]) {
            sorted[distinct++] = sorted[i];
        }
    }
    for (size_t i = 0; i < length; i++) {
        const uint64_t *at =
            bsearch(&numbers[i], sorted, distinct, sizeof(uint64_t), compare_numbers);
        program->string[i] = (uint32_t)(at - sorted);
    }
    free(numbers);
    free(sorted);
    program->length = length;
    program->pages = distinct;
}

/* Somewhere in the address space, its far ends included. */
static uint64_t some_place(struct prng *prng, const struct quire_format *format)
{
    uint64_t all = format->va_bits == 64 ? UINT64_MAX : (UINT64_C(1) << format->va_bits) - 1;
    uint64_t at = prng_next(prng) & all;

    switch (prng_below(prng, 4)) {
    case 0: at = 0; break;
    case 1: at = all; break;
    default: break;
    }
    if (format->canonical == QUIRE_SIGN_EXTENDED && (at >> (format->va_bits - 1) & 1) != 0) {
        at |= ~all;
    }
    return at;
}

struct program random_program(struct prng *prng, const struct quire_format *format, size_t records)
{
    uint64_t page = quire_format_page_bytes(format);
    struct program program = {.record = malloc(records * sizeof(struct trace_record))};
    uint64_t place[4];
    uint64_t spread = page * (1 + prng_below(prng, 40));

    check(program.record != NULL);
    for (unsigned i = 0; i < 4; i++) {
        place[i] = some_place(prng, format);
    }
    while (program.records < records) {
        uint64_t which = prng_below(prng, 4);
        struct trace_record r = {
            .size = 1 + (uint32_t)prng_below(prng, prng_one_in(prng, 9) ? 600 : 16),
            .kind = (enum trace_kind)prng_below(prng, 4)};

        if (prng_one_in(prng, 500)) {
            place[which] = some_place(prng, format);
        }
        place[which] += prng_one_in(prng, 8) ? page : 0;
        r.address = place[which] + prng_below(prng, spread);
        if (r.address + (r.size - 1) >= r.address &&
            quire_va_valid(format, quire_va_at(r.address)) &&
            quire_va_valid(format, quire_va_at(r.address + (r.size - 1)))) {
            program.record[program.records++] = r;
        } else {
            place[which] = some_place(prng, format);
        }
    }
    program_pages(&program, quire_format_page_shift(format));
    return program;
}

struct program load_program(const char *path, size_t most)
{
    struct trace *trace = trace_open(path);
    size_t room = 0, n;
    struct program program = {0};

    do {
        if (room - program.records < 65536) {
            room = room * 2 + 65536;
            program.record = realloc(program.record, room * sizeof(struct trace_record));
            check(program.record != NULL);
        }
        n = trace_read(trace, program.record + program.records, room - program.records);
        program.records += n;
    } while (n != 0 && program.records < most);
    checkf(trace_error(trace) == NULL, "%s", trace_error(trace));
    trace_close(trace);
    program.records = program.records < most ? program.records : most;
    program_pages(&program, 12);
    return program;
}

/* ---- against the model ---------------------------------------------------------------------- */

/* Where nobody can tell, every page has to be taken for written. */
static bool can_tell_writes(const struct quire_format *format)
{
    return format->leaf.dirty.mask != 0 || format->leaf.write.mask != 0;
}

uint64_t program_faults(const struct program *program, const struct quire_format *format,
                        unsigned policy, uint32_t frames, uint64_t tick)
{
    unsigned shift = quire_format_page_shift(format);
    const uint32_t *page = program->string;
    struct pager *pager;
    uint64_t faults = 0;

    if (policy == OPTIMAL) {
        return pager_optimum(program->string, program->length, program->pages, frames);
    }
    pager = pager_open((enum model_kind)policy, program->pages, frames);
    for (size_t i = 0; i < program->records; i++) {
        const struct trace_record *r = &program->record[i];
        uint64_t more = ((r->address + (r->size - 1)) >> shift) - (r->address >> shift);
        bool write = r->kind == TRACE_STORE || r->kind == TRACE_MODIFY || !can_tell_writes(format);

        for (uint64_t n = 0; n <= more; n++) {
            faults += pager_refer(pager, *page++, write);
        }
        if (tick != 0 && (i + 1) % tick == 0) {
            pager_tick(pager);
        }
    }
    check(page == program->string + program->length);
    pager_close(pager);
    return faults;
}

/* ---- replays ------------------------------------------------------------------------------- */

struct replay replay;
static struct future future; /* of the replay, if it wants one */

static void know_the_future(struct replay_config *config, const struct program *program)
{
    size_t half = program->records / 2;

    check(future_open(&future, quire_format_page_shift(config->format)));
    check(future_add(&future, program->record, half));
    check(future_add(&future, program->record + half, program->records - half));
    check(future.length == program->length);
    config->future = &future;
}

void replay_program(const struct replay_config *wanted, const struct program *program)
{
    struct replay_config with_future = *wanted, *config = &with_future;
    struct problem problem = {""};
    size_t batch = 1;

    if (config->policy == &replay_policy_opt) {
        know_the_future(config, program);
    }
    checkf(replay_open(&replay, config, &problem), "%s, %s: %s", config->format->name,
           config->policy->name, problem.text);
    for (size_t i = 0; i < program->records; i += batch) {
        batch = 1 + (batch * 7 + 3) % 10007;
        batch = batch < program->records - i ? batch : program->records - i;
        checkf(replay_run(&replay, program->record + i, batch), "%s, %s: %s", config->format->name,
               config->policy->name, replay.problem.text);
    }
}

void replay_validate(void)
{
    struct quire_space *spaces[] = {&replay.space};
    const char *what = "";
    enum quire_status status = quire_validate(&replay.machine.system, spaces, 1, &what);

    checkf(status == QUIRE_OK, "%s: %s", replay.config.format->name, what);
}

/* The curve and the counters tell one story. */
static void check_figures(const struct replay_figures *f, const struct program *program)
{
    double columns[7], sum = 0;

    check(f->records == program->records && f->page_references == program->length);
    check(f->touched == program->pages);
    check(f->faults == f->zero_fills + f->swap_ins + f->file_reads);
    check(f->faults == f->evictions + f->resident);
    check(f->disk_reads == f->swap_ins && f->disk_writes == f->swap_outs);
    check(f->tlb_hits <= f->page_references && f->walks >= f->page_references - f->tlb_hits);
    check(f->faults >= f->touched && f->file_reads == 0 && f->dropped_in_file == 0);
    curve_columns(&replay.curve, columns, 7);
    for (unsigned i = 0; i < 7; i++) {
        check(columns[i] >= 0);
        sum += columns[i];
    }
    check(sum > (double)f->faults - 0.01 && sum < (double)f->faults + 0.01);
    check(replay.curve.total == program->records);
}

/* Verification must not change anything. */
static void check_same(const struct replay_config *config, const struct replay_figures *a,
                       const struct replay_figures *b)
{
    struct replay_figures other = *b;

    other.verified_loads = a->verified_loads;
    other.verified_bytes = a->verified_bytes;
    other.shadow_bytes = a->shadow_bytes;
    for (size_t i = 0; i < sizeof(other) / sizeof(uint64_t); i++) {
        checkf(((const uint64_t *)a)[i] == ((const uint64_t *)&other)[i],
               "%s, %s: figure %zu: %llu verified, %llu not", config->format->name,
               config->policy->name, i, (unsigned long long)((const uint64_t *)a)[i],
               (unsigned long long)((const uint64_t *)&other)[i]);
    }
}

struct replay_figures replay_end(const struct program *program)
{
    struct replay_figures figures = replay_figures(&replay);

    check_figures(&figures, program);
    replay_validate();
    if (replay.config.future != NULL) {
        future_close(&future);
    }
    replay_close(&replay);
    return figures;
}

struct replay_figures replay_twice(struct replay_config *config, const struct program *program)
{
    struct replay_figures verified, unverified;

    config->verify = true;
    replay_program(config, program);
    verified = replay_end(program);
    check(verified.shadow_bytes == (uint64_t)program->pages
                                       << quire_format_page_shift(config->format));
    check(verified.verified_bytes >= verified.verified_loads);

    config->verify = false;
    replay_program(config, program);
    unverified = replay_end(program);
    check(unverified.verified_bytes == 0 && unverified.shadow_bytes == 0);
    check_same(config, &verified, &unverified);
    return verified;
}
