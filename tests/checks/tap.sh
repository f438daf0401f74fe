# shellcheck shell=bash
# For the checks written in shell: sourced, not run.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
tap_number=0

# result TROUBLE TEXT: one line of TAP; without TROUBLE it is ok.
result() {
    tap_number=$((tap_number + 1))
    if [ -z "$1" ]; then
        echo "ok $tap_number - $2"
    else
        echo "not ok $tap_number - $2"
        echo "#   ${1//$'\n'/$'\n'#   }"
    fi
}

# To be called last.
plan() {
    echo "1..$tap_number"
}
