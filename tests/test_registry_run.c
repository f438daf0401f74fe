/*
 * The crowd behind `quire registry`: its sums are what the trackers say, and what it verifies it
 * would see if it were wrong.
 */
#include <string.h>

#include "quire/formats.h"
#include "tools/quire/registry_run.h"
#include "tests/support/unit.h"

static const struct registry_config config = {.format = &quire_format_i386,
                                              .ram_bytes = 24 << 20,
                                              .own_bytes = 8 << 20,
                                              .spaces = 300,
                                              .pages = 6,
                                              .seed = 5};

static void run_open(struct registry_run *run)
{
    struct problem problem;

    checkf(registry_run_open(run, &config, &problem), "%s", problem.text);
    checkf(registry_run_grow(run, &problem), "%s", problem.text);
}

static void test_sums(void **state)
{
    static struct registry_run run;
    struct registry_totals totals;
    struct problem problem;
    uint64_t tables = 0;

    (void)state;
    run_open(&run);
    checkf(registry_run_verify(&run, &problem), "%s", problem.text);
    check(quire_registry_validate(&run.registry, NULL) == QUIRE_OK);
    check(run.registry.spaces == config.spaces && run.witnesses == config.spaces);
    check(run.read_back == run.data_pages && run.verified == run.data_pages);
    for (uint32_t id = 0; id < config.spaces; id++) {
        struct quire_registry_view view;

        check(quire_registry_open(&run.registry, id, 0, &view) == QUIRE_OK);
        check(quire_table_validate(&view.table, NULL) == QUIRE_OK);
        tables += view.table.tables;
    }
    totals = registry_run_totals(&run);
    check(totals.table_frames == tables && tables == config.spaces + run.data_pages);
    check(totals.copies == 0);
    check(totals.fixed_pages == 1025 && totals.fixed_spaces == 1023);
    check(run.machine.frames.total - run.machine.frames.free ==
          tables + run.data_pages + (9 << 20) / 4096);
    check(run.registry.count.moved != 0 && run.registry.count.grown != 0);
    registry_run_close(&run);
}

/* In the space that is looked at first something is not as it should be. */
enum wrong { PTE_CHANGED, DATA_CHANGED, WINDOW_CHANGED, TLB_STALE, SPACE_GONE, WRONGS };

static void spoil_page(void *context, const struct quire_leaf *leaf)
{
    struct registry_run *run = context;

    run->machine.ram[leaf->pa.at] ^= 1;
}

static void make_wrong(struct registry_run *run, enum wrong what)
{
    struct quire_visitor visitor = {spoil_page, run};
    struct quire_registry_view view;
    struct quire_tracker tracker;
    quire_va window;

    check(quire_registry_open(&run->registry, 0, 0, &view) == QUIRE_OK);
    check(quire_registry_tracker(&run->registry, 0, &tracker) == QUIRE_OK);
    window = quire_tracker_va(tracker);
    switch (what) {
    case PTE_CHANGED: memset(run->machine.ram + view.table.root.at, 0, 4096); break;
    case DATA_CHANGED:
        check(quire_table_visit(&view.table, quire_va_at(0), UINT64_C(1) << 32, &visitor) ==
              QUIRE_OK);
        break;
    case WINDOW_CHANGED: /* page B is not there */
        window.at += 4096;
        check(quire_table_unmap(&run->kernel, &run->registry.batch, window, 4096, NULL) ==
              QUIRE_OK);
        quire_batch_commit(&run->registry.batch);
        break;
    case TLB_STALE: /* what a lost flush leaves behind: another frame for the directory */
        tlb_fill(&run->machine.tlb, window, QUIRE_READ,
                 &(struct quire_walk){
                     .pa = quire_pa_at(0), .page_bytes = 4096, .attributes = QUIRE_READ});
        break;
    case SPACE_GONE: quire_registry_remove(&view); break;
    case WRONGS: break;
    }
}

static void test_sees_what_is_wrong(void **state)
{
    static const char *const says[WRONGS] = {
        [PTE_CHANGED] = "it is not mapped",
        [DATA_CHANGED] = "the page holds other data than was written",
        [WINDOW_CHANGED] = "the kernel does not see that it is mapped",
        [TLB_STALE] = "the kernel does not see that it is mapped",
        [SPACE_GONE] = "it is gone",
    };
    static struct registry_run run;

    (void)state;
    for (enum wrong what = 0; what < WRONGS; what++) {
        struct problem problem = {""};

        run_open(&run);
        make_wrong(&run, what);
        check(!registry_run_verify(&run, &problem) && run.wrong);
        checkf(strncmp(problem.text, "address space 0, ", 17) == 0 &&
                   strstr(problem.text, says[what]) != NULL,
               "wrong %d: it says: %s", what, problem.text);
        registry_run_close(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_sees_what_is_wrong),
    };

    return unit_run(tests);
}
