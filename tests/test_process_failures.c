/*
 * Every way in which the doings of processes can fail, or be late, one after the other: the n-th
 * frame refused, the n-th transfer failed, pages on their way. Nothing is ever half done or lost.
 */
#include <string.h>

#include "quire/formats.h"
#include "tests/support/crew.h"
#include "tests/support/unit.h"

enum { PAGE = 4096, IMAGE = 0x801000 };
enum { PROGRAM = CREW_PROGRAM, LIBRARY = CREW_LIBRARY, NEW_PROGRAM };

static struct crew crew;

/* ---- everything that can fail ---------------------------------------------------------------- */

static enum quire_status spawn(unsigned file)
{
    struct quire_process_spec spec = {"second", 2, &crew.file[file].image, QUIRE_LOAD_DEMAND};
    enum quire_status status = quire_process_spawn(&crew.process[1], &crew.usermode, &spec);

    crew.alive[1] = status == QUIRE_OK;
    return status;
}

static enum quire_status do_spawn(void)
{
    return spawn(PROGRAM);
}

static enum quire_status do_spawn_new(void)
{
    return spawn(NEW_PROGRAM);
}

static enum quire_status do_fork(void)
{
    return crew_fork(&crew, 1, 0);
}

static enum quire_status do_open(void)
{
    return quire_process_open_library(&crew.process[0], &crew.file[LIBRARY].library, NULL);
}

static enum quire_status do_map_heap(void)
{
    quire_va va;

    return quire_process_map_heap(&crew.process[0], 2 * PAGE, &va);
}

static enum quire_status do_brk(void)
{
    return quire_process_brk(&crew.process[0], quire_va_at(0x806000), NULL);
}

/* Two records for the ends that are left over. */
static enum quire_status do_unmap_heap(void)
{
    return quire_process_unmap_heap(&crew.process[0], quire_va_at(0x805000), PAGE);
}

static enum quire_status do_brk_back(void)
{
    return quire_process_brk(&crew.process[0], quire_va_at(0x805000), NULL);
}

static void nothing(void)
{
}

static void heap_of_three(void)
{
    check(crew_map_heap(&crew, 0, 3 * PAGE) == 0x804000);
}

static void new_program(void)
{
    crew_parts(&crew, NEW_PROGRAM, "new", 2 * PAGE, 1);
}

/* Another process has the library already: only the records of its regions are to be had. */
static void library_in_use(void)
{
    check(crew_fork(&crew, 1, 0) == QUIRE_OK);
    crew_open_library(&crew, 1, LIBRARY);
}

static void some_more(void)
{
    crew_open_library(&crew, 0, LIBRARY);
    crew_put(&crew, 0, crew_map_heap(&crew, 0, PAGE), 1);
}

static void brk_of_three(void)
{
    check(quire_process_brk(&crew.process[0], quire_va_at(0x807000), NULL) == QUIRE_OK);
}

static const struct {
    const char *name;
    void (*before)(void);
    enum quire_status (*run)(void);
    unsigned frames; /* allocations that it takes at least, where records have no room */
} operations[] = {
    {"spawn", nothing, do_spawn, 2},
    {"spawn of a new image", new_program, do_spawn_new, 4},
    {"fork", some_more, do_fork, 3},
    {"open a library", nothing, do_open, 2},
    {"open a library that is in use", library_in_use, do_open, 0},
    {"map heap pages", nothing, do_map_heap, 0},
    {"grow the heap", nothing, do_brk, 0},
    {"unmap heap pages", heap_of_three, do_unmap_heap, 0},
    {"shrink the heap", brk_of_three, do_brk_back, 0},
};

/* Regions until the block that holds their records has room for `left` more; then they need a
 * frame. */
