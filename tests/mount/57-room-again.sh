#!/usr/bin/env bash
# limit: 300
# What was delivered, or removed, gives its room back, though nobody looks at its name again: a small disk takes one file
# after the other.
. "$TOP/tests/lib/all.sh"

mkdir -p "$T/store/a"
mount -t tmpfs -o size=40m,mode=0700 tmpfs "$T/store/a"
random_file "$T/ten" 10485760
random_file "$T/sixty" 62914560
two_mounts settle_tree=2000

is_empty() { [ -z "$(ls -A "$1")" ]; }
used_kib() { df -k --output=used "$T/store/a" | tail -n 1; }
gives_back() { [ "$(used_kib)" -lt 10240 ]; }
for i in 1 2 3 4 5; do
    must "no room for file $i" cp "$T/ten" "$T/a/b/outbox/$i"
    wait_for 30 is_empty "$T/a/b/outbox" || fail "file $i does not go"
    wait_for 20 gives_back || fail "file $i holds $(used_kib) KiB"
done
for i in 1 2; do
    mkdir "$T/a/b/outbox/tree$i"
    must "no room for tree $i" cp "$T/ten" "$T/a/b/outbox/tree$i/ten"
    wait_for 60 is_empty "$T/a/b/outbox" || fail "tree $i does not go"
    wait_for 20 gives_back || fail "tree $i holds $(used_kib) KiB"
done

# Removing, and at once the next.
for i in 1 2 3; do
    must_fail "60 MB on a disk of 40" cp "$T/sixty" "$T/a/b/outbox/sixty" 2>/dev/null
    rm "$T/a/b/outbox/sixty"
    must "no room right after removing, round $i" cp "$T/ten" "$T/a/b/outbox/next$i"
    wait_for 30 is_empty "$T/a/b/outbox" || fail "what came after removing does not go"
done
