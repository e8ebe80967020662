"""Photos of screws, good or not: 1024 x 1024, grey. Not good is a thread that is torn, or a broken point.

A screw lies turned by up to 10 degrees; what is wrong with a bad one is marked where it is.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samples import album, card

SIDE_PX = 1024


def generate(folder: Path, n_good: int = 250, n_bad: int = 50, photos_per_screw: int = 1, seed: int = 0) -> album.Made:
    """Write photos of screws and where bad ones are damaged; the same arguments give the same bytes."""
    return album.write(folder, photos(n_good, n_bad, photos_per_screw, seed), marked="damaged")


def photos(n_good: int, n_bad: int, photos_per_screw: int, seed: int) -> Iterator[album.Photo]:
    """Yield the photos of each screw, good ones first."""
    for screw in range(n_good + n_bad):
        rng = np.random.default_rng([seed, screw])
        shape = _Screw(rng, bad=screw >= n_good)
        for number in range(photos_per_screw):
            pixels, points = shape.take(np.random.default_rng([seed, screw, number]))
            name = f"screw-{screw:03d}"
            yield album.Photo(f"{name}-{number}.jpg", name, album.jpeg(pixels, 90), points)


class _Screw:
    """A screw's outline: half width at each place along its axis, px; the head is at the left."""

    def __init__(self, rng: np.random.Generator, bad: bool) -> None:
        self.length = int(rng.uniform(620, 720))
        self.radius, self.pitch, self.depth = rng.uniform(46, 54), rng.uniform(26, 30), rng.uniform(9, 12)
        self.phase, self.slant = rng.uniform(0, 2 * np.pi), rng.uniform(0.16, 0.22)
        self.torn = rng.uniform(0.35, 0.8) if bad and rng.random() < 0.75 else None
        self.torn_length = rng.uniform(0.045, 0.09)
        self.broken = rng.uniform(0.05, 0.1) if bad and self.torn is None else 0.0

    def take(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return one photo and the place of the damage, (1, 2) or (0, 2)."""
        picture = card.draw(rng, SIDE_PX, SIDE_PX, level=70)
        angle = np.deg2rad(rng.uniform(-10, 10))
        cx, cy = SIDE_PX / 2 + rng.uniform(-40, 40, 2)
        y, x = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32) + 0.5
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle) + self.length / 2
        across = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
        share = along / self.length
        thread = np.cos(2 * np.pi * (along - self.slant * across) / self.pitch + self.phase)
        worn = np.ones_like(share)
        if self.torn is not None:
            worn = 1 - np.exp(-(((share - self.torn) / self.torn_length) ** 4))
        body = self.radius + self.depth * (thread * worn - 0.6 * (1 - worn))
        end = 1 - self.broken
        taper = np.clip((1 - share) / 0.14, 0, 1)
        half = np.where(share < 0.14, 1.9 * self.radius, np.where(share < 0.2, self.radius, body * taper))
        inside = np.clip(half - np.abs(across) + 0.5, 0, 1) * (share > 0) * (share < end)
        v = np.clip(across / np.maximum(half, 1), -0.99, 0.99)
        slope = np.where((share > 0.2), np.sin(2 * np.pi * along / self.pitch + self.phase) * worn, 0)
        bright = rng.uniform(70, 95) * np.sqrt(1 - v**2) + 55 * np.exp(-(((v + 0.35) / 0.16) ** 2)) + 22 * slope
        rough = 9 * (1 - worn) * rng.standard_normal(share.shape, dtype=np.float32)
        picture += (inside * (60 + bright + rough - picture)).astype(np.float32)
        places = [self.torn] if self.torn is not None else [end] if self.broken else []
        s = np.array(places).reshape(-1, 1) * self.length - self.length / 2
        points = np.hstack([cx + s * np.cos(angle), cy + s * np.sin(angle)])
        return card.exposed(rng, picture), points
