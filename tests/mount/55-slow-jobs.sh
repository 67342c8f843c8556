#!/usr/bin/env bash
# limit: 300
# Programs that make a tree and are silent for longer than settle_tree meanwhile, as their remote, their pipe or they
# themselves are slow: each tree is sent once and whole, and `held:` says who is making it. A program that had been
# running for long before it made its tree, and runs on, does not keep it from being sent.
. "$TOP/tests/lib/all.sh"

mkdir -p "$T/source/tarred" "$T/source/programmed" "$T/source/lasting" "$T/work"
random_file "$T/source/tarred/first" 500
random_file "$T/source/tarred/second" 50000
for name in programmed lasting; do for number in 1 2; do echo "$number" >"$T/source/$name/$number"; done; done
git -C "$T/work" init -q repository
random_file "$T/work/repository/file" 20000
git -C "$T/work/repository" add .
git -C "$T/work/repository" -c user.name=t -c user.email=t@example.org commit -qm one
tar --sort=name -C "$T/source" -cf "$T/tarred.tar" tarred
# What goes on once GO is there.
GO=$T/go
printf '#!/bin/sh\nuntil [ -e "%s" ]; do sleep 0.1; done\nexec git-upload-pack "$@"\n' "$GO" >"$T/slow-upload"
chmod +x "$T/slow-upload"

two_mounts settle_tree=4000
box=$T/a/b/outbox

# make_tree BEFORE GATE AFTER NAME: one process, with so many seconds of silence before and after, and some until GATE is
# there.
make_tree() {
    python3 -c '
import os, sys, time
before, gate, after, tree = sys.argv[1:]
time.sleep(float(before))
os.mkdir(tree)
for number in 1, 2:
    with open(f"{tree}/{number}", "w") as out:
        out.write(f"{number}\n")
    while not os.path.exists(gate):
        time.sleep(0.1)
time.sleep(float(after))' "$1" "$2" "$3" "$box/$4"
}
clone() { git clone -q --no-local --upload-pack "$T/slow-upload" "file://$T/work/repository" "$box/cloned"; }
# At first come the directory and all of its first file, three blocks: nothing is open while the rest is waited for.
slow_tar() { { head -c 1536 "$T/tarred.tar"; wait_for 90 present "$GO"; tail -c +1537 "$T/tarred.tar"; } | tar -b1 -C "$box" -xf -; }

make_tree 8 / 300 lasting &
workers=()
for worker in clone slow_tar "make_tree 0 $GO 0 programmed"; do
    $worker &
    workers+=($!)
done
for made in 'cloned \(being made by git, pid' 'tarred \(being made by tar, pid' 'programmed \(being made by python3, pid'; do
    wait_for 30 wh_says a/b held "$made"
done
wait_for 60 grep -q '"name":"lasting"' "$T/a/.wormholefs/events"
sleep 6 # longer than settle_tree
touch "$GO"
for worker in "${workers[@]}"; do must "a writer failed" wait "$worker"; done

# In less than the two minutes that a job may be silent: they have exited, and the one that runs on is no job.
wh_outbox_empties 40 a/b
wh_inbox_is b/a cloned lasting programmed tarred
for tree in lasting programmed tarred; do must_be_same "$T/source/$tree" "$T/b/a/inbox/$tree"; done
must_be_sound_clone "$T/b/a/inbox/cloned"
wh_arrived_once b cloned lasting programmed tarred
