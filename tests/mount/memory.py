"""memory.py PID WORD…: which of the words stand in the memory of a process; one line for each place."""
import sys

pid, words = sys.argv[1], [word.encode() for word in sys.argv[2:]]
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        span, rights = line.split()[:2]
        low, high = (int(end, 16) for end in span.split("-"))
        try:
            memory.seek(low)
            found = memory.read(high - low) if "r" in rights else b""
        except (OSError, ValueError, OverflowError):  # [vsyscall] and the like
            continue
        for word in words:
            at = found.find(word)
            while at >= 0:
                print(word.decode(), hex(low + at), line.split()[-1], found[max(0, at - 32):at + 48])
                at = found.find(word, at + 1)
