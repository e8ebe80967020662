"""The 48 variants: their group properties, and that nothing from outside the context is seen."""

import cv2
import numpy as np
import pytest

from augmentation.dihedral import N_TURNS, N_VARIANTS, chosen, is_mirrored, turn_deg, variant, variants
from dentline.errors import DentlineError
from dentline.geometry import CONTEXT_PX, FIELD_PX, PATCH_PX


def noise(channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (CONTEXT_PX, CONTEXT_PX, channels), dtype=np.uint8)


def smooth(px: int = CONTEXT_PX, seed: int = 0) -> np.ndarray:
    """Content without detail finer than 32 px, over most of the range of grey."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:px, :px] - (px - 1) / 2
    waves = np.zeros((px, px, 3))
    for channel in range(3):
        for _ in range(5):
            angle, phase, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi), rng.uniform(32, 90)
            waves[..., channel] += np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / length + phase)
    return np.rint(127.5 + 100 * waves / np.abs(waves).max()).astype(np.uint8)


@pytest.mark.parametrize("side", [FIELD_PX, PATCH_PX])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_48_are_distinct(side: int, channels: int) -> None:
    made = variants(noise(channels), side)
    assert made.shape == (48, side, side, channels)
    assert made.dtype == np.uint8
    assert len({one.tobytes() for one in made}) == 48


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_quarter_turns_and_mirrors_are_exact(channels: int) -> None:
    context = noise(channels)
    made = variants(context)
    for index in range(N_VARIANTS):
        start = N_TURNS if is_mirrored(index) else 0
        quarter = start + (index + 6) % N_TURNS
        assert np.array_equal(made[quarter], np.rot90(made[index])), index
    plain = context[24:136, 24:136]
    assert np.array_equal(made[0], plain)
    assert np.array_equal(made[N_TURNS], plain[:, ::-1])
    for k in range(N_TURNS):  # a mirror of a turn by t is the mirrored patch turned by -t
        assert np.array_equal(made[k][:, ::-1], made[N_TURNS + (-k) % N_TURNS]), k


def test_vertical_mirror_is_the_horizontal_one_turned_by_180() -> None:
    context = noise()
    made = variants(context)
    assert turn_deg(N_TURNS + 12) == 180
    assert np.array_equal(made[N_TURNS + 12], made[0][::-1])


@pytest.mark.parametrize("seed", range(4))
def test_turning_twice_by_15_is_turning_by_30_within_one_grey_level(seed: int) -> None:
    """Holds where linear interpolation does: on content without detail finer than 32 px."""
    wide = smooth(240, seed)
    made = variants(wide[40:200, 40:200], PATCH_PX).astype(int)
    once = variants(wide, CONTEXT_PX)  # every variant again with room around it
    for k in range(N_TURNS):
        twice = variants(once[k], PATCH_PX).astype(int)
        for step in range(N_TURNS):
            assert np.abs(twice[step] - made[(k + step) % N_TURNS]).max() <= 1, (k, step)
        back = made[N_TURNS + (-k) % N_TURNS]
        assert np.abs(twice[N_TURNS] - back).max() <= 1, k


def test_turns_are_counter_clockwise_about_the_exact_centre() -> None:
    context = np.zeros((CONTEXT_PX, CONTEXT_PX, 1), np.uint8)
    cv2.circle(context, (80 + 30, 80), 6, 255, -1)
    y, x = np.mgrid[:FIELD_PX, :FIELD_PX] + 0.5
    for index, made in enumerate(variants(context)[:N_TURNS, ..., 0]):
        weight = made / made.sum(dtype=float)
        place = np.array([(x * weight).sum() - FIELD_PX / 2, FIELD_PX / 2 - (y * weight).sum()])
        start = np.array([30.5, -0.5])  # the middle of pixel (110, 80), seen from the centre, y up
        t = np.deg2rad(turn_deg(index))
        expected = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) @ start
        assert np.abs(place - expected).max() < 0.05, index


@pytest.mark.parametrize(("side", "value"), [(FIELD_PX, 255), (PATCH_PX, 255), (FIELD_PX, 0)])
def test_no_corner_is_invented(side: int, value: int) -> None:
    """What lies beyond the reach of a turned square, and what a border fill would give, never shows."""
    y, x = np.mgrid[:CONTEXT_PX, :CONTEXT_PX] - (CONTEXT_PX - 1) / 2
    outside = np.hypot(x, y) > (side - 1) / 2 * np.sqrt(2) + 1.5
    assert outside.any()
    context = np.full((CONTEXT_PX, CONTEXT_PX, 3), 100, np.uint8)
    context[outside] = value
    assert np.array_equal(np.unique(variants(context, side)), [100])


@pytest.mark.parametrize("side", [FIELD_PX, PATCH_PX])
def test_chosen_are_to_the_bit_the_variants(side: int) -> None:
    context = noise()
    made = variants(context, side)
    assert np.array_equal(chosen(np.repeat(context[None], 48, 0), np.arange(48), side), made)
    assert np.array_equal(variant(context, 31, side), made[31])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_variants_are_written_where_asked(channels: int) -> None:
    context = noise(channels)
    out = np.full((48, PATCH_PX, PATCH_PX, channels), 7, np.uint8)
    assert variants(context, PATCH_PX, out) is out
    assert np.array_equal(out, variants(context, PATCH_PX))
    for wrong in (out[:47], out.astype(np.int16), np.empty((48, PATCH_PX, PATCH_PX, 2 * channels), np.uint8)[..., ::2]):
        with pytest.raises(DentlineError, match="out is"):
            variants(context, PATCH_PX, wrong)


def test_a_read_only_memory_map_is_left_alone() -> None:
    context = noise()
    before = context.copy()
    context.setflags(write=False)
    variants(context)
    assert np.array_equal(context, before)


@pytest.mark.parametrize(
    ("shape", "side", "words"),
    [((160, 158, 3), 112, "160, 158"), ((160, 160, 2), 112, "160, 2"), ((112, 112, 3), 112, "side 112")],
)
def test_wrong_shapes_are_refused(shape: tuple[int, ...], side: int, words: str) -> None:
    with pytest.raises(DentlineError, match=words):
        variants(np.zeros(shape, np.uint8), side)
    with pytest.raises(DentlineError, match=r"0\.\.47"):
        variant(noise(), 48)
