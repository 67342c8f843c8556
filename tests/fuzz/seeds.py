#!/usr/bin/python3
"""seeds.py VECTORS CORPUS: the seeds that are text, from the recorded sessions and known answers in VECTORS.

Files are named seed-SHA; what a fuzzer or a bug added is not touched. Binary seeds are made by seeds.c.
"""
import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

VECTORS, CORPUS = Path(sys.argv[1]), Path(sys.argv[2])

SERVER = [
    '{"type":"welcome","welcome":{"motd":"hello","error":"go away","permission-required":{"hashcash":{}}}}',
    '{"type":"nameplates","nameplates":[{"id":"1"},{"id":"22"},{"id":"x"}]}',
    '{"type":"error","error":"crowded","orig":{"type":"open","mailbox":"m"}}',
    '{"type":"error","error":"reclaimed","orig":{"type":"claim","nameplate":"4"}}',
    '{"type":"pong","pong":9223372036854775807}', '{"type":"pong","pong":1e400}', '{"type":7}', '[]',
    '{"type":"message","side":"a","phase":"e0123456789abcdef","body":"ABCDEF00","id":"1"}',
    '{"type":"message","side":"\\u0000","phase":"0","body":"0"}',
]
VERSIONS = [
    '{"app_versions":{"wormholefs-v1":{"incarnation":"000102030405060708090a0b0c0d0e0f","software":"wormholefs 0.1"}}}',
    '{"app_versions":{"wormholefs-v1":{"incarnation":"00","software":"\\u00e4\\n"}}}',
    '{"can-dilate":["1"],"dilation-abilities":[{"type":"direct-tcp-v1"}],"app_versions":{}}',
]
CLASSIC = [
    '{"error":"transfer rejected"}', '{"answer":{"file_ack":"ok"}}', '{"answer":{"message_ack":"no"}}',
    '{"offer":{"message":"hello \\u00e4"}}', '{"offer":{"file":{"filename":"../../etc/passwd","filesize":9223372036854775807}}}',
    '{"offer":{"directory":{"mode":"zipfile/deflated","dirname":"d","zipsize":1,"numbytes":2,"numfiles":3}}}',
    '{"offer":{"file":{"filename":"a","filesize":-1}}}', '{"offer":{"file":{"filename":"a","filesize":1e30}}}',
]
HINTS = [
    '{"hints-v1":[{"type":"direct-tcp-v1","hostname":"192.0.2.1","port":4001,"priority":0.5}]}',
    '{"hints-v1":[{"type":"relay-v1","hints":[{"type":"direct-tcp-v1","hostname":"::1","port":65536,"priority":-1}]}]}',
    '{"hints-v1":null}', '{"hints-v1":[[],7,{"type":"tor-tcp-v1"}]}',
]
OPTIONS = ["tcp:relay.example:4001", "tcp:[2001:db8::1]:1", "tcp:[::1:4001", "udp:a:1", "tcp:a:0", "tcp::1"]
CODES = ["7-guitarist-revenge", "7-", "7-a b", "0-x", "1" * 41 + "-a-b", "7-GUITARIST-revenge-", "12-adroitness-é"]
HANDSHAKES = [b"\xff", b"ok\n\xff", b"\xffgo\n", b"ok\n\xffgo\nrecords", b"\xffnevermind\n", b"impatient\n",
              b"transit sender " + b"0" * 64 + b" ready\n\n", b"transit receiver " + b"a" * 64 + b" ready\n\ngo\n"]
PAKES = ['{"pake_v1":"53%s"}' % ("00" * 32), '{"pake_v1":"%s"}' % ("53" + "ff" * 32), '{"pake_v1":1}', "{}"]


def put(target, data):
    data = data.encode() if isinstance(data, str) else data
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("seed-" + hashlib.sha1(data).hexdigest()[:12])).write_bytes(data)


def deflated(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def put_stock(archive):
    """As fuzz_stock.c takes it: a directory that is as large as its one record."""
    if len(archive) < 16000:
        put("stock", b"\x06\0\0\0\0" + len(archive).to_bytes(2, "big") + archive)


def zips():
    """Archives as stock clients make them, and some that nobody should."""
    members = [
        {"a.txt": b"hello", "sub/b": b"x" * 3000, "sub/empty/": b""}, {"../up": b"1"}, {"/abs": b"1"}, {"a": b"1", "a/b": b"2"},
        {"x" * 300: b"1"}, {"d/" * 40 + "f": b"deep"}, {"a\nb": b"1"}, {"bomb": bytes(200000)}, {},
        {"\u00e4": b"1", "a\u0308": b"2", "A": b"3"},
    ]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for files in members:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", method) as archive:
                for name, data in files.items():
                    archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, method)
            yield out.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link", (2020, 1, 1, 0, 0, 0))
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    yield out.getvalue()


def recorded():
    seen = set()
    for path in sorted(VECTORS.glob("transcripts/*.jsonl")):
        for line in path.read_text().splitlines():
            yield seen, json.loads(line)


def put_frame(seen, frame):
    kind = frame.get("json", {}).get("type")
    if frame.get("dir") == "s2c" and kind and (kind not in seen or kind == "error") and len(frame["raw"]) < 4000:
        seen.add(kind)
        put("server_msg", frame["raw"])


def put_plain(seen, event):
    plain = event.get("plaintext")
    if event.get("ev") not in ("encrypt", "decrypt") or not plain:
        return
    try:
        value = json.loads(plain)
    except ValueError:
        return
    key = (event["phase"] == "version", *sorted(value))
    if key in seen and "offer" not in value:
        return
    seen.add(key)
    put("version" if event["phase"] == "version" else "classic_msg", plain)
    if "transit" in value:
        put("hints", b"\x00" + json.dumps(value["transit"]).encode())


def main():
    for seen, line in recorded():
        put_frame(seen, line)
        put_plain(seen, line)
        if line.get("ev") == "spake2-finish" and len(seen) % 7 == 0:
            put("pake", b"\x01" + bytes.fromhex(line["inbound"]))
    texts = {"server_msg": SERVER, "version": VERSIONS, "classic_msg": CLASSIC, "code": CODES,
             "hints": ["\x00" + h for h in HINTS] + ["\x01" + o for o in OPTIONS], "pake": ["\x00" + p for p in PAKES]}
    for target, seeds in texts.items():
        for seed in seeds:
            put(target, seed)
    for archive in zips():
        put("zip", archive)
        put_stock(archive)
    put_stock(deflated({"bomb": bytes(5 << 20)}))  # more than there is room for
    for how in range(4):
        for handshake in HANDSHAKES:
            put("transit", bytes([how | 12]) + handshake)


main()
