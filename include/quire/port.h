/*
 * quire_port_check(): does a host keep its side of the bargain?
 *
 * A porter calls it once his hooks exist, before anything else of quire runs on them. It uses a few
 * table frames, one page of address space and, if it can, the real MMU; it gives all of it back.
 */
#ifndef QUIRE_PORT_H
#define QUIRE_PORT_H

#include "quire/table.h"

struct quire_port {
    const struct quire_host *host;
    const struct quire_format *format;

    /* A page-aligned virtual address that nothing uses. */
    quire_va scratch;

    /*
     * Reads the 8 bytes at virtual address `va` through the MMU, with `table` activated by the
     * check beforehand. This is what shows that activate and tlb_flush do what they say. NULL:
     * there is no MMU to ask yet, and those two are only called. The kernel must survive `table`
     * being active: fill in what has to stay mapped in `prepare`.
     */
    uint64_t (*read)(void *context, quire_va va);

    /* Maps what the kernel needs into a new table before it is activated; may be NULL. */
    enum quire_status (*prepare)(void *context, struct quire_table *table);

    /* Makes the kernel's own table active again; NULL if read is. */
    void (*restore)(void *context);

    void *context; /* handed to the three above */
};

/* QUIRE_OK, or another status and *what: the contract that is broken, in one line that names the
 * hook. Context: no lock held; what tlb_flush and activate allow. */
enum quire_status quire_port_check(const struct quire_port *port, const char **what);

#endif
