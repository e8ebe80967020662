"""Photos of parts, small or large, on a conveyor: nuts, washers and gears in colour, 480 x 480.

A large part is marked at its middle. Small and large differ by a quarter in diameter and more; how far
the camera stands varies by a few percent, as on a belt.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from samples import album

SIDE_PX = 480
SMALL, LARGE = (0.17, 0.23), (0.29, 0.37)
"""Radius as a share of the photo's side."""

METALS = ((176, 178, 182), (196, 170, 120), (120, 118, 116), (184, 120, 84))


def generate(folder: Path, n_parts: int = 120, photos_per_part: int = 2, seed: int = 0) -> album.Made:
    """Write photos of parts, half of them large; the same arguments give the same bytes."""
    return album.write(folder, photos(n_parts, photos_per_part, seed), marked="large")


def photos(n_parts: int, photos_per_part: int, seed: int) -> Iterator[album.Photo]:
    """Yield the photos of each part, one after another; every second part is large."""
    for part in range(n_parts):
        rng = np.random.default_rng([seed, part])
        is_large = part % 2 == 1
        radius = rng.uniform(*(LARGE if is_large else SMALL)) * SIDE_PX
        kind, metal = int(rng.integers(3)), METALS[rng.integers(len(METALS))]
        for number in range(photos_per_part):
            shot = np.random.default_rng([seed, part, number])
            pixels, middle = _take(shot, kind, radius, metal)
            name = f"part-{part:03d}"
            points = middle[None] if is_large else np.empty((0, 2))
            yield album.Photo(f"{name}-{number}.jpg", name, album.jpeg(pixels, 88), points)


def _take(
    rng: np.random.Generator, kind: int, radius: float, metal: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return one photo and the middle of the part on it, (2,)."""
    belt = np.array([62, 66, 70], np.float32) * rng.uniform(0.7, 1.3)
    picture = np.tile(belt.astype(np.float32), (SIDE_PX, SIDE_PX, 1))
    picture += 5 * np.sin(np.arange(SIDE_PX, dtype=np.float32) * rng.uniform(0.2, 0.5))[None, :, None]
    outer = radius * rng.uniform(0.97, 1.03)
    middle = SIDE_PX / 2 + rng.uniform(-0.1, 0.1, 2) * SIDE_PX
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32) + 0.5
    away, angle = np.hypot(x - middle[0], y - middle[1]), np.arctan2(y - middle[1], x - middle[0]) - turn
    edge = _edge(kind, angle) * outer
    bore = outer * (0.5, 0.58, 0.22)[kind]
    inside = np.clip(edge - away + 0.5, 0, 1) * np.clip(away - bore + 0.5, 0, 1)
    shadow = np.asarray(cv2.GaussianBlur(inside, (0, 0), 7), np.float32)
    picture *= (1 - 0.45 * np.roll(shadow, (6, 5), (0, 1)))[..., None]
    light = 0.75 + 0.3 * np.cos(angle + turn - rng.uniform(0, 6)) * np.clip((away - bore) / (edge - bore + 1), 0, 1)
    light += 0.35 * np.exp(-(((away - 0.92 * edge) / 4) ** 2))
    picture += inside[..., None] * (np.array(metal, np.float32) * light[..., None] - picture)
    picture *= np.float32(rng.uniform(0.8, 1.2))
    noisy = picture + 3 * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), middle


def _edge(kind: int, angle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outline's radius at each angle, as a share of the largest: nut, washer, gear."""
    nut = np.cos(np.pi / 6) / np.cos((angle % (np.pi / 3)) - np.pi / 6)
    gear = 0.94 + 0.06 * np.tanh(4 * np.sin(14 * angle))
    return np.asarray((nut, np.ones_like(angle), gear)[kind], np.float32)
