#!/usr/bin/env bash
# Records what a real program fetches, loads and stores, as a compact trace for `quire replay`.
#
#   tools/trace-record/record.sh -o OUT.qtrace PROGRAM [ARGUMENT]...
#       any program of this machine, 64-bit or 32-bit, with its usual input and output
#   tools/trace-record/record.sh --carried [-o OUT.qtrace]
#       the trace that comes with quire, examples/traces/perl-words.qtrace, once more: Debian's
#       i386 perl, fetched as packages into a temporary directory; nothing is installed
#
# Needs valgrind and build/quire ($QUIRE: another one). A recorded program runs some hundred times
# slower than usual. For --carried also: apt, dpkg-deb, and a Debian mirror ($MIRROR).
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
quire=${QUIRE:-$top/build/quire}
mirror=${MIRROR:-http://deb.debian.org/debian}

# What the carried trace was made from, in this order on the library path.
release=bookworm
packages=(perl-base=5.36.0-7+deb12u3 libc6=2.36-9+deb12u14 libcrypt1=1:4.4.33-2)
text_lines=22

environment=() # put in front of valgrind

die() {
    echo "record.sh: $*" >&2
    exit 2
}

need() {
    command -v "$1" > /dev/null || die "$1 not found, expected it installed${2:+ ($2)}"
}

# record OUT COMMAND...: valgrind's log goes to quire, the program's own output stays where it was.
record() {
    local out=$1 status=(0 0)
    shift
    {
        "${environment[@]}" valgrind --tool=lackey --trace-mem=yes --log-fd=9 "$@" 9>&1 >&8 8>&- |
            "$quire" replay - --save "$out" 8>&- >&2 || status=("${PIPESTATUS[@]}")
    } 8>&1
    [ "${status[1]}" -eq 0 ] || die "no trace was made of $1"
    [ "${status[0]}" -eq 0 ] || echo "record.sh: $1 ended with status ${status[0]}" >&2
}

# apt on the i386 packages of $release, with all its files under $1: the system's are not touched.
private_apt() {
    local dir=$1
    shift
    apt-get -q -o APT::Architecture=i386 -o APT::Architectures=i386 \
        -o APT::Sandbox::User="$(id -un)" \
        -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" \
        -o Dir::Cache="$dir/cache" "$@" >&2
}

# fetch DIRECTORY: unpacks the packages into DIRECTORY/root.
fetch() {
    local dir=$1
    local keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e $keys ] || die "$keys not found, expected Debian's keys (debian-archive-keyring)"
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" "$dir/debs" "$dir/root"
    touch "$dir/status"
    echo "deb [signed-by=$keys] $mirror $release main" > "$dir/sources.list"
    private_apt "$dir" update || die "no package lists from $mirror"
    (cd "$dir/debs" && private_apt "$dir" download "${packages[@]}") ||
        die "not all of ${packages[*]} at $mirror, expected just these versions;" \
            "older ones are kept at https://snapshot.debian.org (set MIRROR)"
    for package in "$dir"/debs/*.deb; do
        dpkg-deb -x "$package" "$dir/root"
    done
}

# All paths are relative, the environment is fixed and addresses are not shuffled, so that every run
# is the same to the byte (on the same kind of processor: libc picks its string functions by it).
carried() {
    local out=$1
    need apt-get
    need dpkg-deb
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    fetch "$work"
    cp "$top/examples/traces/words.pl" "$work/root"
    cd "$work/root"
    head -n $text_lines usr/share/doc/perl-base/copyright > text
    environment=(env -i PATH=/usr/bin:/bin LC_ALL=C PERL_HASH_SEED=0)
    if setarch -R true 2> /dev/null; then
        environment+=(setarch -R)
    else
        echo "record.sh: addresses cannot be fixed here (setarch -R): the trace will differ" >&2
    fi
    record "$out" \
        lib/i386-linux-gnu/ld-linux.so.2 --library-path lib/i386-linux-gnu:usr/lib/i386-linux-gnu \
        usr/bin/perl words.pl text
}

out=
carried=
while [ $# -gt 0 ]; do
    case $1 in
    -o)
        [ $# -gt 1 ] || die "no file after -o"
        out=$2
        shift 2
        ;;
    --carried)
        carried=yes
        shift
        ;;
    -h | --help)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --)
        shift
        break
        ;;
    -*) die "unknown option $1, expected -o or --carried (see --help)" ;;
    *) break ;;
    esac
done

need valgrind
[ -x "$quire" ] || die "$quire not found, expected quire: run make, or set QUIRE"
if [ -n "$carried" ]; then
    [ $# -eq 0 ] || die "--carried records its own program, not $1"
    out=${out:-$top/examples/traces/perl-words.qtrace}
    carried "$(realpath -m "$out")"
else
    [ -n "$out" ] || die "no output, expected -o OUT.qtrace PROGRAM [ARGUMENT]... (see --help)"
    [ $# -gt 0 ] || die "no program, expected -o OUT.qtrace PROGRAM [ARGUMENT]... (see --help)"
    record "$out" "$@"
fi
