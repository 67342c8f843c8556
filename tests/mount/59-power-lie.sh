#!/usr/bin/env bash
# limit: 300
# build: release
# Can 59-power-cuts fail? On drives that only say that they have synced it has to, and by what was promised.
. "$TOP/tests/lib/all.sh"

if "$TOP/tests/mount/59-power-cuts.sh" --lie --cuts 10 >"$LOGS/lie" 2>&1; then
    fail "drives that lie were not found out"
fi
grep -m 1 '^# FAILED' "$LOGS/lie" >"$LOGS/why" || fail "it ended without a verdict: $(tail -n 3 "$LOGS/lie")"
note "found out: $(cut -c 1-100 "$LOGS/why")"
