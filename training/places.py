"""How well dents are found in whole photos: hits and false alarms, FROC, average precision, photo AUROC.

A place found is a hit when it lies within 16 px of a marked centre that no surer place of the photo
has hit already; every other place is a false alarm, the second on one dent too. As in
:mod:`training.metrics`, `weights` (B, n_photos) says how often each photo was drawn in each of B
resamples, and every measure returns (B,).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dentline.intervals import Floats, Value, interval, resample
from deployment.answer import Defects
from training import metrics

HIT_PX = 16.0
"""A quarter of a patch: nearer than this a person looking at the place sees the dent in its middle."""


FAR_PX = 20.0
"""A place farther than this from every marked centre shows no dent; a nearer one is neither learnt as none."""


@dataclass(frozen=True)
class Places:
    """Every place found in a set of photos, the surest first, matched with the marked centres.

    Attributes:
        p: (k,) of each place. photo: (k,) which of the photos. hit: (k,) bool.
        n_centers: (n_photos,) marked in each photo. group: (n_photos,) the part each shows.
    """

    p: Floats
    photo: NDArray[np.intp]
    hit: NDArray[np.bool_]
    n_centers: NDArray[np.intp]
    group: NDArray[np.str_]

    @property
    def photo_p(self) -> Floats:
        """(n_photos,) the surest place of each photo, 0 where none was found."""
        highest = np.zeros(len(self.n_centers))
        np.maximum.at(highest, self.photo, self.p)
        return highest

    def parts(self) -> "Parts":
        """Return the parts: each as sure as its surest photo, dented where any of its photos shows a dent."""
        names, index = np.unique(self.group, return_inverse=True)
        p, dented = np.zeros(len(names)), np.zeros(len(names), bool)
        np.maximum.at(p, index, self.photo_p)
        np.logical_or.at(dented, index, self.n_centers > 0)
        return Parts(p, dented, names)


@dataclass(frozen=True)
class Parts:
    """Parts with the verdict's probability, (n,) each; `group` names them."""

    p: Floats
    dented: NDArray[np.bool_]
    group: NDArray[np.str_]


def match(
    found: Sequence[Defects], centers_xy: Sequence[NDArray[np.float64]], group: Sequence[str], hit_px: float = HIT_PX
) -> Places:
    """Match what was found in each photo with its marked centres, surest place first, nearest free centre.

    Args:
        found: of each photo, with every probability, not cut at a threshold. centers_xy: (n, 2) of each photo.
    """
    p, photo, hit = [], [], []
    for number, (places, centers) in enumerate(zip(found, centers_xy, strict=True)):
        free = np.ones(len(centers), bool)
        for row in np.argsort(-places.p, kind="stable"):
            away = np.hypot(*(centers - places.xy[row]).T) if len(centers) else np.empty(0)
            near = np.where(free, away, np.inf)
            nearest = int(np.argmin(near)) if len(near) else -1
            is_hit = nearest >= 0 and bool(near[nearest] <= hit_px)
            if is_hit:
                free[nearest] = False
            p.append(float(places.p[row]))
            photo.append(number)
            hit.append(is_hit)
    order = np.argsort(-np.array(p), kind="stable")
    return Places(
        np.array(p)[order],
        np.array(photo, np.intp)[order],
        np.array(hit, bool)[order],
        np.array([len(centers) for centers in centers_xy], np.intp),
        np.array(group),
    )


def average_precision(places: Places, weights: Floats | None = None) -> Floats:
    """Sum of precision times the step in recall over all marked centres, found or not."""
    hits, alarms, n_centers, _ = _swept(places, weights)
    step = np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precise = hits / np.maximum(hits + alarms, 1e-12)
        result: Floats = np.sum(step * precise, axis=1) / n_centers
    return result


def recall_at(places: Places, alarms_per_photo: float, weights: Floats | None = None) -> Floats:
    """Share of the marked centres hit at the lowest threshold with at most so many false alarms a photo."""
    hits, alarms, n_centers, n_photos = _swept(places, weights)
    allowed = alarms <= alarms_per_photo * n_photos[:, None] + 1e-9
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.max(np.where(allowed, hits, 0), axis=1, initial=0) / n_centers
    return result


def photo_auroc(places: Places, weights: Floats | None = None) -> Floats:
    """Area under the ROC of photos with against photos without a dent, each by its surest place."""
    return metrics.auc(places.n_centers > 0, places.photo_p, weights)


def froc(places: Places) -> tuple[Floats, Floats]:
    """Return the curve: false alarms a photo, and recall, as the threshold falls."""
    hits, alarms, n_centers, n_photos = _swept(places, None)
    return np.append(0, alarms[0] / n_photos[0]), np.append(0, hits[0] / max(n_centers[0], 1))


def threshold_at(places: Places, alarms_per_photo: float) -> float:
    """Return the lowest probability that gives at most so many false alarms a photo; 1 where none does.

    Meant for validation photos: what a place of a photo must reach to be called a dent.
    """
    _, alarms, _, n_photos = _swept(places, None)
    allowed = np.flatnonzero(alarms[0] <= alarms_per_photo * n_photos[0] + 1e-9)
    levels = np.unique(places.p)[::-1]
    return float(levels[allowed[-1]]) if len(allowed) else 1.0


def measure(places: Places, rng: np.random.Generator, alarms_per_photo: float = 0.1) -> dict[str, Value]:
    """Return average precision, recall at a rate of false alarms, and photo AUROC, with intervals by group."""
    drawn = resample(places.group, places.n_centers > 0, rng)
    n_centers, n_photos = int(places.n_centers.sum()), len(places.n_centers)
    return {
        "average_precision": interval(average_precision(places), average_precision(places, drawn), n_centers),
        f"recall_at_{alarms_per_photo:g}": interval(
            recall_at(places, alarms_per_photo), recall_at(places, alarms_per_photo, drawn), n_centers
        ),
        "photo_auroc": interval(photo_auroc(places), photo_auroc(places, drawn), n_photos),
    }


def _swept(places: Places, weights: Floats | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Return hits and false alarms (B, k) at each distinct p, falling; centres and photos (B,)."""
    drawn = np.ones((1, len(places.n_centers))) if weights is None else weights
    ends = np.flatnonzero(np.append(np.diff(places.p) != 0, True)) if len(places.p) else np.empty(0, int)
    often = drawn[:, places.photo]
    hits = np.cumsum(often * places.hit, axis=1)[:, ends]
    alarms = np.cumsum(often * ~places.hit, axis=1)[:, ends]
    return hits, alarms, drawn @ places.n_centers, drawn.sum(axis=1)
