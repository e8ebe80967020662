"""Dents in whole photos of real parts: how many are found, at how many false alarms, split by part.

``python -m benchmarks.places --data DIR [--test DIR2] [--weights FILE] --json OUT``

Blobs of each photo are proposed, and each is scored as the patch cut around it by a linear head on
frozen VGG16 features, as ``dentline train`` and ``dentline score`` do with ``[scan] source = "blobs"``. The
head learns from the marked dents, their variants and, as hard negatives, every blob of the training photos
that is none; the random negatives, easier than these, are left out. Without ``--test``: k-fold
cross-validation by part; with it: learnt on DIR, judged on DIR2. Beside OUT lies a picture of the dents
missed and of the surest false alarms; those on photos without a mark are often dents that nobody marked,
and are named.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentation.random import random_dihedral
from benchmarks import album, tiles
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.geometry import CONTEXT_PX, FIELD_PX
from dentline.intervals import Floats, interval, resample
from dentline.recipe import Scan
from deployment.answer import Defects
from deployment.proposals import propose
from deployment.scan import merge
from labeling.patches import cut_contexts
from training import linear, places
from training.data import Examples, folds

N_PROPOSALS = Scan().proposals
COPIES = 4
"""As :data:`training.trainers.COPIES`; a test holds them together."""


@dataclass(frozen=True)
class Photos:
    """An album with the features of its proposals and of its dents.

    Attributes:
        xy: (n, N_PROPOSALS, 2) of each photo, NaN beyond those found. features: (n, N_PROPOSALS, f).
        away_px: (n, N_PROPOSALS) to the nearest marked centre.
        dents: (k, 1 + COPIES, f), each marked dent and its variants. owner: (k,) the photo of each.
    """

    album: album.Album
    xy: Floats
    features: NDArray[np.float32]
    away_px: Floats
    dents: NDArray[np.float32]
    owner: NDArray[np.intp]

    @property
    def dented(self) -> NDArray[np.int8]:
        return np.array([len(centers) > 0 for centers in self.album.centers_xy], np.int8)


Featurise = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def prepare(photos: album.Album, featurise: Featurise, say: tiles.Say) -> Photos:
    """Propose places in every photo and compute the features of each, and of the dents."""
    rng = np.random.default_rng(0)
    xy = np.full((len(photos), N_PROPOSALS, 2), np.nan)
    away = np.full((len(photos), N_PROPOSALS), np.inf)
    rows: list[NDArray[np.float32]] = []
    dents, owner = [], []
    for i in range(len(photos)):
        photo, centers = photos.photo(i), photos.centers_xy[i]
        found = propose(photo, N_PROPOSALS)
        xy[i, : len(found)] = found
        for center in centers:
            away[i, : len(found)] = np.minimum(away[i, : len(found)], np.hypot(*(found - center).T))
            context = cut_contexts(photo, center[None], CONTEXT_PX)[0]
            varied = random_dihedral(np.repeat(context, COPIES, axis=0), rng, FIELD_PX)
            dents.append(featurise(np.concatenate([cut_contexts(photo, center[None], FIELD_PX)[0], varied])))
            owner.append(i)
        rows.append(featurise(cut_contexts(photo, found, FIELD_PX)[0]) if len(found) else np.empty((0, 0), np.float32))
        if i % 20 == 19 or i + 1 == len(photos):
            say(f"photo {i + 1} of {len(photos)}")
    n_features = max(row.shape[1] for row in rows)
    features = np.zeros((len(photos), N_PROPOSALS, n_features), np.float32)
    for i, row in enumerate(rows):
        features[i, : len(row)] = row.reshape(len(row), n_features)
    empty = np.empty((0, 1 + COPIES, n_features), np.float32)
    return Photos(photos, xy, features, away, np.stack(dents) if dents else empty, np.array(owner, np.intp))


def learn(photos: Photos, train: NDArray[np.bool_], seed: int) -> linear.Head:
    """Fit a head on the dents of some photos, and on every proposal there that is none."""
    own = train[photos.owner]
    negative = train[:, None] & (photos.away_px > places.FAR_PX) & np.isfinite(photos.xy[..., 0])
    dents = photos.dents[own]
    n_dents, n_seen = len(dents), 1 + COPIES
    seen = np.concatenate([dents[:, 0], photos.features[negative], dents[:, 1:].reshape(-1, dents.shape[-1])])
    label = np.concatenate([np.ones(n_dents, np.int8), np.zeros(int(negative.sum()), np.int8)])
    tile = np.array(photos.album.tiles)
    group = np.concatenate([tile[photos.owner[own]], tile[np.nonzero(negative)[0]]])
    source = np.concatenate([np.arange(len(label)), np.repeat(np.arange(n_dents), n_seen - 1)])
    return linear.crossfit(seen, label, group, np.random.default_rng(seed), source, n_folds=4).head


def find(photos: Photos, head: linear.Head, chosen: NDArray[np.intp]) -> list[Defects]:
    """Score the proposals of some photos; near ones are merged, as when a photo is served."""
    found = []
    for i in chosen:
        kept = np.isfinite(photos.xy[i, :, 0])
        found.append(merge(photos.xy[i, kept], head.p(photos.features[i, kept])))
    return found


def judge(photos: Photos, found: list[Defects], chosen: NDArray[np.intp]) -> places.Places:
    """Match what was found with the marks."""
    return places.match(found, [photos.album.centers_xy[i] for i in chosen], [photos.album.tiles[i] for i in chosen])


def cross_validate(photos: Photos, n_folds: int, seed: int, say: tiles.Say) -> list[Defects]:
    """Find the places of every photo by a head that never saw its part."""
    fold = folds(photos.dented, np.array(photos.album.tiles), n_folds, np.random.default_rng(seed))
    found: dict[int, Defects] = {}
    for number in range(n_folds):
        test = np.flatnonzero(fold == number)
        head = learn(photos, fold != number, seed * n_folds + number)
        found |= dict(zip(test.tolist(), find(photos, head, test), strict=True))
        say(f"seed {seed}, fold {number + 1} of {n_folds}")
    return [found[i] for i in range(len(photos.album))]


def values(rounds: list[places.Places]) -> dict[str, Any]:
    """Return each figure's mean over the seeds, with the interval of that mean."""
    first = rounds[0]
    drawn = resample(first.group, first.n_centers > 0, np.random.default_rng(0))
    n_centers, n_photos = int(first.n_centers.sum()), len(first.n_centers)
    measures: dict[str, tuple[Callable[..., Floats], int]] = {
        "average_precision": (places.average_precision, n_centers),
        "recall_at_0.1": (lambda found, weights=None: places.recall_at(found, 0.1, weights), n_centers),
        "photo_auroc": (places.photo_auroc, n_photos),
    }
    told = {}
    for name, (measure, n) in measures.items():
        one = np.mean([measure(found) for found in rounds], axis=0)
        many = np.mean([measure(found, drawn) for found in rounds], axis=0)
        told[name] = asdict(interval(one, many, n))
    return told


