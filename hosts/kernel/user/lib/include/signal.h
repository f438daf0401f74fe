/* There are no signals: what would raise one ends the program. */
#ifndef USER_SIGNAL_H
#define USER_SIGNAL_H

#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIG_DFL ((void (*)(int))0)

void (*signal(int number, void (*handler)(int)))(int);

#endif
