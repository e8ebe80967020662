"""Whole photos as training takes them: prepared, labelled, with their groups; the data of tasks image and corners."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import images, prepare
from dentline.errors import DentlineError
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from labeling import split as splits
from labeling.annotation import Annotation
from labeling.store import Store


@dataclass(frozen=True)
class Pictures:
    """Prepared photos of one side of a split, row for row.

    Attributes:
        inputs: (n, H, W, C) uint8 pictures, or (n, k) float32 measures, as the preparation ends.
        target: image: (n, 1) float32, 1 where the photo is marked. corners: (n, 8) float32, x and y of the
            four marks in order as shares of the prepared picture's width and height.
        scale_px: (n, 2) float32, photo pixels that one share of width and of height is; for errors in px.
        photo_id, group: (n,) str.
        photos: up to two photos (H, W, 3) as decoded, for the bundle's proof.
    """

    inputs: NDArray[Any]
    target: NDArray[np.float32]
    scale_px: NDArray[np.float32]
    photo_id: NDArray[np.str_]
    group: NDArray[np.str_]
    photos: tuple[NDArray[np.uint8], ...]

    def __len__(self) -> int:
        return len(self.target)


def read(workspace: Workspace, recipe: Recipe) -> dict[str, Pictures]:
    """Prepare every labelled photo; return train, validation and test.

    Raises:
        DentlineError: a photo is not labelled as its task needs, or a side of the split lacks a class.
    """
    dealt = splits.current(workspace)
    paths = workspace.photo_paths()
    with Store(workspace.labels) as store:
        latest = store.latest()
    calls = prepare.parse(recipe.prepare.steps)
    least = prepare.least_size(calls) if recipe.task == "image" else None
    rows: dict[str, list[tuple[Any, ...]]] = {side: [] for side in splits.SIDES}
    shown: dict[str, list[NDArray[np.uint8]]] = {side: [] for side in splits.SIDES}
    for photo_id, assignment in dealt.items():
        annotation = latest.get(photo_id)
        if annotation is None or annotation.status in ("new", "skipped") or photo_id not in paths:
            continue
        photo = images.read(paths[photo_id], least=least)
        view = _view(photo, calls, photo_id)
        target = _TARGETS[recipe.task](annotation, view)
        height, width = view.array.shape[:2] if view.array.ndim == 3 else (1, 1)
        ends = view.points_to_photo(np.array([[0, 0], [width, 0], [0, height]]))
        scale = np.linalg.norm(ends[1:] - ends[0], axis=1)
        rows[assignment.split].append((view.array, target, scale, photo_id, assignment.group))
        if len(shown[assignment.split]) < 2 and len({p.shape for p in (*shown[assignment.split], photo)}) == 1:
            shown[assignment.split].append(photo)
    return {side: _stacked(side, rows[side], shown[side], recipe.task) for side in splits.SIDES}


def fingerprint(sides: dict[str, Pictures]) -> str:
    """Return the SHA-256 of inputs and targets: two runs with one saw the same data."""
    digest = hashlib.sha256()
    for pictures in sides.values():
        digest.update(np.ascontiguousarray(pictures.inputs).tobytes())
        digest.update(pictures.target.tobytes())
    return digest.hexdigest()


def _view(photo: NDArray[np.uint8], calls: tuple[prepare.Call, ...], photo_id: str) -> prepare.View:
    try:
        return prepare.prepare(photo, calls)
    except prepare.PrepareError as error:
        raise DentlineError(f"photo {photo_id}", error.problem, "skip the photo, or change [prepare] steps") from error


def _verdict(annotation: Annotation, view: prepare.View) -> NDArray[np.float32]:
    return np.array([annotation.status == "marked"], np.float32)


def _corners(annotation: Annotation, view: prepare.View) -> NDArray[np.float32]:
    if len(annotation.centers) != 4:
        raise DentlineError(
            f"photo {annotation.photo_id}", f"has {len(annotation.centers)} marks", "mark its four corners, clockwise"
        )
    height, width = view.array.shape[:2]
    marks = view.points_from_photo(np.array([[c.x, c.y] for c in annotation.centers]))
    return (marks / (width, height)).astype(np.float32).reshape(8)


_TARGETS = {"image": _verdict, "corners": _corners}
"""What a task learns of an annotation."""


def _stacked(side: str, rows: list[tuple[Any, ...]], shown: list[NDArray[np.uint8]], task: str) -> Pictures:
    where = f"split {side}"
    if not rows:
        raise DentlineError(where, "has no labelled photo", "label more, then: dentline split --again")
    inputs, target, scale, photo_id, group = zip(*rows, strict=True)
    sizes = {array.shape for array in inputs}
    if len(sizes) != 1:
        raise DentlineError(where, f"has prepared pictures of sizes {sorted(sizes)}", "end [prepare] with a resize")
    stacked = np.stack(target)
    if task == "image" and len(np.unique(stacked)) != 2:
        raise DentlineError(where, "has photos of one verdict only", "label more, then: dentline split --again")
    return Pictures(
        np.stack(inputs),
        stacked,
        np.stack(scale).astype(np.float32),
        np.array(photo_id),
        np.array(group),
        tuple(shown),
    )
