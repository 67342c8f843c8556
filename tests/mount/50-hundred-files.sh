#!/usr/bin/env bash
# limit: 400
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
        wait_for 60 settled_after_kill "$one" "$other" "$name" || return 1
        if cmp -s "$original" "$entry" && ! held "$one/$other" "$name"; then return; fi
        if [ -e "$T/$other/$one/inbox/$name" ]; then return; fi
    done
}
held() { sed -n 's/^held: *//p' "$T/$1/state" | grep -qF "$2" || [ "$(entry_state "$1" "$2")" = held ]; }
entry_state() { getfattr --only-values -n user.wormhole.state "$T/$1/outbox/$2" 2>/dev/null; }
# The mount is back, and what became of the entry is known: held or sealed. If it is not there, the other one is back,
# too, so that its inbox can be looked at.
settled_after_kill() {
    wh_usable "$1" || return
    if [ -e "$T/$1/$2/outbox/$3" ]; then [ "$(entry_state "$1/$2" "$3")" != open ]; else wh_usable "$2"; fi
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
