#!/usr/bin/env bash
# limit: 300
# Stock go sends a file, a directory, an empty file and a text to a mount, directly.
. "$TOP/tests/peers/lib.sh"

peers_start direct
for thing in file.bin tree empty.bin; do
    stock_gives go direct "$thing"
done
stock_gives_text go
