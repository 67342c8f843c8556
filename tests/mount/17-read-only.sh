#!/usr/bin/env bash
# Goal: a read-only mount shows everything and changes nothing.
. "$TOP/tests/mount/lib.sh"

with_codes
wh_mount a
m=$T/a
mkdir "$m/alice" "$m/told" "$m/untold"
echo data >"$m/alice/outbox/f"
code=$(cat "$m/told/code")
has_code() { [ -s "$1/code" ]; }
wait_for 30 has_code "$m/untold" || fail "no code"
wh_unmount a

note "without a draft a read of its code would make one"
wh_mount a ro
errno EROFS cat "$m/new/code"
is "$(wormholes "$m")" "alice told untold"
wh_unmount a
wh_mount a rw
touch "$m/new/outbox/mine"
wh_unmount a
wh_mount a ro

note "code: what was read before can be; a first read would be a change"
made_or_read() { grep -c '"type":"\(code_read\|wormhole_created\)"' "$m/.wormholefs/events"; }
before=$(made_or_read)
is "$(cat "$m/told/code")" "$code"
errno EROFS cat "$m/untold/code"
errno EROFS cat "$m/new/code"
errno EROFS try nonblock "$m/new/code"
is "$(made_or_read)" "$before"

note "everything else"
is "$(cat "$m/alice/outbox/f")" data
must "state" grep -q '^state:' "$m/alice/state"
for command in "touch $m/alice/outbox/g" "rm $m/alice/outbox/f" "mkdir $m/bob" "rmdir $m/alice" "chmod 600 $m/alice/outbox/f" \
    "mv $m/alice $m/bob" "truncate -s 0 $m/alice/outbox/f" "ln -s x $m/alice/outbox/l" "touch $m/new/outbox/x" \
    "setfattr -n user.x -v 1 $m/alice/outbox/f" "tee $m/alice/code"; do
    # shellcheck disable=SC2086 # a command and its arguments
    errno EROFS $command </dev/null
done
is "$(wormholes "$m")" "1 alice told untold"
wh_unmount a
