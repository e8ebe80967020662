"""A painted sheet of metal before any light falls on it: its shape, its paint, what lies on it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.dent import dent, window
from samples.fields import Field, clouds, octaves, rise, slopes

MARGIN_PX = 48
"""The sheet reaches this far beyond the photo on each side, for photos that are shifted or turned."""

_PAINTS = (
    (0.62, 0.62, 0.60), (0.30, 0.31, 0.33), (0.05, 0.05, 0.06), (0.75, 0.75, 0.73), (0.35, 0.03, 0.03),
    (0.03, 0.08, 0.28), (0.05, 0.16, 0.09), (0.55, 0.38, 0.05), (0.16, 0.18, 0.20), (0.42, 0.40, 0.36),
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A sheet, in its own pixels.

    Attributes:
        paint: (H, W, 3) float32, share of light thrown back, RGB.
        gloss: (H, W) float32, share of the mirror image.
        slope_x, slope_y: (H, W) float32, pixels a pixel.
        dents: (n, 2) float64, centres x, y.
    """

    paint: NDArray[np.float32]
    gloss: Field
    slope_x: Field
    slope_y: Field
    dents: NDArray[np.float64]


def draw(rng: np.random.Generator, width: int, height: int, n_dents: int, steepest: tuple[float, float]) -> Sheet:
    """Draw a sheet that shows `width` x `height` pixels and MARGIN_PX more on each side.

    The dents' walls slope by `steepest`, least and most, log-uniform.
    """
    w, h = width + 2 * MARGIN_PX, height + 2 * MARGIN_PX
    bumps = np.zeros((h, w), dtype=np.float32)
    color = np.array(_PAINTS[rng.integers(len(_PAINTS))]) * rng.uniform(0.85, 1.15, 3)
    paint = np.tile(np.clip(color, 0.01, 0.9).astype(np.float32), (h, w, 1))
    gloss = np.full((h, w), np.exp(rng.uniform(np.log(0.05), np.log(0.2))), dtype=np.float32)

    taken: list[tuple[float, float, float]] = []
    dents = [_place(rng, w, h, taken, 64, MARGIN_PX + 45) for _ in range(n_dents)]
    for x, y in dents:
        radius, slope = np.exp(rng.uniform(np.log([7, steepest[0]]), np.log([18, steepest[1]])))
        dent(bumps, rng, x, y, float(radius), float(slope))
    _orange_peel(bumps, rng)
    if rng.random() < 0.4:
        _style_line(bumps, rng)
    for _ in range(rng.integers(0, 4) if rng.random() < 0.6 else 0):
        _hole(bumps, paint, gloss, rng, *_place(rng, w, h, taken, 50, 20))
    for _ in range(rng.integers(0, 6)):
        _scratch(bumps, paint, rng)
    _stain(paint, gloss, rng)
    _dust(paint, gloss, rng)
    _flakes(paint, rng)

    slope_x, slope_y = slopes(bumps)
    return Sheet(paint, gloss, slope_x, slope_y, np.array(dents, dtype=np.float64).reshape(-1, 2))


def _place(
    rng: np.random.Generator, w: int, h: int, taken: list[tuple[float, float, float]], apart_px: float, border_px: float
) -> tuple[float, float]:
    """Draw a place away from those taken; after many tries the farthest one found."""
    best, best_gap = (w / 2, h / 2), -np.inf
    for _ in range(60):
        x, y = rng.uniform(border_px, w - border_px), rng.uniform(border_px, h - border_px)
        gap = min((np.hypot(x - a, y - b) - max(apart_px, r) for a, b, r in taken), default=np.inf)
        if gap > best_gap:
            best, best_gap = (float(x), float(y)), gap
        if gap >= 0:
            break
    taken.append((*best, apart_px))
    return best


def _orange_peel(bumps: Field, rng: np.random.Generator) -> None:
    h, w = bumps.shape
    across = rng.uniform(5, 14)
    bumps += np.float32(rng.uniform(0.001, 0.006) * across / 2) * clouds(rng, h, w, across)
    across = rng.uniform(90, 220)  # the sheet is never quite flat
    bumps += np.float32(rng.uniform(0.001, 0.007) * across / 2) * clouds(rng, h, w, across)


def _style_line(bumps: Field, rng: np.random.Generator) -> None:
    """Fold the sheet along a nearly straight line, as a door is."""
    h, w = bumps.shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    turn = rng.choice([0.0, np.pi / 2]) + rng.uniform(-0.2, 0.2)
    offset = rng.uniform(-0.3, 0.3) * min(h, w)
    away = (x - w / 2) * np.float32(np.sin(turn)) + (y - h / 2) * np.float32(np.cos(turn)) - np.float32(offset)
    soft = np.float32(rng.uniform(2, 9))
    bumps += np.float32(rng.uniform(-0.10, 0.10)) * soft * np.logaddexp(0, away / soft)


