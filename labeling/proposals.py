"""The places a model proposes on a photo: pure data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.annotation import Center


@dataclass(frozen=True)
class Proposals:
    """What one model proposes on one photo.

    Attributes:
        model_id: which model.
        centers, p: the places and their probabilities, as many of each.
    """

    model_id: str
    centers: tuple[Center, ...]
    p: tuple[float, ...]


Propose = Callable[[NDArray[np.uint8]], Proposals]
"""A photo's pixels ``(H, W, 3)`` uint8 RGB -> what the model proposes there."""
