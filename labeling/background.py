"""What a fixed camera sees behind every part: found, and left out of the comparison.

Two parts on one table are alike in their table. Where photos of one size look the same in the same place
though the parts differ, it is the table, the fixture or a speck on the lens.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_PHOTOS = 20
"""Fewer photos of one size could as well be a few parts photographed often."""

_SHARED = 0.25
"""Share of the tones' energy, around a place, that the mean of all photos keeps: noise keeps 1 / photos."""

_SEEN = 0.35
"""Correlation with the mean, around a place, above which a photo shows the background there."""

_AROUND_PX = 5.0


@dataclass(frozen=True)
class Background:
    """What photos of one size share.

    Attributes:
        mean: (h, w) float32, of the photos' tones.
        shared: (h, w) bool, where most photos show the same.
    """

    mean: NDArray[np.float32]
    shared: NDArray[np.bool_]

    def seen_in(self, tones: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Return where a photo's tones, (h, w), show the background and not a part that lies on it."""
        values = tones.astype(np.float32)
        product, own, mean = (_around(p) for p in (values * self.mean, values * values, self.mean * self.mean))
        return np.asarray(self.shared & (product > _SEEN * np.sqrt(own * mean)), np.bool_)


def commonest(sizes: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the size that at least half of the photos, and MIN_PHOTOS, have; None if there is none."""
    size, n = Counter(sizes).most_common(1)[0]
    return size if n >= max(MIN_PHOTOS, len(sizes) / 2) else None


def shared(tones: Sequence[NDArray[np.int8]]) -> Background | None:
    """Return what pictures of one size, (h, w) int8 tones each, have in common; None if nothing."""
    total = np.zeros(tones[0].shape, np.float32)
    energy = np.zeros(tones[0].shape, np.float32)
    for picture in tones:
        values = picture.astype(np.float32)
        total += values
        energy += values * values
    mean = np.asarray(total / len(tones), np.float32)
    mask = _around(mean * mean) > _SHARED * (_around(np.asarray(energy / len(tones), np.float32)) + 1e-6)
    return Background(mean, np.asarray(mask, np.bool_)) if mask.any() else None


def _around(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), _AROUND_PX), np.float32)
