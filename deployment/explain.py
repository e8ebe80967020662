"""Why a photo scored as it did: how far its answer moves when each area of it is hidden.

A map of attention or gradients shows where a network looked, not whether that mattered. Hiding an area
and scoring again does (Zeiler and Fergus 2014), works for every model as it is served, and gives each
area, or the area a map points at, a number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.images import ImageError
from deployment.scorer import Scorer

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Explanation:
    """What hiding each area of a photo does to its answer.

    Attributes:
        p: of the photo as it is.
        drop: (rows, columns) float32, p less the p with that area hidden, negative where hiding raises it; of a
            model that finds corners, how far they move on average, in photo px.
        side_px: of an area; area (i, j) covers the photo from (j * side_px, i * side_px).
    """

    p: float
    drop: NDArray[np.float32]
    side_px: int

    @property
    def strongest(self) -> tuple[int, int]:
        """Row and column of the area whose hiding moves the answer most."""
        row, column = np.unravel_index(int(np.argmax(self.drop)), self.drop.shape)
        return int(row), int(column)


@dataclass(frozen=True)
class Worth:
    """What the area that a map points at is worth.

    Attributes:
        drop: p less the p with the area hidden. share: of the photo that the area is.
        elsewhere: the same for areas of its shape elsewhere, the mean of `n`; 0 where there is no room for any.
    """

    drop: float
    share: float
    elsewhere: float
    n: int


def explain(scorer: Scorer, photo: Pixels, n_across: int = 10) -> Explanation:
    """Hide one area after another and score again: as many scorings as areas.

    An area is hidden by the photo's own blur of it, so that no edge appears that a part could have. Where
    nothing is left to score, the whole p is gone.

    Args:
        photo: (H, W, 3) uint8 RGB. n_across: areas along the longer side.
    """
    p, moved = _answer(scorer, photo)
    height, width = photo.shape[:2]
    side = -(-max(height, width) // n_across)
    hidden = _blurred(photo, side)
    drop = np.zeros((-(-height // side), -(-width // side)), np.float32)
    for row, column in np.ndindex(drop.shape):
        area = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        without = photo.copy()
        without[area] = hidden[area]
        drop[row, column] = moved(without)
    return Explanation(p, drop, side)


def worth(scorer: Scorer, photo: Pixels, strength: NDArray[np.float32], rng: np.random.Generator, n: int = 8) -> Worth:
    """Hide where a map is at least half as strong as at its strongest, and as much elsewhere, and score again.

    Args:
        photo: (H, W, 3) uint8 RGB. strength: (H, W), of the same pixels. n: areas elsewhere.

    Raises:
        DentlineError: the map is empty.
    """
    area = strength >= max(0.5 * float(strength.max()), 1e-6)
    if not area.any():
        raise DentlineError("explain --by cam", "nothing spoke for a defect: the map is empty", "use --by hiding")
    _, moved = _answer(scorer, photo)
    hidden = _blurred(photo, max(1, round(float(area.sum()) ** 0.5)))

    def lost(mask: NDArray[np.bool_]) -> float:
        return moved(np.where(mask[..., None], hidden, photo))

    others: list[float] = []
    for _ in range(10 * n):
        shifted = np.roll(area, [int(rng.integers(side)) for side in area.shape], (0, 1))
        if float((shifted & area).sum()) < 0.1 * float(area.sum()):
            others.append(lost(shifted))
        if len(others) == n:
            break
    elsewhere = float(np.mean(others)) if others else 0.0
    return Worth(lost(area), float(area.mean()), elsewhere, len(others))


def _answer(scorer: Scorer, photo: Pixels) -> tuple[float, Callable[[Pixels], float]]:
    """Return the photo's p, and what says how far the answer to a changed photo is from it."""
    seen = scorer.predict(photo)

    def fallen(changed: Pixels) -> float:
        try:
            return seen.p - scorer.predict(changed).p
        except ImageError:
            return seen.p

    def shifted(changed: Pixels) -> float:
        return float(np.linalg.norm(scorer.predict(changed).defects.xy - seen.defects.xy, axis=1).mean())

    return seen.p, shifted if scorer.bundle.contract.task == "corners" else fallen


def _blurred(photo: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.blur(photo, (2 * side + 1, 2 * side + 1)), np.uint8)


def drawn(photo: NDArray[np.uint8], found: Explanation) -> NDArray[np.uint8]:
    """Return the photo with the areas that matter in red, the more the more, and the strongest framed."""
    picture = photo.astype(np.float32)
    side, largest = found.side_px, max(float(found.drop.max()), 1e-6)
    for row, column in np.ndindex(found.drop.shape):
        strength = 0.5 * max(float(found.drop[row, column]), 0.0) / largest if largest > 0.01 else 0.0
        area = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        picture[area] += strength * (np.array([230, 30, 30], np.float32) - picture[area])
    made = np.clip(picture, 0, 255).astype(np.uint8)
    row, column = found.strongest
    corner = (column * side, row * side), ((column + 1) * side - 1, (row + 1) * side - 1)
    cv2.rectangle(made, *corner, (230, 30, 30), max(1, side // 40))
    return made
