#!/usr/bin/env bash
# limit: 240
# Goal: the process that serves is confined and its memory is its own, and all the same the end of a killed writer is known: its
# supervisor, which is not confined, reads it. What confined means is tried as an ordinary user, by test_sandbox.
. "$TOP/tests/mount/lib.sh"

quiet=mailbox=ws://127.0.0.1:9/v1,transit=none
status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
confined() {
    local supervisor=$1 worker=$2
    is "$(status "$worker" NoNewPrivs)" 1 "no_new_privs of the worker"
    is "$(status "$worker" Seccomp)" 2 "seccomp of the worker"
    is "$(status "$supervisor" NoNewPrivs)" 0 "no_new_privs of the supervisor"
    is "$(status "$supervisor" Seccomp)" 0 "seccomp of the supervisor"
    is "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$worker/limits")" "0 0" "core limit"
}

note "as root"
wh_mount a
confined "$(wh_pid a)" "$(wh_worker a)"
must_fail "a part of the sandbox is missing" grep "not confined" "$LOGS/a.log"

# killed SIGNAL COMMAND…: writes to box/half until it is killed, with the commands done in between.
box=$T/a/w/outbox
mkdir "$T/a/w"
killed() {
    local signal=$1 writer
    shift
    : >"$T/gate"
    python3 -c "
import time
f = open('$box/half', 'wb', 0)
f.write(b'x' * 100000)
open('$T/gate', 'w').write('up')
time.sleep(1000)" &
    writer=$!
    wait_for 30 test -s "$T/gate"
    "$@"
    kill "-$signal" "$writer"
    wait "$writer" 2>/dev/null || true
}
held_half() { wh_says a/w held 'half \(interrupted'; }
let_go() {
    rm "$box/half"
    must_fail "still held" held_half
}

note "a writer that is killed interrupts"
for signal in KILL TERM SEGV; do
    killed "$signal" true
    wait_for 30 held_half || fail "$signal: $(wh_state a/w held)"
    let_go
done

note "one that ends by itself does not"
python3 -c "
import os
f = open('$box/done', 'wb', 0)
f.write(b'x' * 100000)
os._exit(1)" || true
wait_for 30 grep -q '"type":"entry_sealed"' "$T/a/.wormholefs/events"
must_fail "held" wh_says a/w held 'done'

note "a supervisor that does not answer: then nobody knows, so it does not go out"
killed KILL kill -STOP "$(wh_pid a)"
wait_for 30 held_half || fail "$(wh_state a/w held)"
kill -CONT "$(wh_pid a)"
let_go
killed KILL true
wait_for 30 held_half || fail "after that: $(wh_state a/w held)"
let_go
wh_unmount a

note "nosandbox: as it says"
wh_mount free nosandbox
is "$(status "$(wh_worker free)" Seccomp)" 0
is "$(status "$(wh_worker free)" NoNewPrivs)" 0
wh_unmount free

note "as an ordinary user, whose other processes cannot look into it either"
mknod -m 666 "$T/fuse" c 10 229
mount --bind "$T/fuse" /dev/fuse
ordinary_user
cp "$BUILD/tests/unit/test_sandbox" "$T/bin/"
as_nobody TMPDIR="$T/home-nobody" "$T/bin/test_sandbox" >"$LOGS/sandbox.log" 2>&1 || fail "the sandbox leaks: $(cat "$LOGS/sandbox.log")"
as_nobody "$WORMHOLEFS" job "$T/home-nobody/m" -o "$quiet"
supervisor=$(pgrep -o -f "$WORMHOLEFS job ")
worker=$(pgrep -P "$supervisor")
confined "$supervisor" "$worker"
for file in environ maps mem auxv; do
    must_fail "its $file can be read" as_nobody head -c 1 "/proc/$worker/$file" >/dev/null 2>&1
done
must "the test cannot tell" as_nobody head -c 1 "/proc/$supervisor/environ" >/dev/null
is "$(stat -c '%a %U' "$T/home-nobody/.local/state/wormholefs/job")" "700 nobody"
is "$(find "$T/home-nobody/.local/state/wormholefs/job" -type f ! -perm 600)" ""
as_nobody mkdir "$T/home-nobody/m/w"
: >"$T/gate"
chmod 666 "$T/gate"
as_nobody python3 -c "
import time
f = open('$T/home-nobody/m/w/outbox/half', 'wb', 0)
f.write(b'x' * 100000)
open('$T/gate', 'w').write('up')
time.sleep(1000)" 2>/dev/null || true &
wait_for 30 test -s "$T/gate"
pkill -KILL -U nobody python3
wait_for 30 as_nobody grep -Eq '^held: *half \(interrupted' "$T/home-nobody/m/w/state"
as_nobody fusermount3 -u "$T/home-nobody/m"
wait_for 30 not alive "$supervisor"
must_fail "the worker lives on" alive "$worker"

note "a worker that crashes leaves no core, and the dead mount is replaced"
ulimit -c unlimited
mkdir "$T/cores"
cd "$T/cores"
case $(cat /proc/sys/kernel/core_pattern) in
*/*) note "cores go elsewhere on this machine" ;;
*)
    sh -c 'kill -ABRT $$' || true
    must_fail "there is never one" empty_dir "$T/cores"
    rm core*
    ;;
esac
wh_mount a
kill -ABRT "$(wh_worker a)"
wait_for 20 not alive "$(wh_pid a)"
must "a core was written" empty_dir "$T/cores"
grep -q 'died' "$LOGS/a.log" || fail "nothing is said of it: $(cat "$LOGS/a.log")"
wh_mount a
must "not usable" present "$T/a/w"
