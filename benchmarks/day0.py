"""Day 0: how well are defects found on photos of a part that nobody has marked?

``python -m benchmarks.day0 --data DIR --json OUT [--weights FILE]``

Photos with centres (images/, images.csv, centers.csv); no label is used but to judge. The day-0 model (the
heads that come with the surface weights) against blob detection: the largest answer of a scale-normalised
Laplacian of Gaussian over scales, divided by the photo's own spread of it. A place within 24 px of a centre
that no surer place has taken is a hit. Average precision of places, and recall at one false alarm a photo,
with 95 % intervals and paired differences by bootstrap over groups.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import patchwork
from dentline import images
from dentline.intervals import Floats, interval, resample
from deployment import scan
from deployment.engine import OnnxEngine
from training import day0, export
from training.models import weights

MATCH_PX = 24
MOST = 30
"""Places a photo at most, for either way."""

Find = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]
"""A photo -> places (n, 2) x, y and their scores (n,), the surest first."""


@dataclass(frozen=True)
class Places:
    """Everything that was found on all photos, and what there was to find.

    Attributes:
        score: (n,). hit: (n,) bool. photo: (n,) which photo.
        n_true: (photos,) centres on each. group: (photos,) the part.
    """

    score: Floats
    hit: NDArray[np.bool_]
    photo: NDArray[np.intp]
    n_true: NDArray[np.intp]
    group: NDArray[np.str_]


def model(path: Path) -> Find:
    """Return the day-0 model of a weights file."""
    engine = OnnxEngine(export.onnx(day0.build(path)))

    def find(photo: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        height, width = photo.shape[:2]
        found = scan.peaks(scan.probabilities(engine, photo), 0.0, (width, height))
        return found.xy[:MOST].astype(np.float64), found.p[:MOST].astype(np.float64)

    return find


def blobs(photo: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return the strongest blobs, dark or bright, of 2 to 16 px."""
    grey = np.log1p(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32))
    answer = np.zeros_like(grey)
    for sigma in np.geomspace(2, 16, 7):
        smooth = cv2.GaussianBlur(grey, (0, 0), float(sigma), borderType=cv2.BORDER_REFLECT)
        curved = np.abs(cv2.Laplacian(smooth, cv2.CV_32F, borderType=cv2.BORDER_REFLECT)) * np.float32(sigma**2)
        answer = np.maximum(answer, curved)
    answer /= np.median(answer) + 1e-9
    wide = cv2.dilate(answer, np.ones((2 * MATCH_PX // 2 + 1,) * 2, np.uint8))
    rows, columns = np.nonzero(answer >= wide)
    score = answer[rows, columns].astype(np.float64)
    order = np.argsort(-score, kind="stable")[:MOST]
    return np.stack([columns, rows], axis=1)[order].astype(np.float64) + 0.5, score[order]


def look(photos: patchwork.Photos, find: Find, name: str) -> Places:
    """Ask one way about every photo."""
    score, hit, owner = [], [], []
    for number, (photo_id, path) in enumerate(photos.paths.items()):
        xy, p = find(images.read(path))
        score.append(p)
        hit.append(matched(xy, photos.centers[photo_id]))
        owner.append(np.full(len(p), number))
        print(f"\r{name}: {number + 1}/{len(photos.paths)} photos", end="", file=sys.stderr)
    print(file=sys.stderr)
    n_true = np.array([len(photos.centers[photo_id]) for photo_id in photos.paths])
    group = np.array([photos.group[photo_id] for photo_id in photos.paths])
    return Places(np.concatenate(score), np.concatenate(hit), np.concatenate(owner), n_true, group)


def matched(xy: Floats, truth: Floats) -> NDArray[np.bool_]:
    """Return (n,) whether each place, the surest first, is the first within MATCH_PX of some centre."""
    free = np.ones(len(truth), bool)
    hit = np.zeros(len(xy), bool)
    for row, place in enumerate(xy):
        away = np.where(free, np.linalg.norm(truth - place, axis=1), np.inf)
        if len(away) and away.min() <= MATCH_PX:
            free[np.argmin(away)] = False
            hit[row] = True
    return hit


def measured(found: Places, drawn: Floats) -> dict[str, Floats]:
    """Return average precision and recall at one false alarm a photo, (B,) for `drawn` (B, photos)."""
    order = np.argsort(-found.score, kind="stable")
    weight = drawn[:, found.photo[order]]
    tp, fp = np.cumsum(weight * found.hit[order], axis=1), np.cumsum(weight * ~found.hit[order], axis=1)
    total = drawn @ found.n_true
    step = np.diff(tp, axis=1, prepend=0)
    within = fp <= drawn.sum(axis=1, keepdims=True)
    return {
        "average_precision": np.sum(step * tp / np.maximum(tp + fp, 1e-12), axis=1) / total,
        "recall_at_1_false_alarm": np.max(np.where(within, tp, 0), axis=1) / total,
    }


def compared(ways: dict[str, Places]) -> dict[str, Any]:
    """Return each way's figures with intervals, and the difference of the first to each other."""
    first = next(iter(ways.values()))
    drawn = resample(first.group, first.n_true > 0, np.random.default_rng(0))
    once = np.ones((1, len(first.n_true)))
    values = {name: (measured(found, once), measured(found, drawn)) for name, found in ways.items()}
    n = int(first.n_true.sum())
    result: dict[str, Any] = {"n_photos": len(first.n_true), "n_centers": n}
    for name, (value, resampled) in values.items():
        result[name] = {k: asdict(interval(value[k], resampled[k], n)) for k in value}
    leader, (value, resampled) = next(iter(values.items()))
    for name, (other, other_resampled) in list(values.items())[1:]:
        result[f"{leader} minus {name}"] = {
            k: asdict(interval(value[k] - other[k], resampled[k] - other_resampled[k], n)) for k in value
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="photos with images.csv and centers.csv")
    parser.add_argument("--weights", type=Path, default=weights.SURFACE, help="surface weights with their heads")
    parser.add_argument("--every", type=int, default=1, help="look at every so many photos only, for a quick figure")
    parser.add_argument("--json", type=Path, required=True, help="where the table is written")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    photos = patchwork.read(args.data)
    photos = replace(photos, paths=dict(list(photos.paths.items())[:: args.every]))
    ways = {"day0": look(photos, model(args.weights), "day0"), "blobs": look(photos, blobs, "blobs")}
    result = compared(ways)
    for name, row in result.items():
        if isinstance(row, dict):
            cells = (f"{k} {v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for k, v in row.items())
            print(f"{name:18s} " + "   ".join(cells))
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{result['n_photos']} photos, {result['n_centers']} centres; wrote {args.json}")


if __name__ == "__main__":
    main()