static void fill_block(unsigned left)
{
    static const unsigned prot[] = {QUIRE_READ | QUIRE_USER, QUIRE_READ | QUIRE_WRITE | QUIRE_USER};
    struct quire_region_spec spec = {.bytes = PAGE};

    for (unsigned i = 0; crew.machine.system.region_slab != NULL; i++) {
        spec.va.at = 0x1000000 + (uint64_t)i * PAGE;
        spec.prot = prot[i % 2];
        check(quire_space_map(&crew.process[0].space, &spec) == QUIRE_OK);
    }
    spec.va.at -= (left - 1) * (uint64_t)PAGE;
    check(left == 0 ||
          quire_space_unmap(&crew.process[0].space, spec.va, left * (uint64_t)PAGE) == QUIRE_OK);
}

enum { ROOMY = 99 }; /* room for more records than any operation needs */

/* Refuses the n-th frame and all after it, then lets it succeed. True: it had not got so far. */
static bool refuse_nth(unsigned operation, unsigned n, unsigned room)
{
    char before[8192], after[8192];
    enum quire_status status;

    crew_open_usual(&crew, QUIRE_LOAD_EAGER);
    operations[operation].before();
    if (room != ROOMY) {
        fill_block(room);
    }
    crew_draw(&crew, before, sizeof(before));
    crew.machine.faults.frame = (struct mishap){.in = n, .every = 1};
    status = operations[operation].run();
    crew.machine.faults.frame = (struct mishap){0};
    crew_check(&crew);
    crew_draw(&crew, after, sizeof(after));
    if (status != QUIRE_OK) {
        checkf(status == QUIRE_NO_MEMORY && strcmp(before, after) == 0,
               "%s, frame %u: %s, before\n%safter\n%s", operations[operation].name, n,
               quire_status_text(status), before, after);
        check(operations[operation].run() == QUIRE_OK);
        crew_check(&crew);
    }
    crew_compare(&crew, 0, PROGRAM, IMAGE);
    if (crew.alive[1]) {
        crew_compare(&crew, 1, operations[operation].run == do_spawn_new ? NEW_PROGRAM : PROGRAM,
                     IMAGE);
    }
    crew_close(&crew);
    return status == QUIRE_OK;
}

static void test_nth_frame_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        for (unsigned room = 0; room < 5; room++) {
            unsigned n = 1;

            while (!refuse_nth(i, n, room < 4 ? room : ROOMY)) {
                n++;
                check(n < 50);
            }
            checkf(n > operations[i].frames + (room == 0), "%s: %u frames", operations[i].name,
                   n - 1);
        }
    }
}

/* While pages are loaded, frames can be had by evicting other pages: none is lost. */
static void test_nth_frame_refused_while_loading(void **state)
{
    enum quire_status status = QUIRE_NO_MEMORY;

    (void)state;
    for (unsigned n = 1; status != QUIRE_OK; n++) {
        struct crew_setup setup = {&quire_format_i386, &quire_layout_seed, 16 << 20, 8 << 20,
                                   1 << 20};
        struct quire_process_spec spec = {"first", 1, &crew.file[PROGRAM].image, QUIRE_LOAD_EAGER};
        struct quire_request request = {.ready = NULL};

        check(n < 50);
        crew_open(&crew, &setup);
        crew_image(&crew, PROGRAM, "program", 5 * PAGE);
        check(quire_process_spawn(&crew.process[0], &crew.usermode, &spec) == QUIRE_OK);
        crew.alive[0] = true;
        crew.machine.faults.frame = (struct mishap){.in = n, .every = 1};
        status = quire_process_load(&crew.process[0], &request);
        crew.machine.faults.frame = (struct mishap){0};
        crew_check(&crew);
        check(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        check(crew_load(&crew, 0) == QUIRE_OK);
        crew_compare(&crew, 0, PROGRAM, IMAGE);
        check(crew_get(&crew, 0, 0x800000) == 0);
        crew_close(&crew);
    }
}

static void test_nth_transfer_failed(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 7; n++) {
        enum quire_status status;

        crew_open_seed(&crew, &quire_format_i386);
        crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
        crew_library(&crew, LIBRARY, "library", 4700, 1863, false);
        crew.fail.in = n;
        status = crew_spawn(&crew, 0, "first", PROGRAM, QUIRE_LOAD_EAGER);
        check(status == (n <= 3 ? QUIRE_IO_ERROR : QUIRE_OK));
        check(crew_load(&crew, 0) == QUIRE_OK);
        check(quire_process_open_library(&crew.process[0], &crew.file[LIBRARY].library, NULL) ==
              QUIRE_OK);
        status = crew_load(&crew, 0);
        check(status == (n > 3 && n <= 6 ? QUIRE_IO_ERROR : QUIRE_OK));
        if (status != QUIRE_OK && n % 2 == 0) {
            crew_exit(&crew, 0); /* or it does not want to try again */
        } else {
            check(crew_load(&crew, 0) == QUIRE_OK);
            crew_compare(&crew, 0, PROGRAM, IMAGE);
            crew_compare(&crew, 0, LIBRARY, 0x804000);
        }
        crew_close(&crew);
    }
}

