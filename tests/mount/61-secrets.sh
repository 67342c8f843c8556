#!/usr/bin/env bash
# limit: 300
# build: release
# Goal: after a session with all that makes or takes a code, no code and no key is in the logs, the events, state.json, the command
# lines, or anything else that is not the code file and the store; and what was used is gone from the store, too.
. "$TOP/tests/lib/all.sh"

# The daemons say all that they can.
printf '#!/bin/sh\nexec "%s" "$@" -v\n' "$WORMHOLEFS" >"$T/verbose"
chmod +x "$T/verbose"
WORMHOLEFS=$T/verbose

# The name of a wormhole that was made as a code is shown once the code is used up; here it gets another one before.
server_stops() { kill -STOP "$(cat "$T/mailbox/pid")"; }
server_goes_on() { kill -CONT "$(cat "$T/mailbox/pid")"; }
codes=()
# unlike WORD OTHER…: it is none of the others.
unlike() {
    local word=$1 other
    shift
    for other in "$@"; do [ "$word" != "$other" ] || return 1; done
}
keep_keys() {
    must "no keys at $1" python3 "$TOP/tests/mount/secrets.py" keep "$T/store/$1" "$T/kept"
}

note "a code that is made here and joined there, by name and by the code file"
servers_start
wh_mount a
wh_mount b
random_file "$T/file" 300000
mkdir "$T/a/b"
wait_for 30 wh_has_code a/b
codes+=("$(wh_code a/b)")
server_stops
mkdir "$T/b/${codes[0]}"
cp "$T/file" "$T/b/${codes[0]}/outbox/early"
keep_keys a
mv "$T/b/${codes[0]}" "$T/b/a"
server_goes_on
wait_for 60 wh_state_is a/b paired
wait_for 60 wh_state_is b/a paired
mkdir "$T/a/c" "$T/b/c"
wait_for 30 wh_has_code a/c
codes+=("$(wh_code a/c)")
echo "${codes[1]}" >"$T/b/c/code"
wait_for 60 wh_state_is a/c paired
keep_keys a
keep_keys b

note "entries both ways"
wh_arrives 60 a/b early "$T/file"
cp "$T/file" "$T/a/b/outbox/one"
cp "$T/file" "$T/b/a/outbox/two"
wh_arrives 60 b/a one "$T/file"
wh_arrives 60 a/b two "$T/file"

note "a stock client either way, a code that nobody takes, and a wrong one"
cp "$T/file" "$T/a/new/outbox/"
wait_for 30 wh_has_code a/new
codes+=("$(wh_code a/new)")
stock_receive python receiver "$T/received" "${codes[2]}"
wait_for 90 present "$T/received/file"
stock_send python sender "$T/file"
codes+=("$CODE")
server_stops
mkdir "$T/b/$CODE"
mv "$T/b/$CODE" "$T/b/sender"
server_goes_on
wh_arrives 90 b/sender file "$T/file"
# These two stay in the stores, where the words of the others are looked for: they are not the same by chance.
until
    mkdir "$T/a/idle"
    wait_for 30 wh_has_code a/idle || fail "no code for idle"
    code=$(wh_code a/idle)
    unlike "${code#*-}" "${codes[@]#*-}"
do
    rmdir "$T/a/idle"
done
codes+=("$code")
codes+=("99-absurd-adroitness") # nobody draws words in this order
mkdir "$T/b/99-absurd-adroitness" || true
mv "$T/b/99-absurd-adroitness" "$T/b/wrong"
keep_keys a
keep_keys b

# What anybody could be shown. The sessions' own temp files and the stock clients' logs are not ours.
mkdir "$T/shown"
gather() {
    local name wormhole
    for name in a b; do
        cp "$LOGS/$name.log" "$T/shown/$name.log"
        cat "$T/$name/.wormholefs/events" >"$T/shown/$name.events"
        cat "$T/$name/.wormholefs/state.json" >"$T/shown/$name.state.json"
        for wormhole in "$T/$name"/*/; do
            wormhole=$(basename "$wormhole")
            [ "$wormhole" = new ] || cat "$T/$name/$wormhole/state" >"$T/shown/$name.$wormhole.state"
        done
    done
    # Some that are listed may have ended when they are read.
    { cat /proc/[0-9]*/cmdline 2>/dev/null || true; } | tr '\0' '\n' | grep -a wormholefs >"$T/shown/cmdlines"
}
gather
[ "${#codes[@]}" = 6 ] || fail "not all codes: ${codes[*]}"
grep -q mounted "$T/shown/a.log" || fail "the log is empty"
grep -q entry_sealed "$T/shown/a.events" || fail "no events"

note "no code"
# Words alone could stand there by chance; two in a row do not.
no_words() {
    local where=$1 code
    for code in "${codes[@]}"; do
        if grep -rlaF -- "${code#*-}" "$where"; then fail "the code $code is in $where"; fi
    done
}
no_words "$T/shown"

note "no key"
python3 "$TOP/tests/mount/secrets.py" find "$T/kept" "$T"/shown/* || fail "a key is shown"
# And it would be found.
python3 -c "
import base64, sys
key = bytes.fromhex(open('$T/kept').readline())
open('$T/raw', 'wb').write(b'x' + key + b'y')
open('$T/hex', 'w').write('key ' + key.hex() + '!')
open('$T/base64', 'wb').write(base64.b64encode(b'ab' + key + b'c'))"
for how in raw hex base64; do
    must_fail "it cannot find $how" python3 "$TOP/tests/mount/secrets.py" find "$T/kept" "$T/$how"
done

note "in the memory, only what is still of use"
in_memory() {
    local mount=$1
    shift
    python3 "$TOP/tests/mount/memory.py" "$(wh_worker "$mount")" "${@#*-}" >"$LOGS/memory"
    [ -s "$LOGS/memory" ]
}
must "no code is found, not even one that waits" in_memory a "${codes[4]}"
# The names of directories are no secrets any more, and b had two that were codes.
wait_for 60 not in_memory a "${codes[@]:0:3}" || fail "used codes are in a's memory: $(cat "$LOGS/memory")"
wait_for 60 not in_memory b "${codes[1]}" || fail "a used code is in b's memory: $(cat "$LOGS/memory")"

note "in the stores, only the codes that are still of use"
wh_unmount a
wh_unmount b
codes=("${codes[@]:0:4}")
no_words "$T/store"
is_private() { [ -z "$(find "$1" \( -type d ! -perm 700 \) -o \( -type f ! -perm 600 \))" ]; }
must "others may read a's store" is_private "$T/store/a"
must "others may read b's store" is_private "$T/store/b"
