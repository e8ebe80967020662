"""Where the one part of a photo is: the region that differs most from an even background."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FINE_PX = 968
"""The part is outlined at about this width, so that sizes below mean the same on every camera."""

COARSE = 4
"""The background is estimated at this fraction of the fine width."""

REACH_PX = 25
"""The background at a pixel is the median of its surroundings up to here; a part is narrower."""

CLOSE_PX = 13
"""Gaps up to this wide, where a shaft is as grey as the background, are closed."""

FRAME_LEVELS = 48
"""What differs from the photo's median by more than this and touches its border is not the part."""

LEAST_CONTRAST = 8.0
"""A part differs from its surroundings by this many grey levels at least."""

NOISE_SIGMAS = 6.0
"""...and by this many standard deviations of the background's own noise."""


@dataclass(frozen=True)
class Outline:
    """Where a part lies in a picture, in px of it, pixel (i, j) covering [j, j+1) x [i, i+1).

    Attributes:
        middle: (x, y), half-way along the part's extent and at its mean across.
        axis: unit vector (x, y) of the principal axis.
        length_px: the part's extent along the axis.
    """

    middle: tuple[float, float]
    axis: tuple[float, float]
    length_px: float


def find_part(luma: NDArray[np.uint8]) -> Outline | None:
    """Return the part in a grey picture (H, W) uint8, or None if nothing stands out.

    The part is the region with most contrast in sum that does not touch the border. The background
    is smooth, so its median is taken at a fraction of the fine width.
    """
    factor = max(1, round(luma.shape[1] / FINE_PX))
    fine = _shrunk(luma, factor)
    coarse = _shrunk(fine, COARSE)
    median = cv2.medianBlur(coarse, 2 * (REACH_PX // COARSE) + 1)
    size = fine.shape[1], fine.shape[0]
    background = cv2.resize(median, size, interpolation=cv2.INTER_LINEAR)
    contrast = np.asarray(cv2.absdiff(fine, background), np.uint8)
    noise = 1.4826 * _median(contrast[::4, ::4])
    frame = cv2.resize(_frame(coarse), size, interpolation=cv2.INTER_NEAREST)
    np.copyto(contrast, 0, where=frame.view(np.bool_))
    found = _strongest(contrast, max(LEAST_CONTRAST, NOISE_SIGMAS * noise))
    return None if found is None else _outline(*found, factor)


def _shrunk(luma: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    size = max(luma.shape[1] // factor, 1), max(luma.shape[0] // factor, 1)
    whole = luma[: size[1] * factor, : size[0] * factor]
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def _strongest(contrast: NDArray[np.uint8], least: float) -> tuple[NDArray[np.bool_], int, int] | None:
    """Return mask, left and top of the region of more than `least` contrast with most in sum, or None.

    Regions are joined and told apart at half size, where that costs a quarter.
    """
    height, width = contrast.shape[0] // 2 * 2, contrast.shape[1] // 2 * 2
    hot = np.asarray(cv2.threshold(contrast[:height, :width], least, 1, cv2.THRESH_BINARY)[1], np.uint8)
    hot = np.asarray(cv2.medianBlur(hot, 3), np.uint8)  # without the card's bright specks
    pairs = hot[0::2] | hot[1::2]
    half = pairs[:, 0::2] | pairs[:, 1::2]
    side = CLOSE_PX // 4 * 2 + 1  # odd: an even kernel would shift the region by a pixel
    half = np.asarray(cv2.morphologyEx(half, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)), np.uint8)
    left, top, wide, high = cv2.boundingRect(half)
    if not wide:
        return None
    # Most of a photo is background: only what holds all regions is gone through.
    held = np.ascontiguousarray(half[top : top + high, left : left + wide])
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(held, connectivity=8)
    columns, rows = np.asarray(cv2.findNonZero(held)).reshape(-1, 2).T
    weights = contrast[0:height:2, 0:width:2][rows + top, columns + left]
    sums = np.bincount(labels[rows, columns], weights=weights, minlength=len(boxes))
    x, y, w, h = boxes[:, 0] + left, boxes[:, 1] + top, boxes[:, 2], boxes[:, 3]
    inside = (x > 0) & (y > 0) & (x + w < half.shape[1]) & (y + h < half.shape[0])
    inside[0] = False
    if not inside.any():
        return None
    best = int(np.argmax(np.where(inside, sums, -1.0)))
    x0, y0 = int(boxes[best, 0]), int(boxes[best, 1])
    found = labels[y0 : y0 + int(h[best]), x0 : x0 + int(w[best])] == best
    return np.repeat(np.repeat(found, 2, axis=0), 2, axis=1), 2 * int(x[best]), 2 * int(y[best])


def _median(grey: NDArray[np.uint8]) -> float:
    """Return the median, by counting: grey has 256 values."""
    below = np.cumsum(np.bincount(grey.reshape(-1), minlength=256))
    low, high = np.searchsorted(below, ((grey.size - 1) // 2, grey.size // 2), side="right")
    return float(low + high) / 2


def _frame(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 1 where something far brighter or darker than the rest reaches in from the border."""
    far = (cv2.absdiff(luma, np.full_like(luma, _median(luma))) > FRAME_LEVELS).astype(np.uint8)
    _, labels = cv2.connectedComponents(far, connectivity=8)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    frame = np.isin(labels, touching[touching > 0]).astype(np.uint8)
    side = 2 * (REACH_PX // (2 * COARSE)) + 1
    return np.asarray(cv2.dilate(frame, np.ones((side, side), np.uint8)), np.uint8)


def _outline(mask: NDArray[np.bool_], left: int, top: int, factor: int) -> Outline:
    rows, columns = np.nonzero(mask)
    points = factor * np.stack([columns + left + 0.5, rows + top + 0.5], axis=1)
    mean = points.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(points.T) + 1e-9 * np.eye(2))
    axis: NDArray[Any] = vectors[:, np.argmax(values)]
    axis = axis if axis[0] >= 0 else -axis
    along = (points - mean) @ axis
    middle = mean + axis * (along.min() + along.max()) / 2
    length_px = float(along.max() - along.min()) + factor
    return Outline((float(middle[0]), float(middle[1])), (float(axis[0]), float(axis[1])), length_px)
