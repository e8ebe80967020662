"""The one scorer behind every door: setup, decode, predict, encode."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import exif, images
from dentline.errors import DentlineError
from dentline.geometry import PATCH_PX, STRIDE_PX
from deployment import bundle as bundles
from deployment import proposals, quality, scan, whole
from deployment import reference as references
from deployment.answer import Answer, Defects, Quality, new_id
from deployment.bundle import Bundle
from deployment.engine import Engine
from deployment.prepared import PreparedEngine

OK, DEFECT = "ok", "defect"

Source = bytes | NDArray[np.uint8]
"""A photo on its way in: a picture file, or its pixels ``(H, W, 3)`` RGB."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one photo.

    Attributes:
        p: of the photo, and the threshold it is held against.
        heat: ``(h, w)`` float32, the probability at each place; see :func:`deployment.scan.probabilities`.
        first_px, stride_px: place (i, j) of `heat` is centred at x = first_px + j stride_px in the photo.
    """

    p: float
    threshold: float
    defects: Defects
    heat: NDArray[np.float32]
    first_px: float = 0
    stride_px: float = STRIDE_PX

    @property
    def verdict(self) -> str:
        return DEFECT if self.p >= self.threshold else OK


class Scorer:
    """A bundle, loaded and proven. Its methods may be called from several threads at once."""

    def __init__(self, bundle: Bundle, limits: images.Limits = images.Limits(), n_threads: int = 1) -> None:
        self.bundle, self.limits = bundle, limits
        self._n_threads = n_threads
        self._engine: Engine | None = None
        self._least: images.Size | None = None

    @property
    def model_id(self) -> str:
        return self.bundle.model_id

    def setup(self) -> float:
        """Load the model, replay its golden pictures, and return the largest difference seen.

        Raises:
            DentlineError: it does not load, or does not answer as in training.
        """
        if self.bundle.contract.task not in _PREDICTIONS:
            raise DentlineError(
                str(self.bundle.folder),
                f"has the task {self.bundle.contract.task!r}",
                f"served: {sorted(_PREDICTIONS)}",
            )
        engine = bundles.engine(self.bundle, self._n_threads)
        worst = bundles.self_test(self.bundle, engine)
        self._engine = engine
        if self.bundle.contract.task == "image" and isinstance(engine, PreparedEngine):
            self._least = engine.least
        return worst

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Return ``(H, W, 3)`` uint8 RGB.

        Raises:
            ImageError: not a picture that is scored.
        """
        return images.decode(data, self.limits, self._least)

    def predict(self, photo: NDArray[np.uint8]) -> Prediction:
        """Return the model's answer to decoded pixels.

        Raises:
            ImageError: the photo is smaller than the model's patch.
        """
        if self._engine is None:
            raise RuntimeError("setup() first")
        return _PREDICTIONS[self.bundle.contract.task](self._engine, self.bundle, photo)

    def answer(self, source: Source, request_id: str) -> tuple[Answer, Prediction]:
        """Decode and predict one photo, and say when, by which model, and how long it took.

        Raises:
            ImageError: the picture is not scored.
        """
        started = time.perf_counter()
        photo = self.decode(source) if isinstance(source, bytes) else source
        prediction = self.predict(photo)
        width, height = images.size(source) if isinstance(source, bytes) else (photo.shape[1], photo.shape[0])
        now = datetime.now(UTC)
        return Answer(
            score_id=new_id(now.timestamp()),
            request_id=request_id,
            scored_at=now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}",
            model_id=self.model_id,
            photo_sha256=hashlib.sha256(source if isinstance(source, bytes) else source.tobytes()).hexdigest(),
            width_px=width,
            height_px=height,
            p=prediction.p,
            threshold=prediction.threshold,
            verdict=prediction.verdict,
            defects=prediction.defects,
            quality=self._quality(source, photo),
            latency_ms=(time.perf_counter() - started) * 1000,
        ), prediction

    def _quality(self, source: Source, photo: NDArray[np.uint8]) -> Quality:
        reference = self.bundle.reference
        distance = None if reference is None else reference.distance(references.features(photo))
        camera = exif.camera(source) if isinstance(source, bytes) else None
        return replace(quality.measure(photo), distance=distance, camera=camera)

    @staticmethod
    def encode(answer: Answer) -> dict[str, Any]:
        """Return an answer as JSON types: plain numbers and texts, no NumPy."""
        defects = zip(answer.defects.xy.tolist(), answer.defects.p.tolist(), strict=True)
        return {
            "score_id": answer.score_id,
            "scored_at": answer.scored_at,
            "model_id": answer.model_id,
            "photo_sha256": answer.photo_sha256,
            "width_px": answer.width_px,
            "height_px": answer.height_px,
            "p": answer.p,
            "threshold": answer.threshold,
            "verdict": answer.verdict,
            "defects": [{"x": x, "y": y, "p": p} for (x, y), p in defects],
            "latency_ms": round(answer.latency_ms, 3),
        }


def _predict_patch(engine: Engine, bundle: Bundle, photo: NDArray[np.uint8]) -> Prediction:
    height, width = photo.shape[:2]
    try:
        heat = scan.probabilities(engine, photo)
    except DentlineError as error:
        raise images.ImageError("too_small", error.problem, error.remedy) from error
    contract = bundle.contract
    first_px = 0 if heat.size > 1 else PATCH_PX / 2
    whole = heat.size > 1 and contract.scan_threshold is not None
    threshold = contract.scan_threshold if whole and contract.scan_threshold is not None else contract.threshold
    if heat.size > 1 and contract.n_proposals:
        found = proposals.places(engine, photo, contract.n_proposals)
        sure = found.p >= threshold
        return Prediction(
            float(found.p.max(initial=0)), threshold, Defects(found.xy[sure], found.p[sure]), heat, first_px
        )
    return Prediction(float(heat.max()), threshold, scan.peaks(heat, threshold, (width, height)), heat, first_px)


def _predict_image(engine: Engine, bundle: Bundle, photo: NDArray[np.uint8]) -> Prediction:
    assert isinstance(engine, PreparedEngine)
    p = whole.probability(engine, photo)
    return _whole(p, bundle.contract.threshold, whole.NOWHERE, photo)


def _predict_corners(engine: Engine, bundle: Bundle, photo: NDArray[np.uint8]) -> Prediction:
    """The corners are the places found; p is 1 where they cannot be a field's, else 0."""
    assert isinstance(engine, PreparedEngine)
    places, plausible = whole.corners(engine, photo)
    return _whole(0.0 if plausible else 1.0, 0.5, places, photo)


def _whole(p: float, threshold: float, places: Defects, photo: NDArray[np.uint8]) -> Prediction:
    """A prediction whose heat map is one place: the whole photo."""
    height, width = photo.shape[:2]
    heat = np.full((1, 1), p, np.float32)
    return Prediction(p, threshold, places, heat, width / 2, max(width, height))


_PREDICTIONS: dict[str, Callable[[Engine, Bundle, NDArray[np.uint8]], Prediction]] = {
    "patch": _predict_patch,
    "image": _predict_image,
    "corners": _predict_corners,
}
"""How each task of a recipe is predicted."""
