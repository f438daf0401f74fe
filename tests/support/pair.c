/* Two spaces on the laboratory's machine. */
#include "tests/support/pair.h"

#include <string.h>

#include "tests/support/check.h"

enum { READ = QUIRE_READ | QUIRE_USER, WRITE = QUIRE_WRITE | QUIRE_USER };

void pair_open(struct pair *pair, const struct lab_setup *setup)
{
    memset(pair, 0, sizeof(*pair));
    lab_open(&pair->lab, setup);
}

void pair_start(struct pair *pair, unsigned machine, uint32_t limit, uint32_t slots)
{
    struct lab_setup setup = {.limit = limit, .slots = slots};

    setup.format = lab_machine(machine, &setup.frames);
    pair_open(pair, &setup);
}

void pair_create(struct pair *pair, unsigned n)
{
    check(quire_space_create(&pair->space[n], &pair->lab.system, pair->lab.format,
                             (uint16_t)(n + 1)) == QUIRE_OK);
    pair->alive[n] = true;
}

bool pair_can_fork(const struct quire_format *format)
{
    return format->leaf.write.mask != 0;
}

void pair_fork(struct pair *pair)
{
    check(quire_space_fork(&pair->space[1], &pair->space[0], 2) == QUIRE_OK);
    pair->alive[1] = true;
}

void pair_destroy(struct pair *pair, unsigned n)
{
    quire_space_destroy(&pair->space[n]);
    pair->alive[n] = false;
}

void pair_validate(struct pair *pair)
{
    struct quire_space *spaces[PAIR_SPACES];
    const char *what = NULL;
    unsigned count = 0;
    enum quire_status status;

    for (unsigned n = 0; n < PAIR_SPACES; n++) {
        if (pair->alive[n]) {
            spaces[count++] = &pair->space[n];
        }
    }
    status = quire_validate(&pair->lab.system, spaces, count, &what);
    checkf(status == QUIRE_OK, "%s: %s", pair->lab.format->name, what);
}

void pair_close(struct pair *pair)
{
    for (unsigned n = 0; n < PAIR_SPACES; n++) {
        if (pair->alive[n]) {
            pair_destroy(pair, n);
        }
    }
    if (pair->has_object) {
        quire_object_destroy(&pair->object);
    }
    lab_close(&pair->lab);
}

uint64_t pair_at(const struct pair *pair, uint64_t page)
{
    return page * pair->lab.page_bytes;
}

void pair_map(struct pair *pair, unsigned n, uint64_t page, uint64_t pages,
              struct quire_object *object, enum quire_sharing sharing)
{
    struct quire_region_spec spec = {.va = quire_va_at(pair_at(pair, page)),
                                     .bytes = pair_at(pair, pages),
                                     .prot = READ | WRITE,
                                     .object = object,
                                     .sharing = sharing};

    check(quire_space_map(&pair->space[n], &spec) == QUIRE_OK);
}

unsigned char *pair_reach(struct pair *pair, unsigned n, uint64_t va, unsigned access)
{
    struct quire_mmu mmu = {pair->lab.format, &pair->lab.view, pair->space[n].table.root};
    struct quire_request request = {.ready = NULL};
    struct quire_walk walk;

    while (quire_walk(&mmu, quire_va_at(va), access | QUIRE_ACCESSED, &walk) != QUIRE_OK) {
        enum quire_status status =
            quire_space_fault(&pair->space[n], quire_va_at(va), access, &request);
        checkf(status == QUIRE_OK, "%s: space %u, %#llx: %s", pair->lab.format->name, n,
               (unsigned long long)va, quire_status_text(status));
    }
    return arena_at(&pair->lab.arena, walk.pa.at, 1);
}

void pair_store(struct pair *pair, unsigned n, uint64_t page, unsigned char value)
{
    *pair_reach(pair, n, pair_at(pair, page), WRITE) = value;
}

void pair_load(struct pair *pair, unsigned n, uint64_t page, unsigned char expected)
{
    unsigned char found = *pair_reach(pair, n, pair_at(pair, page), READ);

    checkf(found == expected, "%s: space %u, page %u: expected %u, got %u", pair->lab.format->name,
           n, (unsigned)page, expected, found);
}

/* ---- its object ------------------------------------------------------------------------------ */

static enum quire_status file_device(void *context, struct quire_transfer *transfer)
{
    struct pair *pair = context;

    if (transfer->direction == QUIRE_TRANSFER_IN) {
        memcpy(transfer->where, pair->file + transfer->offset, transfer->bytes);
    } else {
        memcpy(pair->file + transfer->offset, transfer->where, transfer->bytes);
        pair->writes++;
    }
    return QUIRE_OK;
}

void pair_object(struct pair *pair, bool of_file)
{
    struct quire_device device = {file_device, pair};

    check(quire_object_create(&pair->object, &pair->lab.system, of_file ? &device : NULL,
                              PAIR_FILE_PAGES * pair->lab.page_bytes) == QUIRE_OK);
    pair->has_object = true;
}
