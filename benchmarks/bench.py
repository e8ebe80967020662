"""``make bench``: every stage beside its peers, a results file each, and a page with plots.

``python -m benchmarks.bench [--stage NAME ...] [--rounds 15] [--results DIR]``; then ``python -m
benchmarks.bench_compare NEW OLD`` says what has become slower.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bench_page, harness
from benchmarks.stages import STAGES, scratch_folder
from dentline.files import write_text

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", action="append", choices=sorted(STAGES), help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    missed = 0
    for name in args.stage or STAGES:
        rng = np.random.default_rng(args.seed)
        print(f"{name} ...", file=sys.stderr)
        with scratch_folder() as folder:
            found = harness.result(STAGES[name](Path(folder), rng), args.rounds, rng)
        write_text(args.results / f"{name}.json", json.dumps(found, indent=1) + "\n")
        cost = f"{found['ours']['us_per_unit']:.1f} us a {found['unit']} ({found['clock']})"
        print(f"{name}: {found['ours']['name']} {cost}{_promise(found['ours'])}")
        missed += found["ours"].get("holds") is False
        for way in found["ways"]:
            verdict = {None: "", True: f"  floor {way['floor']}x: held", False: f"  floor {way['floor']}x: MISSED"}
            print(
                f"  {way['name']:<30} {way['ratio']:8.2f}x [{way['low']:.2f}, {way['high']:.2f}]{verdict[way['holds']]}"
            )
            missed += way["holds"] is False
    page = args.results / "index.html"
    bench_page.write(page, args.results)
    print(f"{missed} floors missed; wrote {args.results}/*.json and {page}")


def _promise(ours: dict[str, Any]) -> str:
    if "at_most_us" not in ours:
        return ""
    return f"  at most {ours['at_most_us']:.0f} us: {'held' if ours['holds'] else 'MISSED'}"


if __name__ == "__main__":
    main()
