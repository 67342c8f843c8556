# shellcheck shell=bash
# What the scenarios with stock clients have in common. Usage, first line: . "$TOP/tests/peers/lib.sh"
. "$TOP/tests/lib/all.sh"

# The four things that are sent: $T/things/{file.bin,tree,empty.bin} and $TEXT.
TEXT='ein Gruß, one line'
make_things() {
    mkdir -p "$T/things/tree/sub/deeper"
    random_file "$T/things/file.bin" 3000001
    : >"$T/things/empty.bin"
    seq -f 'line %g of a text that is too long for a message' 100 >"$T/things/message.txt"
    random_file "$T/things/tree/a.bin" 70000
    echo hello >"$T/things/tree/sub/hello.txt"
    random_file "$T/things/tree/sub/deeper/b.bin" 5
}

# The options with which a mount has no better way to its peer than ROUTE.
mount_route() { [ "$1" = direct ] || echo no_listen; }

# must_have_used ROUTE BEFORE: the relay carried bytes since it had carried BEFORE, just if ROUTE is `relay`.
must_have_used() {
    if [ "$1" = relay ]; then
        wait_for 30 relay_beyond "$2" || fail "the relay carried nothing"
    else
        must_fail "the relay was used" relay_beyond "$2"
    fi
}
relay_beyond() { [ "$(relay_bytes)" -gt "$1" ]; }

# new_wormhole NAME: at mount a; its code in $CODE.
new_wormhole() {
    mkdir "$T/a/$1"
    read_code "$1"
}
read_code() {
    wait_for 30 wh_has_code "a/$1" || fail "no code for $1"
    # shellcheck disable=SC2034 # for the caller
    CODE=$(wh_code "a/$1")
}
# another_code NAME: the one after that which a peer has used or burnt. The events tell that it is another: the same
# may be drawn again.
another_code() {
    wait_for 60 renewed "$1" || fail "no other code for $1"
    read_code "$1"
}
renewed() {
    local types
    types=$(jq -r --arg name "$1" 'select(.wormhole == $name) | .type' "$T/a/.wormholefs/events" | grep '^code_')
    [[ $types == *code_@(used|burnt)*code_allocated ]]
}

# stock_gets CLIENT ROUTE THING: from a wormhole of its own at mount a, whose entry goes away then.
stock_gets() {
    local client=$1 route=$2 thing=$3 before name
    name=$client-$route-${thing%.*}
    before=$(relay_bytes)
    new_wormhole "$name"
    cp -r "$T/things/$thing" "$T/a/$name/outbox/"
    stock_receive "$client" "$name" "$T/got/$name" "$CODE"
    must "$client could not receive $thing" stock_end "$name"
    must_be_same "$T/things/$thing" "$T/got/$name/$thing"
    wh_outbox_empties 60 "a/$name"
    wait_for 60 wh_state_is "a/$name" closed
    must_have_used "$route" "$before"
}

# A lone message.txt goes as a text, which the client shows; one that is too long for that is a file like any other.
stock_gets_text() {
    local client=$1
    new_wormhole text
    printf '%s' "$TEXT" >"$T/a/text/outbox/message.txt"
    stock_receive "$client" text "$T/got/text" "$CODE"
    must "$client could not receive a text" stock_end text
    must "$client did not show it: $(cat "$LOGS/text.log")" grep -qF "$TEXT" "$LOGS/text.log"
    must "$client made a file of it" empty_dir "$T/got/text"
    wh_outbox_empties 60 a/text
    wait_for 60 wh_state_is a/text closed
    stock_gets "$client" direct message.txt
}

# stock_gives CLIENT ROUTE THING: into the inbox of a wormhole of its own at mount a.
stock_gives() {
    local client=$1 route=$2 thing=$3 before name
    name=$client-$route-${thing%.*}
    before=$(relay_bytes)
    stock_send "$client" "$name" "$T/things/$thing"
    mkdir "$T/a/$name"
    echo "$CODE" >"$T/a/$name/code"
    must "$client could not send $thing" stock_end "$name"
    wh_arrives 60 "a/$name" "$thing" "$T/things/$thing"
    wh_inbox_is "a/$name" "$thing"
    wait_for 60 wh_state_is "a/$name" closed
    must_have_used "$route" "$before"
}
stock_gives_text() {
    local client=$1
    stock_send "$client" text --text "$TEXT"
    mkdir "$T/a/text"
    echo "$CODE" >"$T/a/text/code"
    must "$client could not send a text" stock_end text
    wait_for 20 present "$T/a/text/inbox/message.txt"
    [ "$(cat "$T/a/text/inbox/message.txt")" = "$TEXT" ] || fail "another text arrived"
}

# One mount and the servers, for ROUTE.
peers_start() {
    make_things
    servers_start
    route "$1"
    wh_mount a "$(mount_route "$1")"
}
