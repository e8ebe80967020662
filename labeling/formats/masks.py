"""Labels as masks: a picture a photo, the same size, black but for the dents; one centre a connected spot.

A mask goes by its photo's name, perhaps with ``_mask`` behind it. A mask that is all black says that
the photo was reviewed and has no dent; a photo without a mask is new.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.files import replacing
from dentline.workspace import photos_in
from labeling.catalog import photos_beside
from labeling.formats.draft import Draft
from labeling.formats.outgoing import Outgoing

LOSES = (
    "where in a pixel a centre is, which of two centres within 3 px"
    ", skipped photos, annotators, groups, earlier revisions and second readings"
)

photos = photos_beside

_JPEG_LIGHT = 128
"""What counts as white in a lossy mask; in any other, whatever is not zero."""
_SPOT_PX = 3


def recognises(source: Path) -> bool:
    return (source / "masks").is_dir() or any(p.stem.endswith("_mask") for p in _pictures(source))


def read(source: Path, draft: Draft) -> None:
    """Read a folder of masks."""
    for path in _pictures(source):
        where = path.relative_to(source).as_posix()
        name = path.relative_to(source).with_suffix("").as_posix()
        mask = _mask(path)
        photo_id = draft.photo(where, name.removesuffix("_mask"), mask.shape[::-1])
        spots = centers(mask)
        for x, y in spots:
            draft.mark(where, photo_id, x, y)
        if not len(spots):
            draft.status(where, photo_id, "clean")


def centers(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (n, 2), the centroid of each connected spot (8 neighbours) of a (H, W) mask, in pixels."""
    _, _, _, centroids = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(
        centroids[1:] + 0.5, np.float64
    )  # OpenCV counts from the middle of the first pixel, a Center from its corner


def write(target: Path, out: Outgoing) -> None:
    """Write a mask for each reviewed photo, with a small round spot at each centre."""
    for annotation, path in out.label_files(target, "_mask.png"):
        mask = np.zeros((annotation.height, annotation.width), np.uint8)
        for center in annotation.centers:
            others = (np.hypot(o.x - center.x, o.y - center.y) for o in annotation.centers if o != center)
            _spot(mask, center.x, center.y, min([_SPOT_PX, *(d / 2 - 1.5 for d in others)]))
        with replacing(path) as temporary:
            temporary.write_bytes(images.encode_png(mask))


def _spot(mask: NDArray[np.uint8], x: float, y: float, radius: float) -> None:
    column, row = int(x), int(y)
    height, width = mask.shape
    r = max(0, min(int(radius), column, row, width - 1 - column, height - 1 - row))
    rows, columns = np.ogrid[-r : r + 1, -r : r + 1]
    mask[row - r : row + r + 1, column - r : column + r + 1][rows**2 + columns**2 <= r * r] = 255


def _pictures(source: Path) -> list[Path]:
    beside = photos(source)
    return [path for path in photos_in(source).values() if beside is None or not path.is_relative_to(beside)]


def _mask(path: Path) -> NDArray[np.bool_]:
    images.size(path)  # refuses what is no picture
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise DentlineError(str(path), "cannot be decoded", "save the mask as PNG")
    if pixels.ndim == 3:
        pixels = pixels[..., :3].max(axis=2)
    light = pixels >= _JPEG_LIGHT if path.suffix.lower() in (".jpg", ".jpeg") else pixels > 0
    return np.asarray(light, np.bool_)
