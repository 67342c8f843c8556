"""Writing through the mount, without a network, against passthrough_ll on the same disk."""
import os
import time

from .report import summary
from .world import NO_MAILBOX


def interleaved(world, measure):
    """One dict a round: `measure(directory)` in our outbox and in passthrough_ll's directory."""
    mount, _ = world.mount("ours", mailbox=NO_MAILBOX)
    (mount / "w").mkdir()
    subjects = {"wormholefs": mount / "w/outbox", "passthrough_ll": world.passthrough()}
    return [{name: measure(where) for name, where in subjects.items()} for _ in range(world.rounds)]


def write_rate(path, block, count):
    """Writes a second of `count` blocks into a new file, which is removed after."""
    data = os.urandom(block)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    began = time.perf_counter()
    for _ in range(count):
        os.write(fd, data)
    took = time.perf_counter() - began
    os.unlink(path)
    os.close(fd)
    return count / took


def big_writes(world):
    rounds = interleaved(world, lambda where: write_rate(where / "big", 1 << 20, 512))
    return summary("MiB/s, 512 MiB in writes of 1 MiB", rounds, ("wormholefs", "passthrough_ll"), "ratio ≥ 0.8")


def small_writes(world):
    rounds = interleaved(world, lambda where: write_rate(where / "small", 4096, 20000))
    return summary("writes/s of 4 KiB, each one checkpointed", rounds, ("wormholefs", "passthrough_ll"),
                   "ratio ≥ 0.5")


def files_rate(where, durable, count=1000):
    """Files of 4 KiB a second, made in a new directory, which is removed after."""
    data = os.urandom(4096)
    where.mkdir()
    began = time.perf_counter()
    for number in range(count):
        fd = os.open(where / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, data)
        if durable:
            os.fsync(fd)
        os.close(fd)
    took = time.perf_counter() - began
    for entry in os.scandir(where):
        os.unlink(entry)
    where.rmdir()
    return count / took


def small_files(world):
    """Our close() makes durable, so the fair comparison is passthrough_ll with an fsync for each file."""
    mount, _ = world.mount("ours", mailbox=NO_MAILBOX)
    (mount / "w").mkdir()
    ours, other = mount / "w/outbox/tree", world.passthrough() / "tree"
    rounds = [{"wormholefs": files_rate(ours, durable=False),
               "passthrough_ll with fsync": files_rate(other, durable=True),
               "passthrough_ll without": files_rate(other, durable=False)} for _ in range(world.rounds)]
    return summary("files/s of 4 KiB", rounds, ("wormholefs", "passthrough_ll with fsync"))