/* ---- everything that can be late ------------------------------------------------------------- */

static unsigned ready_calls;

static void ready(struct quire_request *request)
{
    (void)request;
    ready_calls++;
}

/* One step of loading that has to wait; then it fails, or not. */
static enum quire_status late_step(unsigned n, struct quire_request *request,
                                   enum quire_status outcome)
{
    check(quire_process_load(&crew.process[n], request) == QUIRE_PENDING);
    crew_check(&crew);
    crew_deliver(&crew, outcome);
    return quire_space_resume(request);
}

static void test_late_pages(void **state)
{
    (void)state;
    for (unsigned fails = 0; fails <= 3; fails++) {
        struct quire_process_spec spec = {"first", 1, &crew.file[PROGRAM].image, QUIRE_LOAD_EAGER};
        struct quire_request request = {.ready = ready};

        crew_open_seed(&crew, &quire_format_i386);
        crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
        crew.hold = true;
        ready_calls = 0;
        check(quire_process_spawn(&crew.process[0], &crew.usermode, &spec) == QUIRE_OK);
        crew.alive[0] = true;
        for (unsigned page = 1; page <= 3; page++) {
            if (page == fails) {
                check(late_step(0, &request, QUIRE_IO_ERROR) == QUIRE_IO_ERROR);
                crew_check(&crew);
            }
            check(late_step(0, &request, QUIRE_OK) == QUIRE_OK);
            check(crew_pfn(&crew, 0, IMAGE + (page - 1) * PAGE) == 0x800 + page);
        }
        check(quire_process_load(&crew.process[0], &request) == QUIRE_OK);
        check(ready_calls == 3 + (fails != 0));
        crew.hold = false;
        crew_compare(&crew, 0, PROGRAM, IMAGE);
        crew_close(&crew);
    }
}

/* A page of a library is on its way for one process; another wants it, or wants to go. */
static void test_late_library(void **state)
{
    struct quire_request first = {.ready = ready}, second = {.ready = ready};
    struct quire_library *library = &crew.file[LIBRARY].library;
    char before[1024], after[1024];

    (void)state;
    crew_open_usual(&crew, QUIRE_LOAD_EAGER);
    check(crew_spawn(&crew, 1, "second", PROGRAM, QUIRE_LOAD_EAGER) == QUIRE_OK);
    crew.hold = true;
    check(quire_process_open_library(&crew.process[0], library, NULL) == QUIRE_OK);
    check(quire_process_open_library(&crew.process[1], library, NULL) == QUIRE_OK);
    check(quire_process_load(&crew.process[0], &first) == QUIRE_PENDING);
    check(quire_process_load(&crew.process[1], &second) == QUIRE_BUSY);
    crew_draw(&crew, before, sizeof(before));
    check(quire_process_exit(&crew.process[1]) == QUIRE_BUSY);
    check(quire_process_close_library(&crew.process[1], library) == QUIRE_BUSY);
    crew_check(&crew);
    crew_draw(&crew, after, sizeof(after));
    check(strcmp(before, after) == 0 && library->users == 2);

    crew_deliver(&crew, QUIRE_OK);
    check(quire_space_resume(&first) == QUIRE_OK);
    check(quire_process_load(&crew.process[1], &second) == QUIRE_PENDING); /* the second page */
    check(quire_process_load(&crew.process[0], &first) == QUIRE_BUSY);
    crew_deliver(&crew, QUIRE_OK);
    check(quire_space_resume(&second) == QUIRE_OK);
    crew.hold = false;
    check(crew_load(&crew, 0) == QUIRE_OK && crew_load(&crew, 1) == QUIRE_OK);
    check(crew.file[LIBRARY].reads == 3);
    crew_exit(&crew, 0);
    crew_compare(&crew, 1, LIBRARY, 0x804000);
    crew_close(&crew);
}

