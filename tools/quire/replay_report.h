/* What a replay found out, as text and as JSON. */
#ifndef QUIRE_TOOLS_REPLAY_REPORT_H
#define QUIRE_TOOLS_REPLAY_REPORT_H

#include "replay.h"

struct replay_report {
    const char *trace;           /* its path */
    const char *trace_kind;      /* "lackey text" */
    const char *format_argument; /* what the user called the format */
    uint64_t limit;              /* references at most; UINT64_MAX: all */
    const struct replay *replay;
    struct replay_figures figures;
    double seconds; /* reading the trace and replaying it */
};

/* "99.95 %", the share of the whole; "" of nothing. */
struct percent {
    char text[24];
};
struct percent percent_of(uint64_t part, uint64_t whole);

void replay_report_text(const struct replay_report *report);
void replay_report_json(const struct replay_report *report);

#endif
