"""What differ.py does: the table OPERATIONS, of system calls and how each of their arguments is chosen.

A call gets what it would get from a program: for a Path the full path on its side, for a File its descriptor there. Its answer
must be the same on both sides, so a call that could rightly differ says what it saw in other words (`holes`).
"""
import ctypes
import errno
import fcntl
import mmap
import os
import stat

FILES, DIRS = ["a", "b", "c", "e"], ["d1", "d2"]
OFFSETS = [0, 1, 7, 4095, 4096, 4097, 32768, 61440, 65535, 65536, 65537, 69632, 131071, 131072, 200001]
LENGTHS = [1, 3, 5, 10, 100, 300, 4096, 5000, 20000, 65535, 65536, 65537, 100000, 140000]
SET_NS_MAX = 1_500_000_000 * 10**9  # no time that is set here is later


class Path(str):
    """Relative to both directories."""


class File:
    """Open on both sides."""

    def __init__(self, path, fds):
        self.path, self.fds = path, fds

    def __repr__(self):
        return f"file({self.path})"


# ---- System calls that Python does not have, and such that are more than one.

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
KEEP_SIZE, PUNCH_HOLE = 1, 3


def checked(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def rename(old, new, flags):
    checked(libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags))


def link(old, new):
    os.link(old, new, follow_symlinks=False)


def fallocate(fd, mode, offset, length):
    if mode == PUNCH_HOLE and offset >= os.fstat(fd).st_size:
        return  # whether that is a change is each disk's choice
    checked(libc.fallocate(fd, mode, offset, length))


def read(fd, offset, length, advice):
    os.posix_fadvise(fd, 0, 0, advice)
    return os.pread(fd, length, offset)


def copy(source, target, start, to, length):
    if os.path.samestat(os.fstat(source), os.fstat(target)):
        return "one file"
    done = 0
    while done < length:
        count = os.copy_file_range(source, target, length - done, start + done, to + done)
        if count == 0:
            break
        done += count
    return done


def map_shared(fd, start, data, to, written, flushed):
    """Bytes by way of a map, and by a write below it; each sees the other's."""
    size = min(os.fstat(fd).st_size, 300000)
    if size == 0:
        return "empty"
    start, to = start % size, to % size
    data = data[:size - start]
    with mmap.mmap(fd, size) as m:
        m[start:start + len(data)] = data
        if flushed:
            m.flush()
        os.pwrite(fd, written, to)
        seen = m[:]
    os.fsync(fd)
    return seen


def holes(fd):
    """What SEEK_DATA leaves out is zeros, and it gets to the end."""
    with open(f"/proc/self/fd/{fd}", "rb") as f:
        data, end = f.read(), 0
        while end < len(data):
            try:
                start = os.lseek(f.fileno(), end, os.SEEK_DATA)
            except OSError as e:
                return e.errno == errno.ENXIO and not any(data[end:])
            hole = os.lseek(f.fileno(), start, os.SEEK_HOLE)
            if any(data[end:start]) or not end <= start < hole <= len(data):
                return False
            end = hole
        return True


def utime(path, times, follow):
    follow = follow or isinstance(path, int)
    os.utime(path, ns=times, follow_symlinks=follow)
    return os.stat(path, follow_symlinks=follow).st_atime_ns


def attributes(path):
    names = sorted(name for name in os.listxattr(path) if name.startswith("user."))
    return [(name, os.getxattr(path, name)) for name in names]


def look(path):
    if not os.path.isdir(path):
        return stat.S_IFMT(os.stat(path).st_mode)
    with os.scandir(path) as listing:
        return sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in listing)


# ---- How arguments are chosen: functions of the source of chance and of the files that are open.

def one_of(*choices):
    """One of these values, or what one of these functions chooses."""
    def choose(chance, files):
        chosen = chance.choice(choices)
        return chosen(chance, files) if callable(chosen) else chosen
    return choose


