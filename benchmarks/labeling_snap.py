"""How near the snap key brings a careless click to the labelled centre, on photos with known centres.

Run: python -m benchmarks.labeling_snap FOLDER
FOLDER holds centers.csv (image, x, y), images.csv (image, ...) and the photos, as samples/ writes them.
"""

import argparse
import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from dentline import images
from dentline.errors import DentlineError

STATIC = Path(__file__).parents[1] / "labeling" / "static"
HALF_PX = 48
CLICK_PX = 6.0

SCRIPT = """
import { snapped } from "%s/blob.js";
import { readFileSync } from "node:fs";
const clicks = JSON.parse(readFileSync(0, "utf8"));
const found = clicks.map(({ grey, x, y }) => snapped({ data: Float32Array.from(grey), side: %d }, { x, y }));
console.log(JSON.stringify(found));
"""


def windows(folder: Path, rng: np.random.Generator) -> tuple[list[dict[str, Any]], np.ndarray[Any, Any]]:
    """Return the grey window around a careless click at each centre, and the centre in it, (n, 2)."""
    clicks, truths = [], []
    with (folder / "centers.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        path = next(path for path in (folder / sub / row["image"] for sub in ("photos", "images")) if path.is_file())
        grey = images.read(path) @ np.array([0.299, 0.587, 0.114])
        center = np.array([float(row["x"]), float(row["y"])])
        click = center + rng.normal(0, CLICK_PX / np.sqrt(2), 2)
        corner = np.floor(click).astype(int) - HALF_PX
        padded = np.pad(grey, 2 * HALF_PX, constant_values=float(grey.mean()))
        left, top = corner + 2 * HALF_PX
        if min(left, top) < 0 or left + 2 * HALF_PX > padded.shape[1] or top + 2 * HALF_PX > padded.shape[0]:
            continue
        window = padded[top : top + 2 * HALF_PX, left : left + 2 * HALF_PX]
        x, y = click - corner
        clicks.append({"grey": np.round(window.ravel(), 1).tolist(), "x": x, "y": y})
        truths.append(center - corner)
    return clicks, np.array(truths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    node = shutil.which("node")
    if node is None:
        raise DentlineError("node", "is not installed", "the snap is measured in the page's own code")
    clicks, truth = windows(given.folder, np.random.default_rng(given.seed))
    script = SCRIPT % (STATIC.as_uri(), 2 * HALF_PX)
    command = [node, "--input-type=module", "-e", script]
    done = subprocess.run(command, input=json.dumps(clicks), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    before = np.hypot(*(np.array([(c["x"], c["y"]) for c in clicks]) - truth).T)
    snapped = np.array([(f["x"], f["y"]) if f else (np.nan, np.nan) for f in found])
    after = np.hypot(*(snapped - truth).T)
    kept = np.isfinite(after)
    print(f"n = {len(before)} clicks; a spot was found for {kept.sum()}, the others stay where they are")
    ends = np.where(kept, after, before)
    rows = {"as clicked": before, "as they end": ends, "moved, before": before[kept], "moved, after": after[kept]}
    for name, apart in rows.items():
        if len(apart):
            mid, high = np.percentile(apart, [50, 90])
            print(
                f"{name:<14} mean {apart.mean():.1f} px from the labelled centre, median {mid:.1f} px, "
                f"90th percentile {high:.1f} px (n = {len(apart)})"
            )


if __name__ == "__main__":
    main()
