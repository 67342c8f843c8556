#!/usr/bin/env bash
# limit: 300
# A stock peer refuses: the entry stays, the state says so, a new code works. We refuse what is larger than inbox_max: the sender is told.
. "$TOP/tests/peers/lib.sh"

peers_start direct
for client in python go; do
    new_wormhole "$client"
    cp "$T/things/file.bin" "$T/a/$client/outbox/"
    stock_refuse "$client" "refuser-$client" "$CODE"
    stock_end "refuser-$client" || true
    another_code "$client"
    must "the refused entry is gone" present "$T/a/$client/outbox/file.bin"
    stock_receive "$client" "taker-$client" "$T/taken-$client" "$CODE"
    must "the code after a refusal" stock_end "taker-$client"
    must_be_same "$T/things/file.bin" "$T/taken-$client/file.bin"
    wh_outbox_empties 60 "a/$client"
done

# What is copied after a refusal is meant for somebody else than the entry that was refused.
cp "$T/things/file.bin" "$T/a/new/outbox/"
read_code new
stock_refuse python refuser-1 "$CODE"
stock_end refuser-1 || true
another_code 1
cp "$T/things/empty.bin" "$T/a/new/outbox/"
must "offered together" [ "$(names_in "$T/a/1/outbox") $(names_in "$T/a/2/outbox")" = "file.bin empty.bin" ]

wh_mount small inbox_max=1m
for client in python go; do
    stock_send "$client" "sender-$client" "$T/things/file.bin"
    mkdir "$T/small/$client"
    echo "$CODE" >"$T/small/$client/code"
    must_fail "$client was not refused" stock_end "sender-$client"
    must "$client was not told why" stock_said "sender-$client" 'no room|rejected'
    must "something arrived" empty_dir "$T/small/$client/inbox"
done
