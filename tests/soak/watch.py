#!/usr/bin/python3
"""watch.py MOUNT INBOX LEDGER SEED STOP: the user of an inbox, and a reader of the events, until the file STOP exists.

Checks every entry that is there whenever it is seen, takes half of them away, and reads `.wormholefs/events`, of which no
byte that was ever read may change. Writes to LEDGER:
  take / taken       an entry, before and after it was renamed to `gone.ID.NAME`; `untaken` if the answer was lost
  damaged            what should never have been seen
  odd                what should not have happened
"""
import errno
import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from box import FULL, Box, Ledger, Stopped, dead  # noqa: E402
from content import OTHERS, TREE, Damaged, check, plain  # noqa: E402

GONE = "gone."
EVERY_S = 0.3


class Events:
    """Every byte that was ever read of the events is still the same, whatever died since then."""

    def __init__(self, mount, ledger):
        self.path, self.ledger = os.path.join(mount, ".wormholefs/events"), ledger
        self.seen = b""
        self.fresh = False  # this life of the daemon has shown all that was seen before

    def look(self):
        try:
            with open(self.path, "rb", buffering=0) as handle:
                if not self.fresh:
                    self.compare(self.read_all(handle))
                handle.seek(len(self.seen))
                self.seen += self.read_all(handle)
                self.fresh = True
        except OSError as error:
            self.fresh = False
            if not dead(error) and error.errno != errno.ENOENT:
                self.ledger.write("odd", "", self.path, str(error))

    @staticmethod
    def read_all(handle):
        """Up to the end, or what there was before the daemon died."""
        parts = []
        while part := handle.read(1 << 16):
            parts.append(part)
        return b"".join(parts)

    def compare(self, now):
        if now.startswith(self.seen):
            return
        was, have = self.seen.splitlines(), now.splitlines()
        at = next((n for n, line in enumerate(was) if n >= len(have) or have[n] != line), len(was))
        missing = have[at] if at < len(have) else b"nothing"
        self.ledger.write("odd", "", "events", f"event {at + 1} was {was[at:at + 1]!r}, is {missing!r}")
        self.seen = now


class Taker:
    def __init__(self, mount, inbox, ledger, seed, stop):
        self.ledger, self.box = Ledger(ledger), Box(inbox, stop)
        self.random = random.Random(f"{seed} take {mount}")
        self.events = Events(mount, self.ledger)
        self.known = {}  # name → id, of what stays

    def take(self, name, ident, fd):
        gone = f"{GONE}{ident}.{name}"
        self.ledger.write("take", ident, name)
        try:
            os.rename(name, gone, src_dir_fd=fd, dst_dir_fd=fd)
        except OSError:
            self.ledger.write("untaken", ident, name)
            raise
        self.ledger.write("taken", ident, name)
        self.away(gone, fd)

    @staticmethod
    def away(gone, fd):
        if plain(gone).endswith(TREE):
            shutil.rmtree(gone, dir_fd=fd)
        else:
            os.unlink(gone, dir_fd=fd)

    def look_at(self, name, fd):
        if name.startswith(GONE):
            self.away(name, fd)
        elif name not in self.known:
            try:
                ident = check(name, fd)
            except Damaged as what:
                self.ledger.write("damaged", what.ident, name, str(what))
                self.known[name] = None
                return
            if self.random.random() < 0.5:
                self.take(name, ident, fd)
            else:
                self.known[name] = ident

    def round(self):
        fd = self.box.opened()
        names = os.listdir(fd)
        for name in self.known.keys() - set(names):
            self.ledger.write("odd", self.known.pop(name), name, "it was in the inbox, and is no more")
        for name in names:
            if not name.startswith(OTHERS):
                self.look_at(name, fd)

    def run(self):
        while not self.box.stopping():
            try:
                self.round()
            except Stopped:
                break
            except OSError as error:
                if not dead(error) and error.errno not in FULL:  # another name takes room, too
                    self.ledger.write("odd", "", "", f"inbox: {error}")
                self.box.lost()
                self.events.fresh = False
            self.events.look()
            time.sleep(EVERY_S)
        self.events.fresh = False
        self.events.look()
        self.ledger.write("events", "", "", self.events.seen.count(b"\n"))


if __name__ == "__main__":
    Taker(*sys.argv[1:]).run()
