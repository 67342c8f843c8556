#!/usr/bin/env bash
# Goal: rm -r closes a wormhole; whatever less than that leaves it working.
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir "$m/alice"
mkdir -p "$m/alice/outbox/tree/sub"
touch "$m/alice/outbox/tree/sub/file" "$m/alice/outbox/f" "$m/alice/inbox/note"

note "removing code and state, or an empty box, changes nothing"
rm -f "$m/alice/code" "$m/alice/state"
must "they are back" test -e "$m/alice/code" -a -e "$m/alice/state"
errno ENOTEMPTY rmdir "$m/alice/outbox"
errno ENOTEMPTY rmdir "$m/alice"
rm -r "$m/alice/outbox/tree" "$m/alice/outbox/f" "$m/alice/inbox/note"
box=$(inode "$m/alice/outbox")
(
    cd "$m/alice/outbox"
    rmdir "$m/alice/outbox"
    # The shell stands in a directory that is gone; everybody else sees a new one.
    must_fail "gone for who stood in it" touch x 2>/dev/null
    touch "$m/alice/outbox/x"
)
must_fail "another number" [ "$(inode "$m/alice/outbox")" = "$box" ]
is "$(ls "$m/alice/outbox")" x
rm "$m/alice/outbox/x"

note "the same in new/"
touch "$m/new/outbox/x"
errno ENOTEMPTY rmdir "$m/new/outbox"
rm "$m/new/outbox/x"
rmdir "$m/new/outbox"
touch "$m/new/outbox/y"
is "$(ls "$m/1/outbox")" y
rm -r "$m"/new/* 2>/dev/null || true
is "$(ls "$m/new" | tr '\n' ' ')" "code inbox outbox state "
errno EBUSY rmdir "$m/new"

note "rmdir with both boxes empty, and rm -r with everything in them"
rmdir "$m/1"
touch "$m/new/outbox/again"
is "$(wormholes "$m")" "1 alice" "the draft was gone: a new one"
rmdir "$m/alice"
is "$(wormholes "$m")" 1
mkdir "$m/alice"
mkdir -p "$m/alice/outbox/tree/sub"
seq 200 | sed "s|^|$m/alice/outbox/tree/sub/|" | xargs touch
touch "$m/alice/inbox/note"
rm -r "$m/alice"
is "$(wormholes "$m")" 1
rm -r "$m/1"
is "$(wormholes "$m")" ""
is "$(ls "$m/new/outbox")" ""
must "the events say so" grep -q '"type":"closing"' "$m/.wormholefs/events"

note "with a file open in it"
mkdir "$m/bob"
exec 8>"$m/bob/outbox/open"
rm -r "$m/bob"
echo late >&8
exec 8>&-
is "$(wormholes "$m")" ""
wh_unmount a