def alarms(photos: Photos, found: list[Defects], chosen: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Return the false alarms that are surer than a quarter of the dents found, the surest first."""
    judged = judge(photos, found, chosen)
    limit = float(np.percentile(judged.p[judged.hit], 25)) if judged.hit.any() else 1.0
    told = []
    for p, photo, hit in zip(judged.p, judged.photo, judged.hit, strict=True):
        if hit or p < limit:
            continue
        row = int(np.flatnonzero(found[photo].p == np.float32(p))[0])
        x, y = (round(float(v), 1) for v in found[photo].xy[row])
        i = int(chosen[photo])
        marked = bool(len(photos.album.centers_xy[i]))
        told.append(
            {"photo": photos.album.names[i], "x": x, "y": y, "p": round(float(p), 4), "photo_is_marked": marked}
        )
    return told


def missed(photos: Photos, found: list[Defects], chosen: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Return the marked centres that nothing found above 0.1 false alarms a photo lies near."""
    threshold = places.threshold_at(judge(photos, found, chosen), 0.1)
    told = []
    for defects, i in zip(found, chosen, strict=True):
        sure = defects.xy[defects.p >= threshold]
        for x, y in photos.album.centers_xy[i]:
            if not len(sure) or np.hypot(*(sure - (x, y)).T).min() > places.HIT_PX:
                told.append({"photo": photos.album.names[i], "x": float(x), "y": float(y)})
    return told


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.places", description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder to learn from")
    parser.add_argument("--test", type=Path, help="folder to judge on; cross-validation on --data without it")
    parser.add_argument("--weights", default="auto", help="VGG16 weights: a file, imagenet, surface, random or auto")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go; a picture lies beside")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    try:
        run(parser.parse_args(arguments))
    except DentlineError as error:
        sys.exit(f"benchmarks.places: {error}")


