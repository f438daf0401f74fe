/* A progress bar on standard error. */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

enum { BAR = 40 };
static const double first_shown = 1.0, shown_every = 0.1;

double progress_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_start(struct progress *progress)
{
    *progress = (struct progress){.wanted = isatty(STDERR_FILENO) == 1, .start = progress_clock()};
    progress->next = progress->start + first_shown;
}

void progress_show(struct progress *progress, uint64_t count, uint64_t position, uint64_t size)
{
    double now;
    unsigned full;

    if (!progress->wanted) {
        return;
    }
    now = progress_clock();
    if (now < progress->next) {
        return;
    }
    progress->next = now + shown_every;
    progress->shown = true;
    fprintf(stderr, "\r");
    if (size != 0) {
        full = (unsigned)((double)position / (double)size * BAR);
        full = full > BAR ? BAR : full;
        fprintf(stderr, "[%.*s%*s] %3u %%  ", (int)full,
                "========================================", (int)(BAR - full), "",
                full * 100 / BAR);
    }
    fprintf(stderr, "%s references, %.0f s ", grouped(count).text, now - progress->start);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r%*s\r", 79, "");
        fflush(stderr);
        progress->shown = false;
    }
}
