"""Does the queue pay? Labeling is played: the queue and random order, judged on parts neither may mark.

``python -m benchmarks.queue --data DIR --json OUT [--weights VGG.npz] [--scale S] [--cache FILE] [--plot SVG]`` on a
folder of the tiles' layout. A photo's label becomes known when it is marked; a linear head on features of blob
proposals is trained on what is known, four photos at a time; the average precision of places is measured on the other
half of the parts. The places are those of :mod:`benchmarks.queue_photos`.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from benchmarks import queue_photos, queue_plot
from benchmarks.queue_photos import MERGE_PX, Photo
from dentline.files import write_text
from labeling.learning_curve import forecast
from labeling.queue import Look, suggest
from samples import panels

SURFACE = Path(__file__).parents[1] / "training" / "models" / "vgg16_surface.npz"

N_STEP = 4
N_PLAYS = 4
N_AXES = 150
"""Features are turned into so many main axes, seen without labels, so that a head is trained in milliseconds."""

SHARES = (0.8, 0.95)
"""The goals: shares of the average precision that all labels of the pool give."""


Choose = Callable[[list[int], Any, np.random.Generator], list[int]]
"""Indices marked so far and the model -> the next indices to mark."""


class Play:
    """One pool to mark and one set of other parts to be judged on."""

    def __init__(self, photos: Sequence[Photo], seed: int, side: int) -> None:
        rng = np.random.default_rng(seed)
        self.photos = photos
        parts = sorted({p.part for p in photos})
        dented = sorted({p.part for p in photos if p.n_dents})
        halves = (rng.permutation(dented), rng.permutation([p for p in parts if p not in set(dented)]))
        mine = {str(p) for half in halves for p in half[: (len(half) + 1) // 2]}
        halves_of = [[i for i, p in enumerate(photos) if (p.part in mine) == here] for here in (True, False)]
        self.pool, self.test = halves_of[side], halves_of[1 - side]
        self.apart = [np.linalg.norm(p.xy[:, None] - p.xy[None], axis=2) >= MERGE_PX for p in photos]
        everything = np.concatenate([p.features for p in photos])
        middle, spread = everything.mean(axis=0), everything.std(axis=0) + 1e-6
        scaled = np.clip((everything - middle) / spread, -4, 4)
        main = np.linalg.svd(scaled[rng.permutation(len(scaled))[:4000]], full_matrices=False)[2][:N_AXES]
        self.scaled = np.split(scaled @ main.T, np.cumsum([len(p.features) for p in photos])[:-1])

    def model(self, marked: list[int]) -> Any:
        """Return a head trained on the marked photos, or None while no dent is known."""
        learnt = [self.photos[i].learnt for i in marked]
        known = np.concatenate([self.photos[i].shows[of] >= 0 for i, of in zip(marked, learnt, strict=True)])
        if not known.any() or known.all():
            return None
        head = LogisticRegression(C=0.1, class_weight="balanced", max_iter=100)
        return head.fit(np.concatenate([self.scaled[i][of] for i, of in zip(marked, learnt, strict=True)]), known)

    def p(self, model: Any, i: int) -> NDArray[np.float32]:
        n = len(self.scaled[i])
        return np.asarray(model.predict_proba(self.scaled[i])[:, 1] if model is not None and n else np.zeros(n))

    def average_precision(self, model: Any) -> float:
        """Average precision of the places on the other parts; a dent that no place shows counts as never found."""
        found: list[tuple[float, bool]] = []
        for i in self.test:
            photo, p = self.photos[i], self.p(model, i)
            free, open_ = np.ones(photo.n_dents, bool), np.ones(len(p), bool)
            for k in np.argsort(-p, kind="stable"):
                if open_[k]:
                    open_ &= self.apart[i][k]
                    hit = photo.shows[k] >= 0 and bool(free[photo.shows[k]])
                    if hit:
                        free[photo.shows[k]] = False
                    found.append((float(p[k]), hit))
            found += [(0.0, True)] * int(free.sum())
        scores, hits = np.array(found).T
        return float(average_precision_score(hits, scores))

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


def play(photos: Sequence[Photo], n_seeds: int, most: int) -> dict[str, Any]:
    """Play every way for every seed; return the curves and the photos each needed for each goal.

    A seed deals the parts into two halves. Each half is the pool twice, from two starts, the same for all ways; the
    seed's figure is the mean of the four plays.
    """
    shape = (n_seeds, N_PLAYS)
    whole = np.zeros(shape)
    curves: dict[str, list[NDArray[np.float64]]] = {way: [] for way in WAYS}
    steps = np.arange(N_STEP, most + 1, N_STEP)
    for seed in range(n_seeds):
        for number in range(N_PLAYS):
            game = Play(photos, seed, number % 2)
            whole[seed, number] = game.average_precision(game.model(game.pool))
            start = np.random.default_rng([seed, number]).choice(game.pool, N_STEP, replace=False).tolist()
            for way, choose in WAYS.items():
                curve = game.run(choose.__get__(game), start, most, np.random.default_rng([seed, number]))
                curves[way].append(np.pad([score for _, score in curve], (0, len(steps) - len(curve)), mode="edge"))
        print(f"seed {seed}: average precision with all labels {whole[seed].mean():.3f}", file=sys.stderr)
    rng = np.random.default_rng(0)
    scores = {way: np.stack(each).reshape(*shape, -1) for way, each in curves.items()}
    result: dict[str, Any] = {"all_labels": _mean(whole.mean(axis=1), rng), "goals": {}, "ways": {}}
    for way, each in scores.items():
        mean = each.mean(axis=1)
        result["ways"][way] = {
            "n_marked": steps.tolist(),
            "average_precision": [_mean(mean[:, k], rng) for k in range(len(steps))],
            "area": _mean(mean.mean(axis=1), rng),
        }
    for share in SHARES:
        needed = {way: _needed(each, share * whole, steps) for way, each in scores.items()}
        result["goals"][str(share)] = {
            "ways": {
                way: {**_mean(n.mean(axis=1), rng), "each": n.tolist(), "never": int((n > steps[-1]).sum())}
                for way, n in needed.items()
            },
            "queue_to_random": _mean(needed["queue"].mean(axis=1) / needed["random"].mean(axis=1), rng),
            "queue_less_than_random": _mean(needed["random"].mean(axis=1) - needed["queue"].mean(axis=1), rng),
        }
    said = forecast(steps, scores["queue"].mean(axis=(0, 1)), 20, rng)
    result["forecast"] = asdict(said) if said else None
    return result


def _needed(scores: NDArray[np.float64], goals: NDArray[np.float64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Photos when a goal is first reached; one step more than the last where it never was (too kind to that way)."""
    reached = scores >= goals[..., None]
    return np.asarray(np.where(reached.any(axis=-1), steps[reached.argmax(axis=-1)], steps[-1] + N_STEP), np.int64)


