#!/usr/bin/env bash
# Goal: the mount of a daemon that was killed is cleaned up by the next mount, and a live one is never touched.
. "$TOP/tests/mount/lib.sh"

quiet=mailbox=ws://127.0.0.1:9/v1,transit=none
# A daemon that is just ending is waited for only so long: its last syncs are quick here.
mkdir "$T/store"
mount -t tmpfs tmpfs "$T/store"
mounts() { grep -c " $1 " /proc/self/mountinfo || true; }

note "a dead mount is replaced, and nothing is stacked"
wh_mount a
echo kept >"$T/a/new/outbox/file"
for _ in 1 2 3; do
    wh_kill a
    must_fail "the dead mount answers" ls "$T/a"
    wh_mount a
    is "$(mounts "$T/a")" 1
    is "$(cat "$T/a/1/outbox/file")" kept
done

note "by a mount of another store, too"
wh_kill a
"$WORMHOLEFS" other "$T/a" -o "store=$T/store/other,$quiet"
is "$(mounts "$T/a")" 1
must_fail "the first store is shown" present "$T/a/1"
umount "$T/a"

note "from inside, and by a relative name"
wh_mount a
wh_kill a
(cd "$T" && "$WORMHOLEFS" a a -o "store=$T/store/a,$quiet")
is "$(mounts "$T/a")" 1
ln -s a "$T/link"
said=$("$WORMHOLEFS" other "$T/link" -o "store=$T/store/other,$quiet" 2>&1) && fail "mounted over a live one"
case $said in *"'a'"*) ;; *) fail "'$said' does not name what is mounted" ;; esac
is "$(mounts "$T/a")" 1
is "$(cat "$T/a/1/outbox/file")" kept
umount "$T/a"

note "a live one that does not answer is left alone"
wh_mount a
kill -STOP -- "-$(wh_pid a)"
said=$(timeout 30 "$WORMHOLEFS" other "$T/a" -o "store=$T/store/other,$quiet" 2>&1) && fail "mounted over a stopped one"
case $said in *"'a'"*) ;; *) fail "'$said' does not name what is mounted" ;; esac
kill -CONT -- "-$(wh_pid a)"
wait_for 30 wh_usable a
is "$(cat "$T/a/1/outbox/file")" kept
