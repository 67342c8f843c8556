#!/usr/bin/env bash
# limit: 300
# Both sides want to send: the stock side is the sender, what it sends arrives, and our entries wait for the next code.
. "$TOP/tests/peers/lib.sh"

peers_start direct
for client in python go; do
    stock_send "$client" "sender-$client" "$T/things/file.bin"
    mkdir "$T/a/$client"
    cp -r "$T/things/tree" "$T/a/$client/outbox/"
    echo "$CODE" >"$T/a/$client/code"
    must "$client could not send" stock_end "sender-$client"
    wh_arrives 60 "a/$client" file.bin "$T/things/file.bin"
    must "our entry is gone" present "$T/a/$client/outbox/tree"
    another_code "$client"
    stock_receive "$client" "receiver-$client" "$T/got-$client" "$CODE"
    must "the next code" stock_end "receiver-$client"
    must_be_same "$T/things/tree" "$T/got-$client/tree"
    wh_outbox_empties 60 "a/$client"
done
