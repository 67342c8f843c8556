"""Resident memory of the daemons: the peak while 1 GiB goes from A to B, and with many idle wormholes."""
from pathlib import Path

from .report import summary
from .transfer import ours, random_file
from .world import join, state, wait_for


def members(group):
    """The processes of a daemon's process group."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            yield stat.parent


def resident_mib(process, line):
    """Sum over the daemon's processes of a line of /proc/PID/status (VmRSS: now, VmHWM: the peak)."""
    total = 0
    for member in members(process.pid):
        for said in (member / "status").read_text().splitlines():
            if said.startswith(line + ":"):
                total += int(said.split()[1])
    return total / 1024


def forget_peak(process):
    for member in members(process.pid):
        (member / "clear_refs").write_text("5")


def transfer(world):
    (outbox, inbox), processes = world.pair()
    source = world.dir / "source.bin"
    random_file(source, 1 << 30)
    rounds = []
    for _ in range(world.rounds):
        for process in processes:
            forget_peak(process)
        ours(source, outbox, inbox)
        rounds.append(dict(zip(("sender", "receiver"), (resident_mib(p, "VmHWM") for p in processes))))
    return summary("MiB resident at the peak, 1 GiB sent and received", rounds, target="each ≤ 64 MiB")


def idle(world):
    """Once: the making of the wormholes is what takes long."""
    world.servers()
    a, process_a = world.mount("a")
    b, process_b = world.mount("b")
    names = [f"w{number}" for number in range(world.idle)]
    for name in names:
        join(a / name, b, name)
    for side in (a, b):
        for name in names:
            wait_for("pairing", lambda where=side / name: state(where) == "paired", seconds=120)
    return summary(f"MiB resident with {world.idle} idle paired wormholes on ws://",
                   [{"A": resident_mib(process_a, "VmRSS"), "B": resident_mib(process_b, "VmRSS")}],
                   target="≤ 100 MiB with 1,000")
