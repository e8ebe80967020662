"""Photos of nails, good or bent, on dark card below a bright strip: 1936 x 1216, grey, as the article's.

The shaft is a cylinder under one lamp: where its highlight falls depends on how the nail lies, and a
shaft that points away from the lamp is nearly as dark as the card. A bent nail is marked at its bend.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from samples import album, card

WIDTH_PX, HEIGHT_PX = 1936, 1216
WINDOW_PX = 340
"""Side of the square a nail is drawn in."""


def generate(folder: Path, n_nails: int = 40, photos_per_nail: int = 2, seed: int = 0) -> album.Made:
    """Write photos of nails, half of them bent, and where they are; the same arguments give the same bytes."""
    return album.write(folder, photos(n_nails, photos_per_nail, seed), marked="bent")


def photos(n_nails: int, photos_per_nail: int, seed: int) -> Iterator[album.Photo]:
    """Yield the photos of each nail, one after another; every second nail is bent."""
    for nail in range(n_nails):
        rng = np.random.default_rng([seed, nail])
        length_px, radius_px = rng.uniform(195, 250), rng.uniform(4.5, 9)
        bend = rng.uniform(0.04, 0.9) ** 1.5 + 0.03 if nail % 2 else 0.0
        at, sharp = rng.uniform(0.3, 0.75), rng.uniform(0.05, 0.25)
        for number in range(photos_per_nail):
            shot = np.random.default_rng([seed, nail, number])
            line = _centre_line(length_px, bend, at, sharp)
            pixels, places = _take(shot, line, radius_px)
            name = f"nail-{nail:03d}"
            points = places[[round(at * (len(line) - 1))]] if bend else np.empty((0, 2))
            yield album.Photo(f"{name}-{number}.jpg", name, album.jpeg(pixels, 88), points)


def _centre_line(length_px: float, bend: float, at: float, sharp: float) -> NDArray[np.float64]:
    """Return points (n, 2) along a nail that turns by `bend` radians around the share `at` of its length."""
    s = np.linspace(0, 1, 160)
    turn = bend / (1 + np.exp(-(s - at) / (sharp / 4)))
    step = length_px / (len(s) - 1)
    line: NDArray[np.float64] = np.cumsum(step * np.stack([np.cos(turn), np.sin(turn)], axis=1), axis=0)
    line -= line.mean(axis=0)
    return line


def _take(
    rng: np.random.Generator, line: NDArray[np.float64], radius_px: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return one photo and where the nail's centre line lies on it, (n, 2)."""
    picture = card.draw(rng, WIDTH_PX, HEIGHT_PX)
    _draw_strip(rng, picture)
    _draw_pencil(rng, picture)
    angle, mirror = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    local = (line * (1, mirror)) @ turn.T + WINDOW_PX / 2
    left, top = rng.integers(500, 1100), rng.integers(180, 820)
    window = picture[top : top + WINDOW_PX, left : left + WINDOW_PX]
    _draw_nail(rng, window, local, radius_px)
    return card.exposed(rng, picture), local + np.array([left, top])


def _draw_nail(
    rng: np.random.Generator, window: NDArray[np.float32], line: NDArray[np.float64], radius_px: float
) -> None:
    """Draw shaft, head and point, and the shadow beside them."""
    y, x = np.mgrid[:WINDOW_PX, :WINDOW_PX].astype(np.float32) + 0.5
    step = np.gradient(line, axis=0)
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    away = (x[..., None] - line[:, 0].astype(np.float32)) ** 2 + (y[..., None] - line[:, 1].astype(np.float32)) ** 2
    nearest = np.argmin(away, axis=-1)
    s = nearest / (len(line) - 1)
    dx, dy = x - line[nearest, 0], y - line[nearest, 1]
    along = dx * step[nearest, 0] + dy * step[nearest, 1]
    across = -dx * step[nearest, 1] + dy * step[nearest, 0]
    beyond = np.abs(along) * ((s == 0) | (s == 1))
    radius = radius_px * np.where(s > 0.92, np.maximum(0.1, (1 - s) / 0.08), 1.0)
    radius = np.where(s < 0.025, 1.9 * radius_px, radius)
    inside = np.clip(radius - np.abs(across) - beyond + 0.5, 0, 1)

    shadow = np.asarray(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 4), np.float32)
    window *= 1 - 0.35 * np.roll(shadow, (3, 4), (0, 1))
    v = np.clip(across / np.maximum(radius, 1e-3), -0.999, 0.999)
    normal = np.stack([-step[nearest, 1] * v, step[nearest, 0] * v, np.sqrt(1 - v**2)], axis=-1)
    lamp = np.array([rng.uniform(-0.3, 0.1), -0.75, 0.6])
    half = lamp / np.linalg.norm(lamp) + (0, 0, 1)
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1)
    metal = 38 + 60 * np.clip(normal @ lamp, 0, 1) + rng.uniform(150, 260) * shine**18
    scratches = 1 + 0.12 * rng.standard_normal(len(line))[nearest]
    window += (inside * (metal * scratches - window)).astype(np.float32)


def _draw_strip(rng: np.random.Generator, picture: NDArray[np.float32]) -> None:
    """Put the white edge of the table along the top, brighter than any nail."""
    edge = 50 + 8 * np.sin(np.linspace(0, 5, WIDTH_PX) + rng.uniform(0, 6)) + rng.uniform(-8, 8)
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
    white = np.clip(edge[None, :] - rows, 0, 1).astype(np.float32)
    white[:, int(WIDTH_PX * 0.92) :] = 0
    picture += white * (np.float32(rng.uniform(170, 250)) - picture)


def _draw_pencil(rng: np.random.Generator, picture: NDArray[np.float32]) -> None:
    for _ in range(int(rng.integers(3, 9))):
        a, b = rng.uniform((300, 150), (1650, 1100), (2, 2))
        line = np.zeros(picture.shape, np.uint8)
        start, end = (tuple(int(v) for v in p) for p in (a, b))
        cv2.line(line, start, end, 1, 2, cv2.LINE_AA)
        picture -= np.float32(rng.uniform(8, 16)) * line
