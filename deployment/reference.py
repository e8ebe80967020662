"""How the training photos looked: reference.npz, written and read here, and the distance of a photo from them.

A photo is described by where its light and dark lie, which way its edges run, and how fine they are; brightness
and contrast are taken off, which :mod:`deployment.quality` measures by themselves. The distance is Mahalanobis'
within the leading directions of the training photos and the plain one outside them (Hotelling's T² and Q).
"""

import io
import math
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import exif, images
from dentline.errors import DentlineError
from dentline.picture_file import parse
from deployment import quality

Floats = NDArray[np.float64]

MEASURES = ("brightness", "contrast", "sharpness", "saturation", "size", "camera", "distance")
"""What is compared with the training photos. ``camera`` is 1 for a camera that training has not seen."""

LEAST_PHOTOS = 20
_THUMB_PX = 96
_GRID = 6
_BINS = 8
_SCALES = 4
_FOLDS = 5
_DIRECTIONS = 8


@dataclass(frozen=True)
class Reference:
    """The training photos' features and measures.

    Attributes:
        mean, scale: ``(d,)``; a feature less its mean, over its scale, is what is compared.
        directions, spread: ``(k, d)`` orthonormal and ``(k,)``, the leading directions and their deviations.
        rest: deviation of what lies outside them.
        values: each measure of :data:`MEASURES` on the n training photos; the distances were found by
            leaving each photo's group out, so that they are those of photos never seen.
        cameras: those of the training photos.
        crowding: for each measure, how many photos count for one, because photos of a group are alike in it: 1
            where they differ as much as any others, the size of a group where they are the same.
    """

    mean: Floats
    scale: Floats
    directions: Floats
    spread: Floats
    rest: float
    values: dict[str, Floats]
    cameras: tuple[str, ...]
    crowding: dict[str, float]

    def distance(self, features: Floats) -> float:
        """Return how far ``(d,)`` features are from the training photos, about 1 for one like them."""
        return float(_distances(features[None], self.mean, self.scale, self.directions, self.spread, self.rest)[0])