def _hole(bumps: Field, paint: NDArray[np.float32], gloss: Field, rng: np.random.Generator, x: float, y: float) -> None:
    """Drill a hole with a chamfer, or put a bolt's round head or a plug into it."""
    radius = rng.uniform(4.5, 12)
    place = window(gloss, x, y, 2.5 * radius)
    away = np.hypot(place.x, place.y)
    inside = rise((radius - away) / 0.5)
    at = place.at
    kind = rng.integers(3)
    if kind == 0:
        paint[at] *= (1 - 0.96 * inside)[..., np.newaxis]
        gloss[at] *= 1 - 0.97 * inside
        lip = np.exp(-((away - radius - 1.2) ** 2) / 1.6)
        bumps[at] += np.float32(rng.uniform(-0.5, 0.5)) * lip
    else:
        steel = np.float32(rng.uniform(0.12, 0.5))
        paint[at] += inside[..., np.newaxis] * (steel - paint[at]) * np.float32(0.8 if kind == 1 else 0.2)
        bumps[at] += np.float32(rng.uniform(0.8, 2.0)) * rise((radius - away) / rng.uniform(0.6, 1.3))
        ring = np.exp(-((away - radius - 1.0) ** 2) / 1.2)
        paint[at] *= (1 - 0.6 * ring)[..., np.newaxis]
        if kind == 1:  # a hexagon socket
            corner = np.arctan2(place.y, place.x) + rng.uniform(0, np.pi)
            six = away / (radius * 0.45) * np.cos((corner % (np.pi / 3)) - np.pi / 6)
            socket = rise((1 - six) * 8)
            paint[at] *= (1 - 0.85 * socket)[..., np.newaxis]
            gloss[at] *= 1 - 0.85 * socket


def _scratch(bumps: Field, paint: NDArray[np.float32], rng: np.random.Generator) -> None:
    h, w = bumps.shape
    length, turn, bend = rng.uniform(20, 260), rng.uniform(0, 2 * np.pi), rng.normal(0, 0.004)
    steps = np.arange(0, length, 4.0)
    heading = turn + bend * steps + 0.05 * np.cumsum(rng.standard_normal(len(steps)))
    path = np.cumsum(4 * np.stack([np.cos(heading), np.sin(heading)], 1), 0) + rng.uniform(0, [w, h])
    points = np.rint(path * 16).astype(np.int32).reshape(-1, 1, 2)
    line = np.zeros((h, w), dtype=np.uint8)
    cv2.polylines(line, [points], False, 255, 1 if rng.random() < 0.75 else 2, cv2.LINE_AA, 4)
    depth = line.astype(np.float32) / 255 * np.float32(rng.uniform(0.15, 0.9))
    bumps -= np.float32(0.35) * depth
    paint += (np.float32(rng.choice([0.0, 0.3, 0.6])) - paint) * (depth * np.float32(0.5))[..., np.newaxis]


def _stain(paint: NDArray[np.float32], gloss: Field, rng: np.random.Generator) -> None:
    """Wipe marks and dried drops: duller, a little brighter, of no shape."""
    h, w = gloss.shape
    wiped = octaves(rng, h, w, rng.uniform(60, 200), 2)
    gloss *= np.clip(1 - np.float32(rng.uniform(0, 0.12)) * wiped, 0.3, 1.5)
    paint *= np.clip(1 + np.float32(rng.uniform(0, 0.03)) * wiped, 0.5, 1.5)[..., np.newaxis]
    for _ in range(rng.integers(0, 4)):
        x, y, radius = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(4, 20)
        place = window(gloss, x, y, 2 * radius)
        if not place.x.size:
            continue
        away = np.hypot(place.x, place.y) / (radius * (1 + 0.25 * clouds(rng, len(place.x), place.x.shape[1], radius)))
        ring = np.exp(-((away - 1) ** 2) / 0.01) + 0.25 * (away < 1)
        at = place.at
        paint[at] += (np.float32(rng.uniform(0.01, 0.09)) * ring)[..., np.newaxis]
        gloss[at] *= 1 - 0.35 * np.minimum(ring, 1)


def _dust(paint: NDArray[np.float32], gloss: Field, rng: np.random.Generator) -> None:
    h, w = gloss.shape
    specks = np.zeros((h, w), dtype=np.uint8)
    for _ in range(rng.integers(5, 70)):
        x, y = rng.integers(0, [w * 16, h * 16])
        axes = (int(rng.uniform(6, 34)), int(rng.uniform(6, 22)))
        cv2.ellipse(
            specks, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, int(rng.uniform(60, 255)), -1, cv2.LINE_AA, 4
        )
    cover = cv2.GaussianBlur(specks, (0, 0), 0.7).astype(np.float32) / 255
    shadow = np.roll(cover, (1, 1), (0, 1)) * np.float32(0.4)
    paint *= (1 - shadow)[..., np.newaxis]
    paint += (np.float32(rng.choice([0.08, 0.45, 0.7])) - paint) * cover[..., np.newaxis]
    gloss *= 1 - np.maximum(cover, shadow)


def _flakes(paint: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Metal flakes in the paint, seen as grain."""
    h, w, _ = paint.shape
    grain = rng.standard_normal((h, w), dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6) * 1.8
    paint *= np.clip(1 + np.float32(rng.uniform(0.0, 0.09)) * grain, 0.3, 2)[..., np.newaxis]
