#!/usr/bin/env bash
# limit: 300
# A stock sender with a zip that climbs out, with hostile names, and with an offer larger than the disk: nothing is
# written outside the inbox, and the state says what was refused.
. "$TOP/tests/lib/all.sh"

mkdir -p "$T/things/tree"
echo inside >"$T/things/tree/inside"
echo text >"$T/things/file"
servers_start
wh_mount a
touch "$T/canary"
# The servers' directories are theirs: now and then there is a journal of a database.
outside() {
    find "$T" \( -path "$T/store" -o -path "$T/a" -o -path "$T/mailbox" -o -path "$T/relay" \) -prune -o -print |
        LC_ALL=C sort
}
outside >"$LOGS/before"

# odd NAME CHANGE WHAT: the odd sender sends into wormhole NAME. Fails unless it was acknowledged. What it was told
# ends it: Python 0.12 does not notice that the connection has ended, and would wait for ever.
odd() {
    local name=$1 sender
    timeout 60 "$TOP/tests/peers/odd_sender.py" "$2" --relay-url "$MAILBOX_URL" --transit-helper "$RELAY_URL" \
        send --hide-progress "$T/things/$3" >"$LOGS/$name.log" 2>&1 </dev/null &
    sender=$!
    wait_for 30 grep -Eq 'code is' "$LOGS/$name.log"
    mkdir "$T/a/$name"
    grep -Eo '[0-9]+(-[a-z]+){2}' "$LOGS/$name.log" | head -n 1 >"$T/a/$name/code"
    wait_for 30 ended "$sender" || fail "$name: the sender waits for ever: $(cat "$LOGS/$name.log")"
    wait "$sender"
}
ended() { ! alive "$1"; }
# refused NAME: nothing of it is in the inbox, and the user is told.
refused() {
    wait_for 20 told "$1" || fail "$1: the user is not told"
    must "$1: something arrived" empty_dir "$T/a/$1/inbox"
}
unpacked_not() { # WORMHOLE: its sender is told why
    must "$1: the sender was not told: $(cat "$LOGS/$1.log")" grep -q "remote says.*the folder's zip" "$LOGS/$1.log"
}
told() { wh_says "a/$1" problem '[a-z]' || grep '"arrival_refused"' "$T/a/.wormholefs/events" | grep -q "\"$1\""; }

if odd climbs '{"zip": [["good", "good", 33188], ["../climbed", "bad", 33188]]}' tree; then
    fail "the climbing zip was acknowledged"
fi
refused climbs
unpacked_not climbs
if odd absolute '{"zip": [["/tmp/wormholefs-climbed", "bad", 33188]]}' tree; then
    fail "the absolute zip was acknowledged"
fi
refused absolute
unpacked_not absolute
# A symlink that leads out, and a member that wants to go through it.
odd links '{"zip": [["out", "/tmp", 41471], ["out/wormholefs-climbed", "bad", 33188]]}' tree || true
must "a symlink leads out" not present "$T/a/links/inbox/tree/out/wormholefs-climbed"
must "it was written in /tmp" absent /tmp/wormholefs-climbed

# Honest names that are one when they are made safe: all of them come out.
odd alike '{"zip": [["d\u0001/a\u000ab", "1", 33188], ["d\u0001/a\u0009b", "2", 33188], ["d_/a_b", "3", 33188]]}' tree
wait_for 20 present "$T/a/alike/inbox/tree" || fail "alike: nothing arrived"
found=$(cd "$T/a/alike/inbox/tree" && grep -r . | LC_ALL=C sort)
must "names that become alike: $found" test "$found" = $'d_.2/a_b:3\nd_/a_b.2:2\nd_/a_b:1'

# Names: safe ones come out, always directly in the inbox.
one_safe_name() { # WORMHOLE
    local name
    name=$(names_in "$T/a/$1/inbox")
    [ "$(wc -l <<<"$name")" = 1 ] || fail "$1: not one name: $name"
    [[ $name != .* && $name != *[[:cntrl:]]* ]] || fail "$1: unsafe name: $name"
    must_be_same "$T/things/file" "$T/a/$1/inbox/$name"
}
for case in 'dots=../../x' 'absolute-name=/etc/x' 'hidden=.bashrc' 'control=a\u0001\u001b[2Jb\nc' 'slash=a/b'; do
    name=${case%%=*}
    if odd "$name" "{\"offer\": {\"file\": {\"filename\": \"${case#*=}\"}}}" file; then
        wait_for 20 not empty_dir "$T/a/$name/inbox"
        one_safe_name "$name"
    else
        must "$name: refused, but arrived" empty_dir "$T/a/$name/inbox"
    fi
done
long=$(printf 'x%.0s' {1..300})
if odd long "{\"offer\": {\"file\": {\"filename\": \"$long\"}}}" file; then
    wait_for 20 not empty_dir "$T/a/long/inbox"
    one_safe_name long
fi

# An offer of 100 TB is refused at once.
if odd huge '{"offer": {"file": {"filesize": 100000000000000}}}' file; then
    fail "100 TB were taken"
fi
must "the sender was not told: $(cat "$LOGS/huge.log")" grep -Eqi 'no room|rejected' "$LOGS/huge.log"
refused huge

# The mount lives, and nothing is anywhere else.
odd honest '{}' file
wh_arrives 60 a/honest file "$T/things/file"
outside >"$LOGS/after"
must "files appeared outside: $(comm -13 "$LOGS/before" "$LOGS/after")" cmp -s "$LOGS/before" "$LOGS/after"
