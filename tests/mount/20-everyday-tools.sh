#!/usr/bin/env bash
# Goal: the programs that people copy with work into new/outbox as onto a local disk, and say that they did.
# limit: 400
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir -p "$T/src/sub/deep" "$T/src/empty"
random_file "$T/src/big" 3000000 1
random_file "$T/src/sub/small" 500 2
echo hi >"$T/src/sub/deep/f"
ln "$T/src/sub/small" "$T/src/sub/hard"
ln -s sub/small "$T/src/link"
truncate -s 1M "$T/src/sparse"
chmod 755 "$T/src/sub/deep/f"
find "$T/src" -exec touch -h -d '2020-01-02 03:04:05.678' {} +
setfattr -n user.colour -v blue "$T/src/sub/small" || note "no xattrs on $T"
facts() (cd "$1" && find . -printf '%y %m %T@ %n %l %p\n' -type f | sed 's/^\(d [0-7]* [0-9.]* \)[0-9]*/\1-/' | LC_ALL=C sort -k5)

note "cp -a"
cp -a "$T/src" "$m/new/outbox/cp"
must_be_same "$T/src" "$m/1/outbox/cp"
diff <(facts "$T/src") <(facts "$m/1/outbox/cp") || fail "cp -a lost an attribute"
is "$(getfattr --only-values -n user.colour "$m/1/outbox/cp/sub/small" 2>/dev/null)" blue

note "rsync -aHX, twice, in place, and of a directory's contents"
if command -v rsync >/dev/null; then
    rsync -aH "$T/src/" "$m/new/outbox/rsync/"
    diff <(facts "$T/src") <(facts "$m/1/outbox/rsync") || fail "rsync -a lost an attribute"
    is "$(rsync -aHi "$T/src/" "$m/new/outbox/rsync/")" ""
    echo more >>"$T/src/big"
    rsync -a --inplace "$T/src/big" "$m/new/outbox/rsync/big"
    must_be_same "$T/src" "$m/1/outbox/rsync"
    rsync -a "$T/src/sub/" "$m/1/outbox/"
    must "the contents" test -e "$m/1/outbox/small" -a -e "$m/1/outbox/deep/f"
fi

note "tar from a pipe, zip-like writers that seek back, sed -i, an editor's backup dance"
tar -C "$T" -cf - src | tar -C "$m/new/outbox" -xf -
must_be_same "$T/src" "$m/1/outbox/src"
python3 - "$m/new/outbox/z.zip" "$T/src" <<'PY'
import sys, os, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    for top, _, names in os.walk(sys.argv[2]):
        for name in names:
            z.write(os.path.join(top, name))
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
PY
sed -i s/hi/ho/ "$m/new/outbox/src/sub/deep/f"
is "$(cat "$m/1/outbox/src/sub/deep/f")" ho
echo v1 >"$m/new/outbox/text"
mv "$m/new/outbox/text" "$m/new/outbox/text~" && echo v2 >"$m/new/outbox/text" && rm "$m/new/outbox/text~"
is "$(cat "$m/1/outbox/text")" v2

note "mv from another file system deletes its source only after everything is there"
cp -r "$T/src" "$T/moving"
mv "$T/moving" "$m/new/outbox/moved"
must_fail "the source is gone" test -e "$T/moving"
must_be_same "$T/src" "$m/1/outbox/moved"

note "git and sqlite3, with their locks and renames"
if command -v git >/dev/null; then
    (cd "$m/new/outbox" && git init -q repo && cd repo && git config user.email a@b && git config user.name a &&
        cp -r "$T/src/sub" . && git add . && git commit -qm one && git gc -q && git fsck --no-progress)
    git clone -q "$m/1/outbox/repo" "$T/clone"
    must_be_same "$T/clone/sub" "$m/1/outbox/repo/sub"
fi
if command -v sqlite3 >/dev/null; then
    for mode in delete wal; do
        is "$(sqlite3 "$m/new/outbox/x.db" "pragma journal_mode=$mode; create table if not exists t(a); insert into t values(1); select sum(a) from t" | head -1)" "$mode"
    done
    is "$(sqlite3 "$m/1/outbox/x.db" 'select sum(a) from t')" 2
fi

note "all in one wormhole"
is "$(wormholes "$m")" 1
listing "$m/1/outbox" >"$T/before"
wh_unmount a
wh_mount a
listing "$m/1/outbox" | cmp - "$T/before" || fail "something changed over a remount"
wh_unmount a
