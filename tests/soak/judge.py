#!/usr/bin/python3
"""judge.py heal|verdict LEDGERS OUTBOX INBOX SIDE OTHER: whether what the writers of SIDE were promised is in OTHER's INBOX.

  heal    what a person does in the end: touch what is held although its writer was told that it is safe (only trees and
          empty files may be), and remove the rest that is held; exit 0 once the outbox is empty
  verdict compares ledgers and inbox; one line each that is wrong, and a summary
"""
import collections
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from content import EMPTY, OTHERS, TREE, Damaged, check, plain  # noqa: E402
from watch import GONE  # noqa: E402


class Put:
    """One content, and where it may and must be."""

    def __init__(self, name):
        self.names = {name}  # at most once under each
        self.last = {name}   # at least once under one of these, if it was promised
        self.promised = self.refused = False


class Account:
    """The ledgers of one side's writers, read as a whole."""

    def __init__(self):
        self.puts, self.standing = {}, {}  # by id; name → id that stood there last
        self.odd, self.counts = [], collections.Counter()

    def read(self, path):
        for line in path.read_text().splitlines():
            _, verb, ident, name, more = json.loads(line)
            self.counts[verb] += 1
            getattr(self, "on_" + verb, lambda *_: None)(ident, name, more)

    def on_put(self, ident, name, _):
        self.withdraw(self.standing.get(name))  # replaced, or nearly: whether it was sent before nobody knows
        self.standing[name] = ident
        self.puts[ident] = Put(name)

    def on_accepted(self, ident, *_):
        self.puts[ident].promised = True

    def on_failed(self, ident, name, _):
        self.puts[ident].refused = True
        self.standing.pop(name, None)

    def on_rename(self, ident, name, new):
        put = self.puts[ident]
        put.names.add(new)
        put.last = {name, new}
        self.standing[new] = ident

    def on_renamed(self, ident, name, new):
        self.puts[ident].last = {new}
        if self.standing.get(name) == ident:
            del self.standing[name]

    def on_gone(self, ident, name, new):
        """Delivered before it could be changed: the old name is the one that counts; a removal was none."""
        if new:
            self.puts[ident].last = {name}
        else:
            self.puts[ident].promised = True

    def on_remove(self, ident, *_):
        self.withdraw(ident)

    def on_odd(self, ident, name, more):
        self.odd.append(f"odd: {ident} {name} {more}")

    def withdraw(self, ident):
        if ident:
            self.puts[ident].promised = False


def heal(account, outbox):
    left = os.listdir(outbox)
    for name in left:
        path = os.path.join(outbox, name)
        if attribute(path, "state") != "held":
            continue
        ident = account.standing.get(name) or plain(name).removesuffix(TREE).removesuffix(EMPTY)
        promised = ident in account.puts and account.puts[ident].promised
        if promised and not name.endswith((TREE, EMPTY)):
            print(f"held although promised: {name}: {attribute(path, 'error')}")
        if promised:
            os.utime(path)
        else:
            os.system(f"rm -rf '{path}'")
    return 1 if os.listdir(outbox) else 0


def attribute(path, which):
    try:
        return os.getxattr(path, f"user.wormhole.{which}").decode()
    except OSError:
        return ""


def cut_short(account, ident, name):
    """With SOAK_SICK: a disk that lives and fails tells the writer so; what he then closes short and leaves is sent as it is."""
    puts = [account.puts.get(word.split(".")[0]) for word in (ident, name)]
    return "SOAK_SICK" in os.environ and ("-edit-" in name or any(put and put.refused for put in puts))


def present(account, inbox):
    """(id, plain name) → how often, of what is in the inbox and not half removed by its user."""
    have, wrong = collections.Counter(), []
    fd = os.open(inbox, os.O_RDONLY | os.O_DIRECTORY)
    for name in os.listdir(fd):
        if name.startswith((GONE, OTHERS)):
            continue
        try:
            have[check(name, fd), plain(name)] += 1
        except Damaged as what:
            if not cut_short(account, what.ident, name):
                wrong.append(f"damaged: {name}: {what}")
    os.close(fd)
    return have, wrong


def taken(account, path, have):
    """Adds what the inbox's user has taken away; an answer that was lost is looked up."""
    wrong, counts, unsure = [], collections.Counter(), set()
    for line in path.read_text().splitlines():
        _, verb, ident, name, more = json.loads(line)
        counts[verb] += more if verb == "events" else 1
        key = ident, plain(name)
        if verb == "taken":
            have[key] += 1
        elif verb == "untaken":
            unsure.add(key)
        elif verb == "odd" or (verb == "damaged" and not cut_short(account, ident, name)):
            wrong.append(f"{verb}: {name} {more}")
    for key in unsure:
        have[key] = have[key] or 1
    return wrong, counts


def verdict(account, inbox, watched):
    have, wrong = present(account, inbox)
    more, counts = taken(account, watched, have)
    wrong += account.odd + more
    promised = 0
    for ident, put in account.puts.items():
        promised += put.promised
        if put.promised and not any(have[ident, plain(name)] for name in put.last):
            wrong.append(f"lost: {ident} as {' or '.join(sorted(put.last))}")
    for (ident, name), count in have.items():
        put = account.puts.get(ident)
        if not put or name not in {plain(n) for n in put.names}:
            wrong.append(f"unknown: {ident} as {name}")
        elif count > 1:
            wrong.append(f"{count} times: {ident} as {name}")
    print("\n".join(wrong) + "\n" if wrong else "", end="")
    print(f"{len(account.puts)} puts, {promised} promised, {sum(have.values())} arrived, "
          f"{account.counts['failed']} failed, {account.counts['renamed']} renamed, {account.counts['removed']} removed, "
          f"{counts['taken']} taken, {counts['events']} events read")
    return 1 if wrong else 0


def main():
    what, ledgers, outbox, inbox, side, other = sys.argv[1:]
    account = Account()
    for path in sorted(Path(ledgers).glob(f"{side}.[a-z]*.ledger")):
        if not path.name.startswith(f"{side}.watch"):
            account.read(path)
    if what == "heal":
        return heal(account, outbox)
    return verdict(account, inbox, Path(ledgers) / f"{other}.watch.ledger")


if __name__ == "__main__":
    sys.exit(main())
