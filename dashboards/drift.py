"""Whether the pictures of a station still look like those of training: PSI and KS, window by window, held to a rate.

Both statistics depend on ranks alone, so their distribution on stable pictures is known whatever is measured:
KS by its two-sample limit (Smirnov 1948), PSI as a scaled chi-square (Yurdakul and Naranjo 2020). The thresholds
come from the recipe's number of false alarms in 10,000 stable pictures of a station, shared out over every test
that these pictures meet; a small reference widens them by itself, and so do photos that come in series of near
copies, by the design effect of the training photos' groups.
"""

import hashlib
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import bundle, records
from deployment.drift_check import DriftCheck, Period
from deployment.reference import MEASURES, Reference

Floats = NDArray[np.float64]

WINDOWS, STEP = (100, 200), 50
"""Pictures of the running windows, the short one soon and the long one sure; how many pass between two looks."""

LEAST_PHOTOS = 30
"""Fewer in an hour or a day are not compared."""

_WINDOWS_OF_10_000 = len(WINDOWS) * 10_000 // STEP + 10_000 // LEAST_PHOTOS + 10_000 // LEAST_PHOTOS
_MOST_BINS = 10
_PSI_SAFETY = 1.35
"""PSI's tail is heavier than its chi-square's; held by simulation in the tests."""


