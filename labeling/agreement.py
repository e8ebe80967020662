"""How well two people agree who marked the same photos without seeing each other's marks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dentline.intervals import Floats, Labels, Value, interval, resample, widened
from labeling.annotation import Annotation, Center
from labeling.store import Entry

WITHIN_PX = 16.0
"""How far apart two centres of one dent may be: a quarter of a patch."""

_FINISHED = ("marked", "clean")


@dataclass(frozen=True)
class DoubleReading:
    """A photo that two people went through.

    Attributes:
        first: the photo's annotation as it was when the second reader finished.
        second: what the blind second reader made of the photo.
        settled: whether the photo's annotation was saved again since: somebody looked at both.
    """

    first: Annotation
    second: Annotation
    settled: bool

    @property
    def photo_id(self) -> str:
        return self.first.photo_id


@dataclass(frozen=True)
class Comparison:
    """Two people's centres on one photo, paired where they mean the same dent."""

    both: tuple[tuple[Center, Center], ...]
    only_first: tuple[Center, ...]
    only_second: tuple[Center, ...]

    @property
    def agrees(self) -> bool:
        return not self.only_first and not self.only_second


@dataclass(frozen=True)
class Agreement:
    """The figures, each with its 95 % interval by bootstrap over groups.

    Attributes:
        centers: Dice's coefficient, 2 x paired / all centres of both; n is all centres of both.
        photos: share of the photos where both say dented or both say clean; n is the photos.
        kappa: the same beyond chance (Cohen, 1960); not a number where both say the same of every photo.
        apart_px: median distance of paired centres; n is the pairs.
        within_px: how far apart paired centres may be.
    """

    centers: Value
    photos: Value
    kappa: Value
    apart_px: Value
    within_px: float


def double_readings(log: Iterable[Entry]) -> list[DoubleReading]:
    """Return every photo that its annotator and a blind second reader have finished, once a reader.

    Args:
        log: all saves in their order, as the store tells them.
    """
    first: dict[str, list[Entry]] = {}
    second: dict[tuple[str, str], Entry] = {}
    for entry in log:
        photo_id = entry.annotation.photo_id
        if entry.reader:
            second[photo_id, entry.reader] = entry
        else:
            first.setdefault(photo_id, []).append(entry)
    found = []
    for (photo_id, _), read in sorted(second.items()):
        before = [e for e in first.get(photo_id, []) if e.id < read.id]
        if before and before[-1].annotation.status in _FINISHED and read.annotation.status in _FINISHED:
            found.append(DoubleReading(before[-1].annotation, read.annotation, first[photo_id][-1].id > read.id))
    return found


def compare(first: Sequence[Center], second: Sequence[Center], within_px: float = WITHIN_PX) -> Comparison:
    """Pair two people's centres: as many pairs as can be, and of these ways the one with the least distance."""
    from scipy.optimize import linear_sum_assignment

    a, b = (np.array([(c.x, c.y) for c in side], np.float64).reshape(-1, 2) for side in (first, second))
    apart = np.linalg.norm(a[:, None] - b, axis=2)
    far = (within_px + 1) * (min(len(a), len(b)) + 1)  # one pair more is worth any distance
    rows, columns = linear_sum_assignment(np.where(apart <= within_px, apart, far))
    paired = [(i, j) for i, j in zip(rows, columns, strict=True) if apart[i, j] <= within_px]
    taken_a, taken_b = {i for i, _ in paired}, {j for _, j in paired}
    return Comparison(
        both=tuple((first[i], second[j]) for i, j in paired),
        only_first=tuple(c for i, c in enumerate(first) if i not in taken_a),
        only_second=tuple(c for j, c in enumerate(second) if j not in taken_b),
    )


def measure(
    readings: Sequence[DoubleReading],
    group_of: Mapping[str, str],
    rng: np.random.Generator,
    within_px: float = WITHIN_PX,
) -> Agreement:
    """Measure agreement over photos that were read twice.

    Args:
        group_of: photo id to the part it shows; a photo that is not in it stands for itself.
        rng: draws the resamples.
    """
    compared = [compare(r.first.centers, r.second.centers, within_px) for r in readings]
    n_both = np.array([len(c.both) for c in compared], np.float64)
    n_all = np.array([len(r.first.centers) + len(r.second.centers) for r in readings], np.float64)
    says = np.array([(bool(r.first.centers), bool(r.second.centers)) for r in readings], np.bool_).reshape(-1, 2)
    group = np.array([group_of.get(r.photo_id, r.photo_id) for r in readings])
    weights = resample(group, np.asarray(says.any(axis=1)), rng)
    all_once = np.ones((1, len(readings)))

    def value(n: int, figure: Callable[[Floats], Floats]) -> Value:
        with np.errstate(invalid="ignore", divide="ignore"):
            return interval(figure(all_once), figure(weights), n)

    same = (says[:, 0] == says[:, 1]).astype(np.float64)
    owner = np.repeat(np.arange(len(compared)), n_both.astype(int))
    apart = np.array([np.hypot(a.x - b.x, a.y - b.y) for c in compared for a, b in c.both], np.float64)
    return Agreement(
        centers=widened(value(int(n_all.sum()), lambda w: 2 * (w @ n_both) / (w @ n_all))),
        photos=widened(value(len(readings), lambda w: (w @ same) / w.sum(axis=1))),
        kappa=value(len(readings), lambda w: _kappa(w, says, same)),
        apart_px=value(len(apart), lambda w: _weighted_median(apart, w[:, owner])),
        within_px=within_px,
    )


def disagreements(
    readings: Iterable[DoubleReading], within_px: float = WITHIN_PX
) -> list[tuple[DoubleReading, Comparison]]:
    """Return what is still to be settled: first where one sees a dent and the other none, then by how much."""
    open_ = [(r, compare(r.first.centers, r.second.centers, within_px)) for r in readings if not r.settled]
    differing = [(r, c) for r, c in open_ if not c.agrees]
    return sorted(differing, key=lambda rc: (bool(rc[0].first.centers) == bool(rc[0].second.centers), -_n_alone(rc[1])))


def _n_alone(comparison: Comparison) -> int:
    return len(comparison.only_first) + len(comparison.only_second)


def _kappa(weights: Floats, says: Labels, same: Floats) -> Floats:
    total = weights.sum(axis=1)
    observed = (weights @ same) / total
    yes_a, yes_b = (weights @ says[:, side] / total for side in (0, 1))
    chance = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    return np.asarray((observed - chance) / (1 - chance), np.float64)


def _weighted_median(values: Floats, weights: Floats) -> Floats:
    order = np.argsort(values)
    if not len(order):
        return np.full(len(weights), np.nan)
    heaped = np.cumsum(weights[:, order], axis=1)
    at = np.argmax(heaped >= heaped[:, -1:] / 2, axis=1)
    return np.where(heaped[:, -1] > 0, values[order][at], np.nan)
