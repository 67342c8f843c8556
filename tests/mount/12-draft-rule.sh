#!/usr/bin/env bash
# Goal: what is put into new/outbox goes into the draft in the cases a, b, c of the contract, and else
# into the next wormhole: never to a second recipient.
# limit: 120
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

note "c: one process, many files, although the code is read meanwhile"
python3 - "$m" <<'PY'
import sys, subprocess, os
m = sys.argv[1]
open(m + "/new/outbox/c1", "w").close()
assert os.path.exists(m + "/3/outbox/c1")
subprocess.run(["cat", m + "/new/code"], check=True, stdout=subprocess.DEVNULL)
open(m + "/new/outbox/c2", "w").close()
os.mkdir(m + "/new/outbox/c3")
os.rename(m + "/new/outbox/c3", m + "/new/outbox/c4")
PY
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
cat "$m/new/code" >/dev/null
mv "$m/new/outbox/entry" "$m/new/outbox/entry2"
is "$(ls "$m/7/outbox")" entry2
mv "$m/1/outbox/g" "$m/new/outbox/g"
is "$(ls "$m/new/outbox")" g
is "$(wormholes "$m")" "1 2 3 4 5 6 7 8 five"
wh_unmount a
