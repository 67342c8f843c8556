#!/usr/bin/env bash
# limit: 300
# No server can be reached: the mount is usable at once, cp succeeds, nothing but the first read of code waits (and no
# longer than 5 s); all goes out once a server is there.
. "$TOP/tests/lib/all.sh"

random_file "$T/file" 2000000
# A disk that has much to do would make syncs slow; what is waited for here is a server.
mkdir "$T/store"
mount -t tmpfs tmpfs "$T/store"

# within MS COMMAND…: it succeeds in that time.
within() {
    local ms=$1 began ended
    shift
    began=$(date +%s%N)
    "$@" >/dev/null || return 1
    ended=$(date +%s%N)
    [ $(((ended - began) / 1000000)) -lt "$ms" ] || fail "took $(((ended - began) / 1000000)) ms: $*"
}

# Less than the 5 s that a read of code waits, on a machine that has other things to do.
within 8000 wh_mount a
within 4000 ls -lR "$T/a"
within 4000 mkdir "$T/a/friend"
within 4000 cp "$T/file" "$T/a/friend/outbox/"
within 4000 cp "$T/file" "$T/a/new/outbox/"
within 4000 ls -lR "$T/a"
within 4000 cat "$T/a/friend/state"
within 4000 df "$T/a"
began=$SECONDS
must_fail "a code without a server" cat "$T/a/friend/code" 2>"$LOGS/cat"
[ $((SECONDS - began)) -le 9 ] || fail "reading code took $((SECONDS - began)) s"
must "not EAGAIN: $(cat "$LOGS/cat")" grep -q 'temporarily unavailable' "$LOGS/cat"
must "no reason in state" wh_says a/friend problem '[a-z]'
within 4000 must_fail "a code with O_NONBLOCK" dd if="$T/a/friend/code" iflag=nonblock status=none 2>/dev/null

# Over a remount, too.
wh_unmount a
within 8000 wh_mount a
must_be_same "$T/file" "$T/a/friend/outbox/file"

servers_start
wait_for 120 wh_has_code a/friend
wh_mount b
code=$(wh_code a/friend)
mkdir "$T/b/$code"
wait_for 60 wh_state_is a/friend paired
wh_arrives 60 "b/$code" file "$T/file"
wh_outbox_empties 60 a/friend

# The server goes away again and comes back: no operation notices.
server_stop mailbox
random_file "$T/second" 100
within 4000 cp "$T/second" "$T/a/friend/outbox/"
server_start mailbox
wh_arrives 150 "b/$code" second "$T/second"
