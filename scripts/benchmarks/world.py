"""What the benchmarks run in: servers, mounts and passthrough_ll in the temp directory that tests/scenario made."""
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

EXAMPLES = Path("/usr/share/doc/libfuse3-dev/examples")
MAILBOX_PORT, RELAY_PORT = 4000, 4001
MAILBOX = f"ws://127.0.0.1:{MAILBOX_PORT}/v1"
NO_MAILBOX = "ws://127.0.0.1:9/v1"
RELAY = f"tcp:transit.magic-wormhole.io:{RELAY_PORT}"


def wait_for(what, condition, seconds=60, step=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(step)


class World:
    def __init__(self, rounds, idle):
        self.rounds, self.idle = rounds, idle
        self.dir = Path(os.environ["T"], f"bench-{time.monotonic_ns()}")
        self.logs = Path(os.environ["LOGS"])
        self.wormholefs = Path(os.environ["BUILD"], "mount.wormholefs")
        self.processes = []
        self.mounts = []

    def __enter__(self):
        self.dir.mkdir()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return self

    def __exit__(self, *_):
        for mount in self.mounts:
            subprocess.run(["umount", "-l", mount], check=False, stderr=subprocess.DEVNULL)
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.dir)

    def start(self, name, *command):
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        self.processes.append(process)
        return process

    def servers(self):
        self.start("mailbox", "twist3", "wormhole-mailbox", f"--port=tcp:{MAILBOX_PORT}:interface=127.0.0.1",
                   f"--channel-db={self.dir}/mailbox.sqlite")
        self.start("relay", "twist3", "transitrelay", f"--port=tcp:{RELAY_PORT}:interface=127.0.0.1")
        for port in (MAILBOX_PORT, RELAY_PORT):
            wait_for("a server", lambda port=port: not socket.socket().connect_ex(("127.0.0.1", port)))

    def mounted(self, name, *command):
        """Starts what mounts DIR/name in the foreground; (its directory, its process)."""
        where = self.dir / name
        where.mkdir(exist_ok=True)
        process = self.start(name, *(part.replace("DIR", str(where)) for part in command))
        self.mounts.append(where)
        wait_for(f"mount {name}", lambda: os.path.ismount(where))
        return where, process

    def mount(self, name, mailbox=MAILBOX):
        return self.mounted(name, str(self.wormholefs), name, "DIR", "-F", "-o",
                            f"store={self.dir}/store-{name},mailbox={mailbox},transit={RELAY}")

    def passthrough(self):
        """The directory of a passthrough_ll mount, built from Debian's libfuse examples."""
        program = self.dir / "passthrough_ll"
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], check=True, capture_output=True,
                               text=True).stdout.split()
        source = self.examples() / "passthrough_ll.c"
        subprocess.run(["gcc", "-O2", source, "-o", program, *flags], check=True)
        (self.dir / "under").mkdir()
        return self.mounted("passthrough", str(program), "-f", "-o", f"source={self.dir}/under", "DIR")[0]

    def examples(self):
        """Systems that install no documentation lack them: then they are taken from the package."""
        if (EXAMPLES / "passthrough_ll.c").exists():
            return EXAMPLES
        subprocess.run(["apt-get", "download", "-q", "libfuse3-dev"], cwd=self.dir, check=True)
        package = next(self.dir.glob("libfuse3-dev_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, self.dir / "package"], check=True)
        return self.dir / "package" / EXAMPLES.relative_to("/")

    def pair(self):
        """Servers and two paired mounts; ((outbox at A, inbox at B), (process A, process B))."""
        self.servers()
        a, process_a = self.mount("a")
        b, process_b = self.mount("b")
        join(a / "friend", b)
        (b / "joined").rename(b / "friend")
        for side in (a, b):
            wait_for("pairing", lambda side=side: state(side / "friend") == "paired")
        return (a / "friend/outbox", b / "friend/inbox"), (process_a, process_b)


def join(one, other_mount, name="joined"):
    """Makes wormhole `one` and joins it at the other mount as `name`."""
    one.mkdir()
    (other_mount / name).mkdir()
    code = wait_for_code(one)
    (other_mount / name / "code").write_text(code)


def wait_for_code(wormhole):
    end = time.monotonic() + 60
    while True:
        try:
            return (wormhole / "code").read_text()
        except OSError:
            if time.monotonic() > end:
                raise


def state(wormhole):
    first = (wormhole / "state").read_text().split("\n", 1)[0]
    return first.split(":", 1)[1].strip()
