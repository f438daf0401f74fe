/* How children ended. A status is what the kernel says: see calls.h. */
#ifndef USER_SYS_WAIT_H
#define USER_SYS_WAIT_H

#include <unistd.h>

#include "calls.h"

#define WIFSIGNALED(status) ((status) == STATUS_KILLED)
#define WIFEXITED(status) (!WIFSIGNALED(status))
#define WEXITSTATUS(status) (status)

/* For one child, the only one there is; no options. */
pid_t waitpid(pid_t child, int *status, int options);

#endif
