#!/usr/bin/env bash
# A seed that ends by a signal prints the line that runs it again.
#
#     tests/sim/last_words.sh SIMULATE
set -euo pipefail
for number in 6 27; do # SIGABRT, SIGPROF
    said=$(ulimit -c 0; SIM_DIES=$number "$1" --seeds 7..9 --steps 5 --faults kill,power) && exit 1
    echo "$said" | grep -q '^FAILED: .*: seed 7$' || { echo "$number: $said"; exit 1; }
    echo "$said" | grep -q '^    scripts/sim --seeds 7\.\.7 --steps 5 --faults kill,power --trace$' || { echo "$number: $said"; exit 1; }
done
