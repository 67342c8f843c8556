"""Several processes on one file, each with bytes of its own: stripes.py FILE LEDGER SEED COUNT

Every page of the file has a stripe for each writer. Writers write numbers into their stripes by pwrite or by a shared map,
and now and then read one back; others append records behind the last page; one stats, touches and reads the file all the
while. Nobody may read an old number of its own, and at the end nothing is missing. LEDGER becomes what FILE must be.
The seed decides what each process does, but not when: a failure need not come again at once.
"""
import mmap
import os
import random
import signal
import sys

PAGE, PAGES = 4096, 3  # few: they meet on each all the time
STRIPE = 8
RECORD_MAX = 900


class Lost(Exception):
    """Bytes that were written are not there."""


def pwriting(fd):
    return lambda data, at: os.pwrite(fd, data, at)


def mapping(fd):
    """Another map for each write, as a linker or a database has it; every fourth is flushed."""
    count = 0

    def write(data, at):
        nonlocal count
        count += 1
        with mmap.mmap(fd, PAGE * PAGES) as m:
            m[at:at + STRIPE] = data
            if count % 4 == 0:
                m.flush()
    return write


def writer(path, ledger, chance, count, number, way):
    fd, written = os.open(path, os.O_RDWR), {}
    write = way(fd)
    for turn in range(count):
        at = chance.randrange(PAGES) * PAGE + number * 1000
        written[at] = b"%d-%06d" % (number, turn)
        write(written[at], at)
        own = chance.choice(list(written))
        found = os.pread(fd, STRIPE, own)
        if found != written[own]:
            raise Lost(f"{way.__name__}, turn {turn}: at {own} is {found}, it wrote {written[own]}")
    os.fsync(fd)
    os.close(fd)
    with open(ledger, "r+b") as f:
        for at, stripe in written.items():
            os.pwrite(f.fileno(), stripe, at)


def record(number, turn):
    return b"%d %d %s\n" % (number, turn, b"x" * (turn * 37 % RECORD_MAX))


def appender(path, count, number):
    for begin in range(0, count, 40):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        for turn in range(begin, min(begin + 40, count)):
            os.write(fd, record(number, turn))
        os.close(fd)


def meddler(path, chance):
    """Does what makes a file system look at the file again; until it is killed."""
    while True:
        what = chance.randrange(4)
        if what == 0:
            os.stat(path)
        elif what == 1:
            os.utime(path)
        else:
            with open(path, "rb", buffering=0) as f:
                f.read(PAGE * PAGES)


def start(function, *arguments):
    pid = os.fork()
    if pid:
        return pid
    try:
        function(*arguments)
        os._exit(0)
    except Exception as e:
        print(f"FAULT {type(e).__name__}: {e}", file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def check(path, ledger, appenders, records):
    """The file against the ledger, which gets the records if each is there, whole, and in its writer's order."""
    with open(path, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        have = f.read()
    with open(ledger, "rb") as f:
        want = f.read()
    size = PAGE * PAGES
    wrong = [at for at in range(size) if have[at:at + 1] != want[at:at + 1]]
    if wrong:
        at = wrong[0] // STRIPE * STRIPE
        raise Lost(f"at the end {len(wrong)} bytes; at {at} is {have[at:at + STRIPE]}, should be {want[at:at + STRIPE]}")
    turns = dict.fromkeys(appenders, 0)
    for line in have[size:].splitlines(keepends=True):
        number = int(line[:1]) if line[:1].isdigit() else None
        if number not in turns or line != record(number, turns[number]):
            raise Lost(f"records: {line[:40]} after {turns}")
        turns[number] += 1
    if set(turns.values()) != {records}:
        raise Lost(f"records: {turns} of {records} each are there")
    with open(ledger, "ab") as f:
        f.write(have[size:])


def main(path, ledger, seed, count):
    count = int(count)
    for name in (path, ledger):
        with open(name, "wb") as f:
            f.write(bytes(PAGE * PAGES))
    meddling = start(meddler, path, random.Random(seed))
    appenders, records = (4, 5), count // 8
    others = [start(writer, path, ledger, random.Random(f"{seed}-{number}"), count, number, way)
              for number, way in enumerate((pwriting, mapping, pwriting, mapping))]
    others += [start(appender, path, records, number) for number in appenders]
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in others)
    os.kill(meddling, signal.SIGKILL)
    failed += os.waitpid(meddling, 0)[1] != signal.SIGKILL
    if failed:
        raise Lost(f"{failed} processes failed")
    check(path, ledger, appenders, records)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Lost as e:
        sys.exit(f"FAULT {e}\n  of: stripes.py {' '.join(sys.argv[1:])}")
