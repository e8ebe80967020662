"""Patches of real parts: the two models beside a control and a baseline, split by part.

``python -m benchmarks.tiles --data DIR [--test DIR2] [--weights FILE] --json OUT``

Without ``--test``: k-fold cross-validation by part, repeated over seeds, each seed's out-of-fold scores
pooled. With it: learnt on DIR, judged on DIR2. Every figure is the mean over the seeds, with a 95 %
interval by bootstrap over parts; thresholds come from parts inside the training side. Beside OUT lie a
contact sheet of the dents that were missed and the patches falsely flagged. The layout of the folders
is told in benchmarks/album.py.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import album, black_corners, blobs
from dentline import images, recipe
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.intervals import Value, interval, resample
from training import linear, metrics
from training.data import Examples, folds, join

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Judged:
    """One round's scores of patches it did not learn from, and the threshold chosen without them."""

    p: Floats
    threshold: float


Learner = Callable[[Rows, Rows, int], Judged]
"""Rows to learn from, rows to judge, seed."""

Say = Callable[[str], None]

SCRATCH = recipe.Train(epochs=12, batch_size=48, learning_rate=3e-3, patience=12)


def linear_learner(
    features: NDArray[np.float32], examples: Examples, copies: NDArray[np.float32] | None, alone: bool = False
) -> Learner:
    """Return a learner of a linear head; `copies`: (n_dents, k, f), variants of each dent, learnt from too or alone."""
    dents = np.flatnonzero(examples.label == 1)

    def learn(train: Rows, test: Rows, seed: int) -> Judged:
        seen, shows = features[train], np.arange(len(train))
        if copies is not None:
            own = np.flatnonzero(examples.label[train] == 1)
            varied = copies[np.searchsorted(dents, train[own])]
            if alone:
                seen[own], varied = varied[:, 0], varied[:, 1:]
            seen = np.concatenate([seen, varied.reshape(-1, features.shape[1])])
            shows = np.concatenate([shows, np.repeat(own, varied.shape[1])])
        rng = np.random.default_rng(seed)
        fitted = linear.crossfit(seen, examples.label[train], examples.group[train], rng, shows, n_folds=4)
        return Judged(fitted.head.p(features[test]), metrics.best_threshold(examples.label[train], fitted.p))

    return learn


def scratch_learner(examples: Examples) -> Learner:
    """Return a learner of the small network; a fifth of its parts is kept to stop and choose the threshold on."""
    import keras

    from training.fit import fit, predict
    from training.models import scratch

    def learn(train: Rows, test: Rows, seed: int) -> Judged:
        part = folds(examples.label[train], examples.group[train], 5, np.random.default_rng(seed))
        keras.utils.set_random_seed(seed)
        plan = recipe.Recipe(train=replace(SCRATCH, seed=seed))
        inner = examples.take(train[part == 0])
        fitted = fit(scratch.build(), examples.take(train[part > 0]), inner, plan)
        threshold = metrics.best_threshold(inner.label, predict(fitted.model, inner.fields()))
        keras.backend.clear_session()
        return Judged(predict(fitted.model, examples.take(test).fields()), threshold)

    return learn


@dataclass(frozen=True)
class Pooled:
    """Every judged patch under every seed: `p`, `verdict` (n_seeds, n)."""

    p: Floats
    verdict: NDArray[np.bool_]


def cross_validate(learn: Learner, examples: Examples, n_folds: int, seeds: range, say: Say) -> Pooled:
    """Judge every patch by a model that never saw its part, once for each seed."""
    p = np.empty((len(seeds), len(examples)))
    verdict = np.empty(p.shape, bool)
    for row, seed in enumerate(seeds):
        fold = folds(examples.label, examples.group, n_folds, np.random.default_rng(seed))
        for number in range(n_folds):
            test = np.flatnonzero(fold == number)
            judged = learn(np.flatnonzero(fold != number), test, seed * n_folds + number)
            p[row, test], verdict[row, test] = judged.p, judged.p >= judged.threshold
            say(f"seed {seed}, fold {number + 1} of {n_folds}")
    return Pooled(p, verdict)


