"""Contents that know who they are: from its first line alone a file can be checked to the last byte.

An id is one word, `a-small-17`. A file is `ID SIZE` and a newline, then bytes that only this id has, SIZE in all. An
empty file says nothing, so its name does: `ID.empty`. A tree is a directory `ID.tree` whose whole shape follows from the
id; its files are called and filled after it, too.
"""
import os
import random
import re
import stat

EMPTY, TREE = ".empty", ".tree"
OTHERS = "x-"  # the names of what is somebody else's
HEAD = re.compile(rb"([a-z0-9.-]+) (\d+)\n")
SIZE_MAX = 1 << 30


class Damaged(Exception):
    """Not what was put: a half, a mixture, or somebody else's. `ident`: whose first line it has, if any."""

    def __init__(self, said, ident=""):
        super().__init__(said)
        self.ident = ident


def head(ident, size):
    return f"{ident} {size}\n".encode()


def blocks(ident, size):
    """The content of `ident` in blocks of at most 1 MiB; at least its first line."""
    first = head(ident, size)
    yield first
    source = random.Random(ident)
    left = size - len(first)
    while left > 0:
        block = min(left, 1 << 20)
        yield source.randbytes(block)
        left -= block


def check_file(handle):
    """The id of an open file. Raises Damaged."""
    size = os.fstat(handle.fileno()).st_size
    line = handle.readline(200)
    match = HEAD.fullmatch(line)
    if not match:
        raise Damaged(f"{size} bytes, the first {line[:40]!r}")
    ident, said = match[1].decode(), max(int(match[2]), len(line))
    if said > SIZE_MAX:
        raise Damaged(f"{ident} says {said} bytes")
    for number, block in enumerate(blocks(ident, int(match[2]))):
        have = line if number == 0 else handle.read(len(block))
        if have != block:
            raise Damaged(f"{ident} differs in block {number} ({size} of {said} bytes are there)", ident)
    if handle.read(1):
        raise Damaged(f"{ident} has {size} bytes in place of {said}")
    return ident


def plan(ident):
    """The shape of a tree: (kind, path, size or target), directories before what they hold."""
    source = random.Random("plan " + ident)
    shape, dirs = [], [""]
    for number in range(source.randrange(1, 8)):
        parent = source.choice(dirs)
        kind = source.choices(("file", "dir", "link"), (6, 3, 1))[0]
        path = parent + f"{kind[0]}{number}"
        if kind == "file":
            shape.append((kind, path, source.choice((100, 5000, 60000, 70000, 200000))))
        elif kind == "dir":
            shape.append((kind, path, None))
            dirs.append(path + "/")
        else:
            shape.append((kind, path, f"d{number}/nowhere"))
    return shape or [("file", "f0", 100)]


def fail(error):
    raise error


def check_tree(fd):
    """What is in the open directory `fd`: path → (kind, a link's target or a file's id)."""
    have = {}
    for path, dirs, files, at in os.fwalk(".", dir_fd=fd, onerror=fail):
        for name in dirs + files:
            mode = os.lstat(name, dir_fd=at).st_mode
            where = os.path.normpath(os.path.join(path, name))
            if stat.S_ISLNK(mode):
                have[where] = ("link", os.readlink(name, dir_fd=at))
            elif stat.S_ISDIR(mode):
                have[where] = ("dir", None)
            else:
                with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=at), "rb") as handle:
                    have[where] = ("file", check_file(handle))
    return have


def tree_expected(ident):
    return {path: (kind, f"{ident}.{path.replace('/', '-')}" if kind == "file" else more)
            for kind, path, more in plan(ident)}


CLASH_TREE = re.compile(r"^(.*\.tree)(\.\d+)?$")
CLASH_FILE = re.compile(r"^(.*?)(?:\.\d+)?(\.(?:bin|empty))$")


def plain(name):
    """The name as it was sent: without the number that a clash gave it."""
    match = CLASH_TREE.match(name)
    if match:
        return match[1]
    match = CLASH_FILE.match(name)
    return match[1] + match[2] if match else name


def check(name, dir_fd):
    """The id of an entry of the directory `dir_fd`. Raises Damaged, or OSError of the mount."""
    base = plain(name)
    if base.endswith(TREE):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=dir_fd)
        try:
            ident = base[:-len(TREE)]
            have, want = check_tree(fd), tree_expected(ident)
        finally:
            os.close(fd)
        if have != want:
            odd = sorted(k for k in have.keys() | want.keys() if have.get(k) != want.get(k))
            raise Damaged(f"tree {ident}: {odd[:5]} differ", ident)
        return ident
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=dir_fd), "rb") as handle:
        if base.endswith(EMPTY):
            if handle.read(1):
                raise Damaged(f"{name} should be empty")
            return base[:-len(EMPTY)]
        return check_file(handle)
