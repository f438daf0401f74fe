# Completion of quire's command line for bash. Source it, or install it as
# share/bash-completion/completions/quire.

# The names at the beginning of the lines that `quire formats` prints, up to the first empty one.
_quire_formats() {
    "$1" formats 2> /dev/null | sed '/^$/q; s/ .*//'
}

# The policies, likewise.
_quire_policies() {
    "$1" replay --policy help 2> /dev/null | sed 's/ .*//'
}

# What may stand behind an option, in COMPREPLY; false: it takes no value.
_quire_value() {
    local command=$1 option=$2 word=$3

    case $option in
    --format)
        mapfile -t COMPREPLY < <(compgen -W "$(_quire_formats "$command")" -- "$word"
            compgen -f -- "$word")
        ;;
    --policy)
        mapfile -t COMPREPLY < <(compgen -W "$(_quire_policies "$command") help" -- "$word")
        ;;
    --layout) mapfile -t COMPREPLY < <(compgen -W 'classic seed' -- "$word") ;;
    --load) mapfile -t COMPREPLY < <(compgen -W 'demand eager' -- "$word") ;;
    --access) mapfile -t COMPREPLY < <(compgen -W 'r w x rw' -- "$word") ;;
    --memory | --ostep | --file | -f | --swap | --save | --trace)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        ;;
    --root | --base | --ram | --frames | --tick | --tlb | --swap-size | --limit) COMPREPLY=() ;;
    --archive) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    --spaces | --pages | --seed | --program | --append) COMPREPLY=() ;;
    --kernel)
        [ "${COMP_WORDS[1]}" != boot ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
        ;;
    *) return 1 ;;
    esac
}

_quire_options() {
    case $1 in
    formats) echo '--text --json' ;;
    translate)
        echo '--format --memory --root --base --access --user --explain --json --ostep'
        ;;
    size) echo '--format --large --ram --supplement --trace --json' ;;
    ptsim) echo '--file' ;;
    run) echo '--quiet --json' ;;
    replay)
        echo '--ram --frames --format --policy --tick --seed --tlb --swap --swap-size' \
            '--no-verify --limit --save --draw --ascii --json --quiet'
        ;;
    boot)
        echo '--program --ram --swap --layout --load --policy --witness --count --append --kernel' \
            '--archive'
        ;;
    registry) echo '--spaces --pages --ram --kernel --format --seed --json --steps' ;;
    esac
}

_quire() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]}

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W \
            'formats translate size ptsim replay registry run shell boot --help --version' -- "$word")
        return
    fi
    if _quire_value "${COMP_WORDS[0]}" "$before" "$word"; then
        return
    fi
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_quire_options "$command") --help" -- "$word")
        return
    fi
    case $command in
    boot) mapfile -t COMPREPLY < <(compgen -W i386 -- "$word") ;;
    formats) mapfile -t COMPREPLY < <(compgen -W "$(_quire_formats "${COMP_WORDS[0]}")" -- "$word"
        compgen -f -- "$word") ;;
    ptsim) mapfile -t COMPREPLY < <(compgen -W 'np ap kp ppt pfm sb lb' -- "$word") ;;
    run | shell | replay) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}

complete -o filenames -F _quire quire
