"""The drift of real photos, played small: the tiles as they are do not alarm, and plain changes are found."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import album, drift


@pytest.fixture(scope="module")
def looks(shared: Path) -> tuple[list[drift.Look], album.Album]:
    read = album.read(shared / "data" / "tiles")
    return [drift.look(read.photo(i)) for i in range(len(read))], read


def test_stable_tiles_do_not_alarm(looks: tuple[list[drift.Look], album.Album]) -> None:
    n_photos, n_alarms = drift.stable(looks[0], looks[1].tiles, 4000, np.random.default_rng(0))
    assert n_photos >= 4000 and n_alarms == 0


@pytest.mark.parametrize("change", ["two fifths less light", "defocus, sigma 1 px", "camera tilted by 5 degrees"])
def test_plain_changes_of_tiles_are_found(looks: tuple[list[drift.Look], album.Album], change: str) -> None:
    read = looks[1]
    changed = {change: [drift.look(drift.CHANGES[change](read.photo(i))) for i in range(len(read))]}
    (found,) = drift.study(looks[0], changed, read.tiles, 2, 0)
    assert found.found.value == 1 and found.photos is not None and found.photos <= drift.WITHIN
