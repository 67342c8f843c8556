#!/usr/bin/env bash
# limit: 150
# Texts that are longer than what the journal keeps arrive whole, up to a megabyte; beyond, the sender is told so. A text of
# ours that was offered meanwhile stays.
. "$TOP/tests/peers/lib.sh"

sends_text() { # BYTES
    head -c "$1" "$T/long" >"$T/text-$1"
    STOCK_INPUT=$T/text-$1 stock_send python "text-$1" --text -
    mkdir "$T/a/text-$1"
    echo "$CODE" >"$T/a/text-$1/code"
}

peers_start direct
seq -s ", " 300000 >"$T/long" # in one line: JSON doubles the ends of lines
for bytes in 65535 65536 65537 77000 1047500; do
    sends_text $bytes
    must "a text of $bytes bytes was not taken" stock_end "text-$bytes"
    wh_arrives 20 "a/text-$bytes" message.txt "$T/text-$bytes"
    wh_inbox_is "a/text-$bytes" message.txt
    wait_for 20 wh_state_is "a/text-$bytes" closed
done

# Just beyond a megabyte of messages; a body that is too long; a message that is not looked at.
for bytes in 1048500 1200000 1600000; do
    sends_text $bytes
    must_fail "a text of $bytes bytes was taken" stock_end "text-$bytes"
    must "the sender of $bytes bytes was not told why" stock_said "text-$bytes" 'too long'
    must "something arrived" empty_dir "$T/a/text-$bytes/inbox"
    must "the state does not say so" grep -q '^problem: .*too long' "$T/a/text-$bytes/state"
done

# Both have a text: theirs arrives, ours waits for the next code.
stock_send python both --text "$TEXT"
mkdir "$T/a/both"
printf 'ours' >"$T/a/both/outbox/message.txt"
echo "$CODE" >"$T/a/both/code"
must "the text was not taken" stock_end both
wait_for 20 present "$T/a/both/inbox/message.txt"
must "our text is gone" present "$T/a/both/outbox/message.txt"
