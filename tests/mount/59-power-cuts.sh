#!/usr/bin/env bash
# limit: 600
# weight: 2
# build: release
# The power fails at random moments under load, of either machine or of both: each store lies on a drive that loses what
# was not synced, names included (tests/power). What close() or an arrival promised is there afterwards and arrives exactly
# once, what was seen in an inbox stays, and no event that was ever read changes.
#
#   59-power-cuts.sh [--cuts N] [--seed S] [--minutes M] [--lie]     scripts/power is this with more cuts
# --lie: the drives only say that they have synced; this must fail, or the test would prove nothing.
. "$TOP/tests/lib/all.sh"
. "$TOP/tests/soak/lib.sh"

cuts=10 seed=${SEED:-1} minutes=60 lie=()
while [ $# -gt 0 ]; do
    case $1 in
    --cuts) cuts=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --minutes) minutes=$2 && shift ;;
    --lie) lie=(--lie) ;;
    *) fail "usage: 59-power-cuts.sh [--cuts N] [--seed S] [--minutes M] [--lie]" ;;
    esac
    shift
done
note "seed $seed"
RANDOM=$seed
declare -A lost=()

# The machine's boot id is a file of ours here, new for each boot.
boot() { echo "boot $RANDOM$RANDOM$RANDOM" >"$T/boot_id"; }
boot
mount --bind "$T/boot_id" /proc/sys/kernel/random/boot_id

# power_on NAME: the store of mount NAME is what its drive has kept.
power_on() {
    mkdir -p "$T/drive/$1" "$T/store/$1"
    rm -f "$T/drive/$1.cut"
    setsid "$BUILD/tests/power/powerfs" "$T/drive/$1" "$T/store/$1" --seed "$((RANDOM * 32768 + RANDOM))" "${lie[@]}" \
        -f >>"$LOGS/powerfs.log" 2>&1 </dev/null &
    echo $! >"$T/drive/$1.pid"
    disown
    wait_for 30 mountpoint -q "$T/store/$1"
}
power_off() {
    local pid
    pid=$(cat "$T/drive/$1.pid")
    wait_for 20 umount "$T/store/$1" # a killed daemon may be busy with dying
    wait_for 20 not alive "$pid"
}
cut_power() { kill -USR1 "$(cat "$T/drive/$1.pid")"; }
# The daemon lives on for a moment, on a disk that answers nothing.
fall() {
    local what
    wait_for 30 present "$T/drive/$1.cut"
    moment 200
    wh_kill "$1"
    power_off "$1"
    what=$(cat "$T/drive/$1.cut")
    lost[$what]=$((${lost[$what]:-0} + 1))
}
rise() {
    boot
    power_on "$1"
    wh_mount "$1"
}
moment() { sleep "0.$(printf '%03d' $((RANDOM % $1)))"; }

power_on a
power_on b
two_mounts settle_tree=3000
load_start "$seed"
end=$((SECONDS + minutes * 60))
for ((cut = 0; cut < cuts && SECONDS < end; cut++)); do
    moment 999
    if ((RANDOM % 3 == 0)); then sleep 2; fi # time to meet
    case $((RANDOM % 5)) in
    0 | 1) cut_power a; fall a; rise a ;;
    2 | 3) cut_power b; fall b; rise b ;;
    4) cut_power a; cut_power b; fall a; fall b; cut=$((cut + 1)); rise b; rise a ;;
    esac
done
note "$cut cuts: $(for what in "${!lost[@]}"; do printf '%s lost %s; ' "${lost[$what]}" "$what"; done)in $SECONDS s"
load_stop
for name in a b; do
    wh_unmount "$name"
    store_is_clean "$name"
    power_off "$name"
done
