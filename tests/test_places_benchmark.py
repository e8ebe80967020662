"""The places benchmark with features that stand in for VGG16's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import album, blobs, places


def test_pits_are_found_and_unmarked_ones_named(tmp_path: Path, small_album: Callable[[Path, int], Path]) -> None:
    photos = album.read(small_album(tmp_path / "a", 3))
    prepared = places.prepare(photos, blobs.features, lambda line: None)
    assert prepared.dents.shape[:2] == (8, 1 + places.COPIES)
    found = places.cross_validate(prepared, 2, 0, lambda line: None)
    judged = places.judge(prepared, found, np.arange(len(photos)))
    told = places.values([judged])
    assert told["average_precision"]["value"] > 0.9 and told["average_precision"]["n"] == 8
    assert told["photo_auroc"]["n"] == 16
    assert places.missed(prepared, found, np.arange(16)) == []
    surest = int(np.argmax([defects.p.max() for defects in found[:8]]))
    centers = [np.empty((0, 2)) if i == surest else xy for i, xy in enumerate(photos.centers_xy)]
    unmarked = album.Album(photos.folder, photos.names, photos.tiles, tuple(centers))
    blind = places.Photos(unmarked, *(getattr(prepared, k) for k in ("xy", "features", "away_px", "dents", "owner")))
    named = places.alarms(blind, found, np.arange(16))
    assert photos.names[surest] in {entry["photo"] for entry in named}


def test_the_head_learns_what_trainings_does() -> None:
    from training import trainers

    assert places.COPIES == trainers.COPIES
