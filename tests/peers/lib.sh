# shellcheck shell=bash
# What the scenarios with stock clients have in common. Usage, first line: . "$TOP/tests/peers/lib.sh"
. "$TOP/tests/lib/all.sh"

# The four things that are sent: $T/things/{file.bin,tree,empty.bin} and $TEXT.
TEXT='ein Gruß, one line'
make_things() {
    mkdir -p "$T/things/tree/sub/deeper"
    random_file "$T/things/file.bin" 3000001
    : >"$T/things/empty.bin"
    random_file "$T/things/tree/a.bin" 70000
    echo hello >"$T/things/tree/sub/hello.txt"
    random_file "$T/things/tree/sub/deeper/b.bin" 5
}

# must_have_used ROUTE BEFORE: the relay carried bytes since it had carried BEFORE, just if ROUTE is `relay`.
must_have_used() {
    if [ "$1" = relay ]; then
        wait_for 10 relay_beyond "$2" || fail "the relay carried nothing"
    else
        must_fail "the relay was used" relay_beyond "$2"
    fi
}
relay_beyond() { [ "$(relay_bytes)" -gt "$1" ]; }
