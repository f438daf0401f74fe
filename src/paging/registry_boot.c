/* The initial kernel table, by the steps of seed 001. */
#include "quire/registry.h"

static enum quire_status identity(struct quire_table *kernel, struct quire_batch *batch,
                                  uint64_t from, uint64_t bytes)
{
    struct quire_mapping mapping = {.va = quire_va_at(from),
                                    .pa = quire_pa_at(from),
                                    .bytes = bytes,
                                    .attributes = QUIRE_READ | QUIRE_WRITE | QUIRE_EXECUTE,
                                    .largest_leaf = quire_format_page_bytes(kernel->format)};

    return quire_table_map(kernel, batch, &mapping, NULL);
}

enum quire_status quire_registry_boot(struct quire_table *kernel, const struct quire_format *format,
                                      const struct quire_host *host, uint64_t low_bytes,
                                      uint64_t own_bytes)
{
    struct quire_batch batch = {0};
    enum quire_status status = quire_table_create(kernel, format, host, 0);

    if (status != QUIRE_OK) {
        return status;
    }
    quire_batch_begin(&batch, host);
    status = identity(kernel, &batch, 0, low_bytes);
    if (status == QUIRE_OK) {
        status = identity(kernel, &batch, low_bytes, own_bytes);
    }
    if (status != QUIRE_OK) {
        quire_table_destroy(kernel);
    }
    return status;
}
