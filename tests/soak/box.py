"""A box of a mount that dies and comes back, and the ledger of what its users were told.

Everything goes through a descriptor of the box, so that the empty directory below a dead mount is never taken for it: what a
descriptor says is true (ENOENT: the name is gone) until the daemon dies, and after that it fails for ever.
"""
import errno
import json
import os
import time

# How a mount fails whose daemon is being killed, or whose disk has lost its power.
DEAD = {errno.ENOTCONN, errno.ECONNABORTED, errno.ENODEV, errno.EIO}
FULL = {errno.ENOSPC, errno.EDQUOT}


class Stopped(Exception):
    """The run is over."""


def dead(error):
    return error.errno in DEAD


class Ledger:
    """Lines of JSON, appended: [time, verb, id, name, …]."""

    def __init__(self, path):
        self.out = open(path, "a", buffering=1, encoding="utf-8")

    def write(self, verb, ident="", name="", more=""):
        self.out.write(json.dumps([round(time.time(), 3), verb, ident, name, more]) + "\n")


class Box:
    def __init__(self, path, stop=None):
        self.path, self.stop, self.fd = path, stop, -1

    def stopping(self):
        return self.stop is not None and os.path.exists(self.stop)

    def opened(self):
        """The descriptor; waits for the mount. Raises Stopped."""
        while not self.answers():
            self.lost()
            if self.stopping():
                raise Stopped
            try:
                self.fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:
                time.sleep(0.05)
        return self.fd

    def answers(self):
        """Asks the daemon itself: listings and attributes of a dead mount come from the kernel's memory for a while."""
        try:
            return self.fd >= 0 and os.fstatvfs(self.fd) is not None
        except OSError:
            return False

    def lost(self):
        """After an error that means that the mount has died."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def names(self):
        return os.listdir(self.opened())
