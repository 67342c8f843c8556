# shellcheck shell=bash
# Waiting, comparing and failing. Sourced first by every scenario, through tests/lib/all.sh.
#
# A scenario runs inside tests/scenario: T is its private temp directory, LOGS where its logs are kept.

set -Eeuo pipefail
: "${T:?run me with tests/scenario}" "${LOGS:?run me with tests/scenario}" "${TOP:?}"

trap 'note "failed at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR

note() { printf '# %s\n' "$*" >&2; }
fail() { note "FAILED: $*"; exit 1; }

# must WHAT COMMAND…: the command succeeds, or the scenario ends with WHAT.
must() {
    local what=$1
    shift
    "$@" || fail "$what"
}
# must_fail WHAT COMMAND…: the same for a command that has to fail.
must_fail() {
    local what=$1
    shift
    if "$@"; then fail "$what"; fi
}

# wait_for SECONDS COMMAND…: asks again every 50 ms until the command succeeds.
wait_for() {
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            note "waited $seconds s in vain for: $*"
            return 1
        fi
        sleep 0.05
    done
}

not() { ! "$@"; }
present() { [ -e "$1" ] || [ -L "$1" ]; }
absent() { ! present "$1"; }
empty_dir() { [ -d "$1" ] && [ -z "$(ls -A "$1")" ]; }

# alive PID: it runs; a zombie does not.
alive() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    [ "${stat%% *}" != Z ]
}
# alive_group PGID: one of the process group does.
alive_group() {
    local pid
    for pid in $(pgrep -g "$1"); do
        if alive "$pid"; then return 0; fi
    done
    return 1
}

# random_file PATH BYTES [SEED]: reproducible content that does not compress.
random_file() { python3 "$TOP/tests/lib/random_file.py" "$@"; }

# A listing of a file or tree by content: kind, name, hash or link target. Equal listings, equal trees.
listing() (
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        cd "$1"
        find . -mindepth 1 -type l -printf 'l %p %l\n' -o -printf '%y %p\n' | LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
    elif [ -L "$1" ]; then
        readlink "$1"
    else
        sha256sum <"$1"
    fi
)
same() { [ "$(listing "$1")" = "$(listing "$2")" ]; }
must_be_same() { same "$1" "$2" || fail "$1 and $2 differ"; }
names_in() { ls -A "$1" | LC_ALL=C sort; }
