#!/usr/bin/env bash
# Goal: mount(8), fstab and ordinary users can mount it.
. "$TOP/tests/mount/lib.sh"

quiet=mailbox=ws://127.0.0.1:9/v1,transit=none
# A /sbin of our own, with the links that an installation makes.
mkdir -p "$T/sbin" "$T/upper" "$T/work"
mount -t tmpfs tmpfs "$T/upper"
mkdir "$T/upper/up" "$T/upper/work"
sbin=$(realpath /sbin)
mount -t overlay overlay -o "lowerdir=$sbin,upperdir=$T/upper/up,workdir=$T/upper/work" "$sbin"
for name in mount.wormholefs mount.fuse.wormholefs; do ln -sf "$WORMHOLEFS" "$sbin/$name"; done
gone() { ! pgrep -f "mount[.a-z]*wormholefs $1 "; }

note "mount -t, by either type, with mount's own options"
for type in wormholefs fuse.wormholefs; do
    mount -t "$type" job "$T/m" -o "store=$T/s,$quiet,ro,noexec,nofail,x-gvfs-show,_netdev"
    is "$(findmnt -no FSTYPE,SOURCE "$T/m" | tr -s ' ')" "fuse.wormholefs job"
    findmnt -no OPTIONS "$T/m" | grep -q '^ro,.*noexec' || fail "flags: $(findmnt -no OPTIONS "$T/m")"
    errno EROFS mkdir "$T/m/x"
    must_fail "mounted twice" mount -t "$type" job "$T/m" -o "store=$T/s,$quiet" 2>/dev/null
    must_fail "remounted" mount -o remount,rw "$T/m" 2>/dev/null
    umount "$T/m"
    wait_for 30 gone job
done

note "fstab, without HOME"
echo "job $T/m wormholefs store=$T/s,$quiet,noauto,user,nofail 0 0" >"$T/fstab"
mount --bind "$T/fstab" /etc/fstab 2>/dev/null || { touch /etc/fstab; mount --bind "$T/fstab" /etc/fstab; }
env -u HOME mount "$T/m"
must "not there" ls "$T/m/new" >/dev/null
umount "$T/m"
wait_for 30 gone job
mount -f "$T/m"
must_fail "-f mounted" mountpoint -q "$T/m"
must_fail "no error for a bad option" mount -o nonsense "$T/m" 2>/dev/null
mount -s -o nonsense "$T/m"
umount "$T/m"
wait_for 30 gone job

note "another mount namespace"
unshare --mount sleep 1000 &
sleeper=$!
elsewhere() { [ "$(readlink "/proc/$sleeper/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; }
wait_for 30 elsewhere
"$WORMHOLEFS" -N "$sleeper" job "$T/m" -o "store=$T/s,$quiet"
must_fail "mounted here" mountpoint -q "$T/m"
nsenter -t "$sleeper" -m umount "$T/m"
wait_for 30 gone job
kill "$sleeper"
wait "$sleeper" 2>/dev/null || true

note "setuid=: the store and the mount are that user's"
ordinary_user
ASAN_OPTIONS='' "$WORMHOLEFS" job "$T/n" -o "setuid=nobody,store=$T/home-nobody/s,$quiet"
pid=$(pgrep -o -f 'wormholefs job ')
for process in $(pgrep -f 'wormholefs job '); do is "$(sed -n 's/^Uid:\t//p' "/proc/$process/status" | tr '\t' ' ')" "$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)"; done
is "$(stat -c %U "$T/home-nobody/s/journal.sqlite")" nobody
as_nobody cp /etc/hosts "$T/n/new/outbox/"
must_fail "root comes in without allow_root" ls "$T/n" 2>/dev/null
kill "$pid"
wait_for 30 gone job
must_fail "left mounted" mountpoint -q "$T/n"

note "an ordinary user, through fusermount3"
mknod -m 666 "$T/fuse" c 10 229
mount --bind "$T/fuse" /dev/fuse
as_nobody "$WORMHOLEFS" job "$T/home-nobody/m" -o "$quiet"
is "$(as_nobody ls "$T/home-nobody/m")" new
must "the store is elsewhere" present "$T/home-nobody/.local/state/wormholefs/job/journal.sqlite"
pid=$(pgrep -o -f 'wormholefs job ')
kill -KILL "$pid"
wait_for 30 gone job
as_nobody "$WORMHOLEFS" job "$T/home-nobody/m" -o "$quiet"
is "$(grep -c "$T/home-nobody/m" /proc/self/mountinfo)" 1
pid=$(pgrep -o -f 'wormholefs job ')
kill "$pid"
wait_for 30 not alive "$pid"
must_fail "left mounted" grep -q " $T/home-nobody/m " /proc/self/mountinfo
said=$(as_nobody "$WORMHOLEFS" job "$T/home-nobody/m" -o "$quiet,allow_other" 2>&1) && fail "allow_other without leave"
is "$(printf '%s\n' "$said" | wc -l)" 1 "lines: $said"
case $said in *fuse.conf*) ;; *) fail "'$said' does not name /etc/fuse.conf" ;; esac
