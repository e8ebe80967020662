"""Seven kinds of defect to learn on: each changes the height, the paint and the gloss of a surface."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.dent import dent as push_in
from samples.dent import window
from samples.fields import Field, clouds, rise


@dataclass(frozen=True)
class Surface:
    """A surface before light falls on it; every field is (H, W) float32 and changed in place.

    Attributes:
        bumps: height, pixels.
        paint: share of light thrown back, about 1.
        gloss: share of the mirror image, about 1.
    """

    bumps: Field
    paint: Field
    gloss: Field


Defect = Callable[[Surface, np.random.Generator, float, float], NDArray[np.bool_]]
"""(surface, rng, x, y) -> where it is, (H, W) bool; the surface is changed in place."""


def dent(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """Pushed in (or out, one in eight), deep or so shallow that only its shade shows."""
    radius, steepest = _between(rng, 2.5, 14), _between(rng, 0.06, 0.5)
    sign = -1 if rng.random() < 1 / 8 else 1
    found = push_in(surface.bumps, rng, x, y, radius, sign * steepest)
    return _covered(surface, found.at, found.x**2 + found.y**2 < 1.2)


def pit(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """A small deep hollow, dark within, often of no shape."""
    radius = _between(rng, 0.9, 6)
    place = window(surface.bumps, x, y, 3 * radius + 2)
    ragged = radius * (
        1 + np.float32(rng.uniform(0, 0.3)) * clouds(rng, len(place.x), place.x.shape[1], max(radius, 1.5))
    )
    long = _between(rng, 1, 1.8)
    away = np.hypot(place.x * np.float32(long), place.y / np.float32(long)) / np.maximum(ragged, 0.3)
    inside = rise((1 - away) * np.float32(rng.uniform(3, 9)))
    surface.paint[place.at] *= 1 - np.float32(rng.uniform(0.25, 0.95)) * inside
    surface.gloss[place.at] *= 1 - np.float32(0.9) * inside
    surface.bumps[place.at] -= np.float32(rng.uniform(0, 0.5) * radius) * inside
    return _covered(surface, place.at, away < 1.1)


def scratch(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """A long fine line, bright or dark, with a ridge."""
    length, bend = _between(rng, 10, 90), rng.normal(0, 0.01)
    path = _walk(rng, x, y, length, bend, 0.04)
    line = _drawn(surface, [path], _between(rng, 0.6, 2.2))
    depth = line * np.float32(rng.uniform(0.2, 1))
    surface.bumps[...] -= np.float32(rng.uniform(0, 0.6)) * depth
    surface.paint[...] *= 1 + np.float32(rng.choice([-0.6, -0.3, 0.3, 0.7])) * depth
    return line > 0.3


def crack(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """A jagged dark line that forks."""
    trunk = _walk(rng, x, y, _between(rng, 12, 60), 0, 0.35)
    paths = [trunk]
    for _ in range(rng.integers(0, 3)):
        start = trunk[rng.integers(len(trunk))]
        paths.append(_walk(rng, float(start[0]), float(start[1]), _between(rng, 6, 25), 0, 0.35))
    line = _drawn(surface, paths, _between(rng, 0.6, 1.8))
    surface.paint[...] *= 1 - np.float32(rng.uniform(0.25, 0.9)) * line
    surface.gloss[...] *= 1 - np.float32(0.7) * line
    return line > 0.3


def stain(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """Another shade of the paint or the gloss, with no height."""
    radius = _between(rng, 3, 16)
    place = window(surface.bumps, x, y, 2.2 * radius)
    ragged = radius * (1 + np.float32(0.3) * clouds(rng, len(place.x), place.x.shape[1], radius))
    away = np.hypot(place.x, place.y) / np.maximum(ragged, 1)
    inside = rise((1 - away) * np.float32(rng.uniform(2, 14)))
    if rng.random() < 0.3:  # dried from the rim
        inside = inside * np.minimum(away, 1) ** 3
    surface.paint[place.at] *= 1 + np.float32(rng.choice([-1, 1]) * _between(rng, 0.05, 0.4)) * inside
    surface.gloss[place.at] *= 1 - np.float32(rng.uniform(0, 0.8)) * inside
    return _covered(surface, place.at, inside > 0.35)


def hole(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """Drilled: round, crisp, black or with a bolt's head in it."""
    radius = _between(rng, 2.5, 10)
    place = window(surface.bumps, x, y, 2 * radius + 3)
    away = np.hypot(place.x, place.y)
    inside = rise((radius - away) / np.float32(0.4))
    ring = np.exp(-((away - radius - 1) ** 2) / 1.5)
    if rng.random() < 0.7:
        surface.paint[place.at] *= 1 - np.float32(rng.uniform(0.7, 0.98)) * inside
        surface.gloss[place.at] *= 1 - np.float32(0.97) * inside
        surface.bumps[place.at] += np.float32(rng.uniform(-0.6, 0.6)) * ring
    else:
        surface.paint[place.at] *= (1 + np.float32(rng.uniform(-0.5, 0.5)) * inside) * (1 - np.float32(0.6) * ring)
        surface.bumps[place.at] += np.float32(rng.uniform(0.6, 2)) * rise((radius - away) / np.float32(0.9))
    return _covered(surface, place.at, away < radius + 1.5)


