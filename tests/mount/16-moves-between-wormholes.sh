#!/usr/bin/env bash
# Goal: an entry can be forwarded (inbox to outbox) and re-addressed (outbox to outbox), in one step, and
# no other move between wormholes is possible; mv never falls back to copying.
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir "$m/a" "$m/b"
mkdir -p "$m/a/inbox/tree/sub"
echo data >"$m/a/inbox/tree/sub/f"
echo data >"$m/a/inbox/f"

note "forward a file and a tree, with somebody inside"
exec 7<"$m/a/inbox/f"
mv "$m/a/inbox/f" "$m/b/outbox/f2"
is "$(cat "$m/b/outbox/f2")" data
is "$(cat <&7)" data
exec 7<&-
listing "$m/a/inbox/tree" >"$T/tree"
(cd "$m/a/inbox/tree/sub" && mv "$m/a/inbox/tree" "$m/b/outbox/" && cat f >/dev/null)
listing "$m/b/outbox/tree" | cmp - "$T/tree" || fail "the forwarded tree differs"
is "$(ls "$m/a/inbox")" ""
must "the events tie the two" grep -q '"type":"forwarded"' "$m/.wormholefs/events"

note "re-address"
mv "$m/b/outbox/f2" "$m/a/outbox/f3"
is "$(cat "$m/a/outbox/f3")" data
is "$(ls "$m/b/outbox")" tree
mv "$m/b/outbox/tree" "$m/new/outbox/"
is "$(ls "$m/1/outbox")" tree
stat "$m/new/outbox/tree/sub/f" "$m/1/outbox/tree/sub/f" >/dev/null
touch "$m/1/outbox/tree/sub/more" "$m/new/outbox/tree/sub/other"
is "$(ls "$m/new/outbox/tree/sub" | tr '\n' ' ')" "f more other "
is "$(ls "$m/1/outbox/tree/sub" | tr '\n' ' ')" "f more other "
mv "$m/1/outbox/tree" "$m/b/outbox/tree"
is "$(ls "$m/new/outbox")" ""
is "$(ls "$m/b/outbox/tree/sub" | tr '\n' ' ')" "f more other "
must_fail "not under new any more" test -e "$m/new/outbox/tree"

note "a part of a tree"
mkdir -p "$m/a/inbox/photos/2024"
echo one >"$m/a/inbox/photos/1.jpg"
echo two >"$m/a/inbox/photos/2024/2.jpg"
mv "$m/a/inbox/photos/1.jpg" "$m/a/inbox/photos/2024" "$m/b/outbox/"
is "$(cat "$m/b/outbox/1.jpg" "$m/b/outbox/2024/2.jpg" | tr '\n' ' ')" "one two "
is "$(ls -A "$m/a/inbox/photos")" ""
mv "$m/b/outbox/2024/2.jpg" "$m/a/outbox/"
is "$(cat "$m/a/outbox/2.jpg")" two
is "$(ls -A "$m/b/outbox/2024")" ""
rmdir "$m/a/inbox/photos" "$m/b/outbox/2024"
rm "$m/a/outbox/2.jpg" "$m/b/outbox/1.jpg"

note "everything else is EPERM, and nothing is copied or lost"
touch "$m/a/inbox/i" "$m/a/outbox/o"
mkdir "$m/a/outbox/kept"
while read -r from to; do
    errno EPERM mv -T "$m/$from" "$m/$to"
    must "$from stayed" test -e "$m/$from"
    must_fail "$to was made" test -e "$m/$to"
done <<'LIST'
a/inbox/i b/inbox/i
a/outbox/o b/inbox/o
a/outbox/o a/inbox/o
a/outbox/o top
a/inbox/i top
a/inbox/i a/i
a/code b/c
a/outbox b/box
a/outbox elsewhere
b/outbox/tree/sub a/outbox/kept/sub
b/outbox/tree/sub a/inbox/sub
a/outbox/o b/outbox/tree/o
a/state a/outbox/state
new/outbox b/box
new/code code2
.wormholefs/events events
LIST
errno EPERM mv -T "$m/b" "$m/a/outbox/b"
errno EPERM ln "$m/a/outbox/o" "$m/b/outbox/o"
mv "$m/b/outbox/tree/sub" "$m/b/outbox/sub"
mv "$m/b/outbox/sub" "$m/b/outbox/tree/sub2"
is "$(ls "$m/b/outbox" "$m/b/outbox/tree" | grep -c sub2)" 1
wh_unmount a
