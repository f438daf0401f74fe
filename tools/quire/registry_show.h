/* Telling of a registry's run: what the crowd costs, the kernel's first table, a window. */
#ifndef QUIRE_TOOLS_REGISTRY_SHOW_H
#define QUIRE_TOOLS_REGISTRY_SHOW_H

#include <stdio.h>

#include "registry_run.h"

/* The figures of all spaces together. */
void registry_show_crowd(struct registry_run *run, FILE *out);

/* How the kernel's own table begins, and the first page of trackers. */
void registry_show_kernel(const struct registry_run *run, FILE *out);

/* The window of a space, page by page, and its tracker. False: there is no such space. */
bool registry_show_window(struct registry_run *run, uint32_t id, FILE *out);

#endif
