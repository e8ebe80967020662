"""Photos as a play of labeling knows them: places that could be dents, their features, which of them are.

The places are the strongest blobs of a photo; a maximum on its very edge is none, for half of what is around it is
made up. A place's features are pools of VGG16's blocks 1 and 2 around it and blob measures. Looking at the photos costs
minutes and is done once: all of it is kept in one .npz file.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.blob_places import blobs
from benchmarks.vgg_maps import VggMaps
from dentline import images
from dentline.files import replacing
from labeling.queue import appearance

HIT_PX = 24.0
"""A place within so many pixels of a centre, on the photo, shows the dent."""

MERGE_PX = 32.0
"""Places nearer to a surer one are the same: as a scan merges its peaks. Beside a dent they are not learnt from."""

EDGE_PX = 5.0
"""A place nearer to the edge, in pixels as looked at, is none: a blob there is mirrored, not seen."""

_EACH = ("xy", "features", "shows", "learnt")


@dataclass(frozen=True)
class Photo:
    """One photo.

    Attributes:
        xy: (n, 2) float32 px of its places. features: (n, d) float32.
        shows: (n,) int64, the number of the dent that a place shows, or -1.
        learnt: (n,) bool, whether a place is learnt from: of those beside a dent only the nearest.
        n_dents: on the photo, those without a place too.
        appearance: (96,) float32, :func:`labeling.queue.appearance`.
    """

    photo_id: str
    part: str
    xy: NDArray[np.float32]
    features: NDArray[np.float32]
    shows: NDArray[np.int64]
    learnt: NDArray[np.bool_]
    n_dents: int
    appearance: NDArray[np.float32]


def look(data: Path, weights: Path, scale: float, n_places: int) -> list[Photo]:
    """Look at every photo of a folder of the tiles' layout, scaled by `scale` so that a dent is some 10 px wide."""
    table = pd.read_csv(data / "images.csv", dtype=str).rename(columns={"tile": "part"})
    centers = pd.read_csv(data / "centers.csv")
    folder = data / ("images" if (data / "images").is_dir() else "photos")
    network = VggMaps(weights)
    photos = []
    for name, part in zip(table["image"], table["part"], strict=True):
        pixels = images.read(folder / name)
        if scale != 1:
            pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        found = blobs(pixels, n_places)
        height, width = pixels.shape[:2]
        inside = ((found.xy > EDGE_PX) & (found.xy < np.array([width, height]) - EDGE_PX)).all(axis=1)
        xy = found.xy[inside]
        marks = centers.loc[centers["image"] == name, ["x", "y"]].to_numpy(float)
        shows, learnt = judged(xy / scale, marks)
        features = np.concatenate([network.at(pixels, xy), found.features[inside]], axis=1)
        places = (xy / np.float32(scale), features, shows, learnt)
        photos.append(Photo(name, part, *places, len(marks), appearance(pixels)))
        if len(photos) % 50 == 0:
            print(f"{len(photos)} of {len(table)} photos looked at", file=sys.stderr)
    return photos


def judged(xy: NDArray[Any], marks: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return (n,) which mark each place shows, -1 for none, and (n,) which places are learnt from."""
    away = np.linalg.norm(xy[:, None] - marks[None], axis=2)
    if not away.size:
        return np.full(len(xy), -1), np.ones(len(xy), bool)
    shows = np.where(away.min(axis=1) <= HIT_PX, away.argmin(axis=1), -1)
    learnt = away.min(axis=1) > MERGE_PX
    for mark in np.unique(shows[shows >= 0]):
        learnt[np.where(shows == mark, away[:, mark], np.inf).argmin()] = True
    return shows, learnt


def keep(path: Path, photos: Sequence[Photo]) -> None:
    """Write photos as one .npz file."""
    held: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in photos]) for name in _EACH}
    held["appearance"] = np.stack([p.appearance for p in photos])
    held["n_places"] = np.array([len(p.xy) for p in photos])
    for name in ("photo_id", "part", "n_dents"):
        held[name] = np.array([getattr(p, name) for p in photos])
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, **held)


def kept(path: Path) -> list[Photo]:
    """Read them back."""
    with np.load(path, allow_pickle=False) as held:
        ends = held["n_places"].cumsum()[:-1]
        each = {name: np.split(held[name], ends) for name in _EACH}
        return [
            Photo(
                photo_id=str(held["photo_id"][k]),
                part=str(held["part"][k]),
                xy=each["xy"][k],
                features=each["features"][k],
                shows=each["shows"][k],
                learnt=each["learnt"][k],
                n_dents=int(held["n_dents"][k]),
                appearance=held["appearance"][k],
            )
            for k in range(len(held["photo_id"]))
        ]
