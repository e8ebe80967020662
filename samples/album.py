"""Generated photos with their truth, in the layout that ``dentline import`` reads; the only writer of it here."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.files import replacing, write_text


@dataclass(frozen=True)
class Photo:
    """One photo and its truth.

    Attributes:
        name: of the file, ``nail-003-2.jpg``.
        part: of what it shows, ``nail-003``: photos of one part stay on one side of a split.
        data: the bytes of the file.
        points: (n, 2) float64, x, y in photo pixels: defects, or the corners of a field in order.
    """

    name: str
    part: str
    data: bytes
    points: NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """How much :func:`write` wrote."""

    n_parts: int
    n_photos: int
    n_points: int


def write(folder: Path, photos: Iterable[Photo], marked: str = "dent") -> Made:
    """Write ``photos/``, ``centers.csv`` (image, x, y) and ``images.csv`` (image, surface, part).

    Args:
        marked: what `surface` says of a photo with points; one without is ``free``.

    Raises:
        DentlineError: `folder` holds photos already.
    """
    target = folder / "photos"
    if target.is_dir() and any(target.iterdir()):
        raise DentlineError(str(target), "holds files already", "give an empty folder")
    centers, images = [("image", "x", "y")], [("image", "surface", "part")]
    for photo in photos:
        with replacing(target / photo.name) as temporary:
            temporary.write_bytes(photo.data)
        images.append((photo.name, marked if len(photo.points) else "free", photo.part))
        centers += [(photo.name, f"{x:.2f}", f"{y:.2f}") for x, y in photo.points]
    write_text(folder / "centers.csv", _csv(centers))
    write_text(folder / "images.csv", _csv(images))
    return Made(len({part for _, _, part in images[1:]}), len(images) - 1, len(centers) - 1)


def jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Return grey (H, W) or RGB (H, W, 3) uint8 as a JPEG file."""
    stored = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()


def _csv(rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
