#!/usr/bin/env python3
"""Are keys of a store to be found in files?

secrets.py keep STORE KEPT    adds what looks like key material in the store's snapshots to the file KEPT
secrets.py find KEPT FILE…    prints where any 16 bytes of it stand: as they are, as hex, or as base64

Exit status of find: 0 if there are none. A mounted store can be read, too: its files are copied first."""
import base64
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile

WIDTH = 16
DISTINCT = 13  # of 16 random bytes, fewer are as good as never different


def windows(data):
    return (data[at : at + WIDTH] for at in range(len(data) - WIDTH + 1))


def looks_random(window):
    return len(set(window)) >= DISTINCT and not all(0x20 <= byte < 0x7F for byte in window)


def snapshots(store):
    with tempfile.TemporaryDirectory() as copy:
        for path in pathlib.Path(store).glob("journal.sqlite*"):
            shutil.copy(path, copy)
        with sqlite3.connect(f"{copy}/journal.sqlite") as journal:
            return [row[0] for row in journal.execute("SELECT snapshot FROM secret")]


def keep(store, kept):
    path = pathlib.Path(kept)
    found = set(path.read_text().split()) if path.exists() else set()
    before = len(found)
    for snapshot in snapshots(store):
        found.update(w.hex() for w in windows(snapshot) if looks_random(w))
    path.write_text("\n".join(sorted(found)))
    return 0 if len(found) > before else 1


def readings(data):
    """The bytes themselves, and what runs of hex or base64 in them stand for."""
    yield "as it is", data
    for run in re.findall(rb"[0-9a-fA-F]{%d,}" % (2 * WIDTH), data):
        for skip in (0, 1):
            digits = run[skip : len(run) - (len(run) - skip) % 2]
            yield "as hex", bytes.fromhex(digits.decode())
    for run in re.findall(rb"[A-Za-z0-9+/_-]{%d,}" % (WIDTH * 4 // 3 + 1), data):
        for skip in range(4):
            digits = run[skip:].translate(bytes.maketrans(b"-_", b"+/"))
            yield "as base64", base64.b64decode(digits[: len(digits) // 4 * 4])


def find(kept, files):
    secrets = {bytes.fromhex(line) for line in pathlib.Path(kept).read_text().split()}
    status = 0
    for file in files:
        for how, data in readings(pathlib.Path(file).read_bytes()):
            hits = sum(window in secrets for window in windows(data))
            if hits:
                print(f"{file} has {hits} pieces of a secret {how}")
                status = 1
    return status


if __name__ == "__main__":
    command, first, *rest = sys.argv[1:]
    sys.exit(keep(first, rest[0]) if command == "keep" else find(first, rest))
