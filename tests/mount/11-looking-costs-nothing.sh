#!/usr/bin/env bash
# Goal: looking at the mount, new/ included, makes nothing; and the root takes only directories.
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
before=$(events "$m" | wc -l)

note "ls, find, stat, du, tar, grep, cat of everything but code"
ls -laR "$m" >/dev/null
find "$m" -printf '%p %s %i\n' >/dev/null
du -a "$m" >/dev/null
stat "$m/new/outbox/nothing" 2>/dev/null || true
cat "$m/new/state" "$m/.wormholefs/state.json" "$m/.wormholefs/version" >/dev/null
is "$(wormholes "$m")" ""
is "$(events "$m" | wc -l)" "$before"
is "$(ls -A "$m" | sort | tr '\n' ' ')" ".wormholefs new "
is "$(ls "$m/new" | tr '\n' ' ')" "code inbox outbox state "

note "what the root and a wormhole's own directory refuse"
mkdir "$m/alice"
errno EPERM touch "$m/file"
errno EPERM ln -s x "$m/link"
errno EPERM mkdir "$m/.Trash-1000"
must_fail "dot names are not there" test -e "$m/.Trash-1000"
errno EPERM touch "$m/alice/file"
errno EPERM mkdir "$m/alice/dir"
errno EPERM touch "$m/.wormholefs/file"
errno EEXIST mkdir "$m/new"
errno EEXIST mkdir "$m/alice"
errno EEXIST mkdir "$m/.wormholefs"
errno EBUSY rmdir "$m/new"
errno EPERM rm "$m/.wormholefs/events"
errno EPERM rmdir "$m/.wormholefs"
errno ENAMETOOLONG mkdir "$m/$(printf 'x%.0s' {1..256})"
mkdir "$m/$(printf 'x%.0s' {1..255})"
mkdir "$m/"$'caf\xe9'
is "$(wormholes "$m" | wc -w)" 3
mkdir "$m/2024-taxes"
is "$(sed -n 's/^state: *//p' "$m/2024-taxes/state")" new "only a name"

note "a name that is a code joins, and shows it nowhere"
mkdir "$m/7-guitarist-revenge"
is "$(wh_state a/7-guitarist-revenge state)" joining
must_fail "in events" grep guitarist "$m/.wormholefs/events"
must_fail "in state.json" grep guitarist "$m/.wormholefs/state.json"
python3 -m json.tool <"$m/.wormholefs/state.json" >/dev/null || fail "state.json is no JSON"
while read -r line; do python3 -m json.tool <<<"$line" >/dev/null || fail "no JSON: $line"; done <"$m/.wormholefs/events"
mv "$m/7-guitarist-revenge" "$m/bob"
is "$(wh_state a/bob state)" joining

note "the sizes of control files are true"
for file in "$m/alice/state" "$m/.wormholefs/events" "$m/.wormholefs/state.json" "$m/.wormholefs/version"; do
    is "$(stat -c %s "$file")" "$(wc -c <"$file")" "$file"
    is "$(stat -c %s "$file")" "$(cat "$file" | wc -c)" "$file"
done
errno EACCES dd of="$m/alice/state" if=/dev/null status=none conv=notrunc
wh_unmount a
