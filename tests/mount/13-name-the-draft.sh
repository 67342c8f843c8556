#!/usr/bin/env bash
# Goal: `mv new alice` with people inside: handles and working directories mean alice for ever, and new/
# is fresh.
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir -p "$m/new/outbox/tree/sub"
new_before=$(inode "$m/new")

coproc shell { cd "$m/new/outbox/tree" && bash; }
inside=$shell_PID # which bash forgets as soon as it has ended
exec 7<"$m/new/state" 8>"$m/new/outbox/open"
echo one >&8
mv "$m/new" "$m/alice"
is "$(wormholes "$m")" alice
echo two >&8
exec 8>&-
is "$(cat "$m/alice/outbox/open" | tr '\n' ' ')" "one two "
must "the old handle reads" grep -q '^state:' <&7
exec 7<&-

note "relative paths go on to mean alice"
echo 'touch here ../beside sub/below; mkdir made; echo done' >&"${shell[1]}"
read -r -t 60 said <&"${shell[0]}" || fail "the shell inside got lost"
is "$said" "done"
must "in alice" test -e "$m/alice/outbox/tree/here" -a -e "$m/alice/outbox/beside" \
    -a -e "$m/alice/outbox/tree/sub/below" -a -d "$m/alice/outbox/tree/made"
must_fail "not in new" test -e "$m/new/outbox/beside"
is "$(ls "$m/new/outbox")" ""
must_fail "new has a number of its own" [ "$(inode "$m/new")" = "$new_before" ]

note "the next draft is another one; the shell still means alice"
touch "$m/new/outbox/second"
is "$(wormholes "$m")" "1 alice"
echo 'cd .. ; touch still; cat ../state >/dev/null && echo done' >&"${shell[1]}"
read -r -t 60 said <&"${shell[0]}"
is "$said" "done"
must "still alice" test -e "$m/alice/outbox/still" -a ! -e "$m/1/outbox/still"

note "mv of its number is as good; and mv new makes one if there is none"
must "1 is the draft" [ "$(ls "$m/new/outbox")" = second ]
mv "$m/1" "$m/bob"
is "$(ls "$m/new/outbox")" ""
mv "$m/new" "$m/carol"
is "$(wormholes "$m")" "alice bob carol"
errno ENOTEMPTY mv -T "$m/new" "$m/alice"
errno ENOTEMPTY mv -T "$m/bob" "$m/alice"
errno EEXIST try rename "$m/bob" "$m/alice" noreplace
errno EPERM try rename "$m/bob" "$m/alice" exchange
errno EPERM mv -T "$m/bob" "$m/.bob"
errno ENOTEMPTY mv -T "$m/bob" "$m/new"
mv "$m/bob" "$m/7-guitarist-revenge"
is "$(wh_state a/7-guitarist-revenge state)" new "a pet name is never a join"

note "a name is kept over a remount, and so is what the old new/ meant"
echo 'exit' >&"${shell[1]}"
wait "$inside" 2>/dev/null || true
wh_unmount a
wh_mount a
is "$(wormholes "$m")" "7-guitarist-revenge alice carol"
is "$(ls "$m/new/outbox")" ""
touch "$m/new/outbox/x"
is "$(wormholes "$m")" "1 7-guitarist-revenge alice carol"
wh_unmount a
