#!/usr/bin/env bash
# limit: 600
# The daemon is killed while a cp is in progress: no half file ever goes out; it is held, named, and released by
# copying again. A file that was closed before the kill, an empty one too, goes out by itself. And the program that
# copies is killed, also where it has no file open: no part of its tree goes out.
. "$TOP/tests/lib/all.sh"

random_file "$T/whole" 200000
random_file "$T/half" 40000000
random_file "$T/marker" 1000
# Long enough for a program that is still at it, and short enough for a test that waits for it four times.
two_mounts settle_tree=4000

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

# A program that makes a tree of small files is killed at several moments; mostly no file of it is open then.
random_file "$T/bytes" 1200000
mkdir "$T/small"
split -b 3000 -a 3 "$T/bytes" "$T/small/file-"
tar -C "$T/small" -cf "$T/small.tar" .
box=$T/a/b/outbox
# has NAME COUNT: the entry has so many names in it.
has() { [ -d "$box/$1" ] && [ "$(find "$box/$1" -mindepth 1 | wc -l)" -ge "$2" ]; }
# `held:` names the first few only.
interrupted() { getfattr --absolute-names --only-values -n user.wormhole.error "$box/$1" | grep -q ^interrupted; }
parts=()
# killed SIGNAL COUNT NAME COMMAND…: makes a tree of that name, and is killed when it has COUNT files.
killed() {
    local signal=$1 count=$2 name=$3 maker
    shift 3
    "$@" 2>/dev/null &
    maker=$!
    wait_for 60 has "$name" "$count" || fail "$name: not begun"
    kill "-$signal" "$maker" 2>/dev/null || true
    if wait "$maker"; then # it was faster
        wh_arrives 60 b/a "$name" "$T/small"
        return
    fi
    wait_for 20 interrupted "$name" || fail "$name is not held"
    parts+=("$name")
}
unpack() {
    mkdir "$box/$1"
    exec tar -C "$box/$1" -xf "$T/small.tar"
}
# This one has surely closed what it wrote.
killed KILL 1 one python3 -c "
import os, time
os.mkdir('$box/one')
with open('$box/one/x', 'w') as f:
    f.write('x')
time.sleep(1000)"
wh_says a/b held 'one \(interrupted' || fail "not named"
for signal in KILL TERM; do
    for count in 1 40 120; do
        killed "$signal" "$count" "cp-$signal-$count" cp -r "$T/small" "$box/cp-$signal-$count"
        killed "$signal" "$count" "tar-$signal-$count" unpack "tar-$signal-$count"
    done
done
# Who catches the signal, and then says by its exit code that there was one.
killed TERM 1 caught python3 -c "
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
os.mkdir('$box/caught')
with open('$box/caught/x', 'w') as f:
    f.write('x')
time.sleep(1000)"
if command -v rsync >/dev/null; then
    killed TERM 40 rsync rsync -a --bwlimit=300 "$T/small/" "$box/rsync/"
fi
[ "${#parts[@]}" -ge 2 ] || fail "hardly any program was killed in time"
cp "$T/small/file-aaa" "$box/closed"
wh_arrives 60 b/a closed "$T/small/file-aaa"
mkdir "$box/slow-2"
echo x >"$box/slow-2/x"
wait_for 60 present "$T/b/a/inbox/slow-2/x"
for name in "${parts[@]}"; do
    must "a part of a tree went out" absent "$T/b/a/inbox/$name"
    must "$name is not held any more" interrupted "$name"
done
# A touch lets one go as it is, the others are copied again.
for name in "${parts[@]}"; do
    [ "$name" = one ] && continue
    rm -r "${box:?}/$name"
    cp -r "$T/small" "$box/$name"
done
for name in "${parts[@]}"; do
    [ "$name" = one ] || wh_arrives 60 b/a "$name" "$T/small"
done
cp -r "$box/one" "$T/one"
touch "$box/one"
wh_arrives 60 b/a one "$T/one"
wh_outbox_empties 60 a/b
rm -rf "$T"/b/a/inbox/{cp-*,tar-*,one,caught,rsync,closed,slow-2}

# A file is open all the time while it is copied: nothing less than the whole of it goes out.
random_file "$T/large" 20000000
for try in {1..20}; do
    cp "$T/large" "$box/" 2>/dev/null &
    copier=$!
    sleep "0.0$((RANDOM % 90 + 10))"
    kill -KILL "$copier" 2>/dev/null || true
    if ! wait "$copier" && present "$box/large"; then
        ended() { interrupted large || present "$T/b/a/inbox/large"; }
        wait_for 20 ended || fail "try $try: neither held nor sent"
        if absent "$T/b/a/inbox/large"; then rm "$box/large"; fi
    fi
    if present "$box/large" || present "$T/b/a/inbox/large"; then
        wh_arrives 60 b/a large "$T/large"
        wh_outbox_empties 60 a/b
        rm "$T/b/a/inbox/large"
    fi
done

# The daemon again, in the middle of a real cp, at several moments.
random_file "$T/large" 150000000
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
