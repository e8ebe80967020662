"""Whole photos of a project through a patch model: places found, false alarms to learn from, figures."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.geometry import CONTEXT_PX, FIELD_PX
from dentline.workspace import Workspace
from deployment.answer import Defects
from deployment.proposals import propose
from deployment.scan import merge
from labeling.patches import PatchSet, cut_contexts
from training import cost, places
from training.data import Examples
from training.fit import predict

FAR_PX = 20.0
"""A proposal farther than this from every marked centre shows no dent."""


@dataclass(frozen=True)
class Marked:
    """A reviewed photo: the part it shows and its marked centres, (n, 2) px."""

    photo_id: str
    group: str
    centers_xy: NDArray[np.float64]


def marked(patches: PatchSet, split: str) -> list[Marked]:
    """Return the photos of one split that patches were cut from."""
    photos: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    for patch in patches.patches:
        if patch.split == split:
            _, centers = photos.setdefault(patch.photo_id, (patch.group, []))
            if patch.label:
                centers.append((patch.x, patch.y))
    return [Marked(name, group, np.array(xy).reshape(-1, 2)) for name, (group, xy) in photos.items()]


Show = Callable[[str, int, int], None]


def false_alarms(
    model: keras.Model, workspace: Workspace, photos: list[Marked], n_proposals: int, threshold: float, show: Show
) -> Examples | None:
    """Return the proposals that the model takes for dents though none is near, as negatives; None without any."""
    contexts: list[NDArray[np.uint8]] = []
    rows: list[tuple[str, str, str]] = []
    for photo, pixels, xy in _proposed(workspace, photos, n_proposals, "hard negatives, photos", show):
        if len(photo.centers_xy) and len(xy):
            away = np.linalg.norm(xy[:, None] - photo.centers_xy[None], axis=2).min(axis=1)
            xy = xy[away > FAR_PX]
        if not len(xy):
            continue
        p = predict(model, cut_contexts(pixels, xy, FIELD_PX)[0])
        for place in xy[p >= threshold]:
            contexts.append(cut_contexts(pixels, place[None], CONTEXT_PX)[0][0])
            rows.append((photo.group, photo.photo_id, f"hard-{len(rows)}-{photo.photo_id}"))
    if not rows:
        return None
    group, photo_id, patch_id = (np.array(column) for column in zip(*rows, strict=True))
    return Examples(np.stack(contexts), np.zeros(len(rows), np.int8), group, photo_id, patch_id)


def find(model: keras.Model, workspace: Workspace, photos: list[Marked], n_proposals: int, show: Show) -> places.Places:
    """Return every place found in the photos, matched with their marks."""
    found = []
    for _, pixels, xy in _proposed(workspace, photos, n_proposals, "places, photos", show):
        p = predict(model, cut_contexts(pixels, xy, FIELD_PX)[0]) if len(xy) else np.empty(0)
        found.append(merge(xy, p) if len(xy) else Defects(np.empty((0, 2), np.float32), np.empty(0, np.float32)))
    return places.match(found, [photo.centers_xy for photo in photos], [photo.group for photo in photos])


def told(found: places.Places, threshold: float, rng: np.random.Generator) -> dict[str, Any]:
    """Return the figures of places as ``places.json`` holds them for a split; those not defined are left out."""
    called, dented = found.photo_p >= threshold, found.n_centers > 0
    alarms, recall = places.froc(found)
    return {
        **{name: asdict(value) for name, value in places.measure(found, rng).items() if np.isfinite(value.value)},
        "threshold": threshold,
        "photos": {
            "tp": int(np.sum(called & dented)),
            "fp": int(np.sum(called & ~dented)),
            "fn": int(np.sum(~called & dented)),
            "tn": int(np.sum(~called & ~dented)),
        },
        "froc": {"x": np.round(alarms, 6).tolist(), "y": np.round(recall, 6).tolist()},
    }


def priced(found: places.Places, costs: cost.Costs, rng: np.random.Generator) -> dict[str, Any]:
    """Return the threshold of least expected cost on these photos, and how far the probabilities can be believed."""
    dented = (found.n_centers > 0).astype(np.int8)
    choice = cost.choose(dented, found.photo_p, found.group, costs, rng)
    calibration = cost.calibrate(dented, found.photo_p)
    return {
        "threshold": asdict(choice.threshold),
        "cost_per_day": asdict(choice.cost_per_day),
        "missed": choice.missed,
        "n_defective": choice.n_defective,
        "false_rejects": choice.false_rejects,
        "n_good": choice.n_good,
        "warning": choice.warning,
        "brier": cost.brier(dented, found.photo_p),
        "brier_calibrated": cost.brier(dented, calibration.p(found.photo_p)),
    }


def _proposed(
    workspace: Workspace, photos: list[Marked], n_proposals: int, what: str, show: Show
) -> Iterator[tuple[Marked, NDArray[np.uint8], NDArray[np.float64]]]:
    paths = workspace.photo_paths()
    for number, photo in enumerate(photos, 1):
        if photo.photo_id not in paths:
            raise DentlineError(f"photo {photo.photo_id}", "is gone", "bring it back, or set [scan] proposals = 0")
        pixels = images.read(paths[photo.photo_id])
        yield photo, pixels, propose(pixels, n_proposals)
        show(what, number, len(photos))
