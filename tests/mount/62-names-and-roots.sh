#!/usr/bin/env bash
# limit: 240
# Goal: behind its sandbox the daemon still asks a name server, and still finds the certificates that the system trusts, wherever they are.
. "$TOP/tests/mount/lib.sh"

NAME=mailbox.example
python3 "$TOP/tests/mount/dns.py" "$NAME" >"$T/dns" &
wait_for 30 grep -q ready "$T/dns"
echo "nameserver 127.0.0.1" >"$T/resolv.conf"
mount --bind "$T/resolv.conf" /etc/resolv.conf
printf 'hosts: files dns\n' >"$T/nsswitch.conf"
mount --bind "$T/nsswitch.conf" /etc/nsswitch.conf
is "$(getent ahostsv4 "$NAME" | awk '{ print $1; exit }')" 127.0.0.1 "the test's name server"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$NAME" -addext "subjectAltName=DNS:$NAME" \
    -keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
setsid twist3 --log-format=text --log-file="$LOGS/tls.log" wormhole-mailbox \
    --port="ssl:4443:interface=127.0.0.1:privateKey=$T/key.pem:certKey=$T/cert.pem" \
    --channel-db="$T/channel.sqlite" --usage-db="$T/usage.sqlite" >"$LOGS/tls.out" 2>&1 </dev/null &
wait_for 30 listens 4443
MAILBOX_URL=wss://$NAME:4443/v1
RELAY_URL=none

gets_a_code() {
    mkdir "$T/$1/w"
    wait_for 30 wh_has_code "$1/w" || fail "$(cat "$T/$1/w/state")"
}
confined() { grep -q '^Seccomp:.*2$' "/proc/$(wh_worker "$1")/status"; }

note "a certificate that nobody trusts"
wh_mount strict
must "not confined" confined strict
mkdir "$T/strict/w"
wait_for 30 wh_says strict/w problem 'certificate|TLS|trust'
wh_unmount strict

note "one that SSL_CERT_FILE trusts, far from the usual places"
SSL_CERT_FILE=$T/cert.pem wh_mount named
must "not confined" confined named
gets_a_code named
wh_unmount named

note "one that the system trusts"
mount -t tmpfs tmpfs /etc/ssl/certs
cp "$T/cert.pem" "/etc/ssl/certs/$(openssl x509 -in "$T/cert.pem" -noout -hash).0"
wh_mount system
must "not confined" confined system
gets_a_code system
wh_unmount system