@dataclass(frozen=True)
class Picture:
    """What drift looks at in one answer. `moment` is UTC text; `values` are in the order of ``MEASURES``."""

    seq: int
    moment: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        checks: new rows, alarms among them.
        unreferenced: models that answered but whose bundle has no reference, or is not here.
    """

    checks: tuple[DriftCheck, ...]
    unreferenced: tuple[str, ...]


def check(workspace: Workspace, false_alarms: float) -> Checked:
    """Compare every answer not yet looked at with its model's reference, and record what was found in scores.db.

    Args:
        false_alarms: to be expected in 10,000 stable pictures of one station.

    Raises:
        DentlineError: no photo was scored yet.
    """
    connection = records.open_for_reading(workspace.scores)
    found: list[DriftCheck] = []
    unreferenced = []
    for (model_id,) in connection.execute("SELECT DISTINCT model_id FROM score ORDER BY 1").fetchall():
        try:
            reference = bundle.load(workspace.bundle(model_id)).reference
        except DentlineError:
            reference = None
        if reference is None:
            unreferenced.append(model_id)
            continue
        thresholds = Thresholds(reference, false_alarms)
        for (station,) in connection.execute("SELECT DISTINCT station FROM score WHERE model_id = ?", (model_id,)):
            for period, window in _windows(connection, model_id, station, reference):
                found += compare(window, thresholds, period, model_id, station)
    connection.close()
    if found:
        writer = records.Records(workspace.scores)
        writer.note_drift(found)
        writer.close()
    return Checked(tuple(found), tuple(unreferenced))


class Thresholds:
    """From which PSI and KS on a window of n pictures alarms, for one reference.

    Photos of a group are alike, so that n of them count as n over the measure's crowding, in the reference and, as
    nobody tells which pictures of a station show the same part, in its windows.
    """

    def __init__(self, reference: Reference, false_alarms: float) -> None:
        n_tests = _WINDOWS_OF_10_000 * len(MEASURES) * 2
        self.level = min(0.05, false_alarms / n_tests)
        self.sorted: Mapping[str, Floats] = {name: np.sort(reference.values[name]) for name in MEASURES}
        self.crowding = reference.crowding

    def counted(self, measure: str, n: int) -> tuple[float, float]:
        """Return as how many the reference's photos and n pictures count."""
        return len(self.sorted[measure]) / self.crowding[measure], n / self.crowding[measure]

    def bins(self, measure: str, n: int) -> int:
        """Return into how many bins PSI counts: some 20 of the smaller sample in each."""
        return int(np.clip(min(self.counted(measure, n)) // 20, 2, _MOST_BINS))

    def ks(self, measure: str, n: int) -> float:
        """Return the distance that two samples of one distribution pass at this level; at most 1."""
        known, seen = self.counted(measure, n)
        return min(1.0, math.sqrt(-math.log(self.level / 2) / 2 * (1 / known + 1 / seen)))

    def psi(self, measure: str, n: int) -> float:
        """Return the index that two samples of one distribution pass at this level."""
        known, seen = self.counted(measure, n)
        return float(_PSI_SAFETY * (1 / known + 1 / seen) * chi2.isf(self.level, self.bins(measure, n) - 1))


def compare(
    window: Sequence[Picture], thresholds: Thresholds, period: Period, model_id: str, station: str | None
) -> Iterator[DriftCheck]:
    """Yield a check a measure that all pictures of the window have."""
    last = window[-1]
    values = np.array([picture.values for picture in window])
    n = len(window)
    for number, measure in enumerate(MEASURES):
        sample = values[:, number]
        if np.isfinite(sample).all():
            reference = thresholds.sorted[measure]
            name = f"{model_id}/{station}/{period}/{n}/{measure}/{last.seq}"
            yield DriftCheck(
                hashlib.sha256(name.encode()).hexdigest()[:32],
                last.moment,
                station,
                model_id,
                period,
                measure,
                n,
                psi(reference, sample, thresholds.bins(measure, n)),
                ks(reference, sample),
                thresholds.psi(measure, n),
                thresholds.ks(measure, n),
                last.seq,
            )


def ks(reference: Floats, sample: Floats) -> float:
    """Return the largest gap between two samples' distribution functions; `reference` is sorted."""
    ordered = np.sort(sample)
    places = np.concatenate([reference, ordered])
    one = np.searchsorted(reference, places, side="right") / len(reference)
    other = np.searchsorted(ordered, places, side="right") / len(ordered)
    return float(np.abs(one - other).max())


def psi(reference: Floats, sample: Floats, n_bins: int) -> float:
    """Return the population stability index over `n_bins` of equal shares of `reference`, which is sorted.

    Half a picture is added to each bin, so that an empty one does not make it infinite.
    """
    edges = np.unique(np.quantile(reference, np.arange(1, n_bins) / n_bins))
    expected, found = (
        np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5
        for values in (reference, sample)
    )
    expected, found = expected / expected.sum(), found / found.sum()
    return float(((found - expected) * np.log(found / expected)).sum())


def _windows(
    connection: sqlite3.Connection, model_id: str, station: str | None, reference: Reference
) -> Iterator[tuple[Period, list[Picture]]]:
    """Yield the windows that were not looked at: the running ones each 50 pictures, each hour and day that is over."""
    here = (model_id, station)
    done = dict(
        connection.execute(
            "SELECT period, max(upto_seq) FROM drift WHERE model_id = ? AND station IS ? GROUP BY period", here
        ).fetchall()
    )
    (start,) = connection.execute(
        "SELECT coalesce(min(seq), 0) FROM (SELECT seq FROM score WHERE model_id = ? AND station IS ? AND seq <= ? "
        "ORDER BY seq DESC LIMIT ?)",
        (*here, done.get("photos", 0), max(WINDOWS)),
    ).fetchone()
    (whole_day,) = connection.execute(
        "SELECT coalesce(min(seq), 0) FROM score WHERE model_id = ? AND station IS ? AND scored_at >= "
        "(SELECT substr(scored_at, 1, 10) FROM score WHERE seq = ?)",
        (*here, start),
    ).fetchone()
    pictures = [
        _picture(row, reference)
        for row in connection.execute(
            "SELECT seq, scored_at, brightness, contrast, sharpness, saturation, width_px, height_px, camera, distance "
            "FROM score WHERE model_id = ? AND station IS ? AND seq >= ? ORDER BY seq",
            (*here, min(start, whole_day)),
        )
    ]
    yield from _running(pictures, done.get("photos", 0))
    clocks: tuple[tuple[Period, int], ...] = (("hour", 13), ("day", 10))
    for period, length in clocks:
        yield from _clocked(pictures, done.get(period, 0), period, length)


def _running(pictures: list[Picture], done: int) -> Iterator[tuple[Period, list[Picture]]]:
    seen = sum(picture.seq <= done for picture in pictures)
    for end in range(seen + STEP if seen else min(WINDOWS), len(pictures) + 1, STEP):
        for size in WINDOWS:
            if end >= size:
                yield "photos", pictures[end - size : end]


def _clocked(pictures: list[Picture], done: int, period: Period, length: int) -> Iterator[tuple[Period, list[Picture]]]:
    latest = max((picture.moment[:length] for picture in pictures), default="")
    by_clock: dict[str, list[Picture]] = {}
    for picture in pictures:
        by_clock.setdefault(picture.moment[:length], []).append(picture)
    for moment, window in by_clock.items():
        if moment < latest and len(window) >= LEAST_PHOTOS and window[-1].seq > done:
            yield period, window


def _picture(row: tuple[object, ...], reference: Reference) -> Picture:
    seq, moment, *levels, width, height, camera, distance = row
    size = math.sqrt(float(str(width)) * float(str(height)))
    strange = float(str(camera or "") not in reference.cameras)
    far = math.nan if distance is None else float(str(distance))
    return Picture(int(str(seq)), str(moment), (*(float(str(v)) for v in levels), size, strange, far))
