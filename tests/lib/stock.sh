# shellcheck shell=bash
# The stock clients: CLIENT is `python` (wormhole 0.12) or `go` (wormhole-william 1.0.6), ROUTE is `direct` or `relay`.
# William knows no option for the relay: it dials transit.magic-wormhole.io:4001, which is 127.0.0.1 here, and
# offers no direct address once the namespace has only loopback (see route in tests/lib/inside).

STOCK_SECONDS=120

python_wormhole() {
    timeout -k 5 "$STOCK_SECONDS" wormhole --relay-url "$MAILBOX_URL" --transit-helper "$RELAY_URL" "$@"
}
go_wormhole() {
    timeout -k 5 "$STOCK_SECONDS" wormhole-william --relay-url "$MAILBOX_URL" "$@"
}

# route direct|relay: what stock clients can offer from now on. Pass the same to mount_route.
route() {
    case $1 in
    direct) ip address replace 10.77.0.1/24 dev outside ;;
    relay) ip address flush dev outside ;;
    esac
    STOCK_ROUTE=$1
}
STOCK_ROUTE=direct
python_listen() { [ "$STOCK_ROUTE" = direct ] || echo --no-listen; }

# stock_send CLIENT NAME ARG…: starts sending in the background, with the client's own arguments (a path, or
# --text TEXT; its input is $STOCK_INPUT). Returns once it shows a code, in $CODE. stock_end NAME waits for it.
stock_send() {
    local client=$1 name=$2
    shift 2
    : >"$LOGS/$name.log"
    # shellcheck disable=SC2046 # zero or one word
    case $client in
    python) python_wormhole send --hide-progress $(python_listen) "$@" ;;
    go) go_wormhole send --hide-progress "$@" ;;
    *) fail "no such client: $client" ;;
    esac >"$LOGS/$name.log" 2>&1 <"${STOCK_INPUT:-/dev/null}" &
    echo $! >"$T/$name.pid"
    wait_for 60 grep -Eq '[0-9]+(-[a-z]+){2}' "$LOGS/$name.log" || fail "$client showed no code"
    # shellcheck disable=SC2034 # for the caller
    CODE=$(grep -Eo '[0-9]+(-[a-z]+){2}' "$LOGS/$name.log" | head -n 1)
}

# stock_receive CLIENT NAME DIR CODE: receives in the background into DIR, accepting whatever comes.
stock_receive() {
    local client=$1 name=$2 dir=$3 code=$4
    mkdir -p "$dir"
    (
        cd "$dir" || exit
        # shellcheck disable=SC2046 # zero or one word
        case $client in
        python) python_wormhole receive --hide-progress --accept-file $(python_listen) "$code" </dev/null ;;
        go) echo y | go_wormhole receive --hide-progress "$code" ;;
        *) fail "no such client: $client" ;;
        esac
    ) >"$LOGS/$name.log" 2>&1 &
    echo $! >"$T/$name.pid"
}

# stock_refuse CLIENT NAME CODE: asks for what is offered and says no.
stock_refuse() {
    local client=$1 name=$2 code=$3
    mkdir -p "$T/refused"
    (
        cd "$T/refused" || exit
        case $client in
        python) echo n | python_wormhole receive --hide-progress "$code" ;;
        go) echo n | go_wormhole receive --hide-progress "$code" ;;
        esac
    ) >"$LOGS/$name.log" 2>&1 &
    echo $! >"$T/$name.pid"
}

# stock_end NAME: waits for a client started above; its exit status. (wait does its own waiting: no polling.)
stock_end() { wait "$(cat "$T/$1.pid")"; }
# stock_kill NAME: kill -9 of a client started above, with everything that it started.
stock_kill() {
    local pid
    pid=$(cat "$T/$1.pid")
    kill_tree "$pid"
    wait "$pid" 2>/dev/null || true
}
kill_tree() {
    local child
    kill -STOP "$1" 2>/dev/null || true # or it could start another while we look
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do kill_tree "$child"; done
    kill -KILL "$1" 2>/dev/null || true
}
stock_said() { grep -Eqi "$2" "$LOGS/$1.log"; }
