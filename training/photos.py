"""Whole photos of a project through a patch model: places found, what to learn from them, figures."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.geometry import CONTEXT_PX
from dentline.workspace import Workspace
from deployment import places as finder
from deployment import scan
from deployment.answer import Defects
from deployment.calibration import Calibration
from deployment.proposals import propose
from labeling.patches import PatchSet, cut_contexts
from training import places
from training.data import Examples

TILE_PX = 1_000_000
"""Most pixels of a photo at once where a model is trained: fewer overlaps than where it is served, more memory."""

MOST_SHOWN = 20
"""Places of a photo that places.json keeps, the surest first."""

Show = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Marked:
    """A reviewed photo: the part it shows and its marked centres, (n, 2) px."""

    photo_id: str
    group: str
    centers_xy: NDArray[np.float64]


@dataclass(frozen=True)
class Running:
    """A Keras model behind the protocol of :class:`deployment.engine.Engine`."""

    model: Callable[[NDArray[np.uint8]], Any] | keras.Model

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(self.model(pixels), np.float32)


def marked(patches: PatchSet, split: str) -> list[Marked]:
    """Return the photos of one split that patches were cut from."""
    photos: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    for patch in patches.patches:
        if patch.split == split:
            _, centers = photos.setdefault(patch.photo_id, (patch.group, []))
            if patch.label:
                centers.append((patch.x, patch.y))
    return [Marked(name, group, np.array(xy).reshape(-1, 2)) for name, (group, xy) in photos.items()]


def blobs(workspace: Workspace, photos: list[Marked], most: int, show: Show) -> Examples | None:
    """Return the blobs of the photos that show no dent, as negatives; None without any."""

    def of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return propose(pixels, most)

    return _negatives(workspace, photos, of, "blobs, photos", show)


def false_alarms(
    model: Any, workspace: Workspace, photos: list[Marked], most: int, threshold: float, show: Show
) -> Examples | None:
    """Return the peaks of the photos' scans that the model takes for dents though none is near; None without any.

    Args:
        most: peaks of a photo looked at.
    """
    engine = Running(model)

    def of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        height, width = pixels.shape[:2]
        found = scan.peaks(scan.probabilities(engine, pixels, TILE_PX), threshold, (width, height), most)
        return found.xy.astype(np.float64)

    return _negatives(workspace, photos, of, "hard negatives, photos", show)


def _negatives(
    workspace: Workspace,
    photos: list[Marked],
    places_of: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    what: str,
    show: Show,
) -> Examples | None:
    contexts: list[NDArray[np.uint8]] = []
    rows: list[tuple[str, str, str]] = []
    for photo, pixels in _read(workspace, photos, what, show):
        xy = places_of(pixels)
        if len(photo.centers_xy) and len(xy):
            away = np.linalg.norm(xy[:, None] - photo.centers_xy[None], axis=2).min(axis=1)
            xy = xy[away > places.FAR_PX]
        contexts.append(cut_contexts(pixels, xy, CONTEXT_PX)[0])
        rows += [(photo.group, photo.photo_id, f"{what[:4]}-{x:.0f}-{y:.0f}-{photo.photo_id}") for x, y in xy]
    if not rows:
        return None
    group, photo_id, patch_id = (np.array(column) for column in zip(*rows, strict=True))
    return Examples(np.concatenate(contexts), np.zeros(len(rows), np.int8), group, photo_id, patch_id)


@dataclass(frozen=True)
class Looked:
    """Photos and the places found in each, every probability kept."""

    photos: list[Marked]
    found: list[Defects]

    @property
    def places(self) -> places.Places:
        """The places matched with the marks."""
        return places.match(self.found, [p.centers_xy for p in self.photos], [p.group for p in self.photos])

    def calibrated(self, calibration: Calibration) -> "Looked":
        """Return the same places with the probabilities that are answered."""
        return Looked(self.photos, [Defects(d.xy, calibration.p(d.p).astype(np.float32)) for d in self.found])


def look(model: Any, workspace: Workspace, photos: list[Marked], source: str, most: int, show: Show) -> Looked:
    """Find the places of the photos, as :func:`deployment.places.find` does when they are served."""
    engine = Running(model)
    found = [
        finder.find(engine, pixels, partial(scan.probabilities, engine, pixels, TILE_PX), source, most)
        for _, pixels in _read(workspace, photos, f"places by {source}, photos", show)
    ]
    return Looked(photos, found)


def choose(
    model: Any, workspace: Workspace, photos: list[Marked], source: str, most: int, show: Show
) -> tuple[str, Looked]:
    """Look at photos by one source; for ``auto`` by each, and return the one with the best average precision.

    Among equals the earlier of the sources is taken; it is also the cheaper one.
    """
    if source != "auto":
        return source, look(model, workspace, photos, source, most, show)
    tried = {name: look(model, workspace, photos, name, most, show) for name in ("blobs", "scan")}
    merged = map(finder.both, tried["blobs"].found, tried["scan"].found)
    tried["both"] = Looked(photos, list(merged))
    best = max(tried, key=lambda name: float(np.nan_to_num(places.average_precision(tried[name].places)[0])))
    return best, tried[best]


def told(looked: Looked, threshold: float, rng: np.random.Generator) -> dict[str, Any]:
    """Return the figures of places as ``places.json`` holds them for a split; those not defined are left out."""
    found = looked.places
    by_part = found.parts()
    alarms, recall = places.froc(found)
    return {
        **{name: asdict(value) for name, value in places.measure(found, rng).items() if np.isfinite(value.value)},
        "threshold": threshold,
        "photos": _verdicts(found.photo_p, found.n_centers > 0, threshold),
        "parts": _verdicts(by_part.p, by_part.dented, threshold),
        "froc": {"x": np.round(alarms, 6).tolist(), "y": np.round(recall, 6).tolist()},
        "each": [
            {
                "photo_id": photo.photo_id,
                "group": photo.group,
                "centers": np.round(photo.centers_xy, 2).tolist(),
                "found": np.round(np.column_stack([one.xy, one.p])[:MOST_SHOWN].astype(float), 4).tolist(),
            }
            for photo, one in zip(looked.photos, looked.found, strict=True)
        ],
    }


def _verdicts(p: NDArray[np.float64], dented: NDArray[np.bool_], threshold: float) -> dict[str, int]:
    called = p >= threshold
    return {
        "tp": int(np.sum(called & dented)),
        "fp": int(np.sum(called & ~dented)),
        "fn": int(np.sum(~called & dented)),
        "tn": int(np.sum(~called & ~dented)),
    }


def _read(
    workspace: Workspace, photos: list[Marked], what: str, show: Show
) -> Iterator[tuple[Marked, NDArray[np.uint8]]]:
    paths = workspace.photo_paths()
    for number, photo in enumerate(photos, 1):
        if photo.photo_id not in paths:
            raise DentlineError(f"photo {photo.photo_id}", "is gone", "bring it back, or set [scan] proposals = 0")
        yield photo, images.read(paths[photo.photo_id])
        show(what, number, len(photos))
