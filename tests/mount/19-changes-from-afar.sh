#!/usr/bin/env bash
# Goal: what the engine does by itself (a code, an arrival, an acknowledgement) is seen at once, whatever the
# kernel had cached, and wakes who waits. Mounts face_main, and plays the engine's part.
MOUNT_WORMHOLEFS=${MOUNT_WORMHOLEFS:-$BUILD/tests/mount/face_main}
. "$TOP/tests/mount/lib.sh"

export FACE_CODE_MS=3000 # in less the program that does not wait has asked
wh_mount a
m=$T/a
engine() { echo "$*" >"$T/store/a.commands"; }

note "a read of code waits for it, and poll says when it is there"
mkdir "$m/alice"
errno EAGAIN try nonblock "$m/alice/code"
try wait_read "$m/alice/code" 30 >"$T/polled" &
is "$(cat "$m/alice/code")" 7-guitarist-revenge
wait $! || fail "poll did not wake"
is "$(cat "$T/polled")" 7-guitarist-revenge
is "$(grep -c '"type":"code_read"' "$m/.wormholefs/events")" 1

note "state wakes pollers"
try wait_change "$m/alice/state" 30 problem: >"$T/changed" &
wait_for 20 grep -q ready "$T/changed"
engine problem alice Fire
wait $! || fail "poll of state did not wake"
must "the problem" grep -q 'problem: Fire' "$T/changed"

note "events can be followed"
tail -n +1 -f "$m/.wormholefs/events" >"$T/followed" &
follower=$!
wait_for 20 grep -q '"type":"problem"' "$T/followed"
engine pair alice
wait_for 20 grep -q '"type":"paired"' "$T/followed"
kill $follower
is "$(cat "$m/alice/code")" used
errno EBUSY bash -c 'echo 4-a-b >"$1/alice/code"' - "$m"

note "an arrival is listed at once, an acknowledged entry is gone at once"
is "$(ls "$m/alice/inbox")" ""
engine arrive alice report.pdf hello
wait_for 20 lists "$m/alice/inbox" report.pdf
is "$(cat "$m/alice/inbox/report.pdf")" hello
is "$(getfattr --absolute-names --only-values -n user.wormhole.state "$m/alice/inbox/report.pdf")" received
mkdir "$m/alice/outbox/tree"
echo x >"$m/alice/outbox/tree/f"
exec 7<"$m/alice/outbox/tree/f"
ls -lR "$m/alice/outbox" >/dev/null
engine ack alice tree
wait_for 20 not test -e "$m/alice/outbox/tree" || fail "the acknowledged tree is still there"
is "$(ls "$m/alice/outbox")" ""
is "$(cat <&7)" x "readers keep what they hold"
exec 7<&-
must "sent:" grep -q '^sent: *1 entry, last tree .*(delivered)$' "$m/alice/state"

note "new/: used up by a pairing, so the next read of its code is of the next wormhole"
code=$(cat "$m/new/code")
engine pair 1
wait_for 60 wh_state_is a/1 paired
is "$(cat "$m/new/code")" used "nothing was put into it and its code was just read: case b"
touch "$m/new/outbox/x"
must "case b" test -e "$m/1/outbox/x"
must_fail "another code" [ "$(cat "$m/new/code")" = "$code" ]
is "$(wormholes "$m")" "1 2 alice"
wh_unmount a
