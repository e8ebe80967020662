"""The random transforms of a training batch: seeded, within their ranges, centred."""

import numpy as np
import pytest

from augmentation.dihedral import variants
from augmentation.edges import NEAREST_PX, random_edges
from augmentation.random import AUGMENTERS, Ranges, draw, random_article, random_dihedral
from dentline.geometry import CONTEXT_PX, FIELD_PX
from dentline.recipe import Augment, parse


def batch(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, CONTEXT_PX, CONTEXT_PX, 3), dtype=np.uint8)


def test_each_patch_becomes_one_of_its_own_48() -> None:
    contexts = batch(6)
    made = random_dihedral(contexts, np.random.default_rng(1))
    for context, one in zip(contexts, made, strict=True):
        assert sum(np.array_equal(one, v) for v in variants(context)) == 1


def test_all_48_come_equally_often() -> None:
    contexts = np.repeat(batch(1), 4800, 0)
    known = {v.tobytes(): k for k, v in enumerate(variants(contexts[0], 8))}
    made = random_dihedral(contexts, np.random.default_rng(2), 8)
    counts = np.bincount([known[one.tobytes()] for one in made], minlength=48)
    assert ((counts - 100) ** 2 / 100).sum() < 82  # chi-squared, 47 degrees of freedom, p = 0.001


@pytest.mark.parametrize("name", sorted(AUGMENTERS))
def test_same_seed_same_pictures(name: str) -> None:
    contexts = batch(5)
    first, again, other = (AUGMENTERS[name](contexts, np.random.default_rng(s), 112) for s in (3, 3, 4))
    assert first.shape == (5, 112, 112, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name == "none")


def test_every_value_of_the_recipe_has_its_augmenter() -> None:
    for name in AUGMENTERS:
        assert parse({"augment": {"variants": name}}).augment == Augment(variants=name)


def test_ranges_are_the_articles_and_are_filled() -> None:
    ranges = Ranges()
    matrices = draw(4000, np.random.default_rng(5), CONTEXT_PX, FIELD_PX, ranges)
    forward = np.linalg.inv(matrices[:, :, :2])
    area = np.linalg.det(forward)
    assert abs((area < 0).mean() - 0.5) < 0.04
    scale = np.sqrt(np.abs(area))
    assert 1 / 1.6 <= scale.min() < 0.65 < 1.55 < scale.max() <= 1.6
    assert abs(np.log(scale).mean()) < 0.02  # log-uniform: as often smaller as larger

    middle = np.array([(FIELD_PX - 1) / 2] * 2 + [1.0])
    seen = matrices @ middle  # where in the context the result's middle lies
    moved = np.einsum("nij,nj->ni", forward, seen - (CONTEXT_PX - 1) / 2)
    assert 9.9 < np.abs(moved).max() <= 10

    # Without shear and stretch the rest is a turn; the angle fills the circle.
    plain = draw(4000, np.random.default_rng(5), CONTEXT_PX, FIELD_PX, Ranges(shear_deg=0, stretch=1, flip=0))
    turn = np.arctan2(plain[:, 1, 0], plain[:, 0, 0])
    assert np.histogram(turn, bins=8, range=(-np.pi, np.pi))[0].min() > 400

    upright = draw(4000, np.random.default_rng(5), CONTEXT_PX, FIELD_PX, Ranges(rotation_deg=0, flip=0, scale=1))
    kept = np.linalg.inv(upright[:, :, :2])
    shear = np.rad2deg(np.arctan(kept[:, 0, 1] / kept[:, 0, 0]))
    stretch = kept[:, 0, 0] / kept[:, 1, 1]
    assert 19.5 < np.abs(shear).max() <= 20.0001
    assert 1.28 < stretch.max() <= 1.3001
    assert 0.769 <= stretch.min() < 0.78


def test_no_transform_at_all_is_the_middle_of_the_context() -> None:
    nothing = Ranges(rotation_deg=0, shift_px=0, scale=1, flip=0, shear_deg=0, stretch=1)
    contexts = batch(2)
    made = random_article(contexts, np.random.default_rng(0), 112, nothing)
    assert np.array_equal(made, contexts[:, 24:136, 24:136])


def test_beyond_the_context_its_outermost_pixels_go_on() -> None:
    """A line near the border would come twice if the context were mirrored there, and black would be 0."""
    contexts = np.full((50, CONTEXT_PX, CONTEXT_PX, 3), 200, np.uint8)
    contexts[:, :, 4] = contexts[:, :, -5] = 50
    small = Ranges(rotation_deg=0, shift_px=0, scale=1.8, flip=0, shear_deg=0, stretch=1)
    lines = random_article(contexts, np.random.default_rng(0), 112, small)[:, 56, :, 0] < 125
    assert set(lines[:, :56].sum(axis=1).tolist()) == {0, 1}


def test_edges_leave_the_middle_and_show_another_patch_or_a_plain_surface_beyond() -> None:
    fields, others = np.full((400, 112, 112, 3), 100, np.uint8), np.full((5, 112, 112, 3), 33, np.uint8)
    made = random_edges(fields, others, np.random.default_rng(0), 1.0)
    assert (fields == 100).all()
    rows, columns = np.mgrid[:112, :112] + 0.5 - 56
    away = np.hypot(rows, columns)
    assert (made[:, away < NEAREST_PX] == 100).all()
    changed = (made != 100).any(axis=3)
    assert changed[:, away < NEAREST_PX + 6].any(axis=1).mean() > 0.1  # some come near
    assert changed[:, :20, :20].mean() == pytest.approx(changed[:, -20:, -20:].mean(), rel=0.3)  # at every angle
    shown = [set(np.unique(one[one != 100])) for one in made]
    assert 0.3 < np.mean([33 in levels for levels in shown]) < 0.9
    assert all(len(levels) <= 2 for levels in shown)


def test_as_many_patches_as_asked_get_an_edge() -> None:
    rng = np.random.default_rng(1)
    fields = batch(500)[:, :112, :112]
    for share in (0.0, 0.3):
        made = random_edges(fields, fields[:9], rng, share)
        assert np.mean((made != fields).any(axis=(1, 2, 3))) == pytest.approx(share, abs=0.07 * (share > 0))
    assert np.array_equal(random_edges(fields, fields[:0], rng, 1.0), fields)  # nothing to show beyond
