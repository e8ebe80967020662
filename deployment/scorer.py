"""The one scorer behind every door: setup, decode, predict, encode."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import exif, images, memory
from dentline.errors import DentlineError
from dentline.geometry import PATCH_PX, STRIDE_PX
from dentline.prepare import View
from deployment import bundle as bundles
from deployment import places, quality, scan, whole
from deployment import reference as references
from deployment.answer import Answer, Defects, Quality, new_id
from deployment.bundle import Bundle
from deployment.calibration import Calibration
from deployment.engine import Engine, OnnxEngine
from deployment.places import Heat
from deployment.prepared import PreparedEngine

OK, DEFECT = "ok", "defect"

Source = bytes | NDArray[np.uint8]
"""A photo on its way in: a picture file, or its pixels ``(H, W, 3)`` RGB."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one photo.

    Attributes:
        p: of the photo, and the threshold it is held against.
        scanned: gives `heat`, computed where the verdict needed it or when somebody asks.
        first_px, stride_px: place (i, j) of `heat` is centred at x = first_px + j stride_px in the photo.
    """

    p: float
    threshold: float
    defects: Defects
    scanned: Heat
    first_px: float = 0
    stride_px: float = STRIDE_PX

    @property
    def heat(self) -> NDArray[np.float32]:
        """``(h, w)`` float32, the probability at each place; see :func:`deployment.scan.probabilities`."""
        return self.scanned()

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
        memory.give_back()  # loading VGG16 frees 40 MB that no request would take again
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
        if isinstance(source, bytes):
            head = images.header(source, self.limits)
            photo = images.pixels(source, head, self._least)
        else:
            head, photo = images.Header("pixels", source.shape[1], source.shape[0]), source
        prediction = self.predict(photo)
        width, height = head.size
        if photo.shape[1] < width:  # decoded at a part of its size: its places are of the whole
            times = width / photo.shape[1]
            first_px, stride_px = prediction.first_px * times, prediction.stride_px * times
            prediction = replace(prediction, first_px=first_px, stride_px=stride_px)
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
            quality=self._quality(head, photo),
            latency_ms=(time.perf_counter() - started) * 1000,
        ), prediction

    def _quality(self, head: images.Header, photo: NDArray[np.uint8]) -> Quality:
        reference = self.bundle.reference
        distance = None if reference is None else reference.distance(references.features(photo))
        return quality.measure(photo, distance, exif.camera(head.exif) if head.exif else None)

    @property
    def has_cam(self) -> bool:
        """Whether the model gives Grad-CAM maps."""
        return bool(getattr(self._engine, "has_cam", False))

    def cam(self, fields: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the Grad-CAM maps (n, h, w) of pictures as the model takes them."""
        assert isinstance(self._engine, OnnxEngine | PreparedEngine)
        return self._engine.cam(fields)

    def cam_of_view(self, photo: NDArray[np.uint8]) -> tuple[View, NDArray[np.float32]]:
        """Return what a model of whole photos sees of one, and the Grad-CAM map (h, w) of it."""
        assert isinstance(self._engine, PreparedEngine)
        view = self._engine.view(photo)
        return view, self._engine.cam(view.array[None])[0]

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
    contract = bundle.contract
    height, width = photo.shape[:2]
    try:
        scan.refuse_small(photo)
    except DentlineError as error:
        raise images.ImageError("too_small", error.problem, error.remedy) from error
    if height == width == PATCH_PX:
        heat = scan.probabilities(engine, photo)
        found = scan.peaks(heat, contract.threshold, (width, height))
        return Prediction(float(heat.max()), contract.threshold, found, lambda: heat, PATCH_PX / 2)
    threshold = contract.threshold if contract.scan_threshold is None else contract.scan_threshold
    calibration = Calibration(*contract.calibration)
    scanned = cache(lambda: scan.probabilities(engine, photo))

    def shown() -> NDArray[np.float32]:
        return calibration.p(scanned()).astype(np.float32)

    if not contract.source:
        heat = shown()
        return Prediction(float(heat.max()), threshold, scan.peaks(heat, threshold, (width, height)), shown)
    found = places.find(engine, photo, scanned, contract.source, contract.n_proposals)
    p = calibration.p(found.p).astype(np.float32)
    sure = p >= threshold
    return Prediction(float(p.max(initial=0)), threshold, Defects(found.xy[sure], p[sure]), shown)


def _predict_image(engine: Engine, bundle: Bundle, photo: NDArray[np.uint8]) -> Prediction:
    assert isinstance(engine, PreparedEngine)
    p = whole.probability(engine, photo)
    return _whole(p, bundle.contract.threshold, whole.NOWHERE, photo)


def _predict_corners(engine: Engine, bundle: Bundle, photo: NDArray[np.uint8]) -> Prediction:
    """The corners are the places found; p is 1 where they cannot be a field's, else 0."""
    assert isinstance(engine, PreparedEngine)
    found, plausible = whole.corners(engine, photo)
    return _whole(0.0 if plausible else 1.0, 0.5, found, photo)


def _whole(p: float, threshold: float, found: Defects, photo: NDArray[np.uint8]) -> Prediction:
    """A prediction whose heat map is one place: the whole photo."""
    height, width = photo.shape[:2]
    heat = np.full((1, 1), p, np.float32)
    return Prediction(p, threshold, found, lambda: heat, width / 2, max(width, height))


_PREDICTIONS: dict[str, Callable[[Engine, Bundle, NDArray[np.uint8]], Prediction]] = {
    "patch": _predict_patch,
    "image": _predict_image,
    "corners": _predict_corners,
}
"""How each task of a recipe is predicted."""
