#!/usr/bin/env bash
# limit: 300
# Both are away while the mailbox server forgets everything: they meet again, what was put before and during it arrives
# once, and the wormhole goes on in both directions.
. "$TOP/tests/lib/all.sh"

random_file "$T/before" 20000
random_file "$T/large" 3000000
random_file "$T/during" 30000
random_file "$T/after" 40000
two_mounts

wh_unmount b
cp "$T/before" "$T/large" "$T/a/b/outbox/"
in_mailbox() { [ "$(mailbox_bytes)" -gt 40000 ]; }
wait_for 30 in_mailbox
wh_unmount a
mailbox_forget down
wh_mount a
cp "$T/during" "$T/a/b/outbox/"
wh_unmount a
server_start mailbox

wh_mount a
wh_mount b
wh_arrives 60 b/a before "$T/before"
wh_arrives 60 b/a large "$T/large"
wh_arrives 60 b/a during "$T/during"
wh_outbox_empties 60 a/b
cp "$T/after" "$T/b/a/outbox/"
wh_arrives 60 a/b after "$T/after"
wh_outbox_empties 60 b/a
wh_inbox_is b/a before during large
wh_inbox_is a/b after
