"""Do two photos show the same part? Cues from pixels alone, blind to the light.

Two cues that fail differently are taken. *Keypoints*: SIFT on the locally normalised picture, mutual
nearest neighbours with Lowe's ratio, and one similarity transform found by RANSAC; how unlikely its
inliers are by chance is the a-contrario measure of Moisan, Moulon and Monasse (IPOL 2012). *Tones*: the
two pictures are laid on each other and compared block by block. Size, colour and brightness are not
used: the same part comes cropped, dimmed and shifted.
"""

from dataclasses import dataclass
from math import lgamma, log
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from labeling.background import Background

LONG_SIDE_PX = 480
"""Photos are compared at the scale that brings their median long side here."""

N_KEYPOINTS = 400
_RATIO = 0.95
_TOLERANCE_PX = 4.0
_TONE_STEP = 2
_ERRORS, _PIXELS_PER_TONE = 5.0, 4.0
"""A correlation is lowered by five standard errors, about four neighbouring tones counting as one: its place
was searched for, so that chance had many tries."""

_SCALES = (0.5, 2.0)


@dataclass(frozen=True)
class Signature:
    """What is kept of a photo to compare it.

    Attributes:
        points: (k, 2) float32, keypoints x, y in pixels of the working scale.
        descriptors: (k, 128) float32, RootSIFT, each of unit length.
        tones: (h, w) int8, the locally normalised picture at half the working scale, 32 a deviation.
        size_px: (width, height) at the working scale.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    tones: NDArray[np.int8]
    size_px: tuple[int, int]


@dataclass(frozen=True)
class Likeness:
    """How alike two photos are.

    Attributes:
        n_matches: keypoints of one that found each other in the other.
        n_inliers: those that agree on one shift, turn and scale.
        evidence: minus log10 of how many such agreements chance would give (0 and below: chance).
        correlation: of the tones of both, once laid on each other, less five standard errors, 0 to 1.
        overlap: share of the smaller photo that the other covers.
    """

    n_matches: int
    n_inliers: int
    evidence: float
    correlation: float
    overlap: float


def working_scale(sizes_px: list[tuple[int, int]]) -> float:
    """Return the one factor for a set of photos of the given (width, height): never above 1."""
    return min(1.0, LONG_SIDE_PX / float(np.median([max(size) for size in sizes_px])))


def tones(photo: NDArray[np.uint8], scale: float) -> NDArray[np.int8]:
    """Return an RGB photo's whitened, locally normalised picture at half of `scale`, 32 a deviation."""
    return _tones(_grey(photo, scale))


