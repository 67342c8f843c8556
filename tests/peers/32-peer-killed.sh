#!/usr/bin/env bash
# limit: 600
# build: release
# A stock peer is killed in the middle: the receiver's entry stays and a new code works; of the sender's nothing is seen, and a new code works.
. "$TOP/tests/peers/lib.sh"

# Large enough that the middle is long: the relay and Python carry about 100 MB/s here.
random_file "$T/big.bin" 200000000
peers_start direct

getting() { find "$1" -type f -size +1000k | grep -q .; }
for client in python go; do
    new_wormhole "to-$client"
    cp "$T/big.bin" "$T/a/to-$client/outbox/"
    stock_receive "$client" "victim-$client" "$T/victim-$client" "$CODE"
    wait_for 60 getting "$T/victim-$client"
    stock_kill "victim-$client"
    another_code "to-$client"
    must "the entry is gone" present "$T/a/to-$client/outbox/big.bin"
    must "it is not said why" wh_says "a/to-$client" problem 'the connection to the peer broke\.$'
    stock_receive "$client" "heir-$client" "$T/heir-$client" "$CODE"
    must "the new code" stock_end "heir-$client"
    must_be_same "$T/big.bin" "$T/heir-$client/big.bin"
    wh_outbox_empties 60 "a/to-$client"
    rm -r "$T/victim-$client" "$T/heir-$client"
done

# What was delivered leaves the store a moment later.
store_bytes() { (du -s --block-size=1 "$T/store/a" 2>/dev/null || true) | cut -f 1; }
gave_back() { [ "$(store_bytes)" -lt 100000000 ]; }
wait_for 60 gave_back
receiving() { [ "$(store_bytes)" -gt $((STORE_BEFORE + 2000000)) ]; }
for client in python go; do
    STORE_BEFORE=$(store_bytes)
    stock_send "$client" "dying-$client" "$T/big.bin"
    mkdir "$T/a/from-$client"
    echo "$CODE" >"$T/a/from-$client/code"
    wait_for 60 receiving
    stock_kill "dying-$client"
    wait_for 60 wh_says "a/from-$client" state 'closed|failed|waiting'
    must "a half file was published" empty_dir "$T/a/from-$client/inbox"
    must "it is not said why" wh_says "a/from-$client" problem 'the connection to the peer broke\.$'
    stock_send "$client" "again-$client" "$T/big.bin"
    echo "$CODE" >"$T/a/from-$client/code"
    must "the second sender" stock_end "again-$client"
    wh_arrives 60 "a/from-$client" big.bin "$T/big.bin"
    wh_inbox_is "a/from-$client" big.bin
done
