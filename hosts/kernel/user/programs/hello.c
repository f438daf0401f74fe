/* hello [WORD ...]: says so, to the words if there are any. The smallest program. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("hello, %s", argc > 1 ? argv[1] : "world");
    for (int i = 2; i < argc; i++) {
        printf(" %s", argv[i]);
    }
    printf("\n");
    return 0;
}
