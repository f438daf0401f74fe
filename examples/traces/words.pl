# Counts the words of a text, sorts them in two ways and prints the head of both lists.
# The program behind perl-words.qtrace; see README.md.
my (%count, %lines);
while (<>) {
    for my $word (/[a-z]+/gi) {
        $count{lc $word}++;
        push @{$lines{lc $word}}, $.;
    }
}
my @common = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
my @long = sort { length $b <=> length $a || $a cmp $b } keys %count;
printf "%6d %-14s lines %s\n", $count{$_}, $_, join ',', @{$lines{$_}}[0 .. 2] for @common[0 .. 9];
print join(' ', @long[0 .. 9]), "\n";
