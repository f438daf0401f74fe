/* Real programs' traces, for the programs in this directory. */
#ifndef QUIRE_BENCH_TRACES_H
#define QUIRE_BENCH_TRACES_H

/* The large trace: the file that QUIRE_BENCH_TRACE names, else one in ../shared/traces/; NULL:
 * there is none. */
const char *bench_trace(void);

/* The path, if there is such a file; else NULL. */
const char *bench_trace_at(const char *path);

#endif
