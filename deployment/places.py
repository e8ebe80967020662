"""The dents of a whole photo: places to look at, each scored by the patch model, near ones merged."""

from collections.abc import Callable
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.geometry import FIELD_PX
from deployment import scan
from deployment.answer import Defects
from deployment.engine import Engine
from deployment.proposals import propose
from labeling.patches import cut_contexts

_CHUNK = 8
_TOGETHER_PLACES = 1.0
"""Chosen on validation photos of generated panels."""


def of_blobs(engine: Engine, photo: NDArray[np.uint8], most: int) -> Defects:
    """Return the strongest blobs of a photo, each scored as the patch cut around it, near ones merged."""
    xy = propose(photo, most)
    fields, _ = cut_contexts(photo, xy, FIELD_PX)
    p = [engine.run(fields[i : i + _CHUNK]).reshape(-1) for i in range(0, len(fields), _CHUNK)]
    return scan.merge(xy, np.concatenate(p) if p else np.empty(0, np.float32))


def of_scan(heat: NDArray[np.float32], photo: NDArray[np.uint8], most: int) -> Defects:
    """Return the highest peaks of the scan, however low, each place weighed together with its neighbours.

    A dent lights up several places 8 px apart; what lights up one alone is seldom a dent.
    """
    height, width = photo.shape[:2]
    together = cv2.GaussianBlur(heat, (0, 0), _TOGETHER_PLACES, borderType=cv2.BORDER_REPLICATE)
    return scan.peaks(np.asarray(together, np.float32), 0.0, (width, height), most)


Heat = Callable[[], NDArray[np.float32]]


def find(engine: Engine, photo: NDArray[np.uint8], heat: Heat, source: str, most: int) -> Defects:
    """Return the places of a photo, the surest first.

    Every probability is kept: hold them against a threshold, or take the surest for the photo's own.

    Args:
        heat: gives the photo's scan; called where the source needs it.
        source: of SOURCES. most: places of each source.
    """
    return SOURCES[source](engine, photo, heat, most)


def both(blobs: Defects, peaks: Defects) -> Defects:
    """Return the places of both sources, near ones merged."""
    return scan.merge(np.concatenate([blobs.xy, peaks.xy]), np.concatenate([blobs.p, peaks.p]))


Source = Callable[[Engine, NDArray[np.uint8], Heat, int], Defects]

SOURCES: MappingProxyType[str, Source] = MappingProxyType(
    {
        "blobs": lambda engine, photo, heat, most: of_blobs(engine, photo, most),
        "scan": lambda engine, photo, heat, most: of_scan(heat(), photo, most),
        "both": lambda engine, photo, heat, most: both(of_blobs(engine, photo, most), of_scan(heat(), photo, most)),
    }
)
"""Where places come from, by the name a contract gives."""
