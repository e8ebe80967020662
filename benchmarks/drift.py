"""Drift on real photos: what is done to them by a script is found, and photos left as they are do not alarm.

Run: ``python -m benchmarks.drift --data TILES --other PHOTOS --json OUT``. The layout of TILES is told in
benchmarks/album.py; PHOTOS is a folder of photos of something else. Each round deals the physical parts into two
halves, takes the one as the photos of training and plays the other, shuffled, as what a station sees. A stable
round is exactly what training is like, so every alarm in it is false; no photo of it was seen by the reference.
Photos of one part taken one after another are near copies, which the thresholds do not know of: a real stream of
them comes shuffled here.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import album
from dashboards import drift
from dashboards.drift import LEAST_PHOTOS, STEP, WINDOWS, Picture, Thresholds
from dentline import images, intervals
from deployment import quality
from deployment import reference as references
from deployment.reference import MEASURES, Reference

Photo = NDArray[np.uint8]
Floats = NDArray[np.float64]
FALSE_ALARMS = 0.1
BEFORE, WITHIN = 100, 200


def dim(share: float) -> Callable[[Photo], Photo]:
    """Return what takes a share of the light away."""
    return lambda photo: (photo * (1 - share)).astype(np.uint8)


def defocus(sigma_px: float) -> Callable[[Photo], Photo]:
    """Return what blurs."""
    return lambda photo: np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma_px), np.uint8)


def tilt(degrees: float, is_aimed: bool) -> Callable[[Photo], Photo]:
    """Return what a camera sees that was tilted about its horizontal axis; its field of view is 30 degrees high.

    Args:
        is_aimed: it was aimed at the part again, and what it would newly see is mirrored in. Else the part has moved
            in the photo, and what is newly seen is dark, as beside these parts.
    """

    def tilted(photo: Photo) -> Photo:
        height, width = photo.shape[:2]
        focus = height / (2 * math.tan(math.radians(15)))
        lens = np.array([[focus, 0, width / 2], [0, focus, height / 2], [0, 0, 1]])
        turn, _ = cv2.Rodrigues(np.array([math.radians(degrees), 0, 0]))
        shift = np.array([[1, 0, 0], [0, 1, is_aimed * focus * math.tan(math.radians(degrees))], [0, 0, 1]])
        border = cv2.BORDER_REFLECT if is_aimed else cv2.BORDER_CONSTANT
        seen = shift @ lens @ turn @ np.linalg.inv(lens)
        return np.asarray(cv2.warpPerspective(photo, seen, (width, height), borderMode=border), np.uint8)

    return tilted


def roll(degrees: float) -> Callable[[Photo], Photo]:
    """Return what a camera sees that was turned about its own axis."""

    def rolled(photo: Photo) -> Photo:
        height, width = photo.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(photo, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)

    return rolled


CHANGES: Mapping[str, Callable[[Photo], Photo]] = {
    "a tenth less light": dim(0.1),
    "a fifth less light": dim(0.2),
    "two fifths less light": dim(0.4),
    "defocus, sigma 0.7 px": defocus(0.7),
    "defocus, sigma 1 px": defocus(1.0),
    "defocus, sigma 2 px": defocus(2.0),
    "camera tilted by 2 degrees": tilt(2, False),
    "camera tilted by 5 degrees": tilt(5, False),
    "camera tilted by 10 degrees, aimed again": tilt(10, True),
    "camera tilted by 20 degrees, aimed again": tilt(20, True),
    "camera rolled by 5 degrees": roll(5),
}
NEW_PART = "a new part"


@dataclass(frozen=True)
class Look:
    """What drift looks at in one photo, but for the distance, which needs a reference."""

    levels: dict[str, float]
    features: Floats


@dataclass(frozen=True)
class Found:
    """How soon a change was found over the rounds.

    Attributes:
        found: share of the rounds in which an alarm came within 200 changed photos, with its 95 % interval.
        photos: median of how many changed photos had passed, of the rounds in which it was found.
        by: which measures alarmed first, and in how many rounds.
    """

    change: str
    found: intervals.Value
    photos: float | None
    by: dict[str, int]


def look(photo: Photo) -> Look:
    """Measure a photo as the service does."""
    seen = quality.measure(photo)
    levels = {name: float(getattr(seen, name)) for name in ("brightness", "contrast", "sharpness", "saturation")}
    size = math.sqrt(photo.shape[0] * photo.shape[1])
    return Look(levels | {"size": size, "camera": 0.0}, references.features(photo))


def another_part(photo: Photo, other: Photo, rng: np.random.Generator) -> Photo:
    """Return a piece of another part's photo of this one's size, brightness and contrast."""
    height, width = photo.shape[:2]
    scale = max(1.0, height / other.shape[0], width / other.shape[1])
    large = cv2.resize(other, None, fx=scale, fy=scale) if scale > 1 else other
    top, left = (int(rng.integers(0, max(1, large.shape[axis] - photo.shape[axis]))) for axis in (0, 1))
    piece = large[top : top + height, left : left + width].astype(np.float64)
    alike = (piece - piece.mean()) / (piece.std() + 1e-6) * photo.std() + photo.mean()
    piece_px: Photo = np.clip(alike, 0, 255).astype(np.uint8)
    return piece_px


def halves(tiles: Sequence[str], rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Deal the physical parts into two halves; return their photos' numbers, shuffled."""
    names = np.unique(tiles)
    first = set(rng.permutation(names)[: len(names) // 2].tolist())
    is_first = np.array([tile in first for tile in tiles])
    return rng.permutation(np.flatnonzero(is_first)), rng.permutation(np.flatnonzero(~is_first))


def reference_of(looks: Sequence[Look], tiles: Sequence[str], rows: NDArray[np.intp]) -> Reference:
    """Return the reference of some photos."""
    some = [looks[i] for i in rows]
    return references.make(
        [s.features for s in some], [s.levels for s in some], [tiles[i] for i in rows], [""] * len(some)
    )


def pictures(looks: Sequence[Look], reference: Reference) -> list[Picture]:
    """Return what the check would read of these photos from scores.db."""
    found = []
    for number, one in enumerate(looks):
        values = one.levels | {"distance": reference.distance(one.features)}
        found.append(Picture(number, f"{number:08d}", tuple(values[name] for name in MEASURES)))
    return found


def stable(looks: Sequence[Look], tiles: Sequence[str], least_photos: int, rng: np.random.Generator) -> tuple[int, int]:
    """Play stable rounds until so many photos have passed; return how many did, and the windows that alarmed falsely.

    The running windows and those of an hour of 30 photos are looked at, as the check does.
    """
    n_photos = n_alarms = 0
    while n_photos < least_photos:
        known, live = halves(tiles, rng)
        reference = reference_of(looks, tiles, known)
        thresholds = Thresholds(reference, FALSE_ALARMS)
        seen = pictures([looks[i] for i in live], reference)
        windows = [w for end in range(STEP, len(seen) + 1, STEP) for w in running(seen, end)]
        hours = [seen[end - LEAST_PHOTOS : end] for end in range(LEAST_PHOTOS, len(seen) + 1, LEAST_PHOTOS)]
        for window in (*windows, *hours):
            n_alarms += sum(c.is_alarm for c in drift.compare(window, thresholds, "photos", "run", None))
        n_photos += len(seen)
    return n_photos, n_alarms


def soonest(
    looks: Sequence[Look], changed: Sequence[Look], tiles: Sequence[str], rng: np.random.Generator
) -> tuple[int, list[str]] | None:
    """Play 100 stable photos, then 200 changed ones; return after how many of these an alarm came, and of what."""
    known, live = halves(tiles, rng)
    reference = reference_of(looks, tiles, known)
    thresholds = Thresholds(reference, FALSE_ALARMS)
    later = [changed[i] for i in rng.permutation(np.tile(live, 1 + WITHIN // len(live)))[:WITHIN]]
    seen = pictures([looks[i] for i in live[:BEFORE]] + later, reference)
    for end in range(BEFORE + STEP, len(seen) + 1, STEP):
        checks = [c for w in running(seen, end) for c in drift.compare(w, thresholds, "photos", "run", None)]
        alarms = sorted({check.measure for check in checks if check.is_alarm})
        if alarms:
            return end - BEFORE, alarms
    return None


def running(seen: Sequence[Picture], end: int) -> list[Sequence[Picture]]:
    """Return the running windows that end there."""
    return [seen[end - size : end] for size in WINDOWS if end >= size]


def study(
    looks: Sequence[Look], changed: Mapping[str, Sequence[Look]], tiles: Sequence[str], rounds: int, seed: int
) -> list[Found]:
    """Play each change in so many rounds."""
    done = []
    for number, (change, those) in enumerate(changed.items()):
        rng = np.random.default_rng([seed, number])
        played = [soonest(looks, those, tiles, rng) for _ in range(rounds)]
        hits = [one for one in played if one is not None]
        by = Counter(measure for _, measures in hits for measure in measures)
        after = median(photos for photos, _ in hits) if hits else None
        share = len(hits) / rounds
        found = intervals.widened(intervals.Value(share, share, share, rounds))
        done.append(Found(change, found, after, dict(by.most_common())))
    return done


def main() -> None:
    """Play, print and write the figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--other", type=Path, required=True, help="a folder with photos of another part")
    arguments.add_argument("--rounds", type=int, default=50, help="of each change")
    arguments.add_argument("--stable", type=int, default=100_000, help="stable photos to play")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    read = album.read(given.data)
    photos = [read.photo(i) for i in range(len(read))]
    looks = [look(photo) for photo in photos]
    changed = {name: [look(change(photo)) for photo in photos] for name, change in CHANGES.items()}
    rng = np.random.default_rng(given.seed)
    others = [
        images.read(path) for path in sorted(given.other.rglob("*.*"))[:40] if path.suffix in (".jpg", ".jpeg", ".png")
    ]
    pieces = [another_part(photo, others[i % len(others)], rng) for i, photo in enumerate(photos)]
    changed[NEW_PART] = [look(piece) for piece in pieces]
    n_photos, n_alarms = stable(looks, read.tiles, given.stable, rng)
    result = {
        "photos": len(read),
        "parts": len(set(read.tiles)),
        "stable_photos": n_photos,
        "false_alarms": n_alarms,
        "false_alarms_in_10000": n_alarms / n_photos * 10_000,
        "rounds": given.rounds,
        "changes": [asdict(one) for one in study(looks, changed, read.tiles, given.rounds, given.seed)],
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
