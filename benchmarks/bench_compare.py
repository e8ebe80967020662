"""``make bench-compare``: what has become slower since the stored results, by ratio to the same peers.

``python -m benchmarks.bench_compare NEW OLD``, two folders of results. Ratios to a peer that ran in the same
minute are compared, not seconds, so that another or a busier machine does not look like a regression. The
noise band is what both measurements' middle halves allow, and at least BAND.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

BAND = 0.15
"""Least share by which a ratio must fall to count."""


@dataclass(frozen=True)
class Change:
    """How one ratio has changed: `now` over `before`, and whether that is beyond the noise."""

    stage: str
    peer: str
    before: float
    now: float
    slower: bool


def changes(new: Path, old: Path) -> list[Change]:
    """Compare every way that both folders have; only files named ``*.json`` are read."""
    found = []
    for path in sorted(new.glob("*.json")):
        earlier = old / path.name
        if not earlier.is_file():
            continue
        a, b = (json.loads(p.read_text(encoding="utf-8")) for p in (path, earlier))
        known = {way["name"]: way for way in b["ways"]}
        for way in a["ways"]:
            before = known.get(way["name"])
            if before is not None:
                fell = way["ratio"] < before["ratio"] * (1 - BAND) and way["high"] < before["low"]
                found.append(Change(a["stage"], way["name"], before["ratio"], way["ratio"], fell))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("new", type=Path)
    parser.add_argument("old", type=Path)
    args = parser.parse_args()
    found = changes(args.new, args.old)
    for c in found:
        mark = "SLOWER" if c.slower else ""
        print(f"{c.stage:<12} {c.peer:<30} {c.before:8.2f}x -> {c.now:8.2f}x {mark}")
    slower = sum(c.slower for c in found)
    print(f"{len(found)} ratios compared, {slower} slower beyond the noise")
    raise SystemExit(1 if slower or not found else 0)


if __name__ == "__main__":
    main()
