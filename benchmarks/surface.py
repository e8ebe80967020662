"""Are weights learnt on generated surfaces as good as ImageNet's? Frozen features, a linear head, few dents.

``python -m benchmarks.surface --data DIR --nails DIR --weights IMAGENET.npz --json OUT``

Four sets: photos with centres (``--data``: images/, images.csv, centers.csv), nails (``--nails``, left out
when not given), and two of generated panels, one with ordinary dents and one with shallow ones. On each,
random, ImageNet and surface weights (ours as shipped, and every ``--surface`` file: other seeds) with 10,
20, 40 and all positives of the training folds, and with mean pooling alone or all pools. Grouped 5-fold,
three splits; average precision of the out-of-fold scores, mean over splits (and seeds), 95 % intervals
and paired differences by one bootstrap over groups. The panels' dents have the shape of those that the
surface weights learnt from, under another light; nothing here had a say in the weights.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import patchwork
from benchmarks.patchwork import Fields
from dentline.intervals import interval, resample
from dentline.recipe import Patches
from samples import panels
from training import linear, metrics
from training.models import weights as sources
from training.models.weights import Weights

N_SPLITS = 3
N_FOLDS = 5
POSITIVES: tuple[int | None, ...] = (10, 20, 40, None)
STRENGTH = 1e-2
"""Inverse regularisation on standardised features: one for all, so that none is tuned."""

Floats = NDArray[np.float64]
LAYERS = {"block2": 128, "block3": 256}
POOLS = ("mean", "full")
N_POOLS = 4
"""Mean, maximum, and both again over the centre: in this order for each layer, as training pools them."""


@dataclass(frozen=True)
class Score:
    """Scores of one way on one set.

    Attributes:
        kind: random, imagenet or surface. pools: mean or full. positives: of the training folds; None: all.
        p: (splits, n) out-of-fold logits.
    """

    kind: str
    weights: str
    pools: str
    positives: int | None
    p: Floats


def columns(pools: str) -> NDArray[np.intp]:
    """Return which features a pooling keeps: all for ``full``, each layer's first part for ``mean``."""
    start, kept = 0, []
    for n in LAYERS.values():
        kept.append(np.arange(start, start + (n if pools == "mean" else N_POOLS * n)))
        start += N_POOLS * n
    return np.concatenate(kept)


def features(fields: Fields, weights: Weights, cache: Path | None) -> NDArray[np.float32]:
    """Return (n, 4 * (128 + 256)): block2 and block3, pooled over each patch in every way."""
    from training.models import vgg16

    digest = hashlib.sha256(fields.images.tobytes() + weights.sha256.encode()).hexdigest()[:24]
    kept = cache / f"{digest}.npy" if cache else None
    if kept and kept.is_file():
        return np.asarray(np.load(kept, allow_pickle=False), np.float32)
    network = vgg16.features(weights.arrays, tuple(LAYERS))
    parts = []
    for start in range(0, len(fields.images), 16):
        found = np.asarray(network(fields.images[start : start + 16]))
        parts.append(found.reshape(len(found), -1))
        print(f"\r{weights.name}: {start + len(found)}/{len(fields.images)} patches", end="", file=sys.stderr)
    print(file=sys.stderr)
    made = np.concatenate(parts).astype(np.float32)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, made)
    return made


def out_of_fold(x: NDArray[np.float32], fields: Fields, n_positives: int | None, split: int) -> Floats:
    """Return (n,) logits, each by a head that saw neither the patch's group nor more than `n_positives` dents."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=split)
    p = np.zeros(len(x))
    for fold, (train, test) in enumerate(folds.split(x, fields.label, fields.group)):
        rng = np.random.default_rng([split, fold])
        dents = rng.permutation(train[fields.label[train]])[:n_positives]
        rows = np.concatenate([dents, train[~fields.label[train]]])
        head = linear.fit(x[rows], fields.label[rows].astype(np.int8), STRENGTH)
        p[test] = x[test] @ head.kernel + head.bias
    return p


def compared(fields: Fields, kinds: list[tuple[str, Weights]], cache: Path | None) -> Iterator[Score]:
    """Yield the scores of every way on one set."""
    for kind, weights in kinds:
        every = features(fields, weights, cache)
        for name in POOLS:
            x = every[:, columns(name)]
            for positives in POSITIVES:
                if positives and positives > fields.label.sum() * (N_FOLDS - 1) / N_FOLDS:
                    continue
                p = np.stack([out_of_fold(x, fields, positives, split) for split in range(N_SPLITS)])
                yield Score(kind, weights.name, name, positives, p)


def table(fields: Fields, scores: list[Score]) -> list[dict[str, Any]]:
    """Return a row for each kind, pooling and number of positives, and the paired differences to ImageNet."""
    drawn = resample(fields.group, fields.label, np.random.default_rng(0))
    rows = []
    for pools in POOLS:
        for positives in POSITIVES:
            here = [s for s in scores if (s.pools, s.positives) == (pools, positives)]
            by_kind: dict[str, dict[str, tuple[Floats, Floats]]] = {}
            for kind in dict.fromkeys(s.kind for s in here):
                by_kind[kind] = _means(fields, [p for s in here if s.kind == kind for p in s.p], drawn)
            for kind, found in by_kind.items():
                row: dict[str, Any] = {"weights": kind, "pools": pools, "positives": positives or "all"}
                row["n_seeds"] = sum(s.kind == kind for s in here)
                for metric, (value, resampled) in found.items():
                    row[metric] = asdict(interval(value, resampled, len(fields.label)))
                    if kind != "imagenet" and "imagenet" in by_kind:
                        base, base_resampled = by_kind["imagenet"][metric]
                        gap = interval(value - base, resampled - base_resampled, len(fields.label))
                        row[f"{metric}_minus_imagenet"] = asdict(gap)
                if row["n_seeds"] > 1:
                    each = [_means(fields, list(s.p), None) for s in here if s.kind == kind]
                    row["average_precision_by_seed"] = [float(m["average_precision"][0][0]) for m in each]
                rows.append(row)
    return rows


def costliest(fields: Fields, scores: list[Score], most: int = 5) -> list[dict[str, Any]]:
    """Return the groups that cost each kind's mean pooling most: what average precision would be without each."""
    names = np.unique(fields.group)
    without = (fields.group[None] != names[:, None]).astype(np.float64)
    rows = []
    for kind in dict.fromkeys(s.kind for s in scores):
        p = [one for s in scores if (s.kind, s.pools, s.positives) == (kind, "mean", None) for one in s.p]
        value, left_out = _means(fields, p, without)["average_precision"]
        gain = left_out - value
        worst = [i for i in np.argsort(-gain)[:most] if gain[i] > 0]
        rows += [{"weights": kind, "group": str(names[i]), "average_precision_gained": float(gain[i])} for i in worst]
    return rows


