"""Random fields that generated surfaces are built of: float32 arrays, zero mean, about unit deviation."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def clouds(rng: np.random.Generator, height: int, width: int, across_px: float, along_px: float | None = None) -> Field:
    """Return (height, width) smooth noise.

    Args:
        rng: where the noise comes from.
        height, width: pixels.
        across_px: distance between bumps along x, at least 1.
        along_px: the same along y; as along x unless given.
    """
    step_x, step_y = max(across_px, 1.0) / 2, max(along_px or across_px, 1.0) / 2
    rows, columns = int(height / step_y) + 4, int(width / step_x) + 4
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    # One sub-cell start, so that the grid never shows at the same place.
    start = rng.uniform(1, 2, 2)
    matrix = np.array([[1 / step_x, 0, start[0]], [0, 1 / step_y, start[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    noise = cv2.warpAffine(grid, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(noise * np.float32(1.3), dtype=np.float32)


def octaves(rng: np.random.Generator, height: int, width: int, across_px: float, n: int, fall: float = 0.5) -> Field:
    """Return the sum of `n` clouds, each twice as fine and `fall` times as strong as the one before."""
    total = clouds(rng, height, width, across_px)
    for octave in range(1, n):
        total += np.float32(fall**octave) * clouds(rng, height, width, across_px / 2**octave)
    return total


def rise(x: NDArray[Any]) -> Field:
    """Return the soft step ``1 / (1 + exp(-x))``: 0 far below zero, 1 far above."""
    return np.asarray(0.5 * (1 + np.tanh(x / 2)), dtype=np.float32)


def slopes(height_px: Field) -> tuple[Field, Field]:
    """Return the slopes of a height field along x and along y, pixels a pixel."""
    kernel = np.array([[-0.5, 0.0, 0.5]], dtype=np.float32)
    border = cv2.BORDER_REFLECT
    along_x = cv2.filter2D(height_px, cv2.CV_32F, kernel, borderType=border)
    along_y = cv2.filter2D(height_px, cv2.CV_32F, kernel.T, borderType=border)
    return np.asarray(along_x, dtype=np.float32), np.asarray(along_y, dtype=np.float32)
