"""random_file.py PATH BYTES [SEED]: writes reproducible bytes that do not compress."""
import random
import sys

path, left = sys.argv[1], int(sys.argv[2])
source = random.Random(sys.argv[3] if len(sys.argv) > 3 else path)
with open(path, "wb") as out:
    while left > 0:
        chunk = min(left, 1 << 20)
        out.write(source.randbytes(chunk))
        left -= chunk
