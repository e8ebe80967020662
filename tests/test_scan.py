from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX, PATCH_PX
from deployment import scan
from deployment.engine import OnnxEngine
from labeling.patches import cut_contexts
from tests import tiny_model


@pytest.fixture(scope="module")
def engine() -> OnnxEngine:
    return OnnxEngine(tiny_model.model())


def patch_scores(
    engine: OnnxEngine, photo: NDArray[np.uint8], places: Sequence[tuple[int, int]]
) -> NDArray[np.float32]:
    fields, _ = cut_contexts(photo, np.array(places, float), FIELD_PX)
    return engine.run(fields).reshape(-1)


@pytest.mark.parametrize("tile_px", [FIELD_PX**2, 40_000, scan.TILE_PX])
@pytest.mark.parametrize("size", [(64, 65), (131, 200), (240, 333)])
def test_each_place_scores_as_the_patch_cut_there(engine: OnnxEngine, size: tuple[int, int], tile_px: int) -> None:
    height, width = size
    photo = tiny_model.surface(height, width, [(30, 40), (width - 3, 20)])
    found = scan.probabilities(engine, photo, tile_px)
    assert found.shape == (height // 8 + 1, width // 8 + 1)
    places = [(8 * j, 8 * i) for i in range(found.shape[0]) for j in range(found.shape[1])]
    assert np.abs(found.reshape(-1) - patch_scores(engine, photo, places)).max() < 1e-5


def test_a_picture_of_one_patch_is_one_place(engine: OnnxEngine) -> None:
    photo = tiny_model.surface(300, 300, [(150, 150)])
    patch = photo[150 - 32 : 150 + 32, 150 - 32 : 150 + 32]
    found = scan.probabilities(engine, patch)
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(patch_scores(engine, patch, [(32, 32)])[0], abs=1e-6)
    defects = scan.peaks(found, 0.5, (64, 64))
    assert defects.xy.tolist() == [[32, 32]]
    assert len(scan.peaks(found, 1.0, (64, 64))) == 0


@pytest.mark.parametrize("size", [(63, 500), (500, 63), (1, 1)])
def test_smaller_than_a_patch_is_refused(engine: OnnxEngine, size: tuple[int, int]) -> None:
    with pytest.raises(DentlineError, match=f"{size[1]} x {size[0]} px"):
        scan.probabilities(engine, np.zeros((*size, 3), np.uint8))


def test_dents_are_found_where_they_are(engine: OnnxEngine) -> None:
    dents = [(60.0, 70.0), (203.0, 181.0), (330.0, 40.0), (110.0, 70.0), (390.0, 297.0)]
    photo = tiny_model.surface(300, 400, dents)
    defects = scan.peaks(scan.probabilities(engine, photo), 0.5, (400, 300))
    assert len(defects) == len(dents)
    for dent in dents:
        assert np.linalg.norm(defects.xy - np.array(dent), axis=1).min() < 4
    assert np.all(np.diff(defects.p) <= 0)


def test_a_clean_photo_has_no_defects(engine: OnnxEngine) -> None:
    assert len(scan.peaks(scan.probabilities(engine, tiny_model.surface(300, 400, [])), 0.5, (400, 300))) == 0


def test_peaks_merge_and_stay_in_the_photo() -> None:
    flat = np.ones((60, 80), np.float32)
    defects = scan.peaks(flat, 0.5, (632, 472))
    gaps = np.linalg.norm(defects.xy[:, None] - defects.xy[None], axis=2)[np.triu_indices(len(defects), 1)]
    assert gaps.min() > 8
    assert defects.xy.min() >= 0
    assert (defects.xy < [632, 472]).all()
    one = np.zeros((60, 80), np.float32)
    one[10:13, 20:23] = 0.9
    assert scan.peaks(one, 0.5, (632, 472)).xy.tolist() == [[21 * 8, 11 * 8]]


def test_a_photo_of_forty_megapixels_is_dealt_into_bounded_tiles() -> None:
    n_rows, n_columns = 5000 // 8 + 1, 8000 // 8 + 1
    covered = np.zeros((n_rows, n_columns), int)
    seen_px = 0
    for rows, columns in scan.tiles(n_rows, n_columns, scan.TILE_PX):
        area = ((rows.stop - rows.start) * 8 + 104) * ((columns.stop - columns.start) * 8 + 104)
        assert area <= scan.TILE_PX
        covered[rows, columns] += 1
        seen_px += area
    assert (covered == 1).all()
    assert seen_px < 2 * 40e6
    assert len(list(scan.tiles(20, 20, scan.TILE_PX))) == 1
    heights = [rows.stop - rows.start for rows, columns in scan.tiles(126, 126, scan.TILE_PX) if columns.start == 0]
    assert max(heights) - min(heights) < len(heights), "a thin last band means that the others are larger than need be"
    with pytest.raises(DentlineError):
        list(scan.tiles(2, 2, 100))


def test_real_tile_scans(shared: Path, engine: OnnxEngine) -> None:
    from dentline import images

    photo = images.read(next((shared / "data/tiles/images").glob("*.*")))
    found = scan.probabilities(engine, photo)
    rng = np.random.default_rng(0)
    places = [(8 * int(rng.integers(found.shape[1])), 8 * int(rng.integers(found.shape[0]))) for _ in range(20)]
    expected = patch_scores(engine, photo, places)
    assert np.abs(expected - [found[y // 8, x // 8] for x, y in places]).max() < 1e-4
    assert PATCH_PX == 64
