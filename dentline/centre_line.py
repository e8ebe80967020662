"""How straight a long part is: its centre line, by registering its cross-sections on each other.

A straight shaft has the same cross-section all along: edges, highlight and shadow stay at the same
rows of the upright picture. Where it bends, the whole cross-section moves. Registering the
cross-sections measures that movement to a fraction of a pixel, whatever the light does to the
outline; a threshold's outline wanders by a pixel with every highlight.
"""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

NAMES = ("bow", "kink", "wave")
"""The measures, in order; each in percent of the part's length."""

N_WINDOWS = 16
"""Cross-sections along the shaft, each the mean of the columns of its window."""

ENDS = 0.12
"""Share of the length left out at each end: the head and the point."""

REACH_PX = 12
"""Farthest movement looked for between two cross-sections."""

PARTS = 4
"""Movements are measured to one part in this many of a pixel."""

STEPS = (1, 2, 3, 5)
"""Cross-sections this many windows apart are registered on each other."""


def measures(upright: NDArray[np.uint8], margin: float) -> NDArray[np.float32]:
    """Return bow, kink and wave (3,) float32 of a part, in percent of its length.

    bow: how far the middle lies off the ends, from a parabola; kink: the change of direction between
    the halves; wave: root mean square distance of a cubic from its best line. All are 0 for a straight
    part and do not tell up from down or left from right.

    Args:
        upright: (H, W) uint8, the part along the rows, its ends at `margin` and 1 - `margin` of W.
        margin: share of the width outside the part, at each end.
    """
    place, offset_px = centre_line(upright, margin)
    length_px = upright.shape[1] * (1 - 2 * margin)
    offset = 100 * offset_px / length_px
    left, right = place < 0, place > 0
    curve = _fit(place, offset, 3)
    smooth = np.vander(place, 4, increasing=True) @ curve
    values = (
        abs(_fit(place, offset, 2)[2]),
        abs(_fit(place[left], offset[left], 1)[1] - _fit(place[right], offset[right], 1)[1]),
        _about_line(place, smooth),
    )
    return np.array(values, np.float32)


def centre_line(upright: NDArray[np.uint8], margin: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places along the part (n,) in -1..1 and how far its centre line lies off there (n,), in px.

    Every pair of cross-sections in STEPS is registered by the lag of greatest correlation of their
    edge strengths; the offsets are the weighted least-squares solution of all pairs, pairs that do
    not agree with the rest counting less.
    """
    width = upright.shape[1]
    first, length = width * margin, width * (1 - 2 * margin)
    borders = np.linspace(first + ENDS * length, first + (1 - ENDS) * length, N_WINDOWS + 1).round().astype(int)
    place = ((borders[:-1] + borders[1:]) / 2 - width / 2) / (length / 2)
    sections = np.stack([upright[:, a:b].mean(axis=1) for a, b in pairwise(borders)])
    one, other, lag_px, weight = _register(_edge_strength(sections))
    return place, _solve(one, other, lag_px, weight)


def _edge_strength(sections: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors (n, H * PARTS): where along each cross-section the grey changes."""
    smooth = cv2.GaussianBlur(sections.astype(np.float32), (5, 1), sigmaX=0.7, sigmaY=0)
    strength = np.abs(np.gradient(smooth, axis=1))
    fine = cv2.resize(strength, None, fx=PARTS, fy=1, interpolation=cv2.INTER_LINEAR).astype(np.float64)
    unit: NDArray[np.float64] = fine / (np.linalg.norm(fine, axis=1, keepdims=True) + 1e-9)
    return unit


def _register(
    strength: NDArray[np.float64],
) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    """Return for each pair of windows: their indices, the second's lag in px, and the pair's weight."""
    n, size = strength.shape
    pairs = [(i, i + step) for i in range(n) for step in STEPS if i + step < n]
    one, other = np.array(pairs).T
    reach = REACH_PX * PARTS
    spectrum = np.fft.rfft(strength, n=size + reach, axis=1)  # padded: no lag wraps round
    around = np.fft.irfft(spectrum[other] * spectrum[one].conj(), n=size + reach, axis=1)
    correlation = np.concatenate([around[:, -reach:], around[:, : reach + 1]], axis=1)
    best = np.argmax(correlation, axis=1)
    weight = np.clip(correlation[np.arange(len(best)), best], 0, None) ** 2
    return one, other, (best - reach) / PARTS, weight


def _solve(
    one: NDArray[np.int_], other: NDArray[np.int_], lag_px: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the offsets (n,) whose differences agree best with the lags (Huber, limit 0.5 px)."""
    n = int(other.max()) + 1
    design = np.zeros((len(one) + 1, n))
    rows = np.arange(len(one))
    design[rows, other], design[rows, one] = 1, -1
    design[-1, 0] = 1  # the first offset is 0: lags fix differences alone
    target = np.append(lag_px, 0)
    base = np.append(weight, 1.0) + 1e-6
    trust = base
    offset: NDArray[np.float64] = np.zeros(n)
    for _ in range(10):
        weighted = design * trust[:, None]
        offset = np.linalg.solve(design.T @ weighted, weighted.T @ target)
        trust = base / np.maximum(1, np.abs(design @ offset - target) / 0.5)
    return offset


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Return polynomial coefficients, lowest first, by least squares that outliers pull little (Huber)."""
    design = np.vander(x, degree + 1, increasing=True)
    trust = np.ones_like(y)
    solution: NDArray[Any] = np.zeros(degree + 1)
    for _ in range(8):
        weighted = design * trust[:, None]
        solution = np.linalg.solve(design.T @ weighted, weighted.T @ y)
        residual = np.abs(y - design @ solution)
        ordered = np.sort(residual)  # the median of so few numbers, at a quarter of np.median's cost
        median = (ordered[(len(y) - 1) // 2] + ordered[len(y) // 2]) / 2
        trust = 1 / np.maximum(1, residual / (1.5 * 1.4826 * median + 1e-3))
    return solution


def _about_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    residual = y - np.vander(x, 2) @ np.linalg.lstsq(np.vander(x, 2), y, rcond=None)[0]
    return float(np.sqrt(np.mean(residual**2)))
