#!/usr/bin/env bash
# limit: 400
# Stock go sends a file, a directory and an empty file to a mount, by relay.
#
# william 1.0.6 sometimes closes its own relay connection just when it has chosen it ("use of closed network
# connection"), also with stock receivers: then it has to send again, as its user would.
. "$TOP/tests/peers/lib.sh"

once() { # NAME THING
    stock_send go "$1" "$T/things/$2"
    mkdir "$T/a/$1"
    echo "$CODE" >"$T/a/$1/code"
    stock_end "$1"
}

peers_start relay
for thing in file.bin tree empty.bin; do
    before=$(relay_bytes)
    for try in 1 2 3 4 5 6 7 8 9; do
        name=${thing%.*}-$try
        if once "$name" "$thing"; then
            break
        fi
        must "go could not send $thing" stock_said "$name" 'use of closed network connection'
    done
    wh_arrives 60 "a/$name" "$thing" "$T/things/$thing"
    wh_inbox_is "a/$name" "$thing"
    must_have_used relay "$before"
done
