/* Reading whole files, with a limit. */
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Maps a regular file that has something in it. False: it has to be read. */
static bool view(struct bytes *bytes, int fd)
{
    struct stat stat;
    void *at;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || stat.st_size <= 0 ||
        (uintmax_t)stat.st_size > SIZE_MAX) {
        return false;
    }
    at = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) {
        return false;
    }
    *bytes = (struct bytes){at, (size_t)stat.st_size, true};
    return true;
}

/* Makes room for more to be read; false if there is no memory for that. */
static bool grow(struct bytes *bytes, size_t *room)
{
    size_t more = *room == 0 ? 65536 : *room * 2;
    unsigned char *at = realloc(bytes->at, more);

    if (at == NULL) {
        return false;
    }
    bytes->at = at;
    *room = more;
    return true;
}

static bool copy(struct bytes *bytes, int fd, const char *name, size_t limit,
                 struct problem *problem)
{
    size_t room = 0;

    for (;;) {
        ssize_t got;
        if (bytes->count + 1 >= room && !grow(bytes, &room)) {
            return problem_set(problem, "%s: too large for the memory of this machine", name);
        }
        got = read(fd, bytes->at + bytes->count, room - bytes->count - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return problem_set(problem, "%s: cannot be read: %s", name, strerror(errno));
        }
        if (got == 0) {
            bytes->at[bytes->count] = '\0';
            return true;
        }
        bytes->count += (size_t)got;
        if (bytes->count > limit) {
            return problem_set(problem, "%s: longer than %s, the most that is read", name,
                               size_text(limit).text);
        }
    }
}

bool bytes_read(struct bytes *bytes, const char *path, enum bytes_how how, size_t limit,
                struct problem *problem)
{
    const char *name = input_name(path);
    bool from_input = strcmp(path, "-") == 0;
    int fd = from_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool fine;

    *bytes = (struct bytes){NULL, 0, false};
    if (fd < 0) {
        return problem_set(problem, "%s: cannot be opened: %s", name, strerror(errno));
    }
    fine = (how == BYTES_VIEW && !from_input && view(bytes, fd)) ||
           copy(bytes, fd, name, limit, problem);
    if (!from_input) {
        close(fd);
    }
    if (fine && bytes->count == 0) {
        fine = problem_set(problem, "%s: is empty", name);
    }
    if (!fine) {
        bytes_free(bytes);
    }
    return fine;
}

void bytes_free(struct bytes *bytes)
{
    if (bytes->mapped) {
        munmap(bytes->at, bytes->count);
    } else {
        free(bytes->at);
    }
    *bytes = (struct bytes){NULL, 0, false};
}
