# shellcheck shell=bash
# Scenarios with one mount and nobody at the other end. Usage, first line: . "$TOP/tests/mount/lib.sh"
#
# MOUNT_WORMHOLEFS names the program to mount with: mount.wormholefs, or face_main (face_main.c), which
# gives out codes by itself. No server is started but by with_codes.
WORMHOLEFS=${MOUNT_WORMHOLEFS:-${BUILD:?}/mount.wormholefs}
. "$TOP/tests/lib/all.sh"

MAILBOX_URL=ws://127.0.0.1:9/v1
RELAY_URL=tcp:127.0.0.1:9

# with_codes: from here on a mount gets codes.
with_codes() {
    case $WORMHOLEFS in
    *face_main) export FACE_CODE_MS=100 ;;
    *)
        MAILBOX_URL=ws://127.0.0.1:$MAILBOX_PORT/v1
        server_start mailbox
        ;;
    esac
}

# try PROGRAM ARG…: sys.py with that.
try() { python3 "$TOP/tests/mount/sys.py" "$@"; }
# errno NAME COMMAND…: the command fails with exactly that errno (as its message says it).
errno() {
    local want=$1 said
    shift
    if said=$("$@" 2>&1 >/dev/null); then fail "succeeded, wanted $want: $*"; fi
    case $said in
    *"$(try strerror "$want")"*) ;;
    *) fail "wanted $want of: $*; it said: $said" ;;
    esac
}
is() { [ "$1" = "$2" ] || fail "is '$1', should be '$2'${3:+ ($3)}"; }
inode() { stat -c %i "$1"; }
# The wormholes that are there, on one line.
wormholes() (cd "$1" && for name in *; do [ "$name" = new ] || echo "$name"; done | LC_ALL=C sort | tr '\n' ' ' | LC_ALL=C sed 's/ $//')
events() { cat "$1/.wormholefs/events"; }
# lists DIR NAME: the name is in the listing.
lists() { ls "$1" | grep -qxF -- "$2"; }
