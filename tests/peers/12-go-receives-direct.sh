#!/usr/bin/env bash
# limit: 300
# Stock go receives a file, a directory, a text and an empty file from a mount, directly.
. "$TOP/tests/peers/lib.sh"

peers_start direct
for thing in file.bin tree empty.bin; do
    stock_gets go direct "$thing"
done
stock_gets_text go
