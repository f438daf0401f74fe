#!/usr/bin/env bash
# The limits of CONTRIBUTING.md: files of 900 lines, functions of 100, lines of 100 columns. (TAP)
set -euo pipefail
. "$(dirname "$0")/tap.sh"

mapfile -t sources < <(find include src hosts tools tests bench examples -name '*.[ch]' 2> /dev/null |
    sort)

long_files() {
    wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 900 { print $2 ": " $1 " lines" }'
}

# A function's braces stand alone at the left margin; those of data do not.
long_functions() {
    awk '/^{$/ { start = FNR } /^}$/ && start {
        if (FNR - start + 1 > 100) print FILENAME ":" start ": " FNR - start + 1 " lines"
        start = 0
    }' "${sources[@]}"
}

long_lines() {
    LC_ALL=C.UTF-8 grep -nHE '^.{101}' "${sources[@]}" | cut -c 1-120 || true
}

# Prints the files that do not begin with a comment.
silent_files() {
    for file in "${sources[@]}"; do
        head -n 1 "$file" | grep -q '^/\*' || echo "$file"
    done
}

result "$([ ${#sources[@]} -gt 20 ] || echo "only ${#sources[@]} files")" 'there are sources'
result "$(long_files)" 'no file over 900 lines'
result "$(long_functions)" 'no function over 100 lines'
result "$(long_lines)" 'no line over 100 columns'
result "$(grep -nHP '\t| +$' "${sources[@]}" || true)" 'neither tabs nor spaces at the end of a line'
result "$(silent_files)" 'each file begins with a comment'
if command -v clang-format > /dev/null; then
    result "$(clang-format --dry-run -Werror "${sources[@]}" 2>&1 |
        sed -n 's/^\([^ :]*\):.* error: .*/\1/p' | uniq -c | awk '{ print $2 ": " $1 " places" }')" \
        'the layout is that of .clang-format (make format)'
fi
plan
