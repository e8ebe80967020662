"""The shape of a dent, and the window around a place in which a mark is drawn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samples.fields import Field, clouds


@dataclass(frozen=True)
class Window:
    """A piece of a field around a place.

    Attributes:
        at: its rows and columns in the field.
        x, y: of each of its pixels' middles, counted from the place.
    """

    at: tuple[slice, slice]
    x: Field
    y: Field


def window(field: NDArray[Any], x: float, y: float, reach_px: float) -> Window:
    """Return the piece of `field` up to `reach_px` around (x, y), cut off at the field's border."""
    top, left = max(int(y - reach_px), 0), max(int(x - reach_px), 0)
    at = slice(top, int(y + reach_px) + 1), slice(left, int(x + reach_px) + 1)
    height, width = field[at].shape[:2]
    across = np.arange(left, left + width, dtype=np.float32) + np.float32(0.5 - x)
    down = np.arange(top, top + height, dtype=np.float32) + np.float32(0.5 - y)
    grid_x, grid_y = np.meshgrid(across, down)
    return Window(at, grid_x, grid_y)


def dent(bumps: Field, rng: np.random.Generator, x: float, y: float, radius_px: float, steepest: float) -> Window:
    """Push the surface in: a smooth bowl, a little out of round, with the metal raised around it.

    Args:
        bumps: (H, W) height of the surface, pixels; changed in place.
        rng: draws its shape.
        x, y: its centre, pixels.
        radius_px: where the wall is steepest, about.
        steepest: slope of the wall, pixels a pixel.

    Returns:
        The window, in which `x` and `y` are the place in units of the dent's own radius.
    """
    place = window(bumps, x, y, 4.5 * radius_px)
    if not place.x.size:
        return place
    long, turn = np.exp(rng.uniform(0, 0.45)), rng.uniform(0, np.pi)
    uneven = radius_px * (1 + np.float32(0.10) * clouds(rng, *_shape(place), radius_px * 1.5))
    u = (place.x * np.float32(np.cos(turn)) + place.y * np.float32(np.sin(turn))) / (np.float32(long) * uneven)
    v = (place.y * np.float32(np.cos(turn)) - place.x * np.float32(np.sin(turn))) * np.float32(long) / uneven
    r2 = u**2 + v**2
    power = np.float32(rng.uniform(0.9, 1.6))  # above 1 the bottom is flat and the wall steep
    bowl = np.exp(-(r2**power))
    rim = np.float32(rng.uniform(0, 0.16)) * np.exp(-((np.sqrt(r2) - 1.6) ** 2) / 0.18)
    bumps[place.at] -= np.float32(steepest * radius_px) / (np.float32(0.86) * power) * (bowl - rim)
    return Window(place.at, u, v)


def _shape(place: Window) -> tuple[int, int]:
    return len(place.x), place.x.shape[1]