def below(last):
    """A path of at most two of DIRS and then one of these."""
    def choose(chance, files):
        above = [chance.choice(DIRS) for _ in range(chance.choice([0, 0, 1, 1, 2]))]
        return Path("/".join(above + [chance.choice(last)]))
    return choose


def flags(chance, files):
    value = chance.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR, os.O_RDWR])
    for flag, share in ((os.O_CREAT, .6), (os.O_TRUNC, .15), (os.O_EXCL, .12), (os.O_APPEND, .2), (os.O_SYNC, .03),
                        (os.O_NOFOLLOW, .1), (os.O_NOATIME, .02), (os.O_DIRECTORY, .03)):
        if chance.random() < share:
            value |= flag
    # O_EXCL means nothing without O_CREAT, and O_DIRECTORY nothing with it.
    return value & ~(os.O_DIRECTORY if value & os.O_CREAT else os.O_EXCL)


def offset(chance, files):
    return max(0, chance.choice(OFFSETS) + chance.choice([0, 0, 0, 0, -2, -1, 1, 2]))


def data(chance, files):
    return chance.randbytes(chance.choice(LENGTHS) if chance.random() < .95 else 700000)


def mode(chance, files):
    return chance.randrange(0o1000)


def times(chance, files):
    return tuple(chance.choice([chance.randrange(SET_NS_MAX), 10**9 * chance.randrange(10**9), 1,
                                999999999, -5 * 10**9, -5 * 10**9 - 7]) for _ in range(2))


def file(chance, files):
    return chance.choice(files)


path = below(FILES + FILES + DIRS)
place = one_of(below(DIRS), below(DIRS), path)
thing = one_of(path, file)
length = one_of(*LENGTHS)
name = one_of("user.a", "user.b", "user.c", "user.long" + "n" * 100)
value = one_of(b"", b"1", b"ten bytes.", b"v" * 300, b"w" * 500)
target = one_of("a", "d2/../b", "d1", "nowhere", "x" * 200, "d1/a", "y" * 300)
advice = one_of(os.POSIX_FADV_NORMAL, os.POSIX_FADV_DONTNEED)
locked = one_of(*(how | fcntl.LOCK_NB for how in (fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_UN)))

OPEN = (14, os.open, path, flags, one_of(0o644, 0o600, 0o777, 0o400, 0o755))
CLOSE = (9, os.close, file)
OPERATIONS = [  # how often, what, and what with
    OPEN,
    CLOSE,
    (16, os.pwrite, file, data, offset),
    (5, os.write, file, data),
    (10, read, file, offset, one_of(1, 100, 65536, 200000, 1 << 22), advice),
    (9, os.truncate, thing, offset),
    (6, fallocate, file, one_of(0, KEEP_SIZE, PUNCH_HOLE, PUNCH_HOLE, PUNCH_HOLE), offset, length),
    (3, holes, file),
    (4, map_shared, file, offset, data, offset, value, one_of(True, False)),
    (3, copy, file, file, offset, offset, length),
    (2, os.fsync, file),
    (1, fcntl.flock, file, locked),
    (9, rename, one_of(path, place), one_of(path, place), one_of(0, 0, 0, 1, 2, 3)),
    (4, link, path, path),
    (3, os.symlink, target, path),
    (1, os.readlink, path),
    (6, os.unlink, path),
    (6, os.mkdir, place, one_of(0o755, 0o700, 0o1777)),
    (2, os.rmdir, place),
    (4, os.chmod, thing, mode),
    (1, os.chmod, file, one_of(0o4755, 0o2755, 0o6711)),
    (5, utime, thing, times, one_of(True, False)),
    (4, os.setxattr, thing, name, value, one_of(0, 0, os.XATTR_CREATE, os.XATTR_REPLACE)),
    (1, os.getxattr, thing, name),
    (2, os.removexattr, thing, name),
    (1, attributes, thing),
    (4, look, one_of(Path("."), place)),
    (1, look, path),
]
