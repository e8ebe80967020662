"""Which photos to mark next, and when more labels have stopped paying. Pure: scores and looks in, an order out.

The model's scan of a photo comes in as :class:`Look`; this room trains and scores nothing itself. The
labeling page takes the order as ``Desk(..., order=queue.order(looks, groups))``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from labeling.annotation import Annotation

SAME_PART = 0.5
"""What a photo is worth when its part was marked already, for each time it was."""

NOVELTY = 0.2
"""What being unlike all that is marked is worth, beside what the model sees there."""

N_RANKED = 50
"""So many photos are put in order for a page; a new save changes what comes after anyway."""

_NEAR_PX = 32.0
_OFF_PX = 8.0

Kind = Literal["missed", "no dent", "off centre"]


@dataclass(frozen=True)
class Look:
    """What is known of a photo without a person.

    Attributes:
        photo_id: as in the project.
        xy: (n, 2) float32 px, the places the model proposes, weak ones too.
        p: (n,) float32, their probabilities.
        appearance: (d,) float32, :func:`appearance` of the photo, or any features of it.
    """

    photo_id: str
    xy: NDArray[np.float32]
    p: NDArray[np.float32]
    appearance: NDArray[np.float32]


@dataclass(frozen=True)
class Next:
    """A photo to mark: how useful it looks (higher first) and why, in words for the person."""

    photo_id: str
    worth: float
    why: str


@dataclass(frozen=True)
class Doubt:
    """A label that the model disagrees with, surest first.

    Attributes:
        kind: ``missed``: the model is sure of a dent where none is marked; ``no dent``: it sees none where
            one is marked; ``off centre``: its peak lies beside the mark.
        x, y: px, the place to look at.
        surprise: 0 to 1.
        distance_px: of an off-centre mark from the peak, else 0.
    """

    photo_id: str
    kind: Kind
    x: float
    y: float
    surprise: float
    distance_px: float


def appearance(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (96,) float32, a cheap look of an RGB photo (H, W, 3): an 8x8 thumbnail and its tones' histogram."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / 255
    tones = np.histogram(grey, bins=32, range=(0, 256))[0].astype(np.float32) / grey.size
    return np.asarray(np.r_[small - small.mean(), np.sqrt(tones)], np.float32)


def suggest(
    looks: Sequence[Look],
    groups: Mapping[str, str],
    marked: Sequence[str],
    n: int | None = None,
    threshold: float = 0.5,
    guess: bool = False,
) -> list[Next]:
    """Return the photos to mark next, the most useful first.

    A photo is worth what the model sees there (how likely a dent is, for dents are rare and a photo with one also
    settles what is no dent, and how much it doubts: a dent it is sure of teaches little), a little for being unlike
    all that is marked, and much less when its part was marked already.

    Args:
        looks: of every photo, marked ones too (they say what is covered).
        groups: group by photo id (groups.csv); a photo that is not named is a part of its own.
        marked: ids of the photos that people have seen.
        n: how many; all by default.
        threshold: of the model.
        guess: the model has learnt from no label of this project. It is never sure of a dent then: its places
            count by their probability alone.
    """
    seen_ids = set(marked)
    open_ = [look for look in looks if look.photo_id not in seen_ids]
    if not open_:
        return []
    part = {look.photo_id: groups.get(look.photo_id, look.photo_id) for look in looks}
    times: dict[str, int] = {}
    for photo_id in seen_ids & part.keys():
        times[part[photo_id]] = times.get(part[photo_id], 0) + 1
    features = _standardised(np.stack([look.appearance for look in looks]))
    is_open = np.array([look.photo_id not in seen_ids for look in looks])
    mine, others = features[is_open], features[~is_open]
    spread = float(np.median(np.linalg.norm(features - features.mean(axis=0), axis=1))) * 2 + 1e-9
    away = _distance(mine, others) if len(others) else np.full(len(mine), spread)
    interest = np.array([_interest(look.p, threshold, guess) for look in open_])
    left = np.ones(len(open_), bool)
    chosen: list[Next] = []
    while left.any() and len(chosen) < (len(open_) if n is None else n):
        novelty = np.minimum(1.0, away / spread)
        repeats = np.array([times.get(part[look.photo_id], 0) for look in open_])
        worth = np.where(left, (interest + NOVELTY * novelty) * SAME_PART**repeats, -1.0)
        best = int(worth.argmax())
        look = open_[best]
        chosen.append(Next(look.photo_id, float(worth[best]), _why(look, repeats[best], novelty[best], threshold)))
        left[best] = False
        times[part[look.photo_id]] = times.get(part[look.photo_id], 0) + 1
        away = np.minimum(away, _distance(mine, mine[best : best + 1]))
    return chosen


def order(
    looks: Sequence[Look], groups: Mapping[str, str], threshold: float = 0.5
) -> Callable[[Sequence[str], Mapping[str, Annotation]], Sequence[str]]:
    """Return the labeling page's `Order`: photos still to mark and what is known -> the same, most useful first.

    The first N_RANKED are in the queue's order, the others follow as they were.
    """

    def ranked(ids: Sequence[str], known: Mapping[str, Annotation]) -> Sequence[str]:
        marked = [photo_id for photo_id, a in known.items() if a.status != "new"]
        place = {s.photo_id: k for k, s in enumerate(suggest(looks, groups, marked, N_RANKED, threshold))}
        return sorted(ids, key=lambda photo_id: place.get(photo_id, len(place)))

    return ranked


def doubts(looks: Sequence[Look], known: Mapping[str, Annotation], threshold: float = 0.5) -> list[Doubt]:
    """Return the labels of reviewed photos that the model disagrees with, the most surprising first.

    Only as good as a model that has not learnt these very labels: give scans by a model trained without the
    photo's group where there is one.
    """
    found: list[Doubt] = []
    for look in looks:
        annotation = known.get(look.photo_id)
        if annotation is None or annotation.status not in ("marked", "clean"):
            continue
        marks = np.array([(c.x, c.y) for c in annotation.centers], np.float32).reshape(-1, 2)
        between = np.linalg.norm(look.xy[:, None] - marks[None], axis=2)
        for k in np.flatnonzero(look.p >= threshold):
            if not (between[k] < _NEAR_PX).any():
                x, y = (float(v) for v in look.xy[k])
                found.append(Doubt(look.photo_id, "missed", x, y, _fold(float(look.p[k]), threshold), 0.0))
        for m, (x, y) in enumerate(marks.tolist()):
            near = np.flatnonzero(between[:, m] < _NEAR_PX)
            strongest = near[look.p[near].argmax()] if len(near) else None
            p = float(look.p[strongest]) if strongest is not None else 0.0
            if p < threshold:
                found.append(Doubt(look.photo_id, "no dent", x, y, 1 - _fold(p, threshold), 0.0))
            elif strongest is not None and between[strongest, m] > _OFF_PX:
                distance = float(between[strongest, m])
                found.append(Doubt(look.photo_id, "off centre", x, y, distance / _NEAR_PX, distance))
    return sorted(found, key=lambda d: (-d.surprise, d.photo_id, d.x))


def _interest(p: NDArray[np.float32], threshold: float, guess: bool) -> float:
    """The surest place's probability and, unless it is a guess, the most doubtful place's entropy in bits."""
    if not len(p):
        return 0.0
    folded = np.clip([_fold(float(v), threshold) for v in p], 1e-9, 1 - 1e-9)
    doubt = -folded * np.log2(folded) - (1 - folded) * np.log2(1 - folded)
    return float(folded.max() + (0.0 if guess else doubt.max()))


def _fold(p: float, threshold: float) -> float:
    """The probability on a scale where the threshold is one half."""
    return p / threshold / 2 if p < threshold else 0.5 + (p - threshold) / (1 - threshold + 1e-9) / 2


def _why(look: Look, repeats: int, novelty: float, threshold: float) -> str:
    p = float(look.p.max()) if len(look.p) else 0.0
    folded = _fold(p, threshold)
    seen = "likely a dent" if folded > 0.7 else "uncertain" if folded > 0.3 else "unlike what is marked"
    if folded <= 0.3 and novelty < 0.5:
        seen = "nothing special"
    return f"{seen} (p {p:.2f})" + (", its part was marked before" if repeats else "")


def _standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6), np.float32)


def _distance(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance of each point to the nearest of others."""
    squares = (points**2).sum(1)[:, None] + (others**2).sum(1)[None] - 2 * points @ others.T
    return np.asarray(np.sqrt(np.maximum(squares, 0).min(axis=1)), np.float32)
