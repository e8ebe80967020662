"""Crops of generated surfaces with and without defects, for a network to learn on before it sees a photo.

A crop has a texture, a light and a camera of its own, and about half of them no defect. Some show the edge
of the sheet, and shadows fall on some: neither is a defect. Everything that was drawn is told: which defect
in which cell, where it can be seen, and the texture, scale, light, blur and noise. No photo of anything
real is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from samples import shot
from samples.defects import DEFECTS, KINDS, Surface
from samples.fields import Field, clouds, rise, slopes
from samples.textures import TEXTURES, draw

CROP_PX = 64
"""A patch, so that what is pooled over a crop is what is pooled over a patch."""

CELL_PX = 4
N_CELLS = CROP_PX // CELL_PX

NUISANCES = ("scale", "light_x", "light_y", "light_height", "gradient_x", "gradient_y", "blur", "noise", "jpeg")
"""What :attr:`Crops.nuisances` tells, each about -1..1."""

_EDGE_PX = 8
_SPARSE_SHARE = 0.6
_SPARSE, _DENSE = (0.1, 0.7), (0.7, 3.0)
_SHARES = {"dent": 2.0, "pit": 1.5}
_EDGE_SHARE = 0.3
_SEEN = 0.6
"""A defect is told of where it changes the picture by this many times what noise and texture do there."""


@dataclass(frozen=True)
class Crops:
    """Crops and all that is known of them.

    Attributes:
        images: (n, 64, 64, 3) uint8 RGB.
        cells: (n, 16, 16, 7) bool, which of KINDS lies in which cell of 4 px.
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


def batches(n: int, size: int, seed: int, start: int = 0) -> Iterator[Crops]:
    """Yield batches `start` to `n` - 1 of `size` crops each; batch k is the same whatever `start` is."""
    for number in range(start, n):
        yield crops(size, seed, number)


def crops(n: int, seed: int, block: int = 0) -> Crops:
    """Return `n` crops; the same for the same arguments."""
    made = [crop(np.random.default_rng([seed, block, number])) for number in range(n)]
    return Crops(*(np.concatenate([getattr(m, f.name) for m in made]) for f in fields(Crops)))


def crop(rng: np.random.Generator) -> Crops:
    """Return one crop, of a surface of its own."""
    names = list(TEXTURES)
    texture = int(rng.integers(len(names)))
    density = rng.uniform(*(_SPARSE if rng.random() < _SPARSE_SHARE else _DENSE))
    picture, masks, nuisances = photograph(rng, names[texture], CROP_PX, density)
    cells = masks.reshape(len(KINDS), N_CELLS, CELL_PX, N_CELLS, CELL_PX).any(axis=(2, 4))
    found = np.asarray(cells, np.bool_).transpose(1, 2, 0)
    return Crops(picture[None], found[None], np.array([texture], np.int32), nuisances[None])


def photograph(
    rng: np.random.Generator, texture: str, side: int, density: float, kinds: tuple[str, ...] = KINDS
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]:
    """Return a picture (side, side, 3) of a sheet, where each kind is seen (7, side, side), and NUISANCES.

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
        bumps=height * np.float32(shot.between(rng, 0.012, 0.1) / steepness),
        paint=np.maximum(1 + np.float32(shot.between(rng, 0.015, 0.2)) * shade, 0.05),
        gloss=np.ones((wide, wide), np.float32),
    )
    whole = Surface(surface.bumps.copy(), surface.paint.copy(), surface.gloss.copy())
    masks = _damage(surface, rng, density, kinds)
    beyond = _edge(rng, (whole, surface))
    lamps = shot.lamps(rng, wide)
    camera = shot.camera(rng)
    radiance = lamps.on(surface)
    grey = camera.developed(radiance)
    if masks.any():
        masks &= _seen(grey, camera.developed(lamps.on(whole), radiance), camera.noise) & (beyond < 0.5)
    picture = camera.taken(grey, rng)
    inner = slice(_EDGE_PX, _EDGE_PX + side)
    scale = np.log(scale_px / 5.5) / 0.8
    return picture[inner, inner], masks[:, inner, inner], np.array([scale, *lamps.told, *camera.told], np.float32)


def _damage(surface: Surface, rng: np.random.Generator, density: float, kinds: tuple[str, ...]) -> NDArray[np.bool_]:
    side = len(surface.bumps)
    masks = np.zeros((len(KINDS), side, side), np.bool_)
    n = rng.poisson(density * (side / CROP_PX) ** 2)
    share = np.array([_SHARES.get(name, 1.0) for name in kinds])
    for name in rng.choice(kinds, size=n, p=share / share.sum()):
        x, y = rng.uniform(0, side, 2)
        masks[KINDS.index(name)] |= DEFECTS[name](surface, rng, float(x), float(y))
    return masks


def _edge(rng: np.random.Generator, surfaces: tuple[Surface, ...]) -> Field:
    """End some sheets at an edge, rounded or sharp, with something else behind: how far each pixel is beyond, 0..1."""
    side = len(surfaces[0].bumps)
    if rng.random() >= _EDGE_SHARE:
        return np.zeros((side, side), np.float32)
    away, soft = shot.beyond(rng, side), rng.uniform(0.4, 2)
    behind = rise(away / soft)
    round_px, fall = shot.between(rng, 1, 12), rng.uniform(0, 1)
    drop = np.float32(fall * round_px) * np.logaddexp(0, away / np.float32(round_px)).astype(np.float32)
    paint = np.float32(shot.between(rng, 0.05, 2)) * (1 + np.float32(0.1) * clouds(rng, side, side, rng.uniform(2, 20)))
    for surface in surfaces:
        surface.bumps[...] -= drop * (1 - behind)
        surface.bumps[...] *= 1 - behind
        surface.paint[...] += behind * (paint - surface.paint)
        surface.gloss[...] *= 1 - behind
    return behind


def _seen(grey: Field, whole: Field, noise: float) -> NDArray[np.bool_]:
    """Return where a defect changes the picture by more than noise and texture hide."""
    changed = np.abs(cv2.GaussianBlur(grey - whole, (0, 0), 1.2))
    changed = cv2.dilate(changed, np.ones((5, 5), np.uint8))
    texture = cv2.GaussianBlur(whole**2, (0, 0), 6) - cv2.GaussianBlur(whole, (0, 0), 6) ** 2
    hidden = np.sqrt(np.maximum(texture, 0) + np.float32((noise / 2) ** 2) + 0.5)
    return np.asarray(changed > np.float32(_SEEN) * hidden, np.bool_)
