#!/usr/bin/python3
"""load.py OUTBOX LEDGER SIDE KIND SEED STOP: one user of an outbox, until the file STOP exists.

KIND is small, large, tree or editor (who renames, replaces and removes what it has put). What it was told goes to LEDGER:
  put        before anything is made        accepted   every call has succeeded, close() last
  failed     a call failed: nothing is promised, nothing may be half
  rename / renamed, remove / removed        before, and after it succeeded; `unsure` if the answer was lost
Any error but those of a dead mount or a full disk is `odd`, and fails the run.
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
from content import EMPTY, TREE, blocks, plan  # noqa: E402

WAITING_MAX = 60  # entries in the outbox beyond which writers pause
SIZES = {"small": (0, 100, 5000, 30000, 60000, 65536, 66000), "large": (70000, 10**6, 4 * 10**6, 9 * 10**6),
         "editor": (200, 40000, 90000, 10**6)}


class Writer:
    def __init__(self, outbox, ledger, side, kind, seed, stop):
        self.box, self.ledger = Box(outbox, stop), Ledger(ledger)
        self.side, self.kind, self.seed = side, kind, seed
        self.random = random.Random(f"{seed} {side} {kind}")
        self.count, self.mine = 0, []

    # ---- one attempt at anything: true, false (the answer was lost), or None (there was nothing to do it with)

    def attempt(self, act, *args):
        try:
            act(*args)
            return True
        except OSError as error:
            if error.errno == errno.ENOENT and self.box.answers():
                return None
            if dead(error) or error.errno == errno.ENOENT:  # it died after it had answered
                self.box.lost()
            elif error.errno in FULL:
                time.sleep(0.3)
            else:
                self.ledger.write("odd", "", str(args), f"{act.__name__}: {error}")
            return False

    # ---- putting

    def write_file(self, name, ident, size, dir_fd=None):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644,
                     dir_fd=self.box.opened() if dir_fd is None else dir_fd)
        try:
            if size:
                slow = self.random.random() < 0.3
                for block in blocks(ident, size):
                    if slow:
                        time.sleep(self.random.uniform(0, 0.1))
                    while block:
                        block = block[os.write(fd, block):]
        except OSError:
            try:
                os.close(fd)
            except OSError:
                pass
            raise
        os.close(fd)

    def write_aside(self, name, ident, size):
        """As rsync does: under a name that is held, then renamed into place."""
        aside = f".{name}.aside"
        self.write_file(aside, ident, size)
        os.rename(aside, name, src_dir_fd=self.box.fd, dst_dir_fd=self.box.fd)

    def write_tree(self, name, ident):
        """By a process of its own, whose exit says that the tree is complete."""
        fd = self.box.opened()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.make_tree(fd, name, ident)
                status = 0
            except OSError as error:
                status = error.errno
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            raise OSError(status, os.strerror(status))

    @staticmethod
    def synced(fd):
        os.fsync(fd)
        os.close(fd)

    def make_tree(self, fd, name, ident):
        os.mkdir(name, 0o755, dir_fd=fd)
        top = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        for kind, path, more in plan(ident):
            if kind == "dir":
                os.mkdir(path, 0o755, dir_fd=top)
            elif kind == "link":
                os.symlink(more, path, dir_fd=top)
            else:
                self.write_file(path, f"{ident}.{path.replace('/', '-')}", more, top)
        self.synced(top)

    def next_id(self):
        self.count += 1
        return f"{self.side}-{self.kind}-{self.count}"

    def put(self, act, name, ident, *args):
        """True, or after an error false: then what is left of it is removed, as a user would, or left to the end."""
        self.ledger.write("put", ident, name)
        done = self.attempt(act, name, ident, *args)
        self.ledger.write({True: "accepted", False: "failed", None: "odd"}[done], ident, name)
        if done:
            return True
        if self.random.random() < 0.7:
            self.box.opened()
            self.attempt(self.remove_any, name)
        return False

    def remove_any(self, name):
        if name.endswith(TREE):
            shutil.rmtree(name, dir_fd=self.box.opened())
        else:
            os.unlink(name, dir_fd=self.box.opened())

    def size(self):
        return int(self.random.choice(SIZES[self.kind]) * self.random.choice((1, 1, 0.7)))

    def put_file(self, name=None):
        ident, size = self.next_id(), self.size()
        name = name or ident + (".bin" if size else EMPTY)
        act = self.write_aside if self.random.random() < 0.25 else self.write_file
        return name if self.put(act, name, ident, size) else None, ident

    # ---- the kinds

    def small(self):
        self.put_file()
        time.sleep(self.random.uniform(0, 0.1))

    def large(self):
        self.put_file()
        time.sleep(self.random.uniform(0, 0.3))

    def tree(self):
        ident = self.next_id()
        self.put(self.write_tree, ident + TREE, ident)
        time.sleep(self.random.uniform(0, 0.3))

    def editor(self):
        """Puts under one of a few names, again and again, and changes what stands there."""
        what = self.random.choice(("put", "put", "rename", "remove"))
        if what == "put" or not self.mine:
            name = f"{self.side}-edit-{self.random.randrange(6)}.bin"
            self.mine = [entry for entry in self.mine if entry[0] != name]
            done, ident = self.put_file(name)
            if done:
                self.mine.append((name, ident))
        else:
            name, ident = self.mine.pop(self.random.randrange(len(self.mine)))
            getattr(self, what)(name, ident)
        time.sleep(self.random.choice((0, 0.05, 0.2)))

    # The entry may have been delivered meanwhile: then its name is gone.
    def rename(self, name, ident):
        new = f"{ident}.renamed.bin"
        self.ledger.write("rename", ident, name, new)
        done = self.attempt(lambda: os.rename(name, new, src_dir_fd=self.box.opened(), dst_dir_fd=self.box.fd))
        self.ledger.write({True: "renamed", False: "unsure", None: "gone"}[done], ident, name, new)

    def remove(self, name, ident):
        self.ledger.write("remove", ident, name)
        done = self.attempt(self.remove_any, name)
        self.ledger.write({True: "removed", False: "unsure", None: "gone"}[done], ident, name)

    def run(self):
        while not self.box.stopping():
            try:
                if len(self.box.names()) > WAITING_MAX:
                    time.sleep(0.05)
                else:
                    getattr(self, self.kind)()
            except Stopped:
                return
            except OSError as error:
                if not dead(error):
                    self.ledger.write("odd", "", "", str(error))
                self.box.lost()


Writer(*sys.argv[1:]).run()
