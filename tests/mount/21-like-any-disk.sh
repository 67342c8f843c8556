#!/usr/bin/env bash
# Goal: whatever programs do to the files of an outbox, one after the other or several to one file, they are told the same and
# find the same afterwards as on the disk beside it, also after umount and kill -9. What may differ is at the top of differ.py.
# SEED=N repeats a run's operations.
# limit: 600
. "$TOP/tests/mount/lib.sh"

SEED=${SEED:-$(date +%s)}
note "SEED=$SEED"
OPERATIONS=${OPERATIONS:-1000} # of each process, from one restart to the next
WRITES=${WRITES:-800}          # of each process, to the file that it has with others

differ() { python3 -B "$TOP/tests/mount/differ.py" "$@"; }
restart() {
    case $2 in
    umount) wh_unmount "$1" ;;
    kill) wh_kill "$1" ;;
    esac
    wh_mount "$1"
}
# both COMMAND ARG…: the command with 1 and with 2 as its last argument, at once.
both() {
    local one
    "$@" 1 &
    one=$!
    must "$* 2" "$@" 2
    must "$* 1" wait "$one"
}

note "two processes, each in a tree of its own"
wh_mount a settle=60000,settle_tree=600000
mkdir -p "$T/a/w" "$T/a/w/outbox/1" "$T/a/w/outbox/2" "$T/tree/1" "$T/tree/2"
in_tree() { differ "$1" "$T/a/w/outbox/$3" "$T/tree/$3" "$SEED-$2-$3" "$OPERATIONS"; }
number=0
for how in umount kill umount kill; do
    number=$((number + 1))
    both in_tree tree "$number"
    restart a "$how"
    both in_tree compare "$number"
done
wh_unmount a

note "files of an outbox itself, sealed while they are worked on"
wh_mount b
mkdir -p "$T/b/1" "$T/b/2" "$T/entries/1" "$T/entries/2"
in_outbox() { differ "$1" "$T/b/$3/outbox" "$T/entries/$3" "$SEED-$2-$3" "$OPERATIONS"; }
number=0
for how in kill umount; do
    number=$((number + 1))
    both in_outbox entries "entries-$number"
    restart b "$how"
    both in_outbox compare "$number"
done

note "one file of many processes"
mkdir "$T/b/w"
number=0
for how in kill umount; do
    number=$((number + 1))
    file=$T/b/w/outbox/$number
    must "$file" python3 "$TOP/tests/mount/stripes.py" "$file" "$T/ledger" "$SEED-$number" "$WRITES"
    must_be_same "$T/ledger" "$file"
    restart b "$how"
    must_be_same "$T/ledger" "$file"
done
wh_unmount b
