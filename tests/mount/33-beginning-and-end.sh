#!/usr/bin/env bash
# Goal: it returns when the mount is usable, and ends in order on umount and on signals.
. "$TOP/tests/mount/lib.sh"

quiet=mailbox=ws://127.0.0.1:9/v1,transit=none
daemon() { pgrep -o -f "^$WORMHOLEFS $1 "; } # the supervisor
worker() { pgrep -P "$(daemon "$1")"; }
sits_in() { [ "$(readlink "/proc/$sitter/cwd")" = "$1" ]; }

note "in the background: usable at once, detached from the caller"
"$WORMHOLEFS" back "$T/back" -o "store=$T/store-back,$quiet"
must "not usable" ls "$T/back/new" >/dev/null
is "$(stat -c %a "$T/back")" 700
pid=$(daemon back)
for process in "$pid" "$(worker back)"; do
    is "$(readlink "/proc/$process/cwd")" /
    is "$(ps -o tty= -p "$process" | tr -d ' ')" "?"
    for fd in 0 1 2; do is "$(readlink "/proc/$process/fd/$fd")" /dev/null; done
    must "ps does not show the options" grep -qz "store=$T/store-back" "/proc/$process/cmdline"
done
said=$("$WORMHOLEFS" pipe "$T/pipe" -o "store=$T/store-pipe,$quiet") # would hang if the daemon kept the pipe
is "$said" ""
umount "$T/pipe"

note "umount ends it"
umount "$T/back"
wait_for 30 not alive "$pid"

note "so do the signals, also with somebody in it"
for signal in TERM INT HUP; do
    "$WORMHOLEFS" back "$T/back" -o "store=$T/store-back,$quiet"
    pid=$(daemon back)
    (cd "$T/back/new" && exec sleep 1000) &
    sitter=$!
    wait_for 30 sits_in "$T/back/new"
    kill "-$signal" "$pid"
    wait_for 30 not alive "$pid"
    must_fail "$signal left the mount" mountpoint -q "$T/back"
    kill "$sitter"
    wait "$sitter" || true
done

note "also when they reach the process that serves, as the pid in the store's lock does"
"$WORMHOLEFS" back "$T/back" -o "store=$T/store-back,$quiet"
pid=$(daemon back)
is "$(cat "$T/store-back/lock")" "$(worker back)"
kill "$(worker back)"
wait_for 30 not alive "$pid"
must_fail "it left the mount" mountpoint -q "$T/back"

note "one does not live on without the other"
for victim in daemon worker; do
    "$WORMHOLEFS" back "$T/back" -o "store=$T/store-back,$quiet"
    pid=$(daemon back) other=$(worker back)
    kill -KILL "$("$victim" back)"
    wait_for 30 not alive "$pid"
    wait_for 30 not alive "$other"
    must_fail "the dead mount answers" ls "$T/back" 2>/dev/null
done

note "in the foreground the exit code tells"
setsid "$WORMHOLEFS" -F fore "$T/fore" -o "store=$T/store-fore,$quiet" </dev/zero &
pid=$!
wait_for 30 wh_usable fore
for fd in 0 1; do is "$(readlink "/proc/$(pgrep -P "$pid")/fd/$fd")" /dev/null "only the log needs it"; done
kill -TERM "$pid"
wait "$pid" || fail "exit code $?"
must_fail "left mounted" mountpoint -q "$T/fore"

note "what was closed before the end is sealed"
"$WORMHOLEFS" back "$T/back" -o "store=$T/store-back,$quiet,settle=60000"
cp /etc/hosts "$T/back/new/outbox/"
mkdir "$T/tree"
cp /etc/hosts "$T/tree/x"
cp -r "$T/tree" "$T/back/1/outbox/"
pid=$(daemon back)
umount "$T/back"
wait_for 30 not alive "$pid"
"$WORMHOLEFS" back "$T/back" -o "store=$T/store-back,$quiet"
is "$(events "$T/back" | jq -r 'select(.type == "entry_sealed") | .size' | wc -l)" 2
umount "$T/back"
