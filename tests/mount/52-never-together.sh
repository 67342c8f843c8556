#!/usr/bin/env bash
# limit: 300
# The receiver is not mounted while cp runs, the sender not any more when the receiver comes: small files arrive
# although the two are never online together, and what the sender took back meanwhile does not; a large one once both are
# mounted again.
. "$TOP/tests/lib/all.sh"

random_file "$T/small" 5000
random_file "$T/large" 30000000
random_file "$T/regretted" 5000
random_file "$T/draft" 5000
random_file "$T/final" 5000
two_mounts

# Small: through the mailbox. It is there once the server keeps more than the file is long (it is hex there).
wh_unmount b
before=$(mailbox_bytes)
cp "$T/small" "$T/a/b/outbox/"
in_mailbox() { [ "$(mailbox_bytes)" -gt $((before + $1)) ]; }
wait_for 30 in_mailbox 10000 || fail "the small file is not in the mailbox"
must "entry gone without a receiver" present "$T/a/b/outbox/small"
wh_unmount a
wh_mount b
wh_arrives 60 b/a small "$T/small"
wh_unmount b
wh_mount a
wh_outbox_empties 60 a/b

# Taken back, replaced and renamed while the receiver is away, after the server had it.
before=$(mailbox_bytes)
cp "$T/regretted" "$T/a/b/outbox/"
cp "$T/draft" "$T/a/b/outbox/paper"
wait_for 30 in_mailbox 20000 || fail "two files are not in the mailbox"
rm "$T/a/b/outbox/regretted"
cp "$T/final" "$T/a/b/outbox/paper"
wait_for 30 in_mailbox 30000 || fail "the third file is not in the mailbox"
mv "$T/a/b/outbox/paper" "$T/a/b/outbox/thesis"
wait_for 30 in_mailbox 40000 || fail "the renamed file is not in the mailbox"
wh_unmount a
wh_mount b
wh_arrives 60 b/a thesis "$T/final"
wh_inbox_is b/a small thesis
wh_unmount b
wh_mount a
wh_outbox_empties 60 a/b

# Large: cp while b is away, then a goes at once; both come back, b first.
cp "$T/large" "$T/a/b/outbox/"
wh_unmount a
wh_mount b
must "it came from nowhere" absent "$T/b/a/inbox/large"
wh_mount a
wh_arrives 60 b/a large "$T/large"
wh_outbox_empties 60 a/b
wh_inbox_is b/a large small thesis
