#!/usr/bin/env bash
# Goal: keep_sent: what was delivered stays, cannot be changed, not even be opened for that, but removed and replaced.
# And acked_bytes says what the peer has, also when it is gone.
# limit: 300
# build: release
. "$TOP/tests/mount/lib.sh"

MAILBOX_URL=ws://127.0.0.1:$MAILBOX_PORT/v1
RELAY_URL=tcp:transit.magic-wormhole.io:$RELAY_PORT
two_mounts keep_sent,no_listen
box=$T/a/b/outbox
attribute() { getfattr --absolute-names --only-values -n "user.wormhole.$1" "$2"; }
sent() { [ "$(attribute state "$1")" = sent ]; }

note "what was sent stays, and says so"
mkdir -p "$T/tree/below"
echo deep >"$T/tree/below/deep"
echo first >"$T/kept"
cp -r "$T/kept" "$T/tree" "$box/"
for name in kept tree; do
    wait_for 60 sent "$box/$name" || fail "$name was not sent"
    wh_arrives 10 b/a "$name" "$T/$name"
done
is "$(attribute acked_bytes "$box/kept")" 6
is "$(attribute acked_bytes "$box/tree")" 5

note "it cannot be opened for writing, nor changed"
for file in kept tree/below/deep; do
    for how in '>>' '<>' '>' '>|'; do
        errno EPERM bash -c "exec 5$how\"\$1\"" - "$box/$file"
    done
    errno EPERM truncate -s 1 "$box/$file"
    errno EPERM chmod 600 "$box/$file"
    errno EPERM touch "$box/$file"
    errno EPERM cp /etc/hosts "$box/$file"
done
errno EPERM touch "$box/tree/new"
errno EPERM mv "$box/tree/below" "$box/tree/other"
errno EPERM mv "$box/kept" "$box/other"
errno EPERM ln -s x "$box/tree/link"
errno EPERM try rename "$box/tree/below/deep" "$box/tree/deep" 0
must_be_same "$T/kept" "$box/kept"
must_be_same "$T/tree" "$box/tree"

note "but replaced, and removed"
echo second >"$T/kept"
cp "$T/kept" "$box/.kept.new"
mv "$box/.kept.new" "$box/kept"
wh_arrives 60 b/a kept.2 "$T/kept"
wait_for 60 sent "$box/kept"
rm -r "$box/kept" "$box/tree"
wh_inbox_is b/a kept kept.2 tree

note "of a transfer that is cut off: what the peer has"
random_file "$T/big" 200000000
cp "$T/big" "$box/"
beyond() { [ "$(attribute acked_bytes "$box/big")" -gt "$1" ]; }
wait_for 60 beyond 4000000
wh_kill b
wait_for 60 not wh_says a/b peer "here now"
had=$(attribute acked_bytes "$box/big")
[ "$had" -gt 4000000 ] || fail "nothing is known of what b has: $had"
wh_unmount a
wh_mount a
is "$(attribute acked_bytes "$box/big")" "$had" "after a remount"
wh_mount b
wh_arrives 120 b/a big "$T/big"
wait_for 30 sent "$box/big"
is "$(attribute acked_bytes "$box/big")" 200000000
