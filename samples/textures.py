"""Eleven surfaces to learn on, without defects: each gives its height and its paint."""

from collections.abc import Callable
from types import MappingProxyType

import cv2
import numpy as np

from samples.fields import Field, clouds, octaves, rise

Texture = Callable[[np.random.Generator, int, float], tuple[Field, Field]]
"""(rng, side, scale_px) -> height and paint, both (side, side) float32 of any size and mean."""


def painted(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Orange peel under a flawless colour."""
    return clouds(rng, side, side, 2 * scale_px), np.zeros((side, side), np.float32)


def brushed(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Fine parallel lines, as a brush leaves them."""
    lines = clouds(rng, side, side, max(scale_px / 4, 1.0), 15 * scale_px)
    return lines, lines + clouds(rng, side, side, scale_px, 30 * scale_px)


def cast(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Rough at every scale, as sand leaves it."""
    return octaves(rng, side, side, 3 * scale_px, 4, 0.6), octaves(rng, side, side, 4 * scale_px, 2)


def ground(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Lines of two passes of a grinder that cross."""
    across = clouds(rng, side, side, max(scale_px / 4, 1.0), 12 * scale_px)
    down = clouds(rng, side, side, 10 * scale_px, max(scale_px / 4, 1.0))
    lines = across + np.float32(rng.uniform(0.2, 1)) * down
    return lines, lines


def woven(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Threads over and under each other."""
    x, y = _grid(rng, side, scale_px, 0.15)
    over = np.sin(np.pi * x) * np.sin(np.pi * y) > 0
    threads = np.where(over, np.abs(np.sin(np.pi * x)), np.abs(np.sin(np.pi * y)))
    return np.asarray(threads, np.float32), np.asarray(over - 0.5 + 0.3 * threads, np.float32)


def moulded(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """The grain of leather in plastic: cells with furrows between them."""
    furrows = np.abs(clouds(rng, side, side, 3 * scale_px))
    furrows += np.float32(0.5) * np.abs(clouds(rng, side, side, 1.5 * scale_px))
    return np.minimum(furrows, 0.8), clouds(rng, side, side, scale_px)


def striped(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Printed or milled stripes."""
    x, _ = _grid(rng, side, 1.5 * scale_px, 0.1)
    wave = np.sin(2 * np.pi * x)
    stripes = rise(wave * rng.uniform(1, 12)) - np.float32(0.5)
    return np.asarray(wave, np.float32), stripes


def speckled(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Grains of two colours, as granite or a powder coat."""
    grains = rise(5 * (clouds(rng, side, side, scale_px) - np.float32(rng.uniform(-1, 1))))
    return clouds(rng, side, side, scale_px), grains


def knurled(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Small pyramids in rows, or the dimples of a pressed sheet."""
    x, y = _grid(rng, side, 1.5 * scale_px, 0.06)
    waves = np.sin(2 * np.pi * x) * np.sin(2 * np.pi * y)
    return np.asarray(waves, np.float32), np.asarray(waves, np.float32)


def rolled(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Bands along the way through the mill, and fine grain."""
    bands = clouds(rng, side, side, 3 * scale_px, 60 * scale_px)
    return bands + np.float32(0.4) * clouds(rng, side, side, max(scale_px / 3, 1)), bands


def plain(rng: np.random.Generator, side: int, scale_px: float) -> tuple[Field, Field]:
    """Nearly nothing: slow shades."""
    return clouds(rng, side, side, 12 * scale_px), clouds(rng, side, side, 15 * scale_px)


TEXTURES: MappingProxyType[str, Texture] = MappingProxyType(
    {
        made.__name__: made
        for made in (painted, brushed, cast, ground, woven, moulded, striped, speckled, knurled, rolled, plain)
    }
)


def draw(rng: np.random.Generator, name: str, side: int, scale_px: float) -> tuple[Field, Field]:
    """Return the height and the paint of a texture, turned by a random angle.

    Both (side, side) float32 with mean 0 and deviation 1, except that what is flat stays zero.
    """
    wide = int(side * 1.42) + 2
    angle = rng.uniform(0, 2 * np.pi)
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (wide - 1) / 2 - linear @ np.full(2, (side - 1) / 2)
    matrix = np.hstack([linear, middle[:, np.newaxis]])
    made = np.dstack(TEXTURES[name](rng, wide, scale_px))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(made, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT)
    turned = turned - turned.mean(axis=(0, 1))
    turned /= turned.std(axis=(0, 1)) + np.float32(1e-6)
    return np.ascontiguousarray(turned[..., 0]), np.ascontiguousarray(turned[..., 1])


def _grid(rng: np.random.Generator, side: int, step_px: float, jitter: float) -> tuple[Field, Field]:
    """Return coordinates that grow by 1 every `step_px`, a little uneven."""
    x = np.arange(side, dtype=np.float32) / np.float32(step_px)
    uneven = np.float32(jitter * rng.random()) * clouds(rng, side, side, 4 * step_px)
    return x[np.newaxis, :] + uneven, x[:, np.newaxis] + uneven