def hold_out(learn: Learner, train: Rows, test: Rows, seeds: range, say: Say) -> Pooled:
    """Learn from some rows and judge others, once for each seed."""
    p, verdict = np.empty((len(seeds), len(test))), np.empty((len(seeds), len(test)), bool)
    for row, seed in enumerate(seeds):
        judged = learn(train, test, seed)
        p[row], verdict[row] = judged.p, judged.p >= judged.threshold
        say(f"seed {seed}")
    return Pooled(p, verdict)


def values(pooled: Pooled, examples: Examples) -> dict[str, Value]:
    """Return each metric's mean over the seeds, with the interval of that mean."""
    truth = examples.label.astype(bool)
    drawn = resample(examples.group, truth, np.random.default_rng(0))
    n = {"recall": int(truth.sum()), "precision": round(float(pooled.verdict.sum(axis=1).mean()))}
    found = {}
    for functions, scores in ((metrics.RANKED, pooled.p), (metrics.DECIDED, pooled.verdict)):
        for name, function in functions.items():
            one = np.mean([function(truth, score) for score in scores], axis=0)
            many = np.mean([function(truth, score, drawn) for score in scores], axis=0)
            found[name] = interval(one, many, n.get(name, len(truth)))
    return found


def worst(pooled: Pooled, examples: Examples, most: int = 12) -> tuple[list[int], list[int]]:
    """Return rows of dents missed and of patches falsely flagged in most seeds, the worst first."""
    share, p = pooled.verdict.mean(axis=0), pooled.p.mean(axis=0)
    missed = np.flatnonzero((examples.label == 1) & (share < 0.5))
    false = np.flatnonzero((examples.label == 0) & (share >= 0.5))
    return missed[np.argsort(p[missed])][:most].tolist(), false[np.argsort(-p[false])][:most].tolist()


def sheet(path: Path, rows: dict[str, list[int]], examples: Examples) -> None:
    """Write a picture with one line of patches for each entry of `rows`, the middle 64 px framed."""
    lines = []
    for name, chosen in rows.items():
        line = np.full((156, 12 * 116 + 4, 3), 250, np.uint8)
        cv2.putText(
            line, f"{name}: {len(chosen)}", (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA
        )
        for column, row in enumerate(chosen[:12]):
            field = np.ascontiguousarray(examples.fields()[row])
            cv2.rectangle(field, (23, 23), (88, 88), (255, 200, 0), 1)
            line[30:142, 4 + column * 116 : 116 + column * 116] = field
            label = examples.photo_id[row].rsplit(".", 1)[0][-17:]
            cv2.putText(
                line, label, (4 + column * 116, 153), cv2.FONT_HERSHEY_SIMPLEX, 0.32, (60, 60, 60), 1, cv2.LINE_AA
            )
        lines.append(line)
    path.write_bytes(images.encode_png(np.vstack(lines)))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiles", description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder to learn from")
    parser.add_argument("--test", type=Path, help="folder to judge on; cross-validation on --data without it")
    parser.add_argument("--weights", default="auto", help="VGG16 weights: a file, imagenet, surface or auto")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go; pictures lie beside")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(ROWS), choices=ROWS, help="rows of the table")
    parser.add_argument("--black-corners", action="store_true", help="also what black corners cost (vgg16)")
    try:
        run(parser.parse_args(arguments))
    except DentlineError as error:
        sys.exit(f"benchmarks.tiles: {error}")


ROWS = ("scratch", "vgg16", "vgg16-random", "blobs")


