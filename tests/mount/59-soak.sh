#!/usr/bin/env bash
# limit: 600
# weight: 2
# build: release
# Writers in both directions (small and large files, trees, renames, removals, replacements) while the daemons and the
# servers are killed with kill -9 at random moments, also while they mount, and the mailbox server forgets now and then:
# what a writer was told is safe arrives exactly once and whole, nothing else is half, both outboxes end empty, no event
# that was ever read changes, and the stores are sound and hold nothing that is left over.
#
#   59-soak.sh [--kills N] [--seed S] [--minutes M] [--small MIB]     scripts/soak is this with more kills
#   --small: both stores lie on file systems of this size, which are full to the last byte again and again
. "$TOP/tests/lib/all.sh"
. "$TOP/tests/soak/lib.sh"

kills=20 seed=${SEED:-1} minutes=60 small=0
while [ $# -gt 0 ]; do
    case $1 in
    --kills) kills=$2 ;;
    --seed) seed=$2 ;;
    --minutes) minutes=$2 ;;
    --small) small=$2 ;;
    *) fail "usage: 59-soak.sh [--kills N] [--seed S] [--minutes M] [--small MIB]" ;;
    esac
    shift 2
done
note "seed $seed"
RANDOM=$seed
declare -A killed=()

moment() { sleep "0.$(printf '%03d' $((RANDOM % ${1:-1000})))"; }
kill=0
count() {
    killed[$1]=$((${killed[$1]:-0} + 1))
    kill=$((kill + 1))
}
kill_mount() {
    wh_kill "$1"
    count "mount"
}
# Dead again before it is usable, or just after.
kill_mounting() {
    (wh_mount "$1") >>"$LOGS/mounting" 2>&1 &
    local mounting=$!
    moment 300
    if [ -e "$T/pids/$1" ] && alive "$(wh_pid "$1")"; then count "mounting"; fi
    [ ! -e "$T/pids/$1" ] || wh_kill "$1"
    (trap - ERR && kill_tree "$mounting") 2>/dev/null # not awaited: what asks a dead mount may wait until the next one
    wh_kill "$1"
}
# The worker alone; who started it must not take that for anything else.
kill_worker() {
    kill -KILL "$(wh_worker "$1")" || true
    moment 300
    wh_kill "$1"
    count "worker"
}
# The other way round: the worker must not serve on, unseen.
kill_supervisor() {
    kill -KILL "$(wh_pid "$1")"
    moment 300
    wh_kill "$1"
    count "supervisor"
}
kill_server() {
    server_stop "$1"
    count "$1"
    moment
    server_start "$1"
}

# What else lies on a small disk.
filled=0
fill() {
    dd if=/dev/zero of="$T/store/$1/filler" bs=64k oflag=append conv=notrunc status=none 2>/dev/null || filled=$((filled + 1))
}
make_room() { rm -f "$T/store/$1/filler"; }
# A disk without a free byte may be too full to start on: that is said, and room helps.
unstarted=0
mount_again() {
    if ! ((small)); then
        wh_mount "$1"
    elif ! (wh_mount "$1") >>"$LOGS/unstarted" 2>&1; then
        tail -n 1 "$LOGS/$1.log" | grep -q 'is full.*make room' || fail "$1 does not start: $(tail -n 3 "$LOGS/$1.log")"
        unstarted=$((unstarted + 1))
        make_room "$1"
        wh_mount "$1"
    fi
}
change_room() {
    local name
    for name in a b; do
        if ((RANDOM % 2)); then fill "$name"; else make_room "$name"; fi
    done
}

if ((small)); then
    for name in a b; do
        mkdir -p "$T/store/$name"
        mount -t tmpfs -o "size=${small}m,mode=0700" tmpfs "$T/store/$name"
    done
fi
two_mounts settle_tree=3000
load_start "$seed"
end=$((SECONDS + minutes * 60))
while ((kill < kills && SECONDS < end)); do
    moment $((RANDOM % 2 ? 300 : 999))
    if ((RANDOM % 3 == 0)); then sleep 2; fi # time to meet
    if ((small)); then change_room; fi
    case $((RANDOM % 16)) in
    0 | 1 | 2) kill_mount a; moment 500; mount_again a ;;
    3 | 4 | 5) kill_mount b; moment 500; mount_again b ;;
    6) kill_mount a; kill_mount b; moment 500; mount_again b; mount_again a ;;
    7) kill_mount a; kill_mounting a; mount_again a ;;
    8) kill_mount b; kill_mounting b; mount_again b ;;
    9) kill_server mailbox ;;
    10) kill_server relay ;;
    11) mailbox_forget; count "mailbox, which forgot" ;; # killed, too
    12) kill_worker a; mount_again a ;;
    13) kill_worker b; mount_again b ;;
    14) kill_supervisor a; mount_again a ;;
    15) kill_supervisor b; mount_again b ;;
    esac
done
note "kills: $(for what in "${!killed[@]}"; do printf '%s %s; ' "${killed[$what]}" "$what"; done)in $SECONDS s"
if ((small)); then
    export HEAL_SECONDS=600 # what was refused is offered again after some minutes
    note "a disk was full $filled times, and too full for a start $unstarted times"
    ((filled > 0)) || fail "no disk was ever full"
    make_room a
    make_room b
fi
load_stop
for name in a b; do
    wh_unmount "$name"
    store_is_clean "$name"
done
