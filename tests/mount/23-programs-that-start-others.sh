#!/usr/bin/env bash
# limit: 180
# Goal: a program that has files of an outbox open for writing starts other programs, as shells, editors and compilers do: the
# kernel closes its O_CLOEXEC descriptors inside execve and waits for our answer, and must get it.
. "$TOP/tests/mount/lib.sh"

wh_mount a
m=$T/a
mkdir "$m/w" "$m/w/outbox/tree"

# Were the answer to hang, so would every look at /proc of that process, ours at the end of the scenario too.
mkdir "$T/connections"
mount -t fusectl fusectl "$T/connections"
connection=$T/connections/$(($(stat -c %d "$m") & 0xff | $(stat -c %d "$m") >> 12 & 0xfff00))
must "the connection" test -e "$connection/abort"

python3 - "$m/w/outbox" >"$T/said" 2>&1 <<'PY' &
import os, subprocess, sys
box = sys.argv[1]
single = open(box + "/file", "w")
single.write("half")
single.flush()
for i in range(20):
    os.system("true")
for i in range(20):
    with open(f"{box}/tree/{i}", "w") as one:
        one.write("x")
        one.flush()
        subprocess.run(["touch", f"{box}/tree/by-{i}"], close_fds=False, check=True)
single.write(" and whole")
single.close()
print("done")
PY
program=$!
said() { grep -q . "$T/said"; }
if ! wait_for 60 said; then
    echo 1 >"$connection/abort"
    fail "a program that started another one hangs"
fi
wait $program || fail "$(cat "$T/said")"
is "$(cat "$m/w/outbox/file")" "half and whole"
is "$(ls "$m/w/outbox/tree" | wc -l)" 40
nothing_held() { [ "$(wh_state a/w held)" = - ]; }
wait_for 30 nothing_held || fail "held: $(wh_state a/w held)"
umount "$T/connections"
