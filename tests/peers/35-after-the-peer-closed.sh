#!/usr/bin/env bash
# limit: 240
# A wormhole that the peer has closed is used again, for stock clients: twice, each with a code of its own.
. "$TOP/tests/peers/lib.sh"

make_things
two_mounts
rm -r "$T/b/a"
wait_for 30 wh_state_is a/b closed
for round in 1 2; do
    random_file "$T/things/again$round.bin" 1000
    cp "$T/things/again$round.bin" "$T/a/b/outbox/"
    read_code b
    stock_receive python "again$round" "$T/got/again$round" "$CODE"
    must "round $round: python could not receive it" stock_end "again$round"
    must_be_same "$T/things/again$round.bin" "$T/got/again$round/again$round.bin"
    wh_outbox_empties 60 a/b
    wait_for 60 wh_state_is a/b closed
done
