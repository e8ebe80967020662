"""Generated photos as prepared pictures with their targets, without a project folder around them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dentline import images, prepare
from samples.album import Photo
from training.pictures import Pictures


def pictures(photos: Iterable[Photo], steps: tuple[str, ...], corners: bool = False) -> Pictures:
    """Prepare photos; the target is whether a photo is marked, or its four corners."""
    calls = prepare.parse(steps, "benchmark")
    inputs, targets, scales, names, parts = [], [], [], [], []
    for photo in photos:
        decoded = images.decode(photo.data)
        view = prepare.prepare(decoded, calls)
        height, width = view.array.shape[:2]
        inputs.append(view.array)
        marks = view.points_from_photo(photo.points) / (width, height) if corners else np.empty(0)
        targets.append(marks.reshape(8) if corners else np.array([len(photo.points) > 0]))
        ends = view.points_to_photo(np.array([[0, 0], [width, 0], [0, height]]))
        scales.append(np.linalg.norm(ends[1:] - ends[0], axis=1))
        names.append(photo.name)
        parts.append(photo.part)
    target, scale = (np.stack(rows).astype(np.float32) for rows in (targets, scales))
    return Pictures(np.stack(inputs), target, scale, np.array(names), np.array(parts), (decoded,))


def take(pictures: Pictures, rows: NDArray[np.intp]) -> Pictures:
    """Return some rows."""
    return Pictures(
        pictures.inputs[rows],
        pictures.target[rows],
        pictures.scale_px[rows],
        pictures.photo_id[rows],
        pictures.group[rows],
        pictures.photos,
    )
