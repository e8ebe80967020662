"""Why a photo scored as it did: how far its p falls when each area of it is hidden.

A map of attention or gradients shows where a network looked, not whether that mattered. Hiding an area
and scoring again does (Zeiler and Fergus 2014), works for every model as it is served, and gives each
area a number.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.images import ImageError
from deployment.scorer import Scorer


@dataclass(frozen=True)
class Explanation:
    """What hiding each area of a photo does to its score.

    Attributes:
        p: of the photo as it is.
        drop: (rows, columns) float32, p less the p with that area hidden; negative where hiding raises it.
        side_px: of an area; area (i, j) covers the photo from (j * side_px, i * side_px).
    """

    p: float
    drop: NDArray[np.float32]
    side_px: int

    @property
    def strongest(self) -> tuple[int, int]:
        """Row and column of the area whose hiding lowers p most."""
        row, column = np.unravel_index(int(np.argmax(self.drop)), self.drop.shape)
        return int(row), int(column)


def explain(scorer: Scorer, photo: NDArray[np.uint8], n_across: int = 10) -> Explanation:
    """Hide one area after another and score again: as many scorings as areas.

    An area is hidden by the photo's own blur of it, so that no edge appears that a part could have. Where
    nothing is left to score, the whole p is gone.

    Args:
        photo: (H, W, 3) uint8 RGB. n_across: areas along the longer side.

    Raises:
        DentlineError: the model finds corners: they have no probability that could fall.
    """
    if scorer.bundle.contract.task == "corners":
        raise DentlineError("explain", "the model finds corners", "it explains verdicts; look at the run's report.html")
    p = scorer.predict(photo).p
    height, width = photo.shape[:2]
    side = -(-max(height, width) // n_across)
    hidden = np.asarray(cv2.blur(photo, (2 * side + 1, 2 * side + 1)), np.uint8)
    drop = np.zeros((-(-height // side), -(-width // side)), np.float32)
    for row, column in np.ndindex(drop.shape):
        area = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        without = photo.copy()
        without[area] = hidden[area]
        try:
            drop[row, column] = p - scorer.predict(without).p
        except ImageError:
            drop[row, column] = p
    return Explanation(p, drop, side)


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
