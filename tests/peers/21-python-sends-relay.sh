#!/usr/bin/env bash
# limit: 300
# Stock python sends a file, a directory and an empty file to a mount, by relay.
. "$TOP/tests/peers/lib.sh"

peers_start relay
for thing in file.bin tree empty.bin; do
    stock_gives python relay "$thing"
done
