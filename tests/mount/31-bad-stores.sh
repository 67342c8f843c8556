#!/usr/bin/env bash
# Goal: a store that is foreign, newer, broken, unreadable or in use is refused with one line that names it; nothing is mounted, and
# nothing in it is changed.
. "$TOP/tests/mount/lib.sh"

quiet=mailbox=ws://127.0.0.1:9/v1,transit=none
# refused STORE [WORD]: that store is refused, and WORD said.
refused() {
    local status=0 said before
    before=$(sums "$1")
    said=$("$WORMHOLEFS" "$T/m" -o "store=$1,$quiet" 2>&1 >/dev/null) || status=$?
    [ "$status" != 0 ] || fail "accepted: $1"
    is "$(printf '%s\n' "$said" | wc -l)" 1 "lines for $1: $said"
    case $said in
    *"$1"*"${2:-}"*) ;;
    *) fail "'$said' does not name $1 and '${2:-}'" ;;
    esac
    must_fail "it is mounted" mountpoint -q "$T/m"
    is "$(sums "$1")" "$before" "content of $1"
}
sums() { find "$1" -type f ! -name '*-shm' ! -name lock -exec sha256sum {} + | LC_ALL=C sort; }
# A daemon that is just ending is waited for only so long: its last syncs are quick here.
mkdir "$T/store"
mount -t tmpfs tmpfs "$T/store"
# A good store to spoil.
wh_mount good
cp /etc/hosts "$T/good/new/outbox/"
wh_unmount good
spoil() { rm -rf "$T/bad" && cp -r "$T/store/good" "$T/bad"; }

note "a directory of somebody else's"
mkdir "$T/foreign"
echo mine >"$T/foreign/letter.txt"
refused "$T/foreign"

note "a journal of something else"
mkdir -m 700 "$T/other"
sqlite3 "$T/other/journal.sqlite" 'create table t (x); insert into t values (1)'
refused "$T/other"
spoil
head -c 8192 /dev/urandom >"$T/bad/journal.sqlite"
rm -f "$T"/bad/journal.sqlite-*
refused "$T/bad"

note "one whose journal is gone"
spoil
echo bytes >"$T/bad/spool/7"
rm -f "$T"/bad/journal.sqlite*
refused "$T/bad" "no journal.sqlite"

note "on a disk that is read-only"
mkdir "$T/ro"
mount -t tmpfs -o size=1m,ro tmpfs "$T/ro"
said=$("$WORMHOLEFS" "$T/m" -o "store=$T/ro/s,$quiet" 2>&1) && fail "a store on a read-only disk"
case $said in *read-only*) ;; *) fail "'$said' does not say that the disk is read-only" ;; esac
umount "$T/ro"

note "a newer one"
spoil
sqlite3 "$T/bad/journal.sqlite" 'pragma user_version = 9999'
refused "$T/bad" newer

note "one in use"
wh_mount one
pid=$(wh_worker one)
started=$SECONDS
said=$("$WORMHOLEFS" "$T/m" -o "store=$T/store/one,$quiet" 2>&1) && fail "two daemons on one store"
case $said in *"$pid"*) ;; *) fail "'$said' does not name $pid" ;; esac
[ $((SECONDS - started)) -ge 4 ] || fail "a daemon that may be just ending was not waited for"
must "the first one suffered" touch "$T/one/new/outbox/still-here"

note "one whose daemon is just ending"
umount "$T/one"
must "it was not waited for" "$WORMHOLEFS" "$T/one" -o "store=$T/store/one,$quiet"
must "its content" present "$T/one/1/outbox/still-here"
umount "$T/one"

note "one that may not be read"
[ "$(id -u)" = 0 ] || exit 0
spoil
chown -R root "$T/bad"
chmod 755 "$T" # nobody must come as far as the store
said=$("$WORMHOLEFS" "$T/m" -o "setuid=nobody,store=$T/bad,$quiet" 2>&1) && fail "somebody else's store was opened"
is "$(printf '%s\n' "$said" | grep -vc '^ERROR: ')" 1 "lines: $said"
case $said in *"$T/bad"*) ;; *) fail "'$said' does not name the store" ;; esac
must_fail "it is mounted" mountpoint -q "$T/m"
