# shellcheck shell=bash
# Users of two mounts that die and come back, and the verdict over what they were told. For scenarios, after
# tests/lib/all.sh; the mounts are `a` and `b` and their wormhole $T/a/b, $T/b/a.

SOAK=$TOP/tests/soak
LEDGERS=$LOGS/ledgers

# load_start SEED: writers in both directions and a reader of each inbox and of each mount's events.
load_start() {
    local side other kind
    mkdir -p "$LEDGERS"
    for side in a b; do
        [ "$side" = a ] && other=b || other=a
        for kind in small large tree editor; do
            python3 "$SOAK/load.py" "$T/$side/$other/outbox" "$LEDGERS/$side.$kind.ledger" "$side" "$kind" "$1" \
                "$T/stop-writing" >>"$LOGS/load.log" 2>&1 &
            WRITERS+=($!)
        done
        python3 "$SOAK/watch.py" "$T/$side" "$T/$side/$other/inbox" "$LEDGERS/$side.watch.ledger" "$1" \
            "$T/stop-reading" >>"$LOGS/load.log" 2>&1 &
        READERS+=($!)
    done
}
WRITERS=()
READERS=()

# load_stop: no more is written; what is on its way heals, and is judged. Both mounts are there.
load_stop() {
    local pid
    touch "$T/stop-writing"
    for pid in "${WRITERS[@]}"; do must "a writer failed: $(tail -n 3 "$LOGS/load.log")" wait "$pid"; done
    wait_for "${HEAL_SECONDS:-120}" healed ||
        fail "the outboxes did not become empty: $(ls -A "$T/a/b/outbox" "$T/b/a/outbox")"
    [ ! -s "$LOGS/held" ] || fail "$(sort -u "$LOGS/held")"
    touch "$T/stop-reading"
    for pid in "${READERS[@]}"; do must "a reader failed: $(tail -n 3 "$LOGS/load.log")" wait "$pid"; done
    verdict a b
    verdict b a
}
healed() {
    local status=0
    heal a b || status=1
    heal b a || status=1
    return "$status"
}
heal() { python3 "$SOAK/judge.py" heal "$LEDGERS" "$T/$1/$2/outbox" "$T/$2/$1/inbox" "$1" "$2" >>"$LOGS/held"; }
verdict() {
    local said
    said=$(python3 "$SOAK/judge.py" verdict "$LEDGERS" "$T/$1/$2/outbox" "$T/$2/$1/inbox" "$1" "$2") ||
        fail "what $1 sent to $2: $said"
    note "$1 to $2: $said"
}

# store_is_clean NAME: unmounted; its database is sound and its spool holds what it names, and a few empty files made ahead.
store_is_clean() {
    local db="$T/store/$1/journal.sqlite" file number empty=0
    [ "$(sqlite3 "$db" 'pragma integrity_check')" = ok ] || fail "$1: the journal is damaged"
    sqlite3 "$db" 'select spool from node where spool != 0 order by 1' >"$LOGS/spooled"
    while read -r number; do
        must "$1: spool file $number is gone" present "$T/store/$1/spool/$number"
    done <"$LOGS/spooled"
    for file in "$T/store/$1/spool/"*; do
        [ -e "$file" ] || continue
        if ! grep -qx "${file##*/}" "$LOGS/spooled"; then
            [ ! -s "$file" ] || fail "$1: ${file##*/} is left over in the spool"
            empty=$((empty + 1))
        fi
    done
    [ "$empty" -le 16 ] || fail "$1: $empty empty files in the spool"
    [ "$(sqlite3 "$db" 'select count(*) from arrival')" = 0 ] || fail "$1: arrivals are left over"
    [ "$(sqlite3 "$db" 'select count(*) from revision')" = 0 ] || fail "$1: revisions are left over"
}
