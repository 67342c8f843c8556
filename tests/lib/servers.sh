# shellcheck shell=bash disable=SC2034 # the names are for the scenarios
# Debian's real mailbox server and transit relay, on fixed ports of the scenario's own network namespace.
# The names of the two are `mailbox` and `relay`; each can be started, killed and started again.

MAILBOX_PORT=4000
RELAY_PORT=4001
MAILBOX_URL=ws://127.0.0.1:$MAILBOX_PORT/v1
# One name for the relay everywhere: two names for one relay would make a client meet itself there.
RELAY_URL=tcp:transit.magic-wormhole.io:$RELAY_PORT

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# server_start mailbox|relay: returns when it accepts connections.
server_start() {
    local name=$1 port
    mkdir -p "$T/$name"
    case $name in
    mailbox)
        port=$MAILBOX_PORT
        set -- wormhole-mailbox --port="tcp:$port:interface=127.0.0.1" \
            --channel-db="$T/mailbox/channel.sqlite" --usage-db="$T/mailbox/usage.sqlite"
        ;;
    relay)
        port=$RELAY_PORT
        set -- transitrelay --port="tcp:$port:interface=127.0.0.1" --usage-db="$T/relay/usage.sqlite"
        ;;
    *) fail "no such server: $name" ;;
    esac
    setsid twist3 --log-format=text --log-file="$LOGS/$name.log" "$@" >>"$LOGS/$name.out" 2>&1 </dev/null &
    echo $! >"$T/$name/pid"
    disown
    wait_for 60 listens "$port" || fail "$name did not start: $(tail -n 3 "$LOGS/$name.out")"
}

# server_stop mailbox|relay [SIGNAL]: ends it (by default at once, as a crash would).
server_stop() {
    local pid
    pid=$(cat "$T/$1/pid")
    kill -"${2:-KILL}" "$pid" 2>/dev/null || true
    wait_for 20 not alive "$pid"
}

# The mailbox server forgets everything: killed, database deleted, started again unless `down` is given.
mailbox_forget() {
    server_stop mailbox
    rm -f "$T"/mailbox/channel.sqlite*
    [ "${1:-}" = down ] || server_start mailbox
}

# FILE QUERY, of a database that its server may be writing to just now.
server_query() { sqlite3 -readonly -cmd '.timeout 10000' "$T/$1" "$2"; }
mailbox_query() { server_query mailbox/channel.sqlite "$1"; }
# Bytes of all message bodies that the mailbox server keeps, as they are on its disk.
mailbox_bytes() { mailbox_query 'select coalesce(sum(length(body)), 0) from messages'; }
# Bytes that the relay has carried in finished connections.
relay_bytes() {
    server_query relay/usage.sqlite 'select coalesce(sum(total_bytes), 0) from usage' 2>/dev/null || echo 0
}

servers_start() {
    server_start mailbox
    server_start relay
}
