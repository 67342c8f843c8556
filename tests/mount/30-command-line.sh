#!/usr/bin/env bash
# Goal: whatever is wrong on the command line or with the places it names is one line on stderr that names it, a non-zero exit,
# and nothing mounted.
. "$TOP/tests/mount/lib.sh"

# refused WORD ARG…: with these arguments nothing is mounted and the one line has WORD in it.
refused() {
    local word=$1 status=0 said
    shift
    said=$("$WORMHOLEFS" "$@" 2>&1 >/dev/null) || status=$?
    [ "$status" != 0 ] || fail "accepted: $*"
    is "$(printf '%s\n' "$said" | wc -l)" 1 "lines for: $*"
    case $said in
    *"$word"*) ;;
    *) fail "'$said' does not name '$word': $*" ;;
    esac
    must_fail "something is mounted after: $*" grep -q " $T/.* fuse.wormholefs " /proc/self/mountinfo
}
quiet=mailbox=ws://127.0.0.1:9/v1,transit=none
store=store=$T/s

note "what is asked for"
is "$("$WORMHOLEFS" --version)" "mount.wormholefs $(sed -n "s/^ *version: '\(.*\)',/\1/p" "$TOP/meson.build")"
"$WORMHOLEFS" --help | grep -q inbox_max || fail "no help"

note "bad options"
refused directory
refused "'c'" a b c
refused "'-x'" -x "$T/m"
refused "'--wrong'" --wrong "$T/m"
refused "'wrong'" "$T/m" -o "$store,$quiet,wrong"
refused "'wrong'" "$T/m" -o "wrong=1,$store,$quiet"
refused code_words=0 "$T/m" -o "$store,$quiet,code_words=0"
refused settle=x "$T/m" -o "$store,$quiet,settle=x"
refused inbox_max=lots "$T/m" -o "$store,$quiet,inbox_max=lots"
refused remount "$T/m" -o "remount,$store,$quiet"
refused allow_root "$T/m" -o "allow_root,allow_other,$store,$quiet"
refused nosuchuser "$T/m" -o "setuid=nosuchuser,$store,$quiet"
refused ../up ../up "$T/m" -o "$quiet"

note "bad URLs"
for url in http://example.org/ ws:// wss:///v1 ws://host:0/ ws://host:99999/v1 'ws://ho st/' relay.example.org; do
    refused "mailbox=$url" "$T/m" -o "mailbox=$url,$store"
done
for hint in example.org:4001 tcp:example.org tcp:example.org:0 tcp::4001 udp:example.org:1; do
    refused "transit=$hint" "$T/m" -o "transit=$hint,$store"
done
must "a refusal made something" absent "$T/s"
must "a refusal made something" absent "$T/m"

note "bad places"
echo >"$T/file"
refused "$T/file" "$T/file" -o "$store,$quiet"
refused "$T/file" "$T/file/below" -o "$store,$quiet"
refused "$T/no" "$T/no/such/place" -o "$store,$quiet"
refused "$T/file" "$T/m" -o "store=$T/file,$quiet"
refused "$T/file/below" "$T/m" -o "store=$T/file/below,$quiet"
refused "$T/no/such" "$T/m" -o "store=$T/no/such/place,$quiet"
refused "$T/m/below" "$T/m" -o "store=$T/m/below,$quiet"

note "-f checks and leaves everything as it was"
must "-f refuses" "$WORMHOLEFS" -f "$T/m" -o "$store,$quiet"
must "-f mounted" not mountpoint -q "$T/m"
must "-f made the store" absent "$T/s"
must "-f made the directory" absent "$T/m"
refused "'wrong'" -f "$T/m" -o "$store,$quiet,wrong"
refused "$T/file" -f "$T/m" -o "store=$T/file,$quiet"
refused "$T/file" -f "$T/file" -o "$store,$quiet"

note "-s ignores what is unknown, and nothing else"
refused code_words=77 -s "$T/m" -o "$store,$quiet,wrong,code_words=77"
must "-s refuses" "$WORMHOLEFS" -fs "$T/m" -o "$store,$quiet,wrong=1"
