"""System calls that no standard command makes: sys.py COMMAND ARG... (see the functions). Failures print strerror."""
import ctypes
import errno
import fcntl
import mmap
import os
import select
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def strerror(name):
    print(os.strerror(getattr(errno, name)))


def rename(old, new, flags):
    number = {"0": 0, "noreplace": 1, "exchange": 2, "whiteout": 4}[flags]
    check(libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), number))


def mknod(path, mode):
    os.mknod(path, int(mode, 8))


def holes(path):
    """Data and hole ranges as 'data 0 4096' lines."""
    with open(path, "rb") as f:
        size, at = os.fstat(f.fileno()).st_size, 0
        while at < size:
            try:
                data = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError as e:
                assert e.errno == errno.ENXIO
                break
            at = os.lseek(f.fileno(), data, os.SEEK_HOLE)
            print("data", data, at)


def punch(path, offset, length):
    fd = os.open(path, os.O_RDWR)
    call = libc.fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    check(call(fd, 3, int(offset), int(length)))


def allocate(path, length, keep):
    fd = os.open(path, os.O_RDWR)
    call = libc.fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    check(call(fd, 1 if keep == "keep" else 0, 0, int(length)))


def gone(path):
    """An unlinked file stays usable through its descriptor."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b"before ")
    os.unlink(path)
    os.write(fd, b"after")
    assert os.pread(fd, 100, 0) == b"before after"
    assert os.fstat(fd).st_nlink == 0
    os.ftruncate(fd, 3)
    assert os.pread(fd, 100, 0) == b"bef"
    os.close(fd)
    assert not os.path.exists(path)


def append(path):
    """Two descriptors with O_APPEND do not overwrite each other."""
    fds = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for _ in range(2)]
    for i in range(100):
        os.write(fds[i % 2], b"%03d\n" % i)
    assert sorted(open(path).read().split()) == ["%03d" % i for i in range(100)]


def shared_map(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, b"." * 8192)
    with mmap.mmap(fd, 8192) as m:
        m[4090:4100] = b"0123456789"
        m.flush()
    assert os.pread(fd, 10, 4090) == b"0123456789"


def locks(path):
    a = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(a, fcntl.LOCK_EX)
    b = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise SystemExit("a second exclusive lock was given")
    except BlockingIOError:
        pass


def many_descriptors(path):
    """A copy through a duplicated descriptor, truncated and extended on the way."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    other = os.dup(fd)
    os.write(fd, b"x" * 70000)
    os.close(other)
    os.ftruncate(fd, 10)
    os.pwrite(fd, b"end", 200000)
    os.fsync(fd)
    os.close(fd)
    data = open(path, "rb").read()
    assert data == b"x" * 10 + b"\0" * (200000 - 10) + b"end"


def nonblock(path):
    """O_NONBLOCK: what the read says, and that it says so at once."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    before = time.monotonic()
    try:
        print(os.read(fd, 100).decode(), end="")
    finally:
        if time.monotonic() - before >= 4:  # as long as a program that waits, or nearly
            sys.exit("it waited")


def wait_read(path, seconds):
    """poll() says when there is something to read."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if not poll.poll(int(seconds) * 1000):
        raise SystemExit("poll: nothing in %s s" % seconds)
    print(os.read(fd, 100).decode(), end="")


def wait_change(path, seconds, key):
    """Prints the value of a key of `state` each time that poll() says that the file changed, until it changes."""
    fd = os.open(path, os.O_RDONLY)

    def value():
        text = os.pread(fd, 100000, 0).decode()
        return [l for l in text.split("\n") if l.startswith(key)][0]

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    first, end = value(), time.monotonic() + int(seconds)
    print("ready", flush=True)
    while time.monotonic() < end:
        if poll.poll(1000) and value() != first:
            print(value())
            return
    raise SystemExit("no change in %s s" % seconds)


def in_one_process(*paths):
    """Opens and closes each of the paths for writing, in this one process."""
    for path in paths:
        with open(path, "w") as f:
            f.write(path)


def readdir_while_changing(directory, count):
    """Names that exist throughout are listed exactly once."""
    fixed = {"fixed%05d" % i for i in range(int(count))}
    for name in fixed:
        open(os.path.join(directory, name), "w").close()
    seen = []
    with os.scandir(directory) as listing:
        for i, entry in enumerate(listing):
            seen.append(entry.name)
            open(os.path.join(directory, "new%05d" % i), "w").close()
            if i % 2:
                os.unlink(os.path.join(directory, "new%05d" % (i - 1)))
            if i > 20 * len(fixed):
                break
    counted = [name for name in seen if name in fixed]
    assert len(counted) == len(set(counted)) == len(fixed), (len(counted), len(set(counted)))


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except OSError as e:
        sys.exit(e.strerror)
