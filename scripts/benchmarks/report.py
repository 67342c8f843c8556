"""Rounds to medians and ratios."""
from statistics import median


def summary(unit, rounds, ratio=None, target=None):
    """rounds: one dict {subject: value} a round. ratio: (subject, over-subject); target: what it should reach."""
    result = {"unit": unit, "rounds": rounds,
              "median": {subject: median(r[subject] for r in rounds) for subject in rounds[0]}}
    if ratio:
        ratios = [r[ratio[0]] / r[ratio[1]] for r in rounds]
        result["ratio"] = {"of": " / ".join(ratio), "median": median(ratios), "lowest": min(ratios),
                           "highest": max(ratios)}
    if target:
        result["target"] = target
    return result


def print_table(name, result):
    print(f"{name} ({result['unit']}, {len(result['rounds'])} rounds)")
    for subject, value in result["median"].items():
        print(f"    {subject:28} {value:12.1f}")
    if "ratio" in result:
        ratio = result["ratio"]
        print(f"    {ratio['of']:28} {ratio['median']:12.2f}   ({ratio['lowest']:.2f} to {ratio['highest']:.2f})")
    if "target" in result:
        print(f"    wanted: {result['target']}")
    print(flush=True)
