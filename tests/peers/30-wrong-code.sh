#!/usr/bin/env bash
# limit: 300
# A wrong guess burns a code, nothing goes out, and the next code works; a wrong code of ours fails with a sentence.
. "$TOP/tests/peers/lib.sh"

wrong() { echo "${1%%-*}-aardvark-adroitness"; }

peers_start direct
new_wormhole out
cp "$T/things/file.bin" "$T/a/out/outbox/"
stock_receive python guess "$T/guess" "$(wrong "$CODE")"
must_fail "a wrong code was good enough" stock_end guess
another_code out
must "the entry is gone" present "$T/a/out/outbox/file.bin"
stock_receive go good "$T/good" "$CODE"
must "the next code does not work" stock_end good
must_be_same "$T/things/file.bin" "$T/good/file.bin"
wh_outbox_empties 60 a/out

stock_send python sender "$T/things/file.bin"
mkdir "$T/a/in"
wrong "$CODE" >"$T/a/in/code"
must_fail "the sender sent to a wrong code" stock_end sender
wait_for 20 wh_says a/in state 'failed|waiting|closed'
must "something arrived" empty_dir "$T/a/in/inbox"
stock_send go sender "$T/things/file.bin"
echo "$CODE" >"$T/a/in/code"
must "a good code after a wrong one" stock_end sender
wh_arrives 60 a/in file.bin "$T/things/file.bin"

# The draft's new code is for whom the burnt one was told: what is meant for the next person is not put beside it.
cp "$T/things/file.bin" "$T/a/new/outbox/"
read_code new
stock_receive python guess "$T/guess" "$(wrong "$CODE")"
must_fail "a wrong code was good enough" stock_end guess
another_code 1
cp "$T/things/empty.bin" "$T/a/new/outbox/"
must "the next person's file is with the first one's" [ "$(names_in "$T/a/1/outbox") $(names_in "$T/a/2/outbox")" = "file.bin empty.bin" ]
