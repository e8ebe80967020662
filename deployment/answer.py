"""What a scorer says of one photo: pure data."""

import os
import time
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError


@dataclass(frozen=True)
class Defects:
    """The places where a photo is defective, the surest first.

    Attributes:
        xy: ``(n, 2)`` float32, photo pixels after the EXIF turn, origin top-left.
        p: ``(n,)`` float32, each place's probability.
    """

    xy: NDArray[np.float32]
    p: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.xy.shape != (len(self.p), 2):
            raise DentlineError("defects", f"{self.xy.shape} places with {self.p.shape} probabilities")

    def __len__(self) -> int:
        return len(self.p)


@dataclass(frozen=True)
class Quality:
    """How a photo looks, to see a camera or a lamp drift.

    Attributes:
        brightness: mean of the luma, 0 to 255.
        contrast: standard deviation of the luma.
        sharpness: variance of the luma's Laplacian, over the middle of the photo at full resolution.
        saturation: mean of (largest - smallest channel), 0 to 255; 0 for a grey photo.
        distance: of the picture's features from the training photos'; None where the model has no reference.
        camera: maker and model, as the photo says.
    """

    brightness: float
    contrast: float
    sharpness: float
    saturation: float
    distance: float | None = None
    camera: str | None = None


@dataclass(frozen=True)
class Answer:
    """One photo's score.

    Attributes:
        score_id: 32 hex digits that sort by time.
        request_id: the caller's, or made here; several photos of one request share it.
        scored_at: UTC, ``YYYY-MM-DDTHH:MM:SS.mmm``.
        model_id: the run that made the model.
        photo_sha256: of the bytes as received.
        p: of the photo: its surest place.
        verdict: ``defect`` when p is at or above the threshold, else ``ok``.
        latency_ms: decoding and predicting, without waiting and the network.
    """

    score_id: str
    request_id: str
    scored_at: str
    model_id: str
    photo_sha256: str
    width_px: int
    height_px: int
    p: float
    threshold: float
    verdict: str
    defects: Defects
    quality: Quality
    latency_ms: float


def new_id(now: float | None = None) -> str:
    """Return 32 hex digits: milliseconds since 1970, then random. Later ids sort after earlier ones."""
    return _milliseconds(time.time() if now is None else now) + os.urandom(10).hex()


def ids_from(moment: datetime) -> str:
    """Return the text that ids made at or after `moment` sort after, and earlier ones before."""
    return _milliseconds(moment.timestamp())


def _milliseconds(seconds: float) -> str:
    return int(seconds * 1000).to_bytes(6, "big").hex()