def run(options: argparse.Namespace) -> None:
    """Measure each row, print the table, and write figures and pictures."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    began = time.perf_counter()
    sides = [album.read(folder) for folder in (options.data, options.test) if folder]
    cut = [album.examples(side, recipe.Patches()) for side in sides]
    examples = join(cut)
    test = np.arange(len(cut[0]), len(examples)) if options.test else np.arange(len(examples))
    judged, seeds = examples.take(test), range(options.seeds)
    found: dict[str, Any] = {"data": _told(sides, cut), "models": {}, "not_run": {}}
    pictures: dict[str, list[int]] = {}
    for name in options.models:
        say = _saying(name, began)
        try:
            learn, about = LEARNERS[name](examples, options.weights, say)
        except DentlineError as missing:
            found["not_run"][name] = str(missing)
            continue
        if options.test:
            pooled = hold_out(learn, np.arange(len(cut[0])), test, seeds, say)
        else:
            pooled = cross_validate(learn, examples, options.folds, seeds, say)
        missed, false = worst(pooled, judged)
        pictures |= {f"{name}: dents missed": missed, f"{name}: falsely flagged": false}
        found["models"][name] = {k: asdict(v) for k, v in values(pooled, judged).items()} | {
            "weights": about,
            "missed": [str(judged.patch_id[row]) for row in missed],
            "falsely_flagged": [str(judged.patch_id[row]) for row in false],
        }
    if options.black_corners:
        from training.models import vgg16, weights

        network = vgg16.features(weights.resolve(options.weights).arrays)
        say = _saying("black corners", began)
        found["black_corners"] = {}
        for name, features, copies in black_corners.arms(network, cut[0], np.random.default_rng(0)):
            for beside in ("beside unturned", "alone"):
                learn = linear_learner(features, cut[0], copies, beside == "alone")
                pooled = cross_validate(learn, cut[0], options.folds, seeds, say)
                told = {k: asdict(v) for k, v in values(pooled, cut[0]).items()}
                found["black_corners"][f"{name}, {beside}"] = told
    found["seconds"] = round(time.perf_counter() - began, 1)
    write_text(options.json, json.dumps(found, indent=1) + "\n")
    sheet(options.json.with_suffix(".png"), pictures, judged)
    _print(found)
    print(f"written: {options.json}, {options.json.with_suffix('.png')}")


def _vgg16(examples: Examples, choice: str, say: Say) -> tuple[Learner, str]:
    from augmentation.random import random_dihedral
    from training.models import vgg16, weights
    from training.trainers import COPIES
    from training.trainers import features as of_fields

    found = weights.resolve(choice)
    network = vgg16.features(found.arrays)
    features = of_fields(network, examples.fields(), lambda what, done, total: say(f"{what} {done} of {total}"))
    dents = examples.contexts[examples.label == 1]
    varied = random_dihedral(np.repeat(dents, COPIES, axis=0), np.random.default_rng(0), 112)
    copies = of_fields(network, varied, lambda *_: None).reshape(len(dents), COPIES, -1)
    return linear_learner(features, examples, copies), found.name


LEARNERS: dict[str, Callable[[Examples, str, Say], tuple[Learner, str]]] = {
    "scratch": lambda examples, _, say: (scratch_learner(examples), "none"),
    "vgg16": _vgg16,
    "vgg16-random": lambda examples, _, say: _vgg16(examples, "random", say),
    "blobs": lambda examples, _, say: (linear_learner(blobs.features(examples.fields()), examples, None), "none"),
}


def _told(sides: list[album.Album], cut: list[Examples]) -> list[dict[str, object]]:
    return [
        {
            "folder": str(side.folder),
            "photos": len(side),
            "parts": len(set(side.tiles)),
            "parts_with_a_dent": len(np.unique(patches.group[patches.label == 1])),
            "patches": len(patches),
            "dents": int(patches.label.sum()),
        }
        for side, patches in zip(sides, cut, strict=True)
    ]


def _saying(what: str, began: float) -> Say:
    return lambda line: print(f"{time.perf_counter() - began:6.0f} s  {what}: {line}", file=sys.stderr, flush=True)


def _print(found: dict[str, Any]) -> None:
    names = [*metrics.RANKED, *metrics.DECIDED]
    for side in found["data"]:
        print(", ".join(f"{key} {value}" for key, value in side.items()))
    print(f"{'':32}" + "".join(f"{name:<26}" for name in names))
    tables = [found["models"], found.get("black_corners", {})]
    for name, row in [item for table in tables for item in table.items()]:
        cells = (f"{row[k]['value']:.4f} [{row[k]['low']:.3f}, {row[k]['high']:.3f}]" for k in names)
        print(f"{name:32}" + "".join(f"{cell:<26}" for cell in cells))
    for name, reason in found["not_run"].items():
        print(f"{name:32}not run: {reason}")
    print("mean over the seeds; brackets: 95 % interval, bootstrap over parts")


if __name__ == "__main__":
    main()
