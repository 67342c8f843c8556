#!/usr/bin/env bash
# limit: 300
# Stock python receives a file, a directory and an empty file from a mount, by relay.
. "$TOP/tests/peers/lib.sh"

peers_start relay
for thing in file.bin tree empty.bin; do
    stock_gets python relay "$thing"
done
