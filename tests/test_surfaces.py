"""The generator of surfaces: seeded, told truthfully, and what pretraining makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from samples import shot
from samples.defects import DEFECTS, KINDS, Surface
from samples.surfaces import CELL_PX, CROP_PX, NUISANCES, Crops, batches, crops, photograph
from samples.textures import TEXTURES, draw


def same(one: Crops, two: Crops) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True))


def test_same_seed_same_crops() -> None:
    assert same(crops(8, 7, 3), crops(8, 7, 3))
    assert not np.array_equal(crops(8, 7, 3).images, crops(8, 8, 3).images)
    assert not np.array_equal(crops(8, 7, 3).images, crops(8, 7, 4).images)


def test_going_on_gives_the_batches_that_were_left() -> None:
    every = list(batches(7, 4, 1))
    rest = list(batches(7, 4, 1, start=5))
    assert len(every) == 7
    assert len(rest) == 2
    assert all(same(a, b) for a, b in zip(every[5:], rest, strict=True))


def test_shapes_and_shares() -> None:
    made = crops(256, 0)
    n = len(made)
    assert made.images.shape == (n, CROP_PX, CROP_PX, 3)
    assert made.images.dtype == np.uint8
    assert made.cells.shape == (n, CROP_PX // CELL_PX, CROP_PX // CELL_PX, len(KINDS))
    assert made.nuisances.shape == (n, len(NUISANCES))
    assert np.abs(made.nuisances).max() < 2
    assert 0.3 < 1 - made.cells.any(axis=(1, 2, 3)).mean() < 0.6
    assert made.cells.any(axis=(0, 1, 2)).all(), "every kind occurs"


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_changes_the_surface_where_it_says(kind: str) -> None:
    """Outside its cells nothing changes, but for the soft rim of what is drawn."""
    shown = 0
    for seed in range(8):
        surface = Surface(*(np.full((96, 96), value, np.float32) for value in (0, 1, 1)))
        where = DEFECTS[kind](surface, np.random.default_rng(seed), 48, 48)
        assert where[28:68, 28:68].any()
        changed = np.abs(surface.bumps) + np.abs(surface.paint - 1) + np.abs(surface.gloss - 1)
        assert changed[where].mean() > 4 * changed[~where].mean()
        shown += changed[where].max() > 0.1
    assert shown >= 7


@pytest.mark.parametrize("name", TEXTURES)
def test_textures_are_normalised_and_differ(name: str) -> None:
    height, paint = draw(np.random.default_rng(0), name, 64, 5)
    for field in (height, paint):
        assert field.shape == (64, 64)
        assert abs(field.mean()) < 1e-3
        assert field.std() == pytest.approx(1, abs=1e-2) or (name == "painted" and not field.any())
    others = [draw(np.random.default_rng(0), other, 64, 5)[0] for other in TEXTURES if other != name]
    assert all(not np.allclose(height, other, atol=0.1) for other in others)


def test_a_sheet_without_defects_has_none() -> None:
    picture, masks, _ = photograph(np.random.default_rng(0), "cast", 64, density=0)
    assert picture.shape == (64, 64, 3)
    assert not masks.any()
    _, masks, _ = photograph(np.random.default_rng(0), "cast", 64, density=2, kinds=("dent",))
    assert masks[KINDS.index("dent")].any()
    assert masks.sum() == masks[KINDS.index("dent")].sum()


def test_what_nobody_can_see_is_not_told() -> None:
    """The same dents under much noise are told of less often, and an edge is no defect."""
    told = []
    for noise in (0.5, 40.0):
        cameras = [replace(shot.camera(np.random.default_rng(k)), noise=noise, quality=0) for k in range(24)]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(shot, "camera", lambda _, made=cameras: made.pop())
            drawn = [photograph(np.random.default_rng([5, k]), "plain", 64, 3, ("dent",)) for k in range(24)]
        told.append(sum(masks.sum() for _, masks, _ in drawn))
    assert told[1] < 0.7 * told[0]
