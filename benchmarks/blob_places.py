"""Blob proposals and cheap features of them: a model that learns in milliseconds, to play labeling with.

Centre-surround differences at five sizes, the Hessian's shape, rings and local spread: the baseline that a
network has to beat, and enough to rank photos by.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIZES_PX = (1.5, 2.5, 4.0, 6.0, 9.0)
APART_PX = 12


@dataclass(frozen=True)
class Blobs:
    """The strongest blobs of a photo: centres x, y (n, 2) float32 px, features (n, d) float32."""

    xy: Floats
    features: Floats


def blobs(photo: NDArray[np.uint8], n: int = 15) -> Blobs:
    """Return the `n` strongest blobs, dark or bright, of an RGB photo (H, W, 3)."""
    logs: NDArray[Any] = np.log1p(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32))
    spread = np.sqrt(_blur((logs - _blur(logs, 12)) ** 2, 24)) + 0.02
    flat = (logs - _blur(logs, 24)) / spread
    maps = []
    strength = np.zeros(flat.shape, np.float32)
    for size in SIZES_PX:
        smooth = _blur(flat, size)
        contrast = smooth - _blur(flat, 1.6 * size)
        xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *d, ksize=3) * size**2 for d in ((2, 0), (0, 2), (1, 1)))
        trace, determinant = xx + yy, xx * yy - xy * xy
        round_ = np.sqrt(np.maximum(determinant, 0))
        strength = np.maximum(strength, round_)
        around = np.ones((int(4 * size) | 1,) * 2, np.uint8)
        maps += [
            contrast,
            np.abs(contrast),
            round_,
            trace,
            cv2.dilate(np.abs(contrast), around),
            _blur(abs(contrast), 16),
        ]
    maps += [np.sqrt(_blur(flat * flat, s)) for s in (4, 8, 16)] + [logs - _blur(logs, s) for s in (8, 16, 32)]
    peaks = (strength == cv2.dilate(strength, np.ones((2 * APART_PX + 1,) * 2, np.uint8))) & (strength > 0)
    rows, columns = np.nonzero(peaks)
    kept = np.argsort(-strength[rows, columns], kind="stable")[:n]
    rows, columns = rows[kept], columns[kept]
    features = np.stack([m[rows, columns] for m in maps], axis=1)
    return Blobs(np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32), features.astype(np.float32))


def _blur(picture: NDArray[Any], size_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), size_px), np.float32)
