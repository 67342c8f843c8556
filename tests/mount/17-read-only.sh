#!/usr/bin/env bash
# Goal: a read-only mount shows everything and changes nothing.
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir "$m/alice"
echo data >"$m/alice/outbox/f"
wh_unmount a
wh_mount a ro
is "$(cat "$m/alice/outbox/f")" data
must "state" grep -q '^state:' "$m/alice/state"
for command in "touch $m/alice/outbox/g" "rm $m/alice/outbox/f" "mkdir $m/bob" "rmdir $m/alice" "chmod 600 $m/alice/outbox/f" \
    "mv $m/alice $m/bob" "truncate -s 0 $m/alice/outbox/f" "ln -s x $m/alice/outbox/l" "touch $m/new/outbox/x" \
    "setfattr -n user.x -v 1 $m/alice/outbox/f" "tee $m/alice/code"; do
    # shellcheck disable=SC2086
    errno EROFS $command </dev/null
done
is "$(wormholes "$m")" alice
wh_unmount a