/* A page of one process is being written out, to make room for one of another's: the one cannot go
 * yet, nor be copied. The other waits twice: for the write, and for its own page. */
static void test_late_eviction(void **state)
{
    struct crew_setup setup = {&quire_format_i386, &quire_layout_seed, (1 << 20) + 5 * PAGE,
                               1 << 20, 1 << 20};
    struct quire_process_spec spec = {"second", 2, &crew.file[PROGRAM].image, QUIRE_LOAD_EAGER};
    struct quire_request request = {.ready = ready};
    char before[1024], after[1024];
    unsigned waits = 0;

    (void)state;
    crew_open(&crew, &setup);
    crew_image(&crew, PROGRAM, "program", 2 * PAGE + 1);
    check(crew_spawn(&crew, 0, "first", PROGRAM, QUIRE_LOAD_EAGER) == QUIRE_OK);
    for (uint64_t va = 0x800000; va < 0x804000; va += PAGE) {
        crew_put(&crew, 0, va, 1);
    }
    check(quire_process_spawn(&crew.process[1], &crew.usermode, &spec) == QUIRE_OK);
    crew.alive[1] = true;
    crew.hold = true;
    while (crew.process[1].owes) {
        enum quire_status status = quire_process_load(&crew.process[1], &request);

        while (status == QUIRE_PENDING) {
            if (crew.held[0]->direction == QUIRE_TRANSFER_OUT && waits == 0) {
                crew_draw(&crew, before, sizeof(before));
                check(quire_process_exit(&crew.process[0]) == QUIRE_BUSY);
                check(crew_fork(&crew, 2, 0) == QUIRE_BUSY);
                crew_draw(&crew, after, sizeof(after));
                check(strcmp(before, after) == 0);
            }
            waits += crew.held[0]->direction == QUIRE_TRANSFER_OUT;
            crew_deliver(&crew, QUIRE_OK);
            status = quire_space_resume(&request);
        }
        check(status == QUIRE_OK);
    }
    checkf(waits >= 2, "%u", waits); /* for four pages there was one frame; zeros are dropped */
    crew.hold = false;
    crew_check(&crew);
    crew_compare(&crew, 1, PROGRAM, IMAGE);
    for (uint64_t va = 0x800000; va < 0x804000; va += PAGE) {
        check(crew_get(&crew, 0, va) == 1);
        check(va == 0x800000 ||
              crew_get(&crew, 0, va + 1) ==
                  (va + 1 < IMAGE + 2 * PAGE + 1 ? crew.file[PROGRAM].bytes[va + 1 - IMAGE] : 0));
    }
    crew_close(&crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_frame_refused),
        cmocka_unit_test(test_nth_frame_refused_while_loading),
        cmocka_unit_test(test_nth_transfer_failed),
        cmocka_unit_test(test_late_pages),
        cmocka_unit_test(test_late_library),
        cmocka_unit_test(test_late_eviction),
    };

    return unit_run(tests);
}
