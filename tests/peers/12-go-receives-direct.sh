#!/usr/bin/env bash
# limit: 120
# Stock go receives a file, a directory, a text's file and an empty file from a mount, directly.
. "$TOP/tests/peers/lib.sh"

peers_start direct
for thing in file.bin tree message.txt empty.bin; do
    stock_gets go direct "$thing"
done