def features(photo: NDArray[np.uint8]) -> Floats:
    """Return ``(48,)`` features of ``(H, W, 3)`` uint8 RGB, from a thumbnail of 96 x 96 px."""
    step = max(1, min(photo.shape[:2]) // (2 * _THUMB_PX))
    sample = np.ascontiguousarray(photo[::step, ::step])
    luma = cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY).astype(np.float32)
    thumb = cv2.resize(luma, (_THUMB_PX, _THUMB_PX), interpolation=cv2.INTER_AREA)
    thumb = (thumb - thumb.mean()) / (thumb.std() + 4)
    layout = cv2.resize(thumb, (_GRID, _GRID), interpolation=cv2.INTER_AREA).ravel()
    across, down = cv2.Sobel(thumb, cv2.CV_32F, 1, 0), cv2.Sobel(thumb, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down)
    bin_of = (angle.ravel() * (_BINS / np.pi)).astype(np.int64) % _BINS
    ways = np.bincount(bin_of, weights=strength.ravel(), minlength=_BINS)
    fine = []
    for _ in range(_SCALES):
        smooth = cv2.GaussianBlur(thumb, (0, 0), 1.0)
        fine.append(float(np.log(np.mean((thumb - smooth) ** 2) + 1e-6)))
        thumb = cv2.resize(smooth, (thumb.shape[1] // 2, thumb.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.concatenate([layout, ways / (ways.sum() + 1e-6), fine]).astype(np.float64)


def of_photos(photos: Iterable[tuple[bytes, str]], least: images.Size | None = None) -> Reference:
    """Return the reference of training photos, each its file's bytes and its group.

    Args:
        least: the size the model's preparation lets them be decoded down to.

    Raises:
        DentlineError: too few photos, or one that cannot be decoded.
    """
    described, measured, groups, cameras = [], [], [], []
    for data, group in photos:
        photo = images.decode(data, images.ON_DISK, least)
        seen = quality.measure(photo)
        described.append(features(photo))
        levels = {k: float(getattr(seen, k)) for k in ("brightness", "contrast", "sharpness", "saturation")}
        head = parse(data, whole=False)
        measured.append(levels | {"size": math.sqrt(math.prod(head.size))})
        groups.append(group)
        cameras.append(exif.camera(head.exif) or "")
    return make(described, measured, groups, cameras)


def make(
    described: Sequence[Floats], measured: Sequence[dict[str, float]], groups: Sequence[str], cameras: Sequence[str]
) -> Reference:
    """Return the reference of training photos.

    Args:
        described: each photo's :func:`features`.
        measured: each photo's brightness, contrast, sharpness, saturation and size.
        groups: the group of each photo; photos of one group are near copies.
        cameras: the camera of each photo, empty where unknown.

    Raises:
        DentlineError: fewer than 20 photos, or all of one group.
    """
    if len(described) < LEAST_PHOTOS or len(set(groups)) < 2:
        raise DentlineError(
            "reference for drift",
            f"{len(described)} training photos in {len(set(groups))} groups",
            f"give {LEAST_PHOTOS} photos of several groups",
        )
    points = np.stack(described)
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    distance = np.zeros(len(points))
    for fold in range(min(_FOLDS, len(names))):
        held = group % _FOLDS == fold
        if held.any():
            distance[held] = _distances(points[held], *_fit(points[~held]))
    values = {
        k: np.array([m[k] for m in measured]) for k in ("brightness", "contrast", "sharpness", "saturation", "size")
    }
    values |= {"camera": np.zeros(len(points)), "distance": distance}
    crowding = {name: crowded(values[name], group) for name in MEASURES}
    return Reference(*_fit(points), values, tuple(sorted(set(cameras))), crowding)


def crowded(values: Floats, group: NDArray[np.intp]) -> float:
    """Return the design effect of ``(n,)`` values that come in groups: how many of them count for one.

    From the correlation of ranks within groups, by analysis of variance (Kish 1965; Donner and Klar 2000).
    """
    sizes = np.bincount(group).astype(np.float64)
    n, n_groups = len(values), len(sizes)
    ranks = _ranks(values)
    means = np.bincount(group, ranks) / sizes
    between = (sizes * (means - ranks.mean()) ** 2).sum() / (n_groups - 1)
    within = ((ranks - means[group]) ** 2).sum() / max(1, n - n_groups)
    typical = (n - (sizes**2).sum() / n) / (n_groups - 1)
    alike = (between - within) / (between + (typical - 1) * within) if between > 0 else 0.0
    return float(1 + ((sizes**2).sum() / n - 1) * np.clip(alike, 0, 1))


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value from 1 on, equal ones the mean of theirs."""
    _, place, n_equal = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(n_equal) - (n_equal - 1) / 2)[place]
    return ranks


def dumps(reference: Reference) -> bytes:
    """Return the content of reference.npz."""
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        mean=reference.mean,
        scale=reference.scale,
        directions=reference.directions,
        spread=reference.spread,
        rest=reference.rest,
        cameras=np.array(reference.cameras, dtype=np.str_),
        values=np.stack([reference.values[name] for name in MEASURES]),
        crowding=np.array([reference.crowding[name] for name in MEASURES]),
    )
    return stream.getvalue()


def loads(data: bytes, where: str = "reference.npz") -> Reference:
    """Read what :func:`dumps` wrote.

    Raises:
        DentlineError: it is damaged.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as table:
            return Reference(
                table["mean"],
                table["scale"],
                table["directions"],
                table["spread"],
                float(table["rest"]),
                dict(zip(MEASURES, table["values"], strict=True)),
                tuple(table["cameras"].tolist()),
                dict(zip(MEASURES, table["crowding"].tolist(), strict=True)),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DentlineError(where, f"cannot be read: {error}", "train again") from error


def _fit(points: Floats) -> tuple[Floats, Floats, Floats, Floats, float]:
    mean, scale = points.mean(0), points.std(0) + 0.02
    n_directions = int(np.clip(len(points) // 10, 1, _DIRECTIONS))
    _, singular, ways = np.linalg.svd((points - mean) / scale, full_matrices=False)
    directions = ways[:n_directions]
    spread = np.sqrt(singular[:n_directions] ** 2 / len(points) + 0.05)
    outside = np.sqrt((singular[n_directions:] ** 2).sum() / len(points) + 0.05)
    return mean, scale, directions, spread, float(outside)


def _distances(points: Floats, mean: Floats, scale: Floats, directions: Floats, spread: Floats, rest: float) -> Floats:
    centred = (points - mean) / scale
    along = centred @ directions.T
    outside = np.sqrt(np.maximum((centred**2).sum(1) - (along**2).sum(1), 0)) / rest
    distances: Floats = np.sqrt((along / spread) ** 2 @ np.ones(len(spread)) / len(spread) + outside**2) / np.sqrt(2)
    return distances
