"""A folder of photos with centres, as the public data sets are laid out for the benchmarks.

::

    DIR/images/…     photos
    DIR/images.csv   image, surface, tile   the physical part each photo shows
    DIR/centers.csv  image, x, y            one row a dent, in pixels; a photo without a row has none
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dentline import images, recipe
from dentline.errors import DentlineError
from dentline.geometry import CONTEXT_PX
from labeling import cutting, patches
from labeling.annotation import Annotation, Center, Status
from labeling.split import Assignment
from training.data import Examples


@dataclass(frozen=True)
class Album:
    """Photos with their parts and dents, in the order of images.csv.

    Attributes:
        names: of the photos. tiles: the part each shows. centers_xy: (k, 2) of each, pixels.
    """

    folder: Path
    names: tuple[str, ...]
    tiles: tuple[str, ...]
    centers_xy: tuple[NDArray[np.float64], ...]

    def __len__(self) -> int:
        return len(self.names)

    def photo(self, number: int) -> NDArray[np.uint8]:
        """Return one photo, (H, W, 3) uint8 RGB."""
        return images.read(self.folder / "images" / self.names[number])


def read(folder: Path) -> Album:
    """Read a folder.

    Raises:
        DentlineError: a table is missing, or a centre names no photo.
    """
    listed = _rows(folder / "images.csv")
    centers: dict[str, list[tuple[float, float]]] = {row["image"]: [] for row in listed}
    for number, row in enumerate(_rows(folder / "centers.csv"), 2):
        if row["image"] not in centers:
            raise DentlineError(f"{folder / 'centers.csv'}: row {number}", f"photo {row['image']!r} is not in images")
        centers[row["image"]].append((float(row["x"]), float(row["y"])))
    return Album(
        folder,
        tuple(row["image"] for row in listed),
        tuple(row["tile"] for row in listed),
        tuple(np.array(centers[row["image"]]).reshape(-1, 2) for row in listed),
    )


def examples(album: Album, wanted: recipe.Patches) -> Examples:
    """Cut the patches that ``dentline cut`` would: a positive at each centre, negatives at a safe distance."""
    now = datetime.now(UTC)
    photos = {name: album.photo(i) for i, name in enumerate(album.names)}
    annotations, assignments = [], {}
    for name, tile, centers_xy in zip(album.names, album.tiles, album.centers_xy, strict=True):
        height, width = photos[name].shape[:2]
        marked = tuple(Center(float(x), float(y)) for x, y in centers_xy)
        status: Status = "marked" if marked else "clean"
        annotations.append(Annotation(name, width, height, marked, status, "benchmark", 1, now))
        assignments[name] = Assignment(tile, "train")
    planned = cutting.plan(annotations, assignments, wanted)
    contexts = np.empty((len(planned), CONTEXT_PX, CONTEXT_PX, 3), np.uint8)
    for row, patch in enumerate(planned):
        contexts[row] = patches.cut_contexts(photos[patch.photo_id], np.array([[patch.x, patch.y]]))[0][0]
    return Examples(
        contexts,
        np.array([patch.label for patch in planned], np.int8),
        np.array([patch.group for patch in planned]),
        np.array([patch.photo_id for patch in planned]),
        np.array([patch.patch_id for patch in planned]),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            return list(csv.DictReader(handle))
    except OSError as error:
        raise DentlineError(str(path), f"cannot be read: {error.strerror}", "see benchmarks/album.py") from error
