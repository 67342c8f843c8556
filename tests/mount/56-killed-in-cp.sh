#!/usr/bin/env bash
# limit: 600
# The daemon is killed while a cp is in progress: no half file ever goes out; it is held, named, and released by
# copying again. A file that was closed before the kill, an empty one too, goes out by itself.
. "$TOP/tests/lib/all.sh"

random_file "$T/whole" 200000
random_file "$T/half" 40000000
random_file "$T/marker" 1000
two_mounts

# A writer that has written the half and waits for more.
mkfifo "$T/pipe"
cp "$T/whole" "$T/a/b/outbox/"
cat "$T/pipe" >"$T/a/b/outbox/half" 2>/dev/null &
writer=$!
exec 7>"$T/pipe"
head -c 20000000 "$T/half" >&7
written() { [ "$(stat -c %s "$T/a/b/outbox/half")" -ge 19900000 ]; }
wait_for 20 written
# And one that has only opened its file.
exec 8>"$T/a/b/outbox/opened"
# And an empty file that is closed, but not for long enough to be sealed.
: >"$T/empty"
cp "$T/empty" "$T/a/b/outbox/"
released() { not wh_says a/b held 'empty \(open'; }
wait_for 20 released

wh_kill a
exec 7>&-
exec 8>&- || true
wait "$writer" || true
wh_mount a
must "the bytes are gone" present "$T/a/b/outbox/half"
wait_for 20 wh_says a/b held half
wh_arrives 60 b/a whole "$T/whole"
wh_arrives 60 b/a empty "$T/empty"

# What is put now overtakes it; when that has arrived and a tree's settle time is over, the half is still here.
cp "$T/marker" "$T/a/b/outbox/"
wh_arrives 60 b/a marker "$T/marker"
mkdir "$T/a/b/outbox/slow"
echo x >"$T/a/b/outbox/slow/x"
wait_for 60 present "$T/b/a/inbox/slow/x"
must "a half file went out" absent "$T/b/a/inbox/half"
must "an opened file went out" absent "$T/b/a/inbox/opened"

cp "$T/half" "$T/a/b/outbox/"
wh_arrives 60 b/a half "$T/half"
rm "$T/a/b/outbox/opened"
wh_outbox_empties 60 a/b
wh_inbox_is b/a empty half marker slow whole

# The same in the middle of a real cp, at several moments.
random_file "$T/large" 250000000
for delay in 0.02 0.1 0.25; do
    cp "$T/large" "$T/a/b/outbox/" 2>/dev/null &
    copier=$!
    sleep "$delay"
    wh_kill a
    copied=yes
    wait "$copier" || copied=no
    wh_mount a
    [ "$copied" = yes ] || cp "$T/large" "$T/a/b/outbox/"
    wh_arrives 90 b/a large "$T/large"
    wh_outbox_empties 60 a/b
    wh_inbox_is b/a empty half large marker slow whole
    rm "$T/b/a/inbox/large"
done
