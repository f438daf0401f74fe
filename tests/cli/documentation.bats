# Help, man page and completion say the same.
load helper

commands() {
    "$QUIRE" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p' | grep -v '^quire$'
}

# The options that a command's help names at the beginning of a line.
options() {
    "$QUIRE" "$1" --help | sed -nE 's/^ +(quire [a-z]+ )?(--[a-z-]+).*/\2/p' | sort -u
}

@test "every command and option is in the man page" {
    [ "$(commands | wc -l)" -ge 5 ]
    for command in $(commands); do
        sed -n "/^\.Ss $command$/,/^\.S[sh]/p" docs/quire.1 > "$tmp/section"
        [ -s "$tmp/section" ]
        for option in $(options "$command"); do
            grep -qF -- "Fl -${option#--}" "$tmp/section" ||
                { echo "$command $option is not in docs/quire.1"; return 1; }
        done
    done
}

@test "the man page has no option that help does not name" {
    for command in $(commands); do
        "$QUIRE" "$command" --help > "$tmp/help"
        while read -r option; do
            grep -qE -- "(^|[^a-z-])--$option([^a-z-]|$)" "$tmp/help" || [ "$command $option" = 'ptsim file' ] ||
                { echo "$command --$option is in docs/quire.1 only"; return 1; }
        done < <(sed -n "/^\.Ss $command$/,/^\.S[sh]/s/^\.It Fl -\([a-z-]*\).*/\1/p" docs/quire.1)
    done
}

@test "every policy is in the man page and in policy.h" {
    "$QUIRE" replay --policy help | sed 's/ .*//' > "$tmp/policies"
    [ "$(wc -l < "$tmp/policies")" -ge 17 ]
    sed -n '/^\.It Fl -policy/,/^\.It Fl -tick/p' docs/quire.1 | grep '^\.Li' > "$tmp/section"
    while read -r policy; do
        grep -qE -- "[ ,]$policy( |$)" "$tmp/section" ||
            { echo "$policy is not in docs/quire.1"; return 1; }
        [ "$policy" = opt ] || grep -qE -- "^ \*   $policy( |$)" include/quire/policy.h ||
            { echo "$policy is not in include/quire/policy.h"; return 1; }
    done < "$tmp/policies"
}

@test "the man page is clean" {
    if command -v mandoc > /dev/null; then
        mandoc -T lint -W warning docs/quire.1
    elif command -v groff > /dev/null; then
        [ -z "$(groff -mandoc -Tutf8 -ww -z docs/quire.1 2>&1)" ]
    else
        skip 'neither mandoc nor groff'
    fi
}

@test "completion knows every command, option and format" {
    # shellcheck disable=SC1091
    source tools/quire/completion.bash
    complete_words() {
        COMP_WORDS=("$QUIRE" "$@")
        COMP_CWORD=$#
        _quire
    }
    complete_words ''
    for command in $(commands); do
        [[ " ${COMPREPLY[*]} " == *" $command "* ]] || { echo "not completed: $command"; return 1; }
    done
    for command in $(commands); do
        complete_words "$command" --
        for option in $(options "$command"); do
            [[ " ${COMPREPLY[*]} " == *" $option "* ]] ||
                { echo "not completed: $command $option"; return 1; }
        done
    done
    complete_words size --format ostep
    [ "${COMPREPLY[*]}" = 'ostep14 ostep-linear ostep-multilevel' ]
    complete_words replay trace --policy clock-
    [ "${COMPREPLY[*]}" = 'clock-mmu clock-m' ]
    complete_words translate --memory examples/seed-003.t
    [ "${COMPREPLY[*]}" = examples/seed-003.txt ]
}

@test "the commands that documents show print what they show" {
    # In docs/formats.md: `    $ quire ...`, continued lines, then the output up to an empty line.
    awk '/^    \$ quire/ { show = 1 } show && /^$/ { show = 0 } show { print substr($0, 5) }' \
        docs/formats.md > "$tmp/shown"
    sed -n '/^\$ /,/[^\\]$/p' "$tmp/shown" | sed 's/^\$ quire//' | tr -d '\\\n' > "$tmp/command"
    [ -s "$tmp/command" ]
    echo >> "$tmp/command"
    read -ra arguments < "$tmp/command"
    quire "${arguments[@]}"
    grep ' -> ' "$tmp/shown" | prints
}
