"""Photos with centres, read into patches in memory for a benchmark: fields, labels, and groups."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from dentline.recipe import Patches
from labeling.annotation import Annotation, Center, Status
from labeling.cutting import plan
from labeling.patches import cut_contexts
from labeling.split import Assignment

_GROUP_COLUMNS = ("part", "tile", "group")
_FOLDERS = ("photos", "images")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Photos:
    """A folder of photos with their centres, each photo reviewed.

    Attributes:
        paths: of each photo, by name, in order of name.
        centers: (n, 2) of each photo, pixels.
        group: the part that each shows.
    """

    paths: dict[str, Path]
    centers: dict[str, NDArray[np.float64]]
    group: dict[str, str]


@dataclass(frozen=True)
class Fields:
    """Patches, row for row.

    Attributes:
        images: (n, 112, 112, 3) uint8 RGB.
        label: (n,) bool, a dent.
        group: (n,) the part.
    """

    images: NDArray[np.uint8]
    label: NDArray[np.bool_]
    group: NDArray[np.str_]


def read(folder: Path) -> Photos:
    """Read ``images.csv`` (image and part, tile or group), ``centers.csv`` (image, x, y) and the photos.

    Raises:
        DentlineError: a file is missing, or a column.
    """
    named, marked = _rows(folder / "images.csv"), _rows(folder / "centers.csv")
    column = next((c for c in _GROUP_COLUMNS if named and c in named[0]), None)
    home = next((folder / f for f in _FOLDERS if (folder / f).is_dir()), None)
    if column is None or home is None:
        raise DentlineError(str(folder), "lacks photos/ or a column part or tile in images.csv", "name another folder")
    group = {row["image"]: row[column] for row in sorted(named, key=lambda row: row["image"])}
    centers: dict[str, list[tuple[float, float]]] = {name: [] for name in group}
    for row in marked:
        centers[row["image"]].append((float(row["x"]), float(row["y"])))
    places = {name: np.array(xy, np.float64).reshape(-1, 2) for name, xy in centers.items()}
    return Photos({name: home / name for name in group}, places, group)


def cut(photos: Photos, wanted: Patches) -> Fields:
    """Cut a field at each centre and at random places beside, as ``dentline cut`` does."""
    annotations, dealt = [], {}
    for name, path in photos.paths.items():
        width, height = images.size(path)
        marks = tuple(Center(float(x), float(y)) for x, y in photos.centers[name])
        status: Status = "marked" if marks else "clean"
        annotations.append(Annotation(name, width, height, marks, status, "benchmark", 1, _NEVER))
        dealt[name] = Assignment(photos.group[name], "train")
    planned = plan(annotations, dealt, wanted)
    fields = []
    for name, rows in groupby(planned, key=lambda patch: patch.photo_id):
        xy = np.array([(patch.x, patch.y) for patch in rows])
        fields.append(cut_contexts(images.read(photos.paths[name]), xy, FIELD_PX)[0])
    label = np.array([patch.label == 1 for patch in planned])
    return Fields(np.concatenate(fields), label, np.array([patch.group for patch in planned]))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return list(csv.DictReader(handle))
    except OSError as error:
        raise DentlineError(str(path), f"cannot be read: {error.strerror}", "name a folder with it") from error