def _mean(values: NDArray[np.float64], rng: np.random.Generator) -> dict[str, float | int]:
    drawn = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"value": float(values.mean()), "low": float(low), "high": float(high), "n": len(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--panels", type=int, help="first generate so many panels in DATA, three photos each")
    parser.add_argument("--clean", type=float, default=0.84, help="share of them without a dent; the tiles have 0.84")
    parser.add_argument("--weights", type=Path, default=SURFACE, help="VGG16 weights (.npz); those that come along")
    parser.add_argument("--scale", type=float, default=1.0, help="the photos are looked at so much smaller")
    parser.add_argument("--places", type=int, default=15, help="blobs a photo")
    parser.add_argument("--cache", type=Path, help="what was seen on the photos is kept here, and taken from here")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--plot", type=Path, help="write the learning curves here, as SVG")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most", type=int, default=60, help="photos to mark at most")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    began = time.process_time()
    if args.panels:
        panels.generate(args.data, args.panels, seed=5, clean_share=args.clean)
    if args.cache and args.cache.is_file():
        photos = queue_photos.kept(args.cache)
    else:
        photos = queue_photos.look(args.data, args.weights, args.scale, args.places)
        if args.cache:
            queue_photos.keep(args.cache, photos)
    result = {
        "n_photos": len(photos),
        "n_parts": len({p.part for p in photos}),
        "n_dented": sum(p.n_dents > 0 for p in photos),
        "n_dented_parts": len({p.part for p in photos if p.n_dents}),
        "weights": args.weights.name,
        **play(photos, args.seeds, args.most),
        "cpu_s": time.process_time() - began,
    }
    write_text(args.json, json.dumps(result, indent=1) + "\n")
    if args.plot:
        queue_plot.write(args.plot, result, f"Average precision on other parts ({args.data.name})")
    print(f"{len(photos)} photos, average precision with all labels {_said(result['all_labels'], 3)}")
    for share, goal in result["goals"].items():
        for way, need in goal["ways"].items():
            print(f"{share} of it: {way:<26} {_said(need)} photos, n={need['n']} seeds, never in {need['never']} plays")
        print(f"{share} of it: queue to random, seed by seed {_said(goal['queue_to_random'], 2)}")
        print(f"{share} of it: photos saved by the queue, seed by seed {_said(goal['queue_less_than_random'])}")
    print(f"wrote {args.json}")


def _said(found: dict[str, Any], digits: int = 1) -> str:
    return f"{found['value']:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


if __name__ == "__main__":
    main()
