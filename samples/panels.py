"""Photos of painted metal panels with dents, and the exact truth about each.

A panel is a curved, glossy sheet (:mod:`samples.sheet`) under the lamps of a workshop
(:mod:`samples.light`). A dent shows as what it does to the mirror image and to the shading, never
by colour; scratches, dust, drops, bolts and holes do show and are no dents. Several photos are
taken of each panel, shifted and turned a little, under other light.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from samples import album
from samples import light as lights
from samples import sheet as sheets

SIZES = ((640, 480), (720, 540), (800, 600), (960, 720))
"""Width and height of the photos of a panel, pixels."""

CLEAN_SHARE = 0.35

STEEPEST = (0.14, 0.45)
"""How steep the walls of the dents are, least and most, pixels a pixel; below about 0.1 one has to search."""


def generate(
    folder: Path,
    n_panels: int = 20,
    photos_per_panel: int = 3,
    seed: int = 0,
    steepest: tuple[float, float] = STEEPEST,
    clean_share: float = CLEAN_SHARE,
) -> album.Made:
    """Write photos of panels and where their dents are; the same arguments give the same bytes.

    Args:
        clean_share: how many of the panels have no dent, about.

    Raises:
        DentlineError: `folder` holds photos already.
    """
    return album.write(folder, photos(n_panels, photos_per_panel, seed, steepest, clean_share))


def photos(
    n_panels: int,
    photos_per_panel: int,
    seed: int,
    steepest: tuple[float, float] = STEEPEST,
    clean_share: float = CLEAN_SHARE,
) -> Iterator[album.Photo]:
    """Yield the photos of each panel, one after another."""
    for panel in range(n_panels):
        rng = np.random.default_rng([seed, panel])
        width, height = SIZES[rng.integers(len(SIZES))]
        n_dents = 0 if rng.random() < clean_share else int(rng.integers(1, 5))
        sheet = sheets.draw(rng, width, height, n_dents, steepest)
        bend = rng.normal(0, 0.10, 2)
        for number in range(photos_per_panel):
            picture, dents = take(sheet, bend, (width, height), np.random.default_rng([seed, panel, number]))
            name = f"panel-{panel:03d}"
            yield album.Photo(f"{name}-{number}.jpg", name, picture, dents)


def take(
    sheet: sheets.Sheet, bend: NDArray[np.float64], size: tuple[int, int], rng: np.random.Generator
) -> tuple[bytes, NDArray[np.float64]]:
    """Take one photo of a sheet: return its JPEG and the centres of the dents on it.

    Args:
        sheet: what is photographed.
        bend: slope the sheet's own curve reaches at the photo's border, along x and y.
        size: width and height of the photo, pixels.
        rng: draws the light, the camera's place, its noise and the JPEG quality.
    """
    width, height = size
    matrix, turn = _camera(size, rng)
    warp = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def seen(field: NDArray[np.float32]) -> NDArray[np.float32]:
        moved = cv2.warpAffine(field, matrix, size, flags=warp, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, dtype=np.float32)

    raw_x, raw_y = seen(sheet.slope_x), seen(sheet.slope_y)
    across = np.linspace(-1, 1, width, dtype=np.float32)[np.newaxis, :]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis]
    slope_x = raw_x * np.float32(np.cos(turn)) + raw_y * np.float32(np.sin(turn)) + np.float32(bend[0]) * across
    slope_y = raw_y * np.float32(np.cos(turn)) - raw_x * np.float32(np.sin(turn)) + np.float32(bend[1]) * down
    stand = rng.uniform(-0.25, 0.25, 2)
    view_x = np.float32(0.22) * across + np.float32(stand[0]) + np.zeros_like(down)
    view_y = np.float32(0.22) * down + np.float32(stand[1]) + np.zeros_like(across)

    light = lights.draw(rng)
    radiance = lights.shade(seen(sheet.paint), seen(sheet.gloss), slope_x, slope_y, (view_x, view_y), light)
    inverse = cv2.invertAffineTransform(matrix)
    # warpAffine counts from pixel middles, centres from pixel corners: half a pixel between them.
    dents = (sheet.dents - 0.5) @ inverse[:, :2].T + inverse[:, 2] + 0.5
    on_photo = ((dents >= 0) & (dents < size)).all(axis=1)
    return _develop(radiance, light.exposure, rng), dents[on_photo]


def _camera(size: tuple[int, int], rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Return the (2, 3) matrix from photo pixels to sheet pixels, and its turn in radians."""
    turn, zoom = rng.uniform(-0.035, 0.035), rng.uniform(0.985, 1.015)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = (np.array(size) - 1) / 2
    return np.hstack(
        [linear, (middle + sheets.MARGIN_PX + rng.uniform(-14, 14, 2) - linear @ middle)[:, np.newaxis]]
    ), float(turn)


def _develop(radiance: NDArray[np.float32], exposure: float, rng: np.random.Generator) -> bytes:
    """Lens, sensor and JPEG: blur, vignette, exposure, shoulder, shot noise, gamma, compression."""
    height, width, _ = radiance.shape
    image = np.asarray(cv2.GaussianBlur(radiance, (0, 0), rng.uniform(0.5, 1.0)), dtype=np.float32)
    across = np.linspace(-1, 1, width, dtype=np.float32)[np.newaxis, :] ** 2
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis] ** 2
    image *= (1 - np.float32(rng.uniform(0, 0.18)) * (across + down))[..., np.newaxis]
    image *= np.float32(exposure / np.mean(image))
    image = image / (1 + np.maximum(image - 0.4, 0) * 0.6)  # bright lamps roll off before they clip
    well, read = rng.uniform(1500, 9000), rng.uniform(0.001, 0.004)
    spread = np.sqrt(np.maximum(image, 0) / np.float32(well) + np.float32(read**2))
    image = image + spread * rng.standard_normal(image.shape, dtype=np.float32)
    grey = np.clip(image, 0, 1) ** np.float32(1 / 2.2)
    pixels = np.rint(grey * 255).astype(np.uint8)
    return album.jpeg(pixels, int(rng.integers(82, 96)))
