#!/usr/bin/env bash
# Goal: without a server nothing but the first read of `code` waits, and that can be interrupted.
# limit: 240
. "$TOP/tests/mount/lib.sh"

# A disk that has much to do would make syncs slow; what is waited for here is a server.
mkdir "$T/store"
mount -t tmpfs tmpfs "$T/store"
wh_mount a
m=$T/a

note "cp works at once; O_NONBLOCK says EAGAIN at once"
timeout 4 cp /etc/passwd "$m/new/outbox/x"
errno EAGAIN try nonblock "$m/1/code"

note "the first read waits about 5 s, and others meanwhile do not"
before=$SECONDS
(errno EAGAIN cat "$m/1/code") &
first=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do timeout 4 ls -lR "$m" >/dev/null; done
must "nobody else waited" alive "$first"
wait "$first" || fail "the first read did not end with EAGAIN"
took=$((SECONDS - before))
must "it took $took s" [ "$took" -ge 4 -a "$took" -le 9 ]

note "the second one does not"
before=$SECONDS
errno EAGAIN cat "$m/1/code"
must "at once" [ $((SECONDS - before)) -lt 4 ]
must "the reason is under problem:" [ "$(wh_state a/1 problem)" != - ]

note "ten first reads at once, all interrupted"
for i in 1 2 3 4 5 6 7 8 9 10; do
    mkdir "$m/w$i"
    cat "$m/w$i/code" 2>/dev/null &
    pids="${pids:-} $!"
done
sleep 0.5
before=$SECONDS
# shellcheck disable=SC2086 # several words
kill $pids
# shellcheck disable=SC2086 # several words
wait $pids || true
must "kill works at once" [ $((SECONDS - before)) -lt 4 ]

note "a code that cannot be one; a code that can"
mkdir "$m/bob"
errno EINVAL bash -c 'echo "not a code" >"$1/bob/code"' - "$m"
is "$(wh_state a/bob state)" new
echo 4-whatever-words >"$m/bob/code"
is "$(wh_state a/bob state)" joining
is "$(cat "$m/bob/code")" 4-whatever-words
mkdir "$m/carol"
printf 5-no-newline >"$m/carol/code"
is "$(wh_state a/carol state)" joining "at the flush"
echo 6-through-new >"$m/new/code"
is "$(wh_state a/1 state)" joining "the draft, whose code nobody has seen"
cp /etc/passwd "$m/new/outbox/after-typing"
is "$(wormholes "$m" | tr ' ' '\n' | grep -c '^[0-9]*$')" 2 "there was something in the draft already"

note "unmounting while somebody waits"
mkdir "$m/last"
cat "$m/last/code" 2>/dev/null &
reader=$!
reads() { readlink "/proc/$reader/fd/"* | grep -qxF "$m/last/code"; }
wait_for 20 reads
before=$SECONDS
umount -l "$m"
kill "$reader"
wait "$reader" || true
wait_for 30 not alive "$(wh_pid a)"
must "the daemon ended at once" [ $((SECONDS - before)) -lt 5 ]
