#!/usr/bin/env bash
# limit: 120
# Several entries go to a stock client as one directory named after the wormhole, all or none.
. "$TOP/tests/peers/lib.sh"

peers_start direct
new_wormhole bundle
cp -r "$T/things/." "$T/a/bundle/outbox/"
stock_receive python one "$T/got" "$CODE"
must "receiving several" stock_end one
must_be_same "$T/things" "$T/got/bundle"
wh_outbox_empties 20 a/bundle
