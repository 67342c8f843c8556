"""The same random operations on a mount and on an ordinary directory: both must answer the same and end up the same.

  differ.py tree MOUNTED ORDINARY SEED COUNT      COUNT operations of one process, MOUNTED being a tree in an outbox
  differ.py entries MOUNTED ORDINARY SEED COUNT   the same, MOUNTED being an outbox
  differ.py compare MOUNTED ORDINARY              are they equal, and is MOUNTED as the last operations left it?

The seed decides every operation: the same arguments on new directories do it all again.

What may differ (anything else is a failure):

  sizes and links of directories         CONTRACT says nothing of them, and no two file systems agree
  set-id bits of files                   "dropped when they are set, in the outbox, too" (CONTRACT, last section)
  attributes but `user.*`                only those belong to an entry (CONTRACT, outbox)
  times of the clock                     each side reads it for itself; but both are of the clock, or equal to the nanosecond
                                         (CONTRACT, outbox: mtimes), and an operation changes both or neither
  times of access                        not part of an entry; equal where they have just been set
  where holes are                        each disk has its own blocks; but what is called a hole has to be zeros
  links between two entries              kept "within the entry" (CONTRACT, outbox): `entries` makes none
"""
import collections
import errno
import hashlib
import os
import pickle
import random
import stat
import sys
import time

from operations import CLOSE, OPEN, OPERATIONS, SET_NS_MAX, File, Path, attributes, link

OPEN_MAX = 12
COMPARE_EVERY = 250
CLOCK_REALTIME_COARSE = 5  # what the kernel stamps files with: up to a tick behind


class Different(Exception):
    """The mount is not like the disk."""


def outcome(call, *arguments):
    """What a call returned, or the name of its error."""
    try:
        return call(*arguments)
    except OSError as e:
        return errno.errorcode[e.errno]


def facts(st):
    """What must be equal of a stat."""
    when = st.st_mtime_ns if st.st_mtime_ns <= SET_NS_MAX else "of the clock"
    if stat.S_ISDIR(st.st_mode):
        return oct(st.st_mode), when
    return oct(st.st_mode & ~(stat.S_ISUID | stat.S_ISGID)), when, st.st_size, st.st_nlink


def whole(root):
    """All that is below a directory, as its daemon has it: path → (what must be equal, mtime)."""
    seen, links = {}, collections.defaultdict(list)

    def fail(error):
        raise error

    for where, dirs, files in os.walk(root, onerror=fail):
        for base in dirs + files:
            full = os.path.join(where, base)
            st = os.lstat(full)
            found = list(facts(st))
            found.append(os.readlink(full) if stat.S_ISLNK(st.st_mode) else attributes(full))
            if stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    found.append(hashlib.sha256(f.read()).hexdigest())
            relative = os.path.relpath(full, root)
            seen[relative] = (found, st.st_mtime_ns)
            if not stat.S_ISDIR(st.st_mode):
                links[st.st_ino].append(relative)
    for names in links.values():
        for one in names:
            seen[one][0].append(sorted(names))
    return seen


def must_equal(what, mounted, wanted):
    for one in sorted(mounted.keys() | wanted.keys()):
        if mounted.get(one) != wanted.get(one):
            raise Different(f"{what}: {one} is {mounted.get(one)}, should be {wanted.get(one)}")


def left(ordinary):
    """The file that says how the last operations left the mount."""
    return ordinary + ".left"


def compare(mounted, ordinary):
    seen = whole(mounted)
    without_clock = [{one: found for one, (found, _) in side.items()} for side in (seen, whole(ordinary))]
    must_equal("they differ", *without_clock)
    if os.path.exists(left(ordinary)):
        with open(left(ordinary), "rb") as f:
            must_equal("it changed", seen, pickle.load(f))
    return seen