def dust(surface: Surface, rng: np.random.Generator, x: float, y: float) -> NDArray[np.bool_]:
    """A few specks and fibres, bright or dark, lying on top."""
    light = np.float32(rng.choice([-0.7, 0.6, 1.2]))
    where = np.zeros(surface.bumps.shape, np.float32)
    for _ in range(rng.integers(1, 5)):
        px, py = x + rng.normal(0, 5), y + rng.normal(0, 5)
        fibre = rng.random() < 0.3
        path = _walk(rng, px, py, _between(rng, 4, 14) if fibre else rng.uniform(0.1, 1.5), rng.normal(0, 0.1), 0.1)
        where = np.maximum(where, _drawn(surface, [path], _between(rng, 0.7, 1.2 if fibre else 2.6)))
    surface.paint[...] += (light * np.float32(rng.uniform(0.4, 1))) * where * np.abs(surface.paint)
    surface.gloss[...] *= 1 - where
    return where > 0.3


DEFECTS: MappingProxyType[str, Defect] = MappingProxyType(
    {made.__name__: made for made in (dent, pit, scratch, crack, stain, hole, dust)}
)
KINDS = tuple(DEFECTS)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw log-uniformly."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _covered(surface: Surface, at: tuple[slice, slice], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    where = np.zeros(surface.bumps.shape, np.bool_)
    where[at] = inside
    return where


def _walk(rng: np.random.Generator, x: float, y: float, length: float, bend: float, jag: float) -> NDArray[np.float64]:
    """Return the corners (n, 2) of a line through (x, y)."""
    steps = np.arange(0, length, 2.5)
    heading = rng.uniform(0, 2 * np.pi) + bend * steps + np.cumsum(rng.normal(0, jag, len(steps)))
    path = np.cumsum(2.5 * np.stack([np.cos(heading), np.sin(heading)], 1), 0)
    walked = np.vstack([[[0.0, 0.0]], path]) - path[len(path) // 2] + [x, y]
    return np.asarray(walked, np.float64)


def _drawn(surface: Surface, paths: list[NDArray[np.float64]], width_px: float) -> Field:
    """Return how much of each pixel the lines cover, (H, W) float32 of 0..1."""
    image = np.zeros(surface.bumps.shape, np.uint8)
    points = [np.rint((path - 0.5) * 16).astype(np.int32).reshape(-1, 1, 2) for path in paths]
    thick = max(round(width_px), 1)
    cv2.polylines(image, points, False, int(255 * min(width_px / thick, 1)), thick, cv2.LINE_AA, 4)
    return np.asarray(image.astype(np.float32) / 255, np.float32)
