#!/usr/bin/env bash
# limit: 60
# A store on a file system without fallocate (NFS before 4.2, eCryptfs) is not full for ever, and programs are told what it cannot
# do. And a daemon that has too many files open says that, not that the disk fails.
. "$TOP/tests/mount/lib.sh"

mkdir -p "$T/drive/a" "$T/store/a"
setsid "$BUILD/tests/power/powerfs" "$T/drive/a" "$T/store/a" --no-allocate -f >>"$LOGS/powerfs.log" 2>&1 </dev/null &
disown
wait_for 10 mountpoint -q "$T/store/a"
random_file "$T/large" 1000000
box=$T/a/w/outbox

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
held() { wh_says a/w held "$1"; }

note "not full"
wh_mount a
mkdir "$T/a/w"
cp "$T/large" "$box/large"
wh_unmount a
wh_mount a
must "changed" cmp "$T/large" "$box/large"
must_fail "it blames the disk" wh_says a/w problem disk

note "fallocate is refused as what it is, so that posix_fallocate does it by writing"
refused 'not supported' fallocate -l 1000000 "$box/made"
python3 -c "
import os
f = os.open('$box/made', os.O_RDWR | os.O_CREAT)
os.posix_fallocate(f, 0, 1000000)
os.close(f)"
is "$(stat -c %s "$box/made")" 1000000
must_fail "held" held 'made'

note "too many open files"
worker=$(wh_worker a)
limit=$(prlimit --pid "$worker" --nofile --noheadings --output SOFT)
prlimit --pid "$worker" --nofile=3:
refused 'Too many open files' cp "$T/large" "$box/late"
must_fail "it blames the disk" wh_says a/w problem disk
wait_for 10 held 'late \(a write to it failed \(too many open files\)' || fail "$(wh_state a/w held)"
prlimit --pid "$worker" --nofile="$limit:"
cp "$T/large" "$box/late"
wait_for 10 not held 'late'
must "changed" cmp "$T/large" "$box/late"