class Pair:
    def __init__(self, mounted, ordinary, seed, table):
        self.roots, self.chance, self.table = (mounted, ordinary), random.Random(seed), table
        self.files, self.done = [], collections.deque(maxlen=30)

    def at(self, side, argument):
        """What one side's system call gets."""
        if isinstance(argument, File):
            return argument.fds[side]
        return f"{self.roots[side]}/{argument}" if isinstance(argument, Path) else argument

    def step(self):
        """One operation on both sides: the same answer, and then what it was done to looks the same."""
        row, = self.chance.choices(self.table, [row[0] for row in self.table])
        if not self.files:
            row = OPEN
        elif row is OPEN and len(self.files) >= OPEN_MAX:
            row = CLOSE
        _, call, *choosers = row
        arguments = [choose(self.chance, self.files) for choose in choosers]
        self.done.append([call.__name__, *arguments])
        coarse, fine = time.clock_gettime_ns(CLOCK_REALTIME_COARSE), time.time_ns()
        answers = [outcome(call, *(self.at(side, argument) for argument in arguments)) for side in (0, 1)]
        if call is os.open and all(isinstance(answer, int) for answer in answers):
            self.opened(File(arguments[0], answers))
            answers = ["opened", "opened"]
        self.done[-1].append(answers[1])
        if answers[0] != answers[1]:
            raise Different(f"answered {brief(answers[0])}, should be {brief(answers[1])}")
        if call is os.close:
            self.files.remove(arguments[0])
            arguments = [arguments[0].path]
        things = [a for a in arguments if isinstance(a, (File, Path))]
        above = {Path(os.path.dirname(thing) or ".") for thing in things if isinstance(thing, Path)}
        for thing in [*things, *sorted(above)]:
            if thing != "." or self.table is OPERATIONS:
                self.same(thing, coarse, fine)

    def opened(self, new):
        if stat.S_ISREG(os.fstat(new.fds[1]).st_mode):
            self.files.append(new)
        else:
            for fd in new.fds:
                os.close(fd)

    def same(self, thing, coarse, fine):
        """`coarse`, `fine`: the kernel's and the true time before the operation."""
        look_at = os.fstat if isinstance(thing, File) else os.lstat
        found = [outcome(look_at, self.at(side, thing)) for side in (0, 1)]
        mounted, ordinary = [st if isinstance(st, str) else facts(st) for st in found]
        if mounted != ordinary:
            raise Different(f"{thing} is {mounted}, should be {ordinary}")
        if not isinstance(found[0], str):
            mine, others = (st.st_mtime_ns for st in found)
            if mine >= fine and others < coarse or others >= fine and mine < coarse:
                raise Different(f"the operation {'changed' if mine >= fine else 'did not change'} the mtime of {thing}")

    def run(self, count):
        for number in range(1, count + 1):
            self.step()
            if number % COMPARE_EVERY == 0:
                compare(*self.roots)
        for one in self.files:
            for fd in one.fds:
                os.close(fd)
        seen = compare(*self.roots)
        with open(left(self.roots[1]), "wb") as f:
            pickle.dump(seen, f)


def brief(value):
    if isinstance(value, bytes):
        return f"{len(value)} bytes ({hashlib.sha256(value).hexdigest()[:8]})"
    text = repr(value)
    return text if len(text) < 200 else text[:40] + "…"


def main(what, mounted, ordinary, seed="", count="0"):
    if what == "compare":
        return compare(mounted, ordinary)
    table = OPERATIONS if what == "tree" else [row for row in OPERATIONS if row[1] is not link]
    if os.path.exists(left(ordinary)):
        os.unlink(left(ordinary))
    pair = Pair(mounted, ordinary, seed, table)
    try:
        pair.run(int(count))
    except Exception:
        for words in pair.done:
            print("  ", *map(brief, words), file=sys.stderr)
        raise


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Different as e:
        sys.exit(f"FAULT {e}\n  of: differ.py {' '.join(sys.argv[1:])}")
