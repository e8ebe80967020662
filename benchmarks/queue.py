"""Does the queue pay? Labeling is played: the queue and random order, judged on parts neither may mark.

``python -m benchmarks.queue --data DIR [--weights VGG.npz] [--plot SVG] --json OUT`` on a folder of the tiles' layout.
A photo's label becomes known when it is marked; a linear head on features of blob proposals is trained on
what is known, four photos at a time; the average precision of places is measured on the other half of the
parts. Features are frozen VGG16 (blocks 1 and 2) with ``--weights``, else blob measures.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from benchmarks import queue_plot
from benchmarks.blob_places import blobs
from benchmarks.vgg_maps import VggMaps
from dentline import images
from dentline.files import write_text
from labeling.learning_curve import forecast
from labeling.queue import Look, appearance, suggest

N_STEP = 4
HIT_PX = 12.0


@dataclass(frozen=True)
class Photo:
    """A photo as the play knows it: places (n, 2), features (n, d), which are dents (n,), dents without a place."""

    photo_id: str
    part: str
    xy: NDArray[np.float32]
    features: NDArray[np.float32]
    dent: NDArray[np.bool_]
    n_missed: int
    appearance: NDArray[np.float32]


Choose = Callable[[list[int], Any, np.random.Generator], list[int]]
"""Indices marked so far and the model -> the next indices to mark."""


def load(data: Path, weights: Path | None) -> list[Photo]:
    """Look at every photo of a folder of the tiles' layout."""
    table = pd.read_csv(data / "images.csv", dtype=str).rename(columns={"tile": "part"})
    centers = pd.read_csv(data / "centers.csv")
    folder = data / ("images" if (data / "images").is_dir() else "photos")
    network = VggMaps(weights) if weights else None
    photos = []
    for name, part in zip(table["image"], table["part"], strict=True):
        pixels = images.read(folder / name)
        found = blobs(pixels)
        marks = centers.loc[centers["image"] == name, ["x", "y"]].to_numpy(float)
        near = np.linalg.norm(found.xy[:, None] - marks[None], axis=2) < HIT_PX
        features = network.at(pixels, found.xy) if network else found.features
        missed = int((~near.any(axis=0)).sum())
        photos.append(Photo(name, part, found.xy, features, near.any(axis=1), missed, appearance(pixels)))
        if len(photos) % 50 == 0:
            print(f"{len(photos)} of {len(table)} photos looked at", file=sys.stderr)
    return photos


