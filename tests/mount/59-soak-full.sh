#!/usr/bin/env bash
# limit: 600
# weight: 2
# build: release
# 59-soak.sh on disks that are full again and again: who is told ENOSPC is told the truth, what was accepted before arrives.
set -- --kills 10 --small 200 "$@"
. "$TOP/tests/mount/59-soak.sh"
