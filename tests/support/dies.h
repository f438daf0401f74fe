/* Does a mistake end the process? It is made in one of its own. */
#ifndef SUPPORT_DIES_H
#define SUPPORT_DIES_H

#include <stdbool.h>

bool dies(void (*mistake)(void *context), void *context);

#endif
