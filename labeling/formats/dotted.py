"""Labels as painted dots: folders ``Train`` and ``Train_dotted``, the same photo plain and with a dot on each dent.

The way of labeling of the article: any paint program serves. A dot may have any strong colour that
the photo there has not (not black, grey or white). Both may be JPEG: what the compression changed is
told from a dot by its strength. A photo in the dotted folder without a dot was reviewed and has no
dent; a photo that is missing there is new.
"""

import shutil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.files import replacing
from dentline.workspace import photos_in
from labeling.formats.draft import Draft
from labeling.formats.outgoing import Outgoing

LOSES = (
    "where in a pixel a centre is, which of two centres within a dot"
    ", skipped photos, annotators, groups, earlier revisions and second readings"
)

DOT_RADIUS_PX = 3
_DOT_RGB = (255, 0, 0)
_SURE = 40.0
"""Difference of colour that only paint makes. JPEG at quality 50 was seen to change a noisy photo by up
to 18, and what lies beside a dot by up to 45, always less than half of the dot's own."""
_WEAK = 24.0
_HALO_PX = 16
"""How far from a dot the compression changes pixels: a block of halved colour."""
_MOST = 0.1
"""Share of the photo that dots may cover; above it the two are not the same photo."""


def recognises(source: Path) -> bool:
    return _folders(source) is not None


def read(source: Path, draft: Draft) -> None:
    """Read a folder that holds ``X`` and ``X_dotted``; the photos are those in ``X``."""
    found = _folders(source)
    if found is None:
        raise DentlineError(str(source), "has no two folders like Train and Train_dotted", "put them there")
    for path in photos_in(found[1]).values():
        where = path.relative_to(source).as_posix()
        name = path.relative_to(found[1]).with_suffix("").as_posix()
        with draft.told(where):
            dotted = images.read(path)
            photo_id = draft.photo(where, name, dotted.shape[1::-1])
            if photo_id is None:
                continue
            spots = dots(images.read(draft.catalog.paths[photo_id]), dotted)
            for x, y in spots:
                draft.mark(where, photo_id, x, y)
            if not len(spots):
                draft.status(where, photo_id, "clean")


def photos(source: Path) -> Path | None:
    """Return the folder of the plain photos below `source`."""
    found = _folders(source)
    return found[0] if found else None


def dots(plain: NDArray[np.uint8], dotted: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return (n, 2), the middle of each dot in pixels.

    Args:
        plain, dotted: (H, W, 3) uint8 RGB, the same photo.

    Raises:
        DentlineError: the two differ in more than dots.
    """
    difference = _difference(plain, dotted)
    n, marked = cv2.connectedComponents((difference > _WEAK).astype(np.uint8), connectivity=8)
    spots = marked.astype(np.intp)
    around = cv2.dilate(difference, np.ones((2 * _HALO_PX + 1,) * 2, np.uint8))
    peak, beside = np.zeros(n), np.zeros(n)
    np.maximum.at(peak, spots.ravel(), difference.ravel())
    np.maximum.at(beside, spots.ravel(), around.ravel())
    sure = np.flatnonzero((peak[1:] >= _SURE) & (peak[1:] >= beside[1:] / 2)) + 1
    if np.isin(spots, sure).mean() > _MOST:
        raise DentlineError("dots", "differ from the plain photo in too much to be dots", "pair the same photo")
    weight = np.where(difference > _SURE, difference, 0).astype(np.float64)
    rows, columns = np.mgrid[: spots.shape[0], : spots.shape[1]] + 0.5
    total = [np.bincount(spots.ravel(), (weight * axis).ravel(), n)[sure] for axis in (columns, rows)]
    return np.stack(total, axis=1) / np.bincount(spots.ravel(), weight.ravel(), n)[sure, None]


def _difference(plain: NDArray[np.uint8], dotted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (H, W) float32: how far a pixel's colour moved, its lightness counting less than its hue."""
    both = [cv2.cvtColor(p, cv2.COLOR_RGB2YCrCb).astype(np.float32) for p in (plain, dotted)]
    moved = (both[1] - both[0]) * np.array([0.5, 1, 1], np.float32)
    return np.asarray(np.sqrt((moved**2).sum(axis=2)), np.float32)


def write(target: Path, out: Outgoing) -> None:
    """Write ``Train``, the reviewed photos, and ``Train_dotted``, the same with a red dot on each centre."""
    for annotation, path in out.label_files(target / "Train_dotted", ".png"):
        with replacing(target / "Train" / annotation.photo_id) as temporary:
            shutil.copyfile(out.photos[annotation.photo_id], temporary)
        dotted = images.read(out.photos[annotation.photo_id])
        for center in annotation.centers:
            at = round(center.x * 16 - 8), round(center.y * 16 - 8)
            cv2.circle(dotted, at, DOT_RADIUS_PX * 16, _DOT_RGB, cv2.FILLED, cv2.LINE_AA, shift=4)
        with replacing(path) as temporary:
            temporary.write_bytes(images.encode_png(dotted))


def _folders(source: Path) -> tuple[Path, Path] | None:
    if not source.is_dir():
        return None
    for dotted in sorted(source.glob("*_[Dd]otted")):
        plain = dotted.with_name(dotted.name[: -len("_dotted")])
        if plain.is_dir():
            return plain, dotted
    return None
