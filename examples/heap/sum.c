/* What examples/heap/cc1.heap was recorded from: gcc's compiler proper, compiling this. */
int main(int count, char **words)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        sum += words[i][0];
    }
    return sum & 127;
}
