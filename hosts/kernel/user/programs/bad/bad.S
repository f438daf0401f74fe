/*
 * Programs that are none: ELF files as a liar would write them. BAD says which lie it is.
 *
 *   1  it ends inside its header           5  a segment is where the kernel is
 *   2  it is for another processor         6  two segments overlap
 *   3  a segment reaches beyond the file   7  a segment goes round the end of all addresses
 *   4  it is larger in the file than in    8  execution begins where nothing is
 *      memory
 */
#define TEXT_AT 0x801000
#define ENTRY_SIZE 32

#define SEGMENT(offset, va, file, bytes, flags) .long 1, offset, va, va, file, bytes, flags, 0x1000

begin:
        .byte   0x7f, 'E', 'L', 'F', 1, 1, 1, 0
        .quad   0
        .short  2
#if BAD == 1
        .short  3
#else
        .short  3 + 37 * (BAD == 2)
        .long   1
        .long   (BAD == 8) * 0x1000000 + TEXT_AT + code - begin
        .long   52, 0, 0
        .short  52, ENTRY_SIZE, 2, 0, 0, 0
#if BAD == 3
        SEGMENT(0, TEXT_AT, 0x100000, 0x100000, 5)
#elif BAD == 4
        SEGMENT(0, TEXT_AT, end - begin, 4, 5)
#elif BAD == 7
        SEGMENT(0, TEXT_AT, end - begin, 0xffffffff, 5)
#else
        SEGMENT(0, TEXT_AT, end - begin, end - begin, 5)
#endif
#if BAD == 5
        SEGMENT(0, 0x100000, end - begin, end - begin, 6)
#elif BAD == 6
        SEGMENT(0, TEXT_AT, end - begin, end - begin, 6)
#else
        SEGMENT(0, 0x900000, end - begin, end - begin, 6)
#endif
code:
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        int     $0x80
end:
#endif
