#!/usr/bin/env bash
# limit: 200
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
printf '#!/bin/sh\nsleep 6\nexec git-upload-pack "$@"\n' >"$T/slow-upload"
chmod +x "$T/slow-upload"

two_mounts settle_tree=2000
box=$T/a/b/outbox

# make_tree BEFORE BETWEEN AFTER NAME: one process, and so many seconds of silence.
make_tree() {
    python3 -c '
import os, sys, time
before, between, after = map(float, sys.argv[1:4])
time.sleep(before)
os.mkdir(sys.argv[4])
for number, silence in ((1, between), (2, after)):
    with open(f"{sys.argv[4]}/{number}", "w") as out:
        out.write(f"{number}\n")
    time.sleep(silence)' "$1" "$2" "$3" "$box/$4"
}
clone() { git clone -q --no-local --upload-pack "$T/slow-upload" "file://$T/work/repository" "$box/cloned"; }
# At first come the directory and all of its first file, three blocks: nothing is open while the rest is waited for.
slow_tar() { { head -c 1536 "$T/tarred.tar"; sleep 6; tail -c +1537 "$T/tarred.tar"; } | tar -b1 -C "$box" -xf -; }

make_tree 4 0 300 lasting &
workers=()
for worker in clone slow_tar "make_tree 0 6 0 programmed"; do
    $worker &
    workers+=($!)
done
for made in 'cloned \(being made by git, pid' 'tarred \(being made by tar, pid' 'programmed \(being made by python3, pid'; do
    wait_for 10 wh_says a/b held "$made"
done
for worker in "${workers[@]}"; do must "a writer failed" wait "$worker"; done

# In less than the minute that a job may be silent: they have exited, and the one that runs on is no job.
wh_outbox_empties 40 a/b
wh_inbox_is b/a cloned lasting programmed tarred
for tree in lasting programmed tarred; do must_be_same "$T/source/$tree" "$T/b/a/inbox/$tree"; done
must_be_sound_clone "$T/b/a/inbox/cloned"
wh_arrived_once b cloned lasting programmed tarred
