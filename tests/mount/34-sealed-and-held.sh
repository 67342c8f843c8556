#!/usr/bin/env bash
# Goal: an outbox entry is sealed when it is whole, not before; what is not meant to go, or was interrupted, is held with a reason.
. "$TOP/tests/mount/lib.sh"

wh_mount a
mkdir "$T/a/w"
box=$T/a/w/outbox
# last TYPE NAME: the newest event of that entry is of this type.
last() { [ "$(newest "$2")" = "$1" ]; }
newest() {
    local ino
    ino=$(stat -c %i "$box/$1")
    events "$T/a" | jq -r --argjson ino "$ino" 'select(.ino == $ino) | .type' | tail -n 1
}
held() { wh_says a/w held "$1"; }
sealed() { wait_for 60 last entry_sealed "$1" || fail "$1 is not sealed: $(newest "$1")"; }

note "a file, when it is closed"
exec 5>"$box/open"
echo x >&5
cp /etc/hosts "$box/closed"
sealed closed
must "sealed while open" not last entry_sealed open
must "not shown as open" held "open \(open for writing by bash"
exec 5>&-
sealed open

note "a tree from which an open file was removed, or moved to another"
mkdir "$box/from" "$box/into"
exec 6>"$box/from/removed" 7>"$box/from/moved"
cp /etc/hosts "$box/from/stays"
rm "$box/from/removed"
mv "$box/from/moved" "$box/into/"
sealed from
must "sealed while open" not last entry_sealed into
exec 6>&- 7>&-
sealed into

note "names that are held, and let go by a new name"
for name in .dot back~ load.crdownload load.part; do
    cp /etc/hosts "$box/$name"
    wait_for 30 held "${name//./\\.} \("
done
cp /etc/hosts "$box/marker"
sealed marker
for name in .dot back~ load.crdownload load.part; do
    last entry_held "$name" || fail "$name: $(newest "$name")"
    mv "$box/$name" "$box/let-go"
    sealed let-go
    rm "$box/let-go"
done

note "written under a temporary name and renamed: at once"
cp /etc/hosts "$box/.hosts.Xy12Zq"
mv "$box/.hosts.Xy12Zq" "$box/hosts"
sealed hosts

note "a change of a sealed entry takes it back, and it is sealed anew"
chmod 600 "$box/hosts"
must "not taken back" grep -q entry_withdrawn "$T/a/.wormholefs/events"
sealed hosts

note "a tree: soon after its maker is gone, else after settle_tree"
mkdir -p "$T/tree/below"
cp /etc/hosts "$T/tree/below/"
started=$(date +%s%N)
cp -r "$T/tree" "$box/"
sealed tree
[ $((($(date +%s%N) - started) / 1000000)) -lt 9900 ] || fail "cp -r took too long to be sealed"
mkdir "$box/slow"
started=$(date +%s%N)
cp /etc/hosts "$box/slow/"
sealed slow
[ $((($(date +%s%N) - started) / 1000000)) -ge 9900 ] || fail "a tree of two makers was sealed too soon"

note "a writer that is killed interrupts; touch lets it go, a new name does not"
for signal in KILL TERM; do
    : >"$T/gate"
    python3 -c "
import sys, time
f = open('$box/half', 'wb', 0)
f.write(b'x' * 100000)
open('$T/gate', 'w').write('up')
time.sleep(1000)" &
    writer=$!
    wait_for 30 test -s "$T/gate"
    kill "-$signal" "$writer"
    wait "$writer" 2>/dev/null || true
    wait_for 30 held 'half \(interrupted'
    last entry_held half || fail "half: $(newest half)"
    mv "$box/half" "$box/still-half" # which does not say that it is whole
    cp /etc/hosts "$box/after"
    sealed after
    held 'still-half \(interrupted' || fail "a new name let go what was interrupted"
    touch "$box/still-half"
    sealed still-half
    rm "$box/still-half" "$box/after"
done

note "one that fails or exits by itself does not"
python3 -c "
import os
f = open('$box/done', 'wb', 0)
f.write(b'x' * 100000)
os._exit(1)" || true
sealed "done"

note "threads that end with the file open do not"
python3 -c "
import os, threading
f = os.open('$box/threads', os.O_CREAT | os.O_WRONLY)
os.write(f, b'x')
threading.Thread(target=lambda: threading.Event().wait(), daemon=True).start()
os._exit(0)"
sealed threads

note "what the daemon was writing when it died is interrupted; what was closed is not"
exec 5>"$box/dirty" 6>"$box/opened"
echo x >&5
cp /etc/hosts "$box/fine"
mkdir "$box/growing"
echo x >"$box/growing/x" # by this shell, which lives on
wh_kill a
exec 5>&- 6>&- || true
wh_mount a
sealed fine
for name in dirty opened growing; do
    held "$name \(interrupted" || fail "not held: $name: $(wh_state a/w held)"
done
touch "$box/growing"
sealed growing
cp /etc/hosts "$box/dirty"
sealed dirty
must "it went out" last entry_held opened
