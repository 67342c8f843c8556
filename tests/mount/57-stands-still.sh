#!/usr/bin/env bash
# limit: 120
# What arrives cannot be taken in, each time: state and log say so, nothing is lost, and it goes on once it can.
. "$TOP/tests/lib/all.sh"

# change SQL: in the journal of a, which is unmounted.
change() {
    python3 - "$T/store/a/journal.sqlite" "$1" <<'PY'
import sqlite3
import sys
journal = sqlite3.connect(sys.argv[1])
journal.execute(sys.argv[2])
journal.commit()
journal.close()
PY
}

two_mounts
wh_unmount a
change "CREATE TRIGGER no BEFORE INSERT ON decided BEGIN SELECT RAISE(FAIL, 'no'); END"
wh_mount a
echo hello >"$T/note"
cp "$T/note" "$T/b/a/outbox/"
wait_for 30 wh_says a/b problem 'stands still.*pair again' || fail "the state does not say it: $(wh_state a/b problem)"
must "the log does not say it" grep -q 'wormhole number.*stands still' "$LOGS"/a*.log
must "it arrived" empty_dir "$T/a/b/inbox"
wh_unmount a
change 'DROP TRIGGER no'
wh_mount a
wh_arrives 30 a/b note "$T/note"
wh_outbox_empties 30 b/a
[ "$(wh_state a/b problem)" = - ] || fail "the problem stays: $(wh_state a/b problem)"
