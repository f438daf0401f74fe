/* Large memory that costs nothing until it is touched: the simulated machine's RAM and disk. */
#ifndef SIMULATOR_LAZY_H
#define SIMULATOR_LAZY_H

#include <stdint.h>

/* `bytes` zeroed bytes, aligned to a page; NULL: errno says why. => bytes not 0 */
unsigned char *lazy_alloc(uint64_t bytes);

/* => what lazy_alloc() gave, or NULL */
void lazy_free(unsigned char *where, uint64_t bytes);

#endif