def run(options: argparse.Namespace) -> None:
    """Measure, print, and write figures and picture."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from training.models import vgg16, weights
    from training.trainers import features as of_fields

    began = time.perf_counter()

    def say(line: str) -> None:
        print(f"{time.perf_counter() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    resolved = weights.resolve(options.weights)
    network = vgg16.features(resolved.arrays)

    def featurise(fields: NDArray[np.uint8]) -> NDArray[np.float32]:
        return of_fields(network, fields, lambda *_: None)

    data = prepare(album.read(options.data), featurise, say)
    judged = prepare(album.read(options.test), featurise, say) if options.test else data
    chosen = np.arange(len(judged.album))
    rounds = []
    for seed in range(options.seeds):
        if options.test:
            head = learn(data, np.ones(len(data.album), bool), seed)
            rounds.append(find(judged, head, chosen))
        else:
            rounds.append(cross_validate(data, options.folds, seed, say))
    found = values([judge(judged, one, chosen) for one in rounds])
    found |= {
        "seconds_per_photo": round(_seconds(judged, featurise), 4),
        "weights": resolved.name,
        "photos": len(chosen),
        "dents": len(judged.owner),
        "parts": len(set(judged.album.tiles)),
        "false_alarms": alarms(judged, rounds[0], chosen),
        "missed": missed(judged, rounds[0], chosen),
        "seconds": round(time.perf_counter() - began, 1),
    }
    write_text(options.json, json.dumps(found, indent=1) + "\n")
    _sheet(options.json.with_suffix(".png"), judged, found)
    for name in ("average_precision", "recall_at_0.1", "photo_auroc"):
        value = found[name]
        print(f"{name:20}{value['value']:.4f} [{value['low']:.3f}, {value['high']:.3f}] n {value['n']}")
    print(f"{'seconds a photo':20}{found['seconds_per_photo']}")
    unmarked = sorted({alarm["photo"] for alarm in found["false_alarms"] if not alarm["photo_is_marked"]})
    print(f"without a mark, yet surer than a quarter of the dents found: {', '.join(unmarked) or 'none'}")
    print("mean over the seeds; brackets: 95 % interval, bootstrap over parts")
    print(f"written: {options.json}, {options.json.with_suffix('.png')}")


def _seconds(photos: Photos, featurise: Featurise, most: int = 10) -> float:
    """Return how long finding the places of one photo takes, decoding left out."""
    chosen = [photos.album.photo(i) for i in range(min(most, len(photos.album)))]
    began = time.perf_counter()
    for photo in chosen:
        found = propose(photo, N_PROPOSALS)
        if len(found):
            featurise(cut_contexts(photo, found, FIELD_PX)[0])
    return (time.perf_counter() - began) / max(len(chosen), 1)


def _sheet(path: Path, photos: Photos, found: dict[str, Any]) -> None:
    """Write a picture: a line of the surest false alarms, a line of the missed dents."""
    number = {name: i for i, name in enumerate(photos.album.names)}
    lines = {"false alarms": found["false_alarms"], "missed": found["missed"]}
    shown = [entry for line in lines.values() for entry in line[:12]]
    contexts = [
        cut_contexts(photos.album.photo(number[e["photo"]]), np.array([[e["x"], e["y"]]]), CONTEXT_PX)[0] for e in shown
    ] or [np.zeros((0, CONTEXT_PX, CONTEXT_PX, 3), np.uint8)]
    names = np.array([entry["photo"] for entry in shown])
    rows: dict[str, list[int]] = {}
    for name, line in lines.items():
        start = sum(len(one) for one in rows.values())
        rows[name] = list(range(start, start + min(len(line), 12)))
    labels = np.zeros(len(shown), np.int8)
    tiles.sheet(path, rows, Examples(np.concatenate(contexts), labels, names, names, names))


if __name__ == "__main__":
    main()
