"""512 MiB from A to B: two paired mounts against pairs of stock clients, all on loopback, directly."""
import filecmp
import os
import shutil
import subprocess
import time

from .report import summary
from .world import MAILBOX, RELAY, wait_for

SIZE = 512 << 20


def random_file(path, size):
    with open(path, "wb") as out:
        for _ in range(size >> 20):
            out.write(os.urandom(1 << 20))


def ours(source, outbox, inbox):
    """Seconds from the start of cp to the file in the inbox."""
    arrived = inbox / source.name
    began = time.perf_counter()
    with subprocess.Popen(["cp", source, outbox]):
        wait_for("the arrival", arrived.exists, seconds=300, step=0.002)
        took = time.perf_counter() - began
    must_be_equal(source, arrived)
    arrived.unlink()
    wait_for("the acknowledgement", lambda: not any(outbox.iterdir()))
    return took


def stock(world, source, send, receive, answer):
    """Seconds from the start of both, with the code known to both already, to the end of both."""
    into = world.dir / "received"
    into.mkdir()
    began = time.perf_counter()
    sender = world.start("stock-sender", *send)
    with open(world.logs / "stock-receiver.log", "ab") as log:
        subprocess.run(receive, cwd=into, input=answer, stdout=log, stderr=log, check=True, timeout=300)
    if sender.wait(timeout=300):
        raise RuntimeError("the stock sender failed")
    took = time.perf_counter() - began
    must_be_equal(source, into / source.name)
    shutil.rmtree(into)
    return took


def python_pair(world, source, code):
    common = ["wormhole", "--relay-url", MAILBOX, "--transit-helper", RELAY]
    return stock(world, source, [*common, "send", "--hide-progress", "--code", code, str(source)],
                 [*common, "receive", "--hide-progress", "--accept-file", code], b"")


def go_pair(world, source, code):
    common = ["wormhole-william", "--relay-url", MAILBOX]
    return stock(world, source, [*common, "send", "--hide-progress", "--code", code, str(source)],
                 [*common, "receive", "--hide-progress", code], b"y\n")


def must_be_equal(one, other):
    if not filecmp.cmp(one, other, shallow=False):
        raise RuntimeError(f"{one} and {other} differ")


def against_stock(world):
    (outbox, inbox), _ = world.pair()
    source = world.dir / "source.bin"
    random_file(source, SIZE)
    rounds = []
    for number in range(world.rounds):
        result = {"wormholefs": ours(source, outbox, inbox),
                  "stock Python": python_pair(world, source, f"{9000 + number}-adult-aztec"),
                  "stock Go": go_pair(world, source, f"{9500 + number}-adult-aztec")}
        result["faster stock"] = min(result["stock Python"], result["stock Go"])
        rounds.append(result)
    return summary("seconds for 512 MiB", rounds, ("faster stock", "wormholefs"), "ratio ≥ 1.5")
