#!/usr/bin/env bash
# limit: 600
# weight: 2
# build: release
# Writers in both directions (small and large files, trees, renames, removals, replacements) while the daemons and the
# servers are killed with kill -9 at random moments, also while they mount, and the mailbox server forgets now and then:
# what a writer was told is safe arrives exactly once and whole, nothing else is half, both outboxes end empty, no event
# that was ever read changes, and the stores are sound and hold nothing that is left over.
#
#   59-soak.sh [--kills N] [--seed S] [--minutes M]     scripts/soak is this with more kills
. "$TOP/tests/lib/all.sh"
. "$TOP/tests/soak/lib.sh"

kills=20 seed=${SEED:-1} minutes=60
while [ $# -gt 0 ]; do
    case $1 in
    --kills) kills=$2 ;;
    --seed) seed=$2 ;;
    --minutes) minutes=$2 ;;
    *) fail "usage: 59-soak.sh [--kills N] [--seed S] [--minutes M]" ;;
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

two_mounts settle_tree=3000
load_start "$seed"
end=$((SECONDS + minutes * 60))
while ((kill < kills && SECONDS < end)); do
    moment $((RANDOM % 2 ? 300 : 999))
    if ((RANDOM % 3 == 0)); then sleep 2; fi # time to meet
    case $((RANDOM % 16)) in
    0 | 1 | 2) kill_mount a; moment 500; wh_mount a ;;
    3 | 4 | 5) kill_mount b; moment 500; wh_mount b ;;
    6) kill_mount a; kill_mount b; moment 500; wh_mount b; wh_mount a ;;
    7) kill_mount a; kill_mounting a; wh_mount a ;;
    8) kill_mount b; kill_mounting b; wh_mount b ;;
    9) kill_server mailbox ;;
    10) kill_server relay ;;
    11) mailbox_forget; count "mailbox, which forgot" ;; # killed, too
    12) kill_worker a; wh_mount a ;;
    13) kill_worker b; wh_mount b ;;
    14) kill_supervisor a; wh_mount a ;;
    15) kill_supervisor b; wh_mount b ;;
    esac
done
note "kills: $(for what in "${!killed[@]}"; do printf '%s %s; ' "${killed[$what]}" "$what"; done)in $SECONDS s"
load_stop
for name in a b; do
    wh_unmount "$name"
    store_is_clean "$name"
done
