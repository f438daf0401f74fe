#!/usr/bin/env bats
# tools/heap-record: does it write down what a program asks of its heap, and only that?

load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    record=$BATS_TEST_DIRNAME/../../tools/heap-record/record.sh
}

# program TEXT: compiles a main() with that body; sizes that nobody else asks for are 10,001 and on.
program() {
    printf '#include <stdlib.h>\n#include <unistd.h>\n#include <sys/wait.h>\nvoid *volatile p[9];\nint main(void)\n{\n%s\nreturn 0;\n}\n' "$1" > program.c
    cc -std=gnu11 -O0 -fno-builtin -o program program.c
}

@test "each call is one line, and a freed number is used again" {
    program '
        p[0] = malloc(10001);
        p[1] = calloc(10003, 2);
        p[2] = aligned_alloc(256, 10240);
        p[0] = realloc(p[0], 30007);
        free(p[1]);
        p[3] = realloc(NULL, 10009);
        if (posix_memalign((void **)&p[4], 64, 10037) != 0) return 1;
        p[4] = realloc(p[4], 0);
        free(NULL);
        p[5] = malloc((size_t)-4096);
        free(p[3]);'
    run "$record" -o out.heap ./program
    [ "$status" -eq 0 ]
    [ "$(head -n 1 out.heap)" = 'heap-trace 1' ]
    # Numbers as letters, in the order in which they are first seen.
    sed -n '/ 10001$/,$p' out.heap | awk '{
        if (!($2 in name)) name[$2] = substr("ABCDEF", ++n, 1)
        $2 = name[$2]; print
    }' > lines
    diff - lines << 'END'
a A 10001
z B 20006
m C 256 10240
r A 30007
f B
a B 10009
m D 64 10037
f D
f B
END
}

@test "children that are forked or executed are not recorded" {
    program '
        p[0] = malloc(10001);
        if (fork() == 0) { p[1] = malloc(10002); execl("/bin/ls", "ls", (char *)NULL); }
        wait(NULL);
        p[2] = malloc(10003);'
    "$record" -o out.heap ./program > /dev/null
    run grep -c ' 1000[0-9]$' out.heap
    [ "$output" = 2 ]
    run grep -c ' 10002$' out.heap
    [ "$output" = 0 ]
}

@test "a recording can be cut" {
    program 'for (int i = 0; i < 5000; i++) free(malloc(10001));'
    QUIRE_HEAP_TRACE_MAX=500 "$record" -o out.heap ./program
    [ "$(wc -l < out.heap)" -eq 501 ]
}

@test "what is wrong is said in one line" {
    run "$record"
    [ "$status" -eq 2 ]
    [ "$output" = 'record.sh: no output, expected -o OUT.heap PROGRAM [ARGUMENT]...' ]
    run "$record" -o out.heap
    [ "$status" -eq 2 ]
    run "$record" -o out.heap no-such-program
    [ "$status" -eq 2 ]
    [ "$output" = 'record.sh: no-such-program not found, expected a program' ]
    QUIRE_HEAP_TRACE_MAX=some run "$record" -o out.heap /bin/true
    [ "$status" -eq 2 ]
    [ ! -e out.heap ]
}
