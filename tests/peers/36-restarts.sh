#!/usr/bin/env bash
# limit: 400
# The daemon restarts, or the wormhole or the entry is removed or changed, while a stock client is in the middle of a transfer: nothing false
# arrives, the entry goes out under another code, the client is told (whether it listens or not), and other wormholes are
# not disturbed.
. "$TOP/tests/peers/lib.sh"

# stock_asks CLIENT NAME CODE: a receiver whose user is asked, and does not answer before $T/NAME.yes is written to.
stock_asks() {
    local client=$1 name=$2 code=$3
    mkdir -p "$T/got/$name"
    mkfifo "$T/$name.yes"
    (
        cd "$T/got/$name" || exit
        "${client}_wormhole" receive --hide-progress "$code" <>"$T/$name.yes"
    ) >"$LOGS/$name.log" 2>&1 &
    echo $! >"$T/$name.pid"
    wait_for 30 happened entry_offered "$name" || fail "nothing was offered to $name"
}
# happened TYPE WORMHOLE: also if the state that it led to is over.
happened() { grep -q "\"type\":\"$1\".*\"wormhole\":\"$2\"" "$T/a/.wormholefs/events"; }
ended() { not alive "$(cat "$T/$1.pid")"; }

peers_start direct

note "restarted while the receiver's user is asked: another code works"
for client in python go; do
    new_wormhole "asked-$client"
    cp "$T/things/file.bin" "$T/a/asked-$client/outbox/"
    stock_asks "$client" "asked-$client" "$CODE"
    wh_kill a
    wh_mount a
    another_code "asked-$client"
    must "it is not said what happened" wh_says "a/asked-$client" problem 'wormholefs was restarted'
    stock_kill "asked-$client" # a receiver who has said yes does not listen for an error
    stock_receive "$client" "heir-$client" "$T/got/heir-$client" "$CODE"
    must "the second receiver" stock_end "heir-$client"
    must_be_same "$T/things/file.bin" "$T/got/heir-$client/file.bin"
    wh_outbox_empties 60 "a/asked-$client"
    must "an old problem is shown" wh_says "a/asked-$client" problem '^-$'
done

note "changed or removed while the receiver's user is asked: the one is said, the other is what our user wants"
for client in python go; do
    for what in changed removed; do
        name=$what-$client
        new_wormhole "$name"
        cp "$T/things/file.bin" "$T/a/$name/outbox/"
        stock_asks "$client" "$name" "$CODE"
        case $what in
        changed) echo more >>"$T/a/$name/outbox/file.bin" ;;
        removed) rm "$T/a/$name/outbox/file.bin" ;;
        esac
        echo y >"$T/$name.yes"
        case $what in
        changed)
            another_code "$name"
            must "it is not said what happened" wh_says "a/$name" problem 'was changed before the peer had all of it\.$'
            ;;
        removed)
            wait_for 60 wh_state_is "a/$name" closed
            must "a removal is shown as a problem" wh_says "a/$name" problem '^-$'
            ;;
        esac
        ended "$name" || stock_kill "$name"
    done
done

note "restarted between an offer of theirs and its transfer: nothing arrives that they did not send"
: >"$LOGS/late.log"
PYTHONDONTWRITEBYTECODE=1 timeout 60 "$TOP/tests/peers/late_sender.py" --relay-url "$MAILBOX_URL" \
    --transit-helper "$RELAY_URL" send --hide-progress "$T/things/file.bin" >"$LOGS/late.log" 2>&1 </dev/null &
echo $! >"$T/late.pid"
wait_for 20 grep -Eq '[0-9]+(-[a-z]+){2}' "$LOGS/late.log"
mkdir "$T/a/late"
grep -Eo '[0-9]+(-[a-z]+){2}' "$LOGS/late.log" | head -n 1 >"$T/a/late/code"
wait_for 60 wh_state_is a/late paired
wait_for 20 grep -q 'the offer was made' "$LOGS/late.log"
wh_kill a
wh_mount a
wait_for 60 wh_state_is a/late closed
wait_for 20 grep -q 'the transit message was sent' "$LOGS/late.log"

note "a wormhole removed just when its peer has come: the peer is told, and another wormhole is served"
new_wormhole removed
cp "$T/things/file.bin" "$T/a/removed/outbox/"
stock_receive go gone "$T/got/gone" "$CODE"
wait_for 20 happened paired removed
rm -r "$T/a/removed"
new_wormhole other
cp "$T/things/file.bin" "$T/a/other/outbox/"
stock_receive python other "$T/got/other" "$CODE"
must "the other wormhole's receiver" stock_end other
must_be_same "$T/things/file.bin" "$T/got/other/file.bin"
wait_for 30 ended gone || fail "the peer of the removed wormhole still waits"
# By now it would have come.
must "something false arrived" empty_dir "$T/a/late/inbox"
stock_kill late
