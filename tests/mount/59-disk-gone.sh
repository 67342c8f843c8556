#!/usr/bin/env bash
# limit: 400
# weight: 2
# build: release
# The disk of a store stops answering or turns read-only under load, or the store is moved or deleted while in use: whoever writes
# then gets one clear errno, `state` says in a sentence what is wrong, what was accepted before is not lost, and all goes on
# when the disk is back.
. "$TOP/tests/lib/all.sh"
. "$TOP/tests/soak/lib.sh"

mkdir -p "$T/drive/a" "$T/store/a"
setsid "$BUILD/tests/power/powerfs" "$T/drive/a" "$T/store/a" -f >>"$LOGS/powerfs.log" 2>&1 </dev/null &
drive=$!
disown
wait_for 30 mountpoint -q "$T/store/a"
two_mounts settle_tree=3000

# refused ERRNO-TEXT COMMAND…: it fails, and says that.
refused() {
    local text=$1 said
    shift
    if said=$("$@" 2>&1); then fail "succeeded: $*"; fi
    case $said in
    *"$text"*) ;;
    *) fail "wanted '$text' of: $*; it said: $said" ;;
    esac
}
put() { cp "$T/$1" "$T/a/b/outbox/$2"; }
random_file "$T/small" 3000
random_file "$T/large" 3000000

# sick WHAT: under load from both sides the disk of `a` is sick for some seconds.
sick() {
    note "$1"
    echo "$1" >"$T/drive/a.fault"
    wait_for 30 says_so
    refused 'Input/output error' put small "x-refused-$1"
    refused 'Input/output error' put large "x-refused-large-$1"
    refused 'Input/output error' mkdir "$T/a/b/outbox/x-refused-dir-$1"
    not_damaged
    sleep 1
    rm "$T/drive/a.fault"
    wait_for 20 put small "x-after-$1"
    rm -rf "$T/a/b/outbox/x-refused"*"-$1"
}
# What is not in memory cannot be read from a disk that is away; then this is said instead.
says_so() {
    local said
    said=$(cat "$T/a/b/state" 2>&1) || true
    grep -Eq 'problem: the disk of the store fails|Input/output error' <<<"$said"
}
not_damaged() { must_fail "it says that the journal is damaged" grep -i 'damaged' "$LOGS/a.log"; }

export SOAK_SICK=1
load_start "${SEED:-1}"
sleep 2
sick away
sleep 2
sick read-only
wait_for 60 wh_says a/b problem '^-$' # half a minute without a failure
load_stop
for what in away read-only; do wh_arrives 60 b/a "x-after-$what" "$T/small"; done
wh_unmount a
wait_for 20 umount "$T/store/a"
wait_for 20 not alive "$drive"

note "moved while it is in use: it is still the same store"
mv "$T/drive/a" "$T/store/plain"
rm -f "$T/drive/a.fault"
echo ",store=$T/store/plain" >>"$T/pids/a.options"
tr -d '\n' <"$T/pids/a.options" >"$T/options" && mv "$T/options" "$T/pids/a.options"
wh_mount a
mv "$T/store/plain" "$T/store/elsewhere"
put large x-moved
put small x-moved-small
wh_arrives 60 b/a x-moved "$T/large"
wh_arrives 60 b/a x-moved-small "$T/small"
mv "$T/store/elsewhere" "$T/store/plain"
wh_outbox_empties 60 a/b
wh_unmount a
wh_mount a

note "deleted while it is in use: nothing more is accepted"
cp -r "$T/store/plain" "$T/store/saved"
rm -rf "$T/store/plain"
refused 'Input/output error' put small x-lost
refused 'Input/output error' put large x-lost-large
must "no reason in state: $(cat "$T/a/b/state")" wh_says a/b problem 'deleted'
wh_kill a
mv "$T/store/saved" "$T/store/plain"
wh_mount a
put small x-back
wh_arrives 60 b/a x-back "$T/small"
wh_outbox_empties 60 a/b
wh_unmount a
wh_unmount b
store_is_clean plain
store_is_clean b
