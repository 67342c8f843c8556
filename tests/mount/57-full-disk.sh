#!/usr/bin/env bash
# limit: 400
# The disk of a store is full: cp gets ENOSPC, nothing accepted is lost, removing and acknowledging work; a receiver
# without room refuses, says so, and takes what fits.
. "$TOP/tests/lib/all.sh"

mkdir -p "$T/store/a" "$T/store/b"
mount -t tmpfs -o size=200m,mode=0700 tmpfs "$T/store/a"
mount -t tmpfs -o size=170m,mode=0700 tmpfs "$T/store/b"
random_file "$T/accepted" 20000000
random_file "$T/large" 300000000
random_file "$T/late" 300000
two_mounts

# The sender's disk.
wh_unmount b
cp "$T/accepted" "$T/a/b/outbox/"
must_fail "300 MB on a disk of 200" cp "$T/large" "$T/a/b/outbox/too-large" 2>"$LOGS/cp"
must "not ENOSPC: $(cat "$LOGS/cp")" grep -q 'No space left' "$LOGS/cp"
failed_is_held() { wh_says a/b held 'too-large \(a write to it failed \(no space left on the device\)'; }
wait_for 30 failed_is_held || fail "a failed write does not hold: $(wh_state a/b held)"
wh_unmount a
wh_mount a
wait_for 30 failed_is_held || fail "a failed write is forgotten: $(wh_state a/b held)"
must "the accepted file suffered" same "$T/accepted" "$T/a/b/outbox/accepted"
wh_mount b
wh_arrives 60 b/a accepted "$T/accepted"
wh_outbox_empties_but() { [ "$(names_in "$T/a/b/outbox")" = "$1" ]; }
wait_for 30 wh_outbox_empties_but too-large || fail "acknowledging failed on a full disk"
must "a part of a file went out" absent "$T/b/a/inbox/too-large"
must "removing failed on a full disk" rm "$T/a/b/outbox/too-large"
# The file in the spool goes at the next sync.
late_fits() { cp "$T/late" "$T/a/b/outbox/" 2>/dev/null; }
wait_for 20 late_fits || fail "no room after removing"
wh_arrives 60 b/a late "$T/late"
wh_outbox_empties 60 a/b

# The receiver's disk: 160 MB do not fit beside what it has and what arrivals leave free.
random_file "$T/bulky" 160000000
random_file "$T/little" 1000000
cp "$T/bulky" "$T/a/b/outbox/"
wait_for 60 wh_says a/b held 'bulky .*no room' || fail "the sender was not told"
wait_for 30 wh_says b/a problem 'no room' || fail "the receiver was not told"
must "refused, but gone" same "$T/bulky" "$T/a/b/outbox/bulky"
cp "$T/little" "$T/a/b/outbox/"
wh_arrives 60 b/a little "$T/little"
must "half of it was published" absent "$T/b/a/inbox/bulky"
must "the receiver forgot" same "$T/accepted" "$T/b/a/inbox/accepted"

# Over a remount with the disk full to the last byte.
dd if=/dev/zero of="$T/store/a/filler" bs=64k status=none 2>/dev/null || true
wh_unmount a
wh_mount a
must "removing on a full disk" rm "$T/a/b/outbox/bulky"
wh_outbox_empties 60 a/b
