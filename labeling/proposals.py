"""The places a model proposes on a photo, for a person to accept or ignore."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dentline import images
from labeling.annotation import Center
from labeling.gallery import Photo

_KEPT = 500


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


class Proposer:
    """Asks a model about photos, one at a time, and remembers the answers."""

    def __init__(self, propose: Propose) -> None:
        self._propose = propose
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Proposals] = OrderedDict()

    def of(self, photo: Photo) -> Proposals:
        """Return the proposals for a photo.

        Raises:
            ImageError: the photo cannot be decoded.
        """
        key = (photo.id, photo.version)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._propose(images.read(photo.path))
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            return self._known[key]