class Play:
    """One pool to mark and one set of other parts to be judged on."""

    def __init__(self, photos: Sequence[Photo], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.photos = photos
        parts = sorted({p.part for p in photos})
        dented = sorted({p.part for p in photos if p.dent.any() or p.n_missed})
        halves = (rng.permutation(dented), rng.permutation([p for p in parts if p not in set(dented)]))
        mine = {str(p) for half in halves for p in half[: (len(half) + 1) // 2]}
        self.pool = [i for i, p in enumerate(photos) if p.part in mine]
        self.test = [i for i, p in enumerate(photos) if p.part not in mine]
        everything = np.concatenate([p.features for p in photos])
        middle, spread = everything.mean(axis=0), everything.std(axis=0) + 1e-6
        self.scaled = [np.clip((p.features - middle) / spread, -4, 4) for p in photos]

    def model(self, marked: list[int]) -> Any:
        """Return a head trained on the marked photos, or None while no dent is known."""
        known = np.concatenate([self.photos[i].dent for i in marked])
        if not known.any() or known.all():
            return None
        head = LogisticRegression(C=0.01, class_weight="balanced", max_iter=300)
        return head.fit(np.concatenate([self.scaled[i] for i in marked]), known)

    def p(self, model: Any, i: int) -> NDArray[np.float32]:
        n = len(self.scaled[i])
        return np.asarray(model.predict_proba(self.scaled[i])[:, 1] if model is not None and n else np.zeros(n))

    def average_precision(self, model: Any) -> float:
        """Average precision of the places on the other parts; a dent without a place counts as never found."""
        label = np.concatenate([self.photos[i].dent for i in self.test])
        p = np.concatenate([self.p(model, i) for i in self.test])
        missed = sum(self.photos[i].n_missed for i in self.test)
        return float(average_precision_score(np.r_[label, np.ones(missed, bool)], np.r_[p, np.zeros(missed)]))

    def run(self, choose: Choose, start: list[int], most: int, rng: np.random.Generator) -> list[tuple[int, float]]:
        """Mark until `most` photos are; return (photos marked, average precision) at each step."""
        marked = list(start)
        curve = []
        while True:
            model = self.model(marked)
            curve.append((len(marked), self.average_precision(model)))
            if len(marked) >= min(most, len(self.pool)):
                return curve
            marked += choose(marked, model, rng)[:N_STEP]

    def random(self, marked: list[int], model: Any, rng: np.random.Generator) -> list[int]:
        left = [i for i in self.pool if i not in set(marked)]
        return [int(i) for i in rng.permutation(left)]

    def random_parts(self, marked: list[int], model: Any, rng: np.random.Generator) -> list[int]:
        """Random, but a photo of a part that was marked least: what knowing the groups alone is worth."""
        times: dict[str, int] = {}
        for i in marked:
            times[self.photos[i].part] = times.get(self.photos[i].part, 0) + 1
        chosen: list[int] = []
        left = self.random(marked, model, rng)
        while left and len(chosen) < N_STEP:
            best = min(left, key=lambda i: times.get(self.photos[i].part, 0))
            left.remove(best)
            chosen.append(best)
            times[self.photos[best].part] = times.get(self.photos[best].part, 0) + 1
        return chosen

    def queue(self, marked: list[int], model: Any, rng: np.random.Generator) -> list[int]:
        """The queue that ships."""
        index = {self.photos[i].photo_id: i for i in self.pool}
        looks = [
            Look(k, self.photos[i].xy, self.p(model, i).astype(np.float32), self.photos[i].appearance)
            for k, i in index.items()
        ]
        groups = {k: self.photos[i].part for k, i in index.items()}
        return [index[s.photo_id] for s in suggest(looks, groups, [self.photos[i].photo_id for i in marked], N_STEP)]


WAYS = {"random": Play.random, "random, a new part first": Play.random_parts, "queue": Play.queue}


def play(photos: Sequence[Photo], n_seeds: int, most: int, share: float) -> dict[str, Any]:
    """Play every way for every seed; return the curves and the photos each needed."""
    curves: dict[str, list[list[tuple[int, float]]]] = {way: [] for way in WAYS}
    goals = []
    for seed in range(n_seeds):
        game = Play(photos, seed)
        goals.append(share * game.average_precision(game.model(game.pool)))
        start = [int(i) for i in np.random.default_rng(seed).choice(game.pool, N_STEP, replace=False)]
        for way, choose in WAYS.items():
            curves[way].append(game.run(choose.__get__(game), start, most, np.random.default_rng(seed)))
        print(f"seed {seed}: goal {goals[-1]:.3f}", file=sys.stderr)
    needed = {way: [_needed(c, goal) for c, goal in zip(curves[way], goals, strict=True)] for way in WAYS}
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {"goal": {"share_of_all_labels": share, "average_precision": goals}, "ways": {}}
    for way in WAYS:
        steps = np.array([n for n, _ in curves[way][0]])
        scores = np.array([[s for _, s in c] for c in curves[way]])
        result["ways"][way] = {
            "photos_needed": _mean(np.array(needed[way], float), rng),
            "photos_needed_each_seed": needed[way],
            "never_reached": int(sum(n > steps[-1] for n in needed[way])),
            "n_marked": steps.tolist(),
            "average_precision": [_mean(scores[:, k], rng) for k in range(len(steps))],
            "area": _mean(scores.mean(axis=1), rng),
        }
    ratio = np.array(needed["queue"]) / np.array(needed["random"])
    result["queue_to_random"] = _mean(ratio, rng)
    scores = np.array([[s for _, s in c] for c in curves["queue"]])
    said = forecast(np.array(steps), scores.mean(axis=0), 20, rng)
    result["forecast"] = asdict(said) if said else None
    return result


def _needed(curve: list[tuple[int, float]], goal: float) -> int:
    """Photos when the goal is first reached; one step more than the last where it never was (too kind to that way)."""
    return next((n for n, score in curve if score >= goal), curve[-1][0] + N_STEP)


def _mean(values: NDArray[np.float64], rng: np.random.Generator) -> dict[str, float | int]:
    drawn = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"value": float(values.mean()), "low": float(low), "high": float(high), "n": len(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="VGG16 weights (.npz); blob measures without")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--plot", type=Path, help="write the learning curves here, as SVG")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most", type=int, default=100, help="photos to mark at most")
    parser.add_argument("--share", type=float, default=0.8, help="goal: of the average precision with all labels")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    began = time.process_time()
    photos = load(args.data, args.weights)
    result = {
        "n_photos": len(photos),
        "n_parts": len({p.part for p in photos}),
        "n_dented": sum(bool(p.dent.any()) for p in photos),
        "features": "vgg16 blocks 1 and 2" if args.weights else "blob measures",
        **play(photos, args.seeds, args.most, args.share),
        "cpu_s": time.process_time() - began,
    }
    write_text(args.json, json.dumps(result, indent=1) + "\n")
    if args.plot:
        queue_plot.write(args.plot, result, f"Average precision on other parts ({args.data.name})")
    for way, found in result["ways"].items():
        need = found["photos_needed"]
        print(
            f"{way:<26} {need['value']:.1f} photos [{need['low']:.1f}, {need['high']:.1f}] to the goal, n={need['n']} "
            f"seeds, never in {found['never_reached']}"
        )
    ratio = result["queue_to_random"]
    print(f"queue to random: {ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}] of the photos")
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
