# shellcheck shell=bash
# wormholefs mounts: mount NAME has its directory in $T/NAME, its store in $T/store/NAME, its log in
# $LOGS/NAME.log. The daemon stays in the foreground of a process group of its own, so that `kill -9` hits
# all of it.

WORMHOLEFS=${WORMHOLEFS:-${BUILD:?}/mount.wormholefs}

# wh_mount NAME [OPTION,…]: returns when the mount is usable. Options given are kept for later mounts of NAME.
wh_mount() {
    local name=$1 options
    mkdir -p "$T/store" "$T/pids"
    [ -z "${2:-}" ] || echo ",$2" >"$T/pids/$name.options"
    options=$(cat "$T/pids/$name.options" 2>/dev/null || true)${WH_OPTIONS:+,$WH_OPTIONS} # all mounts of a run
    # The background may still hold descriptors of the caller; give the daemon none of them.
    setsid "$WORMHOLEFS" "$name" "$T/$name" -F \
        -o "store=$T/store/$name,mailbox=$MAILBOX_URL,transit=$RELAY_URL$options" \
        >>"$LOGS/$name.log" 2>&1 </dev/null &
    echo $! >"$T/pids/$name"
    disown
    wait_for 60 wh_settled "$name"
    wh_usable "$name" || fail "$name was not mounted: $(tail -n 3 "$LOGS/$name.log")"
}
wh_usable() { mountpoint -q "$T/$1" && ls "$T/$1/new" >/dev/null; }
wh_pid() { cat "$T/pids/$1"; }
# The process that serves: the child of the one that was started, which mounts and waits.
wh_worker() { pgrep -o -P "$(wh_pid "$1")"; }
wh_settled() { wh_usable "$1" || not alive "$(wh_pid "$1")"; }

# wh_unmount NAME: as a user does it; returns when the daemon has ended.
wh_unmount() {
    umount "$T/$1"
    wait_for 60 not alive "$(wh_pid "$1")"
}

# wh_kill NAME: kill -9 of every process of the mount. The dead mount is left for the next wh_mount.
wh_kill() {
    local pid
    pid=$(wh_pid "$1")
    kill -KILL -- "-$pid" 2>/dev/null || true
    wait_for 60 not alive_group "$pid" || {
        wh_where "$pid"
        fail "the processes of $1 do not end"
    }
}
# wh_where PGID: where in the kernel the threads of a process group are.
wh_where() {
    local pid task
    for pid in $(pgrep -g "$1"); do
        for task in "/proc/$pid/task/"*; do
            note "$(grep -E '^(Name|State)' "$task/status" 2>/dev/null | tr '\n' ' ')"
            sed 's/^/#   /' "$task/stack" 2>/dev/null || true
        done
    done
}

wh_state() { sed -n "s/^$2: *//p" "$T/$1/state"; }
wh_state_is() { [ "$(wh_state "$1" state)" = "$2" ]; }
# wh_says WORMHOLE KEY PATTERN: the line of `state` matches.
wh_says() { wh_state "$1" "$2" | grep -Eqi "$3"; }
wh_code() { cat "$T/$1/code"; }
wh_has_code() { wh_code "$1" | grep -Eq '^[0-9]+(-[a-z]+)+$'; }

# wh_pair A B: a wormhole between mounts A and B, called `b` at A and `a` at B: $T/A/b, $T/B/a.
wh_pair() {
    local one=$1 other=$2 code
    mkdir "$T/$one/$other"
    wait_for 30 wh_has_code "$one/$other"
    code=$(wh_code "$one/$other")
    mkdir "$T/$other/$code"
    mv "$T/$other/$code" "$T/$other/$one"
    wait_for 60 wh_state_is "$one/$other" paired
    wait_for 60 wh_state_is "$other/$one" paired
}
two_mounts() {
    servers_start
    wh_mount a "${1:-}"
    wh_mount b "${1:-}"
    wh_pair a b
}

# wh_arrives SECONDS MOUNT/WORMHOLE NAME ORIGINAL: it comes into the inbox, once and equal.
wh_arrives() {
    local seconds=$1 inbox=$T/$2/inbox name=$3 original=$4
    wait_for "$seconds" present "$inbox/$name" || fail "$name did not arrive at $2"
    must_be_same "$original" "$inbox/$name"
}
wh_outbox_empties() { wait_for "$1" empty_dir "$T/$2/outbox" || fail "outbox of $2 did not become empty"; }
wh_inbox_is() {
    local have want
    have=$(names_in "$T/$1/inbox")
    shift
    want=$(printf '%s\n' "$@" | LC_ALL=C sort)
    [ "$have" = "$want" ] || fail "inbox has: ${have//$'\n'/ }; expected: ${want//$'\n'/ }"
}

# wh_arrived_once MOUNT NAME…: each has come in just once, by the receiver's log.
wh_arrived_once() {
    local mount=$1 name arrivals
    shift
    for name in "$@"; do
        arrivals=$(jq -r 'select(.type == "arrived") | .name' "$T/$mount/.wormholefs/events" | grep -cx "$name")
        [ "$arrivals" = 1 ] || fail "$name arrived $arrivals times"
    done
}

# must_be_sound_clone PATH: a git repository that is whole, with nothing changed in it.
must_be_sound_clone() {
    must "the clone is not sound" git -c safe.directory='*' -C "$1" fsck --full
    [ -z "$(git -c safe.directory='*' -C "$1" status --porcelain)" ] || fail "the clone is not clean"
}

# What is shown when a scenario fails: the state of every mount that answers.
wh_show() {
    local pid name path
    for pid in "$T"/pids/*; do
        [ -e "$pid" ] || continue
        name=${pid##*/}
        case $name in *.options) continue ;; esac
        for path in "$T/$name"/*/; do
            note "$name ${path#"$T/$name/"}: $(timeout 5 sh -c 'cat "$1/state"; ls -lA "$1/outbox" "$1/inbox"' sh "$path" 2>&1 | head -n 40)"
        done
        note "log of $name: $(tail -n 15 "$LOGS/$name.log" 2>&1)"
    done
}
at_exit() {
    local status=$?
    trap - EXIT ERR
    set +e
    [ "$status" = 0 ] || wh_show
    exit "$status"
}
trap at_exit EXIT
trap 'note "told to end at line $LINENO: $BASH_COMMAND"; exit 143' TERM

# ordinary_user: from now on there is the user nobody with a home and the program, also where the checkout is not for
# everybody's eyes; as_nobody COMMAND… is run by that user.
ordinary_user() {
    chmod 755 "$T" "$T/tmp"
    mkdir "$T/home-nobody" "$T/bin"
    chown nobody "$T/home-nobody"
    cp "$WORMHOLEFS" "$T/bin/mount.wormholefs"
    WORMHOLEFS=$T/bin/mount.wormholefs
}
as_nobody() {
    setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups env -u XDG_STATE_HOME HOME="$T/home-nobody" ASAN_OPTIONS= UBSAN_OPTIONS= "$@"
}
