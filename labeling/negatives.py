"""Random places without a dent: as many as asked, at a safe distance from every centre, some at the photo's border."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dentline.geometry import PATCH_PX
from dentline.recipe import Patches
from labeling.annotation import Annotation
from labeling.hard import HardPlace
from labeling.patches import Origin

_TRIES = 50
"""Candidates drawn for each place wanted; a photo full of dents may have room for fewer places."""


def sample(annotation: Annotation, wanted: Patches, rng: np.random.Generator) -> list[tuple[float, float, Origin]]:
    """Draw places on a reviewed photo.

    ``random`` places are uniform where the whole 64x64 patch lies on the photo, ``border`` places
    uniform in the band along the border where it does not: a scan visits both.

    Args:
        annotation: of a reviewed photo: its size and every centre.
        wanted: how many, how far from a dent, and the share at the border.

    Returns:
        x, y in pixels, to a hundredth, and the origin; fewer than wanted where there is no room.
    """
    size = np.array([annotation.width, annotation.height], np.float64)
    inner = np.maximum(size - PATCH_PX, 0)
    n_border = round(wanted.negatives_per_photo * wanted.border_negatives)
    if not inner.all():
        n_border = wanted.negatives_per_photo  # no patch lies wholly on so small a photo
    n_random = wanted.negatives_per_photo - n_border
    centers = np.array([(c.x, c.y) for c in annotation.centers], np.float64).reshape(-1, 2)
    inside = PATCH_PX / 2 + rng.random((n_random * _TRIES, 2)) * inner
    anywhere = rng.random((n_border * _TRIES * 4, 2)) * size
    off = (np.abs(anywhere - size / 2) > inner / 2).any(axis=1)
    picked: list[tuple[float, float, Origin]] = []
    kinds: tuple[tuple[NDArray[np.float64], int, Origin], ...] = (
        (inside, n_random, "random"),
        (anywhere[off], n_border, "border"),
    )
    for candidates, n, origin in kinds:
        places = np.floor(candidates * 100) / 100
        nearest = np.linalg.norm(places[:, None] - centers, axis=2).min(axis=1, initial=np.inf)
        picked += [(float(x), float(y), origin) for x, y in places[nearest >= wanted.negative_distance_px][:n]]
    return picked


def apart(annotation: Annotation, places: Iterable[HardPlace], distance_px: float) -> list[tuple[float, float, Origin]]:
    """Return the hard places on a photo that lie at least `distance_px` from every centre."""
    return [
        (place.x, place.y, "hard")
        for place in places
        if all(math.hypot(place.x - c.x, place.y - c.y) >= distance_px for c in annotation.centers)
    ]
