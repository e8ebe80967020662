"""Crops of generated surfaces with and without defects, for a network to learn on before it sees a photo.

A sheet has one texture, one light and one camera; defects lie all over it, and it is cut into crops,
about half of them free of any. Everything that was drawn is told: which defect in which pixel, and
the texture, scale, light, blur and noise. No photo of anything real is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.defects import DEFECTS, KINDS, Surface
from samples.fields import Field, clouds, rise, slopes
from samples.textures import TEXTURES, draw

CROP_PX = 32
CELL_PX = 4
N_CELLS = CROP_PX // CELL_PX
SHEET_CROPS = 4
"""A sheet is this many crops wide and high."""

NUISANCES = ("scale", "light_x", "light_y", "light_height", "gradient_x", "gradient_y", "blur", "noise", "jpeg")
"""What :attr:`Crops.nuisances` tells, each about -1..1."""

_EDGE_PX = 8
_SPARSE_SHARE = 0.35
_SHARES = {"dent": 2.0, "pit": 1.5}


@dataclass(frozen=True)
class Crops:
    """Crops and all that is known of them; each four in a row are the quarters of one 64 px square.

    Attributes:
        images: (n, 32, 32, 3) uint8 RGB.
        cells: (n, 8, 8, 7) bool, which of KINDS lies in which cell of 4 px.
        texture: (n,) int32, index into TEXTURES.
        nuisances: (n, 9) float32, in the order of NUISANCES.
    """

    images: NDArray[np.uint8]
    cells: NDArray[np.bool_]
    texture: NDArray[np.int32]
    nuisances: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.int64] | slice) -> "Crops":
        return Crops(*(getattr(self, f.name)[rows] for f in fields(self)))


def batches(n: int, size: int, seed: int, start: int = 0, mixed: int = 64) -> Iterator[Crops]:
    """Yield `n` batches of `size` crops, shuffled over `mixed` sheets at a time.

    Batch k is the same whatever `start` is, so that a stopped training goes on where it was.
    """
    per_block = mixed * SHEET_CROPS**2
    assert per_block % size == 0, "a block of sheets must hold whole batches"
    each = per_block // size
    for block in range(start // each, -(-n // each)):
        pool = crops(mixed, seed, block)
        for k in range(each):
            if start <= block * each + k < n:
                yield pool.take(slice(k * size, (k + 1) * size))


def crops(n_sheets: int, seed: int, block: int = 0) -> Crops:
    """Return the crops of `n_sheets` sheets, shuffled by fours; the same for the same arguments."""
    made = [sheet(np.random.default_rng([seed, block, number])) for number in range(n_sheets)]
    joined = Crops(*(np.concatenate([getattr(m, f.name) for m in made]) for f in fields(Crops)))
    fours = np.random.default_rng([seed, block]).permutation(len(joined) // 4)
    return joined.take((4 * fours[:, np.newaxis] + np.arange(4)).ravel())


def sheet(rng: np.random.Generator) -> Crops:
    """Return the crops of one sheet, square of four by square of four."""
    names = list(TEXTURES)
    texture = int(rng.integers(len(names)))
    density = rng.uniform(0.02, 0.15) if rng.random() < _SPARSE_SHARE else rng.uniform(0.2, 1.0)
    picture, masks, nuisances = photograph(rng, names[texture], SHEET_CROPS * CROP_PX, density)
    side = SHEET_CROPS // 2
    images = picture.reshape(side, 2, CROP_PX, side, 2, CROP_PX, 3).transpose(0, 3, 1, 4, 2, 5, 6)
    grid = masks.reshape(len(KINDS), side, 2, N_CELLS, CELL_PX, side, 2, N_CELLS, CELL_PX)
    found = np.asarray(grid.any(axis=(4, 8)), np.bool_)
    cells = found.transpose(1, 4, 2, 5, 3, 6, 0).reshape(-1, N_CELLS, N_CELLS, len(KINDS))
    n = len(cells)
    return Crops(
        images.reshape(n, CROP_PX, CROP_PX, 3), cells, np.full(n, texture, np.int32), np.tile(nuisances, (n, 1))
    )


def photograph(
    rng: np.random.Generator, texture: str, side: int, density: float, kinds: tuple[str, ...] = KINDS
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]:
    """Return a picture (side, side, 3) of a sheet, where each kind lies (7, side, side), and NUISANCES.

    Args:
        rng: draws everything.
        texture: one of TEXTURES.
        side: pixels.
        density: defects a crop's area, on average.
        kinds: which may lie on it.
    """
    wide = side + 2 * _EDGE_PX
    scale_px = float(np.exp(rng.uniform(np.log(2.5), np.log(12))))
    height, shade = draw(rng, texture, wide, scale_px)
    slope_x, slope_y = slopes(height)
    steepness = np.sqrt(np.mean(slope_x**2 + slope_y**2)) + 1e-6
    surface = Surface(
        bumps=height * np.float32(_between(rng, 0.008, 0.1) / steepness),
        paint=np.maximum(1 + np.float32(_between(rng, 0.01, 0.2)) * shade, 0.05),
        gloss=np.ones((wide, wide), np.float32),
    )
    masks = _damage(surface, rng, density, kinds)
    grey, light = _lit(surface, rng)
    picture, camera = _taken(grey, rng)
    inner = slice(_EDGE_PX, _EDGE_PX + side)
    scale = np.log(scale_px / 5.5) / 0.8
    return picture[inner, inner], masks[:, inner, inner], np.array([scale, *light, *camera], np.float32)


def _damage(surface: Surface, rng: np.random.Generator, density: float, kinds: tuple[str, ...]) -> NDArray[np.bool_]:
    side = len(surface.bumps)
    masks = np.zeros((len(KINDS), side, side), np.bool_)
    n = rng.poisson(density * (side / CROP_PX) ** 2)
    share = np.array([_SHARES.get(name, 1.0) for name in kinds])
    for name in rng.choice(kinds, size=n, p=share / share.sum()):
        x, y = rng.uniform(0, side, 2)
        masks[KINDS.index(name)] |= DEFECTS[name](surface, rng, float(x), float(y))
    return masks


def _lit(surface: Surface, rng: np.random.Generator) -> tuple[Field, list[float]]:
    """Let lamps and a room shine on the surface: radiance (H, W), and what of the light is told."""
    slope_x, slope_y = slopes(surface.bumps)
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.95)
    flat = np.sqrt(1 - height**2)
    lx, ly = np.float32(flat * np.cos(azimuth)), np.float32(flat * np.sin(azimuth))
    facing = (np.float32(height) - lx * slope_x - ly * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2)
    side = len(facing)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    gradient = rng.uniform(-0.5, 0.5, 2).astype(np.float32)
    lamp = 1 + gradient[0] * ramp[np.newaxis, :] + gradient[1] * ramp[:, np.newaxis]
    radiance = surface.paint * (np.float32(rng.uniform(0.05, 0.6)) + lamp * np.maximum(facing, 0))
    if rng.random() < 0.7:
        shine = np.float32(_between(rng, 0.03, 0.6)) * surface.gloss
        radiance += shine * _mirrored(slope_x, slope_y, ramp, rng)
    return radiance, [float(lx), float(ly), 2 * height - 1, *(2 * gradient).tolist()]


def _mirrored(slope_x: Field, slope_y: Field, ramp: Field, rng: np.random.Generator) -> Field:
    """Return what the surface mirrors of a room with a bright end and some tubes."""
    turn, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.25, 2).astype(np.float32)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    seen_x = bend[0] * ramp[np.newaxis, :] + 2 * slope_x
    seen_y = bend[1] * ramp[:, np.newaxis] + 2 * slope_y
    across = cos * seen_x + sin * seen_y
    room = np.float32(rng.uniform(0.3, 1)) * rise((across - np.float32(rng.uniform(-0.4, 0.4))) / rng.uniform(0.1, 0.6))
    for _ in range(rng.integers(0, 3)):
        half, soft = rng.uniform(0.03, 0.2), rng.uniform(0.01, 0.08)
        room += np.float32(rng.uniform(0.4, 2)) * rise((half - np.abs(across - rng.uniform(-0.8, 0.8))) / soft)
    return room


def _taken(radiance: Field, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[float]]:
    """Blur, colour, expose, add noise and compress: (H, W, 3) uint8, and what of the camera is told."""
    blur = rng.uniform(0.2, 1.4)
    image = np.asarray(cv2.GaussianBlur(radiance, (0, 0), blur), np.float32)
    image = np.maximum(image, 0) * np.float32(_between(rng, 0.06, 0.6) / (image.mean() + 1e-6))
    grey = 255 * (image / (1 + np.maximum(image - 0.6, 0))) ** np.float32(1 / rng.uniform(1.4, 2.4))
    colored = rng.random() < 0.5
    tint = np.exp(rng.normal(0, 0.15, 3)).astype(np.float32) if colored else np.ones(3, np.float32)
    picture = grey[..., np.newaxis] * (tint / tint.mean())
    noise = _between(rng, 0.5, 9)
    shape = picture.shape if colored else (*grey.shape, 1)
    picture = picture + np.float32(noise) * rng.standard_normal(shape, dtype=np.float32)
    if rng.random() < 0.15:  # uneven sensor or dirty glass
        picture += np.float32(3) * clouds(rng, len(grey), len(grey), 20)[..., np.newaxis]
    pixels = np.rint(np.clip(picture, 0, 255)).astype(np.uint8)
    quality = int(rng.integers(45, 96))
    jpeg = rng.random() < 0.5
    if jpeg:
        _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    told = [(blur - 0.8) / 0.6, np.log(noise / 2.1) / 1.45, (70 - quality) / 25 if jpeg else -1.0]
    return pixels, [float(t) for t in told]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw log-uniformly."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
