/* assert(), as in C11 7.2. */
#include <stdlib.h>

#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) \
    ((condition) ? (void)0 : assert_failed(#condition, __FILE__, (unsigned)__LINE__, __func__))
#endif

#ifndef USER_ASSERT_H
#define USER_ASSERT_H
_Noreturn void assert_failed(const char *what, const char *file, unsigned line,
                             const char *function);
#endif
