/* The compiler's limits.h has all there is, but looks for this one. */
