"""Random transforms of a batch of patches while a network trains: one of the 48, or the article's.

Each takes contexts (N, 160, 160, C) uint8, a generator and a side, and returns (N, side, side, C)
uint8 with the patch's own content still in the middle.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from augmentation.dihedral import N_VARIANTS, Pixels, about_centre, chosen
from dentline.geometry import FIELD_PX
from labeling import patches

Augmenter = Callable[[Pixels, np.random.Generator, int], Pixels]


@dataclass(frozen=True)
class Ranges:
    """How far the article's random transforms go; each is drawn independently for each patch.

    Attributes:
        rotation_deg: turned by 0 to this, uniform.
        shift_px: moved by up to this along each axis, uniform.
        scale: enlarged by 1/scale to scale, log-uniform.
        flip: chance of a mirror image.
        shear_deg: sheared by up to this either way, uniform.
        stretch: one axis enlarged by 1/stretch to stretch against the other, log-uniform; the area stays.
    """

    rotation_deg: float = 360.0
    shift_px: float = 10.0
    scale: float = 1.6
    flip: float = 0.5
    shear_deg: float = 20.0
    stretch: float = 1.3


SCALED = Ranges(shift_px=2, scale=1.8, shear_deg=0, stretch=1)
"""Any turn and size; the proportions of a dent stay."""


def random_dihedral(contexts: Pixels, rng: np.random.Generator, side: int = FIELD_PX) -> Pixels:
    """Return one of the 48 variants of each patch, drawn uniformly."""
    return chosen(contexts, rng.integers(N_VARIANTS, size=len(contexts)), side)


def random_article(
    contexts: Pixels, rng: np.random.Generator, side: int = FIELD_PX, ranges: Ranges | None = None
) -> Pixels:
    """Return each patch under one affine warp drawn from `ranges`, the article's by default.

    Where the warp reaches beyond the context, which a shrunk, sheared patch does at its corners,
    the context's outermost pixels go on, as a photo's do.
    """
    n = len(contexts)
    matrices = draw(n, rng, contexts.shape[1], side, ranges or Ranges())
    made = np.empty((n, side, side, contexts.shape[3]), dtype=np.uint8)
    for row in range(n):
        warped = cv2.warpAffine(
            contexts[row],
            matrices[row],
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        made[row] = warped.reshape(side, side, -1)
    return made


def random_scaled(contexts: Pixels, rng: np.random.Generator, side: int = FIELD_PX) -> Pixels:
    """Return each patch turned, mirrored or not, at another size: dents come in all sizes, marked or not."""
    return random_article(contexts, rng, side, SCALED)


def untouched(contexts: Pixels, rng: np.random.Generator, side: int = FIELD_PX) -> Pixels:
    """Return each patch as it is: the middle `side` pixels of its context. Draws nothing."""
    return patches.middle(contexts, side)


AUGMENTERS: MappingProxyType[str, Augmenter] = MappingProxyType(
    {"scaled": random_scaled, "dihedral48": random_dihedral, "article": random_article, "none": untouched}
)
"""The values of ``[augment] variants`` in the recipe, and what each does to a batch."""


def draw(n: int, rng: np.random.Generator, context_px: int, side: int, ranges: Ranges) -> NDArray[np.float64]:
    """Return (n, 2, 3) matrices from places of the result to places of the context."""
    turn = np.deg2rad(rng.uniform(0, ranges.rotation_deg, n))
    shift = rng.uniform(-ranges.shift_px, ranges.shift_px, (n, 2))
    scale = np.exp(rng.uniform(-1, 1, n) * np.log(ranges.scale))
    flip = np.where(rng.random(n) < ranges.flip, -1.0, 1.0)
    shear = np.tan(np.deg2rad(rng.uniform(-ranges.shear_deg, ranges.shear_deg, n)))
    stretch = np.sqrt(np.exp(rng.uniform(-1, 1, n) * np.log(ranges.stretch)))

    matrices = np.empty((n, 2, 3))
    for i in range(n):
        rotate = np.array([[np.cos(turn[i]), -np.sin(turn[i])], [np.sin(turn[i]), np.cos(turn[i])]])
        skew = np.array([[1.0, shear[i]], [0.0, 1.0]])
        sizes = np.diag([flip[i] * scale[i] * stretch[i], scale[i] / stretch[i]])
        matrices[i] = about_centre(np.linalg.inv(sizes @ skew @ rotate), context_px, side)
        matrices[i, :, 2] -= matrices[i, :, :2] @ shift[i]
    return matrices
