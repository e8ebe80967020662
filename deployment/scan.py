"""A whole photo through a patch model: a map of probabilities, and its peaks as defects.

The photo's outermost pixels go on 56 px beyond each edge, so that place (row i, column j) of the map is the
patch whose centre is (x, y) = (8 j, 8 i) and has exactly the field that patch would be cut with. The
map is computed in tiles that overlap by a field less one stride: bounded memory, the same numbers.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX, HALO_PX, PATCH_PX, STRIDE_PX
from deployment.answer import Defects
from deployment.engine import Engine
from labeling.patches import continued

TILE_PX = 150_000
"""Most pixels given to the network at once. VGG16's first block keeps 256 bytes for each: 38 MB, twice."""

MERGE_PX = 32
"""Peaks nearer than this to a surer one are the same defect: half a patch."""

MAX_DEFECTS = 1000

_OVERLAP_PX = FIELD_PX - STRIDE_PX


def probabilities(engine: Engine, photo: NDArray[np.uint8], tile_px: int = TILE_PX) -> NDArray[np.float32]:
    """Return ``(h, w)`` float32: the probability of a dent at each place of a photo.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB. Exactly 64x64 is one patch: h = w = 1, its centre the only
            place. Larger is scanned: h = H // 8 + 1, w = W // 8 + 1, places at multiples of 8 px.

    Raises:
        DentlineError: the photo is smaller than a patch.
    """
    refuse_small(photo)
    height, width = photo.shape[:2]
    if (height, width) == (PATCH_PX, PATCH_PX):
        patch: NDArray[np.float32] = engine.run(_continued(photo, -HALO_PX, -HALO_PX, FIELD_PX, FIELD_PX)[None])[0]
        return patch
    n_rows, n_columns = height // STRIDE_PX + 1, width // STRIDE_PX + 1
    found = np.empty((n_rows, n_columns), np.float32)
    for rows, columns in tiles(n_rows, n_columns, tile_px):
        top, left = rows.start * STRIDE_PX - FIELD_PX // 2, columns.start * STRIDE_PX - FIELD_PX // 2
        tall = (rows.stop - rows.start) * STRIDE_PX + _OVERLAP_PX
        wide = (columns.stop - columns.start) * STRIDE_PX + _OVERLAP_PX
        found[rows, columns] = engine.run(_continued(photo, top, left, tall, wide)[None])[0]
    return found


def refuse_small(photo: NDArray[np.uint8]) -> None:
    """Raise a DentlineError for a photo smaller than a patch."""
    height, width = photo.shape[:2]
    if min(height, width) < PATCH_PX:
        raise DentlineError("photo", f"is {width} x {height} px", f"send at least {PATCH_PX} x {PATCH_PX} px")


def tiles(n_rows: int, n_columns: int, tile_px: int) -> Iterator[tuple[slice, slice]]:
    """Deal a map out into tiles of at most `tile_px` pixels, in the way that looks at the fewest pixels."""
    best: tuple[int, int, int] | None = None  # pixels seen, rows and columns of a tile
    for n_splits in range(1, n_columns + 1):
        wide = -(-n_columns // n_splits)
        tall = min((tile_px // (wide * STRIDE_PX + _OVERLAP_PX) - _OVERLAP_PX) // STRIDE_PX, n_rows)
        if tall < 1:
            continue
        n_bands = -(-n_rows // tall)
        seen_px = (n_columns * STRIDE_PX + n_splits * _OVERLAP_PX) * (n_rows * STRIDE_PX + n_bands * _OVERLAP_PX)
        if best is None or seen_px < best[0]:
            best = (seen_px, -(-n_rows // n_bands), wide)
    if best is None:
        raise DentlineError("scan", f"no place fits into {tile_px} pixels", f"allow {FIELD_PX**2} or more")
    _, tall, wide = best
    for top in range(0, n_rows, tall):
        for left in range(0, n_columns, wide):
            yield slice(top, min(top + tall, n_rows)), slice(left, min(left + wide, n_columns))


def peaks(found: NDArray[np.float32], threshold: float, size: tuple[int, int], most: int = MAX_DEFECTS) -> Defects:
    """Return the defects of a photo: the map's peaks at or above the threshold, merged.

    A defect lies at the middle, weighted by p, of the places around its peak that have at least
    half the peak's p. The surest first.

    Args:
        found: ``(h, w)`` of :func:`probabilities`.
        size: width and height of the photo in pixels. most: defects.
    """
    width, height = size
    if found.shape == (1, 1):
        n = int(found[0, 0] >= threshold)
        return Defects(np.full((n, 2), PATCH_PX / 2, np.float32), found.reshape(1)[:n])
    tops = np.argwhere((found >= threshold) & (found >= cv2.dilate(found, np.ones((3, 3), np.uint8))))
    order = np.argsort(-found[tops[:, 0], tops[:, 1]], kind="stable")
    free = np.ones(found.shape, bool)
    xy, p = [], []
    for row, column in tops[order].tolist():
        if not free[row, column]:
            continue
        window = (
            slice(max(row - _REACH, 0), min(row + _REACH + 1, found.shape[0])),
            slice(max(column - _REACH, 0), min(column + _REACH + 1, found.shape[1])),
        )
        rows, columns = np.ogrid[window]
        near = (rows - row) ** 2 + (columns - column) ** 2 <= _REACH**2
        weight = np.where(near & (found[window] >= found[row, column] / 2), found[window], 0).astype(np.float64)
        middle = np.array([np.sum(weight * columns), np.sum(weight * rows)]) / weight.sum() * STRIDE_PX
        xy.append(np.clip(middle, 0, [width - 0.5, height - 0.5]))
        p.append(found[row, column])
        free[window] &= ~near
        if len(p) == most:
            break
    return Defects(np.array(xy, np.float32).reshape(-1, 2), np.array(p, np.float32))


def merge(xy: NDArray[np.floating[Any]], p: NDArray[np.floating[Any]]) -> Defects:
    """Return places, the surest first, without those nearer than 32 px to a surer one.

    Args:
        xy: ``(n, 2)`` photo pixels. p: ``(n,)``.
    """
    kept: list[int] = []
    for row in np.argsort(-p, kind="stable").tolist():
        if all(np.hypot(*(xy[row] - xy[other])) >= MERGE_PX for other in kept):
            kept.append(row)
    return Defects(xy[kept].astype(np.float32).reshape(-1, 2), p[kept].astype(np.float32))


_REACH = MERGE_PX // STRIDE_PX


def _continued(photo: NDArray[np.uint8], top: int, left: int, tall: int, wide: int) -> NDArray[np.uint8]:
    """Return the rectangle of the photo, its outermost pixels going on where it reaches beyond."""
    height, width = photo.shape[:2]
    if top >= 0 and left >= 0 and top + tall <= height and left + wide <= width:
        return photo[top : top + tall, left : left + wide]
    return photo[continued(top, top + tall, height)[:, None], continued(left, left + wide, width)]
