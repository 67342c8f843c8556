#!/usr/bin/env bash
# Goal: the draft by its number and through new/ is one thing, whoever changes it by whichever name, and
# neither name ever gives ESTALE.
# limit: 300
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir -p "$m/new/outbox/t/u"
n=$m/new/outbox/t r=$m/1/outbox/t

note "directories have two numbers, files one"
must_fail "t" [ "$(inode "$n")" = "$(inode "$r")" ]
touch "$n/f"
is "$(inode "$n/f")" "$(inode "$r/f")"
is "$(cd "$n/u" && pwd -P)" "$n/u"
is "$(cd "$r/u" && pwd -P)" "$r/u"

mode_is() { [ "$(stat -c %a "$1")" = "$2" ]; }
note "each change by one name is seen by the other, cached or not"
for pair in "$n $r" "$r $n"; do
    read -r here there <<<"$pair"
    for i in 1 2 3 4 5; do
        ls -l "$there" >/dev/null
        echo "$i" >"$here/x"
        wait_for 20 test -e "$there/x" || fail "made"
        is "$(cat "$there/x")" "$i"
        mkdir "$here/d" && touch "$here/d/in"
        wait_for 20 test -e "$there/d/in"
        chmod 700 "$here/d"
        wait_for 20 mode_is "$there/d" 700
        ls -l "$there" "$there/d" >/dev/null
        mv "$here/d" "$here/e"
        wait_for 20 not test -e "$there/d" || fail "$there/d is still there"
        wait_for 20 test -e "$there/e/in"
        rm -r "$here/e" "$here/x"
        wait_for 20 not test -e "$there/e" || fail "$there/e is still there"
        wait_for 20 not lists "$there" x || fail "x is still listed"
    done
done

note "eight creators and readers by both names for 6 s"
stop=$((SECONDS + 6))
worker() {
    local dir=$1 i=0
    while ((SECONDS < stop)); do
        i=$((i + 1))
        mkdir -p "$dir/w$2/$i" && echo "$i" >"$dir/w$2/$i/f" && cat "$dir/w$2/$i/f" >/dev/null &&
            stat "$dir" "$dir/w$2" >/dev/null && ls "$dir/w$2" >/dev/null && (cd "$dir/w$2/$i" && pwd -P >/dev/null) || {
            echo "$dir $i" >>"$T/errors"
        }
    done
}
for i in 1 2 3 4; do
    worker "$n" "$i" 2>>"$T/errors" &
    worker "$r" "$i" 2>>"$T/errors" &
done
wait
must "no error: $(head -3 "$T/errors" 2>/dev/null)" [ ! -s "$T/errors" ]
wait_for 20 same "$n" "$r" || fail "$n and $r differ"
wh_unmount a
