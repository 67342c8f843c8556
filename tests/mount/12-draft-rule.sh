#!/usr/bin/env bash
# Goal: what is put into new/outbox goes into the draft in the cases a, b, c of the contract, and else
# into the next wormhole: never to a second recipient.
# limit: 240
. "$TOP/tests/mount/lib.sh"

with_codes
wh_mount a
m=$T/a
echo text >"$T/f"

note "a: the code was not read: any number of programs, eight at once"
for i in 1 2 3 4 5 6 7 8; do cp "$T/f" "$m/new/outbox/f$i" & done
wait
is "$(wormholes "$m")" 1
is "$(ls "$m/1/outbox" | wc -l)" 8
cp "$T/f" "$m/new/outbox/g"
is "$(wormholes "$m")" 1
must_be_same "$m/new/outbox" "$m/1/outbox"

note "the code is one code, however often it is read"
code=$(cat "$m/new/code")
is "$(cat "$m/new/code")" "$code"
is "$(cat "$m/1/code")" "$code"

note "somebody holds the code and there is something in it: another program starts the next one"
cp "$T/f" "$m/new/outbox/for-bob"
is "$(wormholes "$m")" "1 2"
must "it is in 2" test -e "$m/2/outbox/for-bob" -a ! -e "$m/1/outbox/for-bob"
must_fail "another code" [ "$(cat "$m/new/code")" = "$code" ]

note "c: one process, many files, although somebody else reads the code meanwhile"
mkfifo "$T/go" "$T/did"
python3 - "$m" "$T/go" "$T/did" <<'PY' &
import sys, os
m, go, did = sys.argv[1:]
open(m + "/new/outbox/c1", "w").close()
open(did, "w").close()
open(go).read()
assert os.listdir(m + "/new/outbox") == ["c1"]
open(m + "/new/outbox/c2", "w").close()
os.mkdir(m + "/new/outbox/c3")
os.rename(m + "/new/outbox/c3", m + "/new/outbox/c4")
PY
: <"$T/did"
cat "$m/new/code" >/dev/null
is "$(ls "$m/new/outbox")" "" "nobody else sees what is in it"
: >"$T/go"
wait $! || fail "the program that went on"
is "$(ls "$m/3/outbox" | tr '\n' ' ')" "c1 c2 c4 "
cp "$T/f" "$m/new/outbox/other-program"
is "$(wormholes "$m")" "1 2 3 4"

note "b: the code is read first, then comes the cp; and only the first program's"
cat "$m/new/code" >/dev/null
cp "$T/f" "$m/new/outbox/x"
is "$(ls "$m/5/outbox")" x "4 was not empty when its code was read"
mv "$m/new" "$m/five"
code=$(cat "$m/new/code")
is "$(wormholes "$m")" "1 2 3 4 5 five"
cp "$T/f" "$m/new/outbox/after-the-call"
is "$(ls "$m/5/outbox")" after-the-call "the next free number"
is "$(cat "$m/5/code")" "$code"
cp "$T/f" "$m/new/outbox/tomorrow"
is "$(wormholes "$m")" "1 2 3 4 5 6 five"

note "deeper things stay with their tree; a working directory inside new/outbox floats"
mkdir "$m/new/outbox/tree"
(
    cd "$m/new/outbox/tree"
    cat "$m/new/code" >/dev/null
    touch deep
    cd ..
    bash -c 'cat ../code >/dev/null; echo next >entry'
)
must "deep is in the tree" test -e "$m/6/outbox/tree/deep"
is "$(wormholes "$m")" "1 2 3 4 5 6 7 five"
is "$(cat "$m/7/outbox/entry")" next

note "a rename within new/outbox stays where it is; into it, it is a creation"
mv "$m/new/outbox/entry" "$m/new/outbox/entry2"
is "$(ls "$m/7/outbox")" entry2
cat "$m/new/code" >/dev/null
errno ENOENT mv "$m/new/outbox/entry2" "$m/new/outbox/entry3"
mv "$m/1/outbox/g" "$m/new/outbox/g"
is "$(ls "$m/new/outbox")" g
is "$(wormholes "$m")" "1 2 3 4 5 6 7 8 five"

note "a name that somebody holds the code of already: it is not there, and what is put there is another's"
mkdir "$T/a-dir" "$T/b-dir"
echo "for alice" >"$T/a-dir/report.txt"
echo "for bob" >"$T/b-dir/report.txt"
mv "$m/new" "$m/eight"
cp "$T/a-dir/report.txt" "$m/new/outbox/"
code=$(cat "$m/new/code")
must "8" test -e "$m/8/outbox/report.txt"
is "$(find "$m/new/outbox" -mindepth 1)" ""
errno ENOENT cat "$m/new/outbox/report.txt"
errno ENOENT python3 -c 'import os, sys; os.truncate(sys.argv[1], 0)' "$m/new/outbox/report.txt"
errno ENOENT rm "$m/new/outbox/report.txt"
cp "$T/b-dir/report.txt" "$m/new/outbox/"
must_fail "bob has a code of his own" [ "$(cat "$m/new/code")" = "$code" ]
is "$(cat "$m/8/outbox/report.txt" "$m/9/outbox/report.txt" | tr '\n' ' ')" "for alice for bob "
mv "$T/b-dir/report.txt" "$m/new/outbox/report.txt"
is "$(cat "$m/9/outbox/report.txt" "$m/10/outbox/report.txt" | tr '\n' ' ')" "for bob for bob "
cat "$m/new/code" >/dev/null
mkdir "$m/new/outbox/report.txt"
must "a directory, too" test -d "$m/11/outbox/report.txt"
cat "$m/new/code" >/dev/null
ln -s x "$m/new/outbox/report.txt"
must "and a symlink" test -L "$m/12/outbox/report.txt"
cat "$m/new/code" >/dev/null
mv -T "$m/8/outbox/report.txt" "$m/new/outbox/report.txt"
is "$(cat "$m/13/outbox/report.txt")$(ls "$m/8/outbox")" "for alice" "re-addressed"

note "one shell script with three recipients"
cat "$m/new/code" >/dev/null
for w in bob carol dave; do
    echo "for $w" >"$m/new/outbox/$w.txt"
    cat "$m/new/code" >>"$T/codes"
done
is "$(sort -u "$T/codes" | wc -l)" 3
for w in bob carol dave; do is "$(cat "$m"/1?/outbox/$w.txt)" "for $w"; done
for n in 14 15 16; do is "$(ls "$m/$n/outbox" | wc -l)" 1; done

note "rm -r of a new/outbox that is empty to the caller leaves what is in the draft"
rm -r "$m/new/outbox"
is "$(cat "$m/16/outbox/dave.txt")" "for dave"
touch "$m/new/outbox/after"
must "in the next" test -e "$m/17/outbox/after"

note "cp of one name against readers of the code: whoever was told a code gets what was there then"
for i in $(seq 40); do cat "$m/new/code"; done >"$T/read" &
for i in $(seq 40); do
    echo "$i" >"$T/race"
    cp "$T/race" "$m/new/outbox/race" || fail "cp $i"
done
wait $! || fail "a read of the code"
must "each cp is whole" [ "$(cat "$m"/*/outbox/race | sort -n | tail -1)" = 40 ]
wh_unmount a