def signature(photo: NDArray[np.uint8], scale: float, behind: Background | None = None) -> Signature:
    """Return the signature of an RGB photo (H, W, 3) seen at `scale`, blind to what is `behind` the part."""
    grey = _grey(photo, scale)
    surface = _tones(grey)
    mask = None
    if behind is not None and behind.mean.shape == surface.shape:
        hidden = behind.seen_in(surface)
        mask = cv2.resize(1 - hidden.astype(np.uint8), (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST)
        surface = np.where(hidden, 0, np.clip(surface - behind.mean, -127, 127)).astype(np.int8)
    sift = cv2.SIFT_create(nfeatures=N_KEYPOINTS, contrastThreshold=0.01)  # type: ignore[attr-defined]
    fine = np.clip((_normalised(grey, 2.0, 12.0) + 3) * 42.5, 0, 255).astype(np.uint8)
    found, raw = sift.detectAndCompute(fine, mask)
    if raw is None:
        raw = np.zeros((0, 128), np.float32)
    points = np.array([k.pt for k in found[:N_KEYPOINTS]], np.float32).reshape(-1, 2)
    descriptors = np.sqrt(raw[:N_KEYPOINTS] / np.maximum(raw[:N_KEYPOINTS].sum(axis=1, keepdims=True), 1e-9))
    return Signature(points, descriptors.astype(np.float32), surface, (grey.shape[1], grey.shape[0]))


def compare(a: Signature, b: Signature) -> Likeness:
    """Compare two signatures made at the same scale. Symmetric up to RANSAC's choice."""
    first, second = _matches(a, b)
    from_keypoints = _transform(a.points[first], b.points[second])
    transform, n_inliers = from_keypoints if from_keypoints is not None else (None, 0)
    if transform is None:
        transform = _shift(a, b)
    correlation, overlap = _tones_agree(a.tones, b.tones, transform)
    evidence = _evidence(len(first), n_inliers, min(a.size_px[0] * a.size_px[1], b.size_px[0] * b.size_px[1]))
    return Likeness(len(first), n_inliers, evidence, correlation, overlap)


def _grey(photo: NDArray[np.uint8], scale: float) -> NDArray[Any]:
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey


def _tones(grey: NDArray[Any]) -> NDArray[np.int8]:
    half = cv2.resize(grey, None, fx=1 / _TONE_STEP, fy=1 / _TONE_STEP, interpolation=cv2.INTER_AREA)
    return _whitened(_normalised(half, 1.0, 6.0))


def _normalised(grey: NDArray[Any], inner: float, outer: float) -> NDArray[np.float32]:
    """Band-passed log intensity over its local deviation: exposure, gradient and gain drop out."""
    logs = np.log1p(grey.astype(np.float32))
    band = cv2.GaussianBlur(logs, (0, 0), inner) - cv2.GaussianBlur(logs, (0, 0), outer)
    deviation = np.sqrt(cv2.GaussianBlur(band * band, (0, 0), 2 * outer)) + 1e-2
    return np.asarray(np.clip(band / deviation, -3, 3), np.float32)


def _whitened(picture: NDArray[np.float32]) -> NDArray[np.int8]:
    """Flatten the spectrum, so that stripes and weave, which other parts have too, do not outweigh the rest."""
    spectrum = np.fft.rfft2(picture)
    spectrum[0, 0] = 0
    strength = np.abs(spectrum)
    flat = np.fft.irfft2(spectrum / (strength + 0.3 * float(np.median(strength)) + 1e-9), picture.shape)
    return np.clip(np.rint(flat * (32 / (float(flat.std()) + 1e-9))), -127, 127).astype(np.int8)


def _matches(a: Signature, b: Signature) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if len(a.points) < 2 or len(b.points) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    near = a.descriptors @ b.descriptors.T
    best = near.argmax(axis=1)
    rows = np.arange(len(best))
    mutual = near.argmax(axis=0)[best] == rows
    first = near[rows, best]
    near[rows, best] = -1
    distinct = np.sqrt(np.maximum(1 - first, 0)) < _RATIO * np.sqrt(np.maximum(1 - near.max(axis=1), 0))
    kept = np.flatnonzero(mutual & distinct)
    return kept, best[kept]


def _transform(p: NDArray[np.float32], q: NDArray[np.float32]) -> tuple[NDArray[np.float64], int] | None:
    """Return the (2, 3) similarity that takes q onto p, with how many points agree."""
    if len(p) < 3:
        return None
    matrix, mask = cv2.estimateAffinePartial2D(
        q, p, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE_PX, maxIters=500, confidence=0.999
    )
    if matrix is None or not _SCALES[0] <= float(np.hypot(matrix[0, 0], matrix[1, 0])) <= _SCALES[1]:
        return None
    inliers = mask.ravel().astype(bool)
    places = len(np.unique(np.rint(p[inliers] / _TOLERANCE_PX), axis=0))
    return (np.asarray(matrix, np.float64), places) if places >= 3 else None


def _evidence(n_matches: int, n_inliers: int, area_px: int) -> float:
    """-log10 of the number of false alarms: two points fix the transform, the others fall in by chance."""
    if n_inliers < 3:
        return 0.0
    chance = min(1.0, np.pi * _TOLERANCE_PX**2 / area_px)
    alarms = (
        log(n_matches) + _log_choose(n_matches, n_inliers) + _log_choose(n_inliers, 2) + (n_inliers - 2) * log(chance)
    )
    return -alarms / log(10)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _shift(a: Signature, b: Signature) -> NDArray[np.float64]:
    """The shift of b that lays its tones best on those of a: the peak of their correlation."""
    rows = cv2.getOptimalDFTSize(max(a.tones.shape[0], b.tones.shape[0]) * 3 // 2)
    columns = cv2.getOptimalDFTSize(max(a.tones.shape[1], b.tones.shape[1]) * 3 // 2)
    peaks = np.fft.irfft2(
        np.fft.rfft2(a.tones, (rows, columns)) * np.fft.rfft2(b.tones, (rows, columns)).conj(), (rows, columns)
    )
    y, x = (int(v) for v in np.unravel_index(int(peaks.argmax()), peaks.shape))
    y, x = y - rows * (y > rows // 2), x - columns * (x > columns // 2)
    return np.array([[1, 0, x * _TONE_STEP], [0, 1, y * _TONE_STEP]], np.float64)


def _tones_agree(a: NDArray[np.int8], b: NDArray[np.int8], transform: NDArray[np.float64]) -> tuple[float, float]:
    """Correlation where both have tones, and the share of the smaller photo that this is."""
    matrix = transform.copy()
    matrix[:, 2] = matrix[:, 2] / _TONE_STEP
    size = (a.shape[1], a.shape[0])
    laid = cv2.warpAffine(b.astype(np.float32), matrix, size)
    seen = cv2.warpAffine((b != 0).astype(np.float32), matrix, size) * (a != 0)
    fixed = a * seen
    laid = laid * (a != 0)
    spread = float((fixed * fixed).sum()) * float((laid * laid).sum())
    correlation = float((fixed * laid).sum()) / np.sqrt(spread + 1e-9)
    n_both = float(seen.sum())
    smaller = float(min(np.count_nonzero(a), np.count_nonzero(b)))
    doubt = _ERRORS / np.sqrt(n_both / _PIXELS_PER_TONE + 1)
    return max(0.0, float(correlation - doubt)), min(1.0, n_both / (smaller + 1))
