#!/usr/bin/env bash
# limit: 300
# Several entries go to a stock client as one directory named after the wormhole, all or none. A symbolic link cannot go:
# it stays, and `held:` says why.
. "$TOP/tests/peers/lib.sh"

peers_start direct
new_wormhole bundle
cp -r "$T/things/." "$T/a/bundle/outbox/"
ln -s file.bin "$T/a/bundle/outbox/link"
stock_receive python one "$T/got" "$CODE"
must "receiving several" stock_end one
must_be_same "$T/things" "$T/got/bundle"
only_the_link_is_left() { [ "$(ls "$T/a/bundle/outbox")" = link ]; }
wait_for 20 only_the_link_is_left
must "it is not said why the link stays" wh_says a/bundle held '^link \(this client cannot receive a symbolic link'
rm "$T/a/bundle/outbox/link"

note "a link alone: nothing is offered for it"
new_wormhole alone
ln -s nowhere "$T/a/alone/outbox/link"
stock_receive python two "$T/got-two" "$CODE"
wait_for 30 wh_says a/alone held '^link \(this client'
must "the link went away" present "$T/a/alone/outbox/link"
