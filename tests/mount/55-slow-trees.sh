#!/usr/bin/env bash
# limit: 400
# A slow cp -r, a tar x from a pipe that stalls for 5 s, a shell loop that fills a directory file by file, and a git
# clone, all into the outbox: each is sent once and whole.
. "$TOP/tests/lib/all.sh"

mkdir -p "$T/source/copied/deep" "$T/source/tarred/sub" "$T/work"
for number in 1 2 3 4 5 6; do
    random_file "$T/source/copied/deep/$number" $((number * 10000))
    random_file "$T/source/tarred/sub/$number" 1000
done
random_file "$T/source/tarred/z-last" 500000
(
    cd "$T/work" || exit
    git init -q repository
    cd repository || exit
    for number in 1 2 3; do
        random_file "file-$number" 20000
        git add .
        git -c user.name=t -c user.email=t@example.org commit -qm "commit $number"
    done
)
tar -C "$T/source" -cf "$T/tarred.tar" tarred

two_mounts
box=$T/a/b/outbox

# cp -r that is stopped and continued between its files, as a slow disk would have it.
slow_copy() {
    cp -r "$T/source/copied" "$box/" &
    local copier=$! _
    for _ in 1 2 3 4; do
        kill -STOP "$copier" 2>/dev/null || break
        sleep 2
        kill -CONT "$copier" 2>/dev/null || break
        sleep 0.005
    done
    wait "$copier"
}
stalled_tar() { { head -c 8192 "$T/tarred.tar"; sleep 5; tail -c +8193 "$T/tarred.tar"; } | tar -C "$box" -xf -; }
shell_loop() {
    mkdir "$box/looped"
    local number
    for number in 1 2 3 4 5 6; do
        echo "line $number" >"$box/looped/$number"
        sleep 1.5
    done
}
clone() { git clone -q --no-local "$T/work/repository" "$box/cloned"; }

workers=()
for worker in slow_copy stalled_tar shell_loop clone; do
    "$worker" &
    workers+=($!)
done
for worker in "${workers[@]}"; do must "a writer failed" wait "$worker"; done
mkdir "$T/source/looped"
for number in 1 2 3 4 5 6; do echo "line $number" >"$T/source/looped/$number"; done

wh_outbox_empties 90 a/b
wh_inbox_is b/a cloned copied looped tarred
for tree in copied looped tarred; do must_be_same "$T/source/$tree" "$T/b/a/inbox/$tree"; done
must_be_sound_clone "$T/b/a/inbox/cloned"
wh_arrived_once b cloned copied looped tarred