def _means(fields: Fields, scores: list[Floats], drawn: Floats | None) -> dict[str, tuple[Floats, Floats]]:
    return {
        name: (
            np.mean([measure(fields.label, p) for p in scores], axis=0),
            np.mean([measure(fields.label, p, drawn) for p in scores], axis=0),
        )
        for name, measure in metrics.RANKED.items()
    }


def generated(steepest: tuple[float, float], folder: Path, n_panels: int) -> Fields:
    """Return the patches of panels whose dents' walls have these slopes."""
    panels.generate(folder, n_panels, 1, seed=77, steepest=steepest)
    return patchwork.cut(patchwork.read(folder), Patches(negatives_per_photo=5))


def nails(folder: Path) -> Fields:
    """Return each nail turned upright, (n, 240, 144, 3), as one field: bent or not."""
    from benchmarks import nails as study

    found = study.read(folder)
    grey = study.prepared(found, study.UPRIGHT)
    upright = np.repeat(grey.reshape(*grey.shape[:3], -1)[..., :1], 3, axis=3)
    return Fields(upright, found.bad.astype(bool), found.run.astype(str))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="photos with images.csv and centers.csv")
    parser.add_argument("--nails", type=Path, help="photos *_good.jpeg and *_bad.jpeg")
    parser.add_argument("--weights", default="imagenet", help="ImageNet weights: a .npz or .h5 file, or imagenet")
    parser.add_argument("--surface", type=Path, nargs="*", default=[], help="other seeds of the surface weights")
    parser.add_argument("--json", type=Path, required=True, help="where the tables are written")
    parser.add_argument("--cache", type=Path, help="keep features here, for another run")
    parser.add_argument("--panels", type=int, default=40, help="generated panels in each of the two sets")
    parser.add_argument("--sets", nargs="+", default=["data", "shallow", "panels", "nails"])
    args = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kinds = [("imagenet", sources.resolve(args.weights)), ("random", sources.random())]
    seeds = [sources.surface()] if sources.SURFACE.is_file() else []
    seeds += [w for w in map(sources.read, args.surface) if w.sha256 not in {s.sha256 for s in seeds}]
    kinds += [("surface", w) for w in seeds]
    result: dict[str, Any] = {"weights": [{"kind": k, "source": w.source, "sha256": w.sha256} for k, w in kinds]}
    for name in args.sets:
        with tempfile.TemporaryDirectory() as scratch:
            fields = _set(name, args, Path(scratch))
        if fields is None:
            continue
        n = {"n": len(fields.label), "n_positive": int(fields.label.sum()), "n_groups": len(np.unique(fields.group))}
        print(f"\n{name}: " + ", ".join(f"{k} {v}" for k, v in n.items()), flush=True)
        scores = list(compared(fields, kinds, args.cache))
        rows, costly = table(fields, scores), costliest(fields, scores)
        for row in rows:
            print(_line(row), flush=True)
        for one in costly:
            print(f"mean pooling, {one['weights']}: {one['average_precision_gained']:+.3f} without {one['group']}")
        result[name] = {**n, "rows": rows, "costliest": costly}
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


def _set(name: str, args: argparse.Namespace, scratch: Path) -> Fields | None:
    if name == "data":
        return patchwork.cut(patchwork.read(args.data), Patches(negatives_per_photo=2))
    if name == "nails":
        return nails(args.nails) if args.nails else None
    return generated((0.04, 0.12) if name == "shallow" else panels.STEEPEST, scratch, args.panels)


def _line(row: dict[str, Any]) -> str:
    ap = row["average_precision"]
    words = f"{row['weights']:9s} {row['pools']:5s} {row['positives']!s:>4s} positives  "
    words += f"AP {ap['value']:.3f} [{ap['low']:.3f}, {ap['high']:.3f}]"
    gap = row.get("average_precision_minus_imagenet")
    return words + (f"  minus ImageNet {gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]" if gap else "")


if __name__ == "__main__":
    main()
