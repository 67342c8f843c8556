#!/usr/bin/env bash
# limit: 300
# The mailbox server's database is deleted in the middle of the work, again and again: everything arrives exactly once.
. "$TOP/tests/lib/all.sh"

two_mounts
mkdir "$T/files"
for number in 1 2 3 4 5 6 7 8 9; do
    random_file "$T/files/small-$number" $((number * 1000))
    random_file "$T/files/large-$number" $((number * 1000000))
done

copy() { # SIDE OTHER
    local name
    for name in $(names_in "$T/files"); do
        cp "$T/files/$name" "$T/$1/$2/outbox/"
    done
}
copy a b &
one=$!
copy b a &
other=$!
half_there() { [ "$(names_in "$T/$1/inbox" | wc -l)" -ge "$2" ]; }
wait_for 60 half_there b/a 3
mailbox_forget
wait_for 60 half_there a/b 9
mailbox_forget
must "copying at a" wait "$one"
must "copying at b" wait "$other"
mailbox_forget

wh_outbox_empties 60 a/b
wh_outbox_empties 60 b/a
must_be_same "$T/files" "$T/b/a/inbox"
must_be_same "$T/files" "$T/a/b/inbox"
