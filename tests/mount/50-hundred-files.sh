#!/usr/bin/env bash
# limit: 900
# weight: 2
# build: release
# 100 files of 0 B to 300 MB, both ways at once, while either daemon, the mailbox server and the relay are killed with
# kill -9 at random moments and started again: each arrives exactly once, whole and equal; both outboxes end empty.
# SEED=N repeats a run's sizes and the order of its kills.
. "$TOP/tests/lib/all.sh"

SEED=${SEED:-$(date +%s)}
note "SEED=$SEED"
KILLS=${KILLS:-16}
FILES=50 # in each direction

# Sizes spread evenly over the orders of magnitude, with the two extremes always there.
mkdir "$T/from-a" "$T/from-b"
for side in a b; do
    python3 -c '
import random, sys
source = random.Random(sys.argv[1])
sizes = [0, 0, 1, 65535, 65536, 65537, 300 * 10**6]
sizes += [int(10 ** source.uniform(0, 7.3)) for _ in range(int(sys.argv[2]) - len(sizes))]
source.shuffle(sizes)
print(*sizes)' "$SEED-$side" "$FILES" >"$T/sizes"
    number=0
    for size in $(cat "$T/sizes"); do
        number=$((number + 1))
        random_file "$T/from-$side/$(printf '%02d' "$number").bin" "$size" "$SEED-$side-$number"
    done
done

two_mounts

# A person's way with a cp that failed because the daemon died: once the mount is back, look whether the file is there,
# or was delivered, and copy again if not. $1 sends to $2.
put() {
    local one=$1 other=$2 name=$3
    local original=$T/from-$1/$3 entry=$T/$1/$2/outbox/$3
    until cp "$original" "$entry" 2>/dev/null; do
        wait_for 120 settled_after_kill "$one" "$other" "$name" || return 1
        if [ "$BECAME" = safe ]; then return; fi
    done
}
entry_state() { getfattr --only-values -n user.wormhole.state "$T/$1/outbox/$2" 2>/dev/null; }
# What became of the entry is known, in $BECAME: `safe` if it is on its way or was delivered, else `lost`. What is not
# there, or cannot be read, is known only if the mounts that were asked were the same before and after.
settled_after_kill() {
    local one=$1 other=$2 name=$3 lives state
    lives=$(cat "$T/pids/$one" "$T/pids/$other")
    wh_usable "$one" || return
    BECAME=lost
    state=$(entry_state "$one/$other" "$name") || state=gone
    case $state in
    open) return 1 ;;
    held) ;;
    gone)
        wh_usable "$other" || return
        if [ -e "$T/$other/$one/inbox/$name" ]; then BECAME=safe; fi
        wh_usable "$other" || return
        ;;
    *)
        if cmp -s "$T/from-$one/$name" "$T/$one/$other/outbox/$name"; then BECAME=safe; fi
        [ "$(entry_state "$one/$other" "$name")" = "$state" ] || return # offered or delivered meanwhile
        ;;
    esac
    wh_usable "$one" && [ "$lives" = "$(cat "$T/pids/$one" "$T/pids/$other")" ]
}
put_all() {
    local name
    for name in $(names_in "$T/from-$1"); do put "$1" "$2" "$name"; done
}

# One victim after the other, each started again within a second.
chaos() {
    local kill
    RANDOM=$SEED
    for ((kill = 0; kill < KILLS; kill++)); do
        sleep "$((RANDOM % 3)).$((RANDOM % 10))"
        case $((RANDOM % 4)) in
        0) wh_kill a; sleep "0.$((RANDOM % 10))"; wh_mount a ;;
        1) wh_kill b; sleep "0.$((RANDOM % 10))"; wh_mount b ;;
        2) server_stop mailbox; sleep "0.$((RANDOM % 10))"; server_start mailbox ;;
        3) server_stop relay; sleep "0.$((RANDOM % 10))"; server_start relay ;;
        esac
    done
}

chaos &
chaos=$!
put_all a b &
one=$!
put_all b a &
other=$!
must "chaos itself" wait "$chaos"
must "copying at a" wait "$one"
must "copying at b" wait "$other"

wh_outbox_empties 180 a/b
wh_outbox_empties 60 b/a
for side in a b; do
    [ "$side" = a ] && inbox=$T/b/a/inbox || inbox=$T/a/b/inbox
    must_be_same "$T/from-$side" "$inbox"
done
