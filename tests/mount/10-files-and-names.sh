#!/usr/bin/env bash
# Goal: in a box, files and names behave as on a local disk.
# limit: 600
. "$TOP/tests/mount/lib.sh"

wh_mount a
box=$T/a/new/outbox
mkdir "$box/d"
cd "$box/d"

note "names: 255 bytes, not 256; any byte but / and NUL"
long=$(printf 'x%.0s' {1..255})
touch "$long"
must "the long name is listed" [ "$(ls)" = "$long" ]
errno ENAMETOOLONG touch "${long}x"
errno ENAMETOOLONG mkdir "${long}x"
rm "$long"
odd=$'caf\xe9 \n\t\\ %41'
echo odd >"$odd"
is "$(cat "$T/a/1/outbox/d/$odd")" odd
is "$(find . -type f -printf x)" x
rm "$odd"

note "rename: replace, NOREPLACE, EXCHANGE, directories"
echo 1 >one
echo 2 >two
mv one two
is "$(cat two)" 1
must_fail "one is gone" test -e one
echo 1 >one
errno EEXIST try rename one two noreplace
try rename one three noreplace
try rename three two exchange
is "$(cat two three | tr -d '\n')" 11
mkdir -p x/y full/z
errno ENOTEMPTY mv -T x full
errno EINVAL try rename x x/y/x 0
errno EISDIR try rename two x 0
errno ENOTDIR try rename x two 0
errno EINVAL try rename two four whiteout
try rename x two exchange
must "a directory and a file were exchanged" test -d two/y -a -f x
mv -T two empty && mkdir target && mv -T empty target
must "a directory replaced an empty one" test -d target/y
ln x same
try rename x same 0
must "two names of one file: a rename of one to the other does nothing" test -e x -a -e same
cd .. && rm -r d && mkdir d && cd d

note "links and symlinks"
echo data >f
ln f g
is "$(stat -c %h f)" 2
is "$(inode f)" "$(inode g)"
echo more >>g
is "$(cat f | tr '\n' ' ')" "data more "
rm f
is "$(stat -c %h g)" 1
ln -s ../d/g s
is "$(readlink s)" ../d/g
is "$(cat s | head -1)" data
errno EEXIST ln -s x s
mkdir ../e
if ln g ../e/g 2>/dev/null; then fail "a hard link across entries was made"; fi
if ln g ../top 2>/dev/null; then fail "a hard link at the top level was made"; fi
rmdir ../e

note "sizes: truncate, holes, growth from the journal to the spool"
printf 0123456789 >t
truncate -s 4 t
is "$(cat t)" 0123
truncate -s 6 t
is "$(od -An -tx1 t | tr -d ' ')" 303132330000
truncate -s 300000 t
is "$(stat -c %s t)" 300000
is "$(tail -c +5 t | tr -d '\0' | wc -c)" 0
dd if=/dev/zero of=sparse bs=1 count=1 seek=$((64 << 20)) status=none
must "a hole takes no space" [ "$(stat -c %b sparse)" -lt 1000 ]
must "the end of the hole is found" [ "$(try holes sparse | tail -1 | awk '{print $3}')" = $(((64 << 20) + 1)) ]
head -c 300000 /dev/urandom >p
cp p "$T/p"
try punch p 65536 131072
dd if=/dev/zero of="$T/p" bs=65536 seek=1 count=2 conv=notrunc status=none
must_be_same p "$T/p"
try allocate p 400000 keep
is "$(stat -c %s p)" 300000
try allocate p 400000 grow
is "$(stat -c %s p)" 400000
try many_descriptors many
try append appended
try gone gone
try shared_map map
try locks locked
for size in 0 1 4096 65535 65536 65537 131073 1000000; do
    random_file "$T/r" "$size" "$size"
    cp "$T/r" "r$size"
    must_be_same "r$size" "$T/r"
    cat "$T/r" >>"r$size"
    cat "$T/r" "$T/r" | cmp - "r$size" || fail "appending to $size bytes"
done

note "attributes"
chmod 640 t
is "$(stat -c %a t)" 640
chmod 4755 t
is "$(stat -c %a t)" 755 "no set-user-id"
touch -d '2001-02-03 04:05:06.789012345 UTC' t
is "$(TZ=UTC stat -c %y t)" "2001-02-03 04:05:06.789012345 +0000"
touch -d '1960-01-01 UTC' t
is "$(TZ=UTC stat -c %Y t)" -315619200
touch -d '2300-01-01 UTC' t
is "$(TZ=UTC stat -c %y t)" "2262-04-11 23:47:16.854775807 +0000" "the last date there is"
touch -d '1500-01-01 UTC' t
is "$(TZ=UTC stat -c %y t)" "1677-09-21 00:12:43.145224193 +0000" "the first date there is"
chown "$(id -u):$(id -g)" t
errno EPERM chown 12345 t
before=$(stat -c %z t)
chmod 600 t
must_fail "ctime moves" [ "$before" = "$(stat -c %z t)" ]
errno EPERM try mknod fifo 010600
errno EPERM try mknod dev 020600

note "extended attributes"
setfattr -n user.a -v 1 t
setfattr -n user.b -v 2 t
is "$(getfattr --absolute-names --only-values -n user.a t)" 1
is "$(getfattr -d t | grep -c '^user\.')" 2
setfattr -x user.a t
is "$(getfattr -d t | grep -c '^user\.')" 1
must_fail "removed" getfattr -n user.a t
setfattr -n user.wormhole.state -v mine t
is "$(getfattr -d t | grep -c wormhole || true)" 0 "not listed"
setfattr -n user.big -v "$(head -c 60000 /dev/zero | tr '\0' x)" t
must_fail "64 KiB in all" setfattr -n user.more -v "$(head -c 60000 /dev/zero | tr '\0' x)" t
must_fail "only user.*" setfattr -n trusted.x -v 1 t
is "$(getfattr --only-values -n user.wormhole.state ../d)" open

note "statfs, lists"
must "df works" df -P . >/dev/null
is "$(stat -f -c %l .)" 255
mkdir l
try readdir_while_changing l 150
mkdir crowd && (cd crowd && seq 3000 | xargs touch)
is "$(ls crowd | wc -l)" 3000
is "$(find crowd -type f | wc -l)" 3000
rm -r crowd l
is "$(stat -c %h .)" 2
mkdir sub
is "$(stat -c %h .)" 3

note "all of it is there after a remount"
cd /
listing "$T/a/1/outbox/d" >"$T/before"
wh_unmount a
wh_mount a
listing "$T/a/1/outbox/d" | cmp - "$T/before" || fail "the tree changed over a remount"
wh_unmount a
