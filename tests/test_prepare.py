from pathlib import Path

import cv2
import numpy as np
import pytest

from dentline import centre_line, prepare, recipe
from dentline.errors import DentlineError
from dentline.outline import find_part

RNG = np.random.default_rng


def rod(bend_px: float = 0.0, angle: float = 0.0, width: int = 1936, height: int = 1216) -> np.ndarray:
    """A shiny rod 220 px long on dark card, bent by `bend_px` in its middle, below a bright strip."""
    grey = np.full((height, width), 60, np.uint8)
    along = np.linspace(-110, 110, 200)
    across = bend_px * (1 - (along / 110) ** 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (turn @ np.stack([along, across])).T + np.array([1100, 700])
    for offset, shade, thick in ((0.0, 120, 13), (-2.0, 220, 4)):
        shifted = middle + offset * turn[:, 1]
        cv2.polylines(grey, [np.round(shifted * 16).astype(np.int32)], False, shade, thick, cv2.LINE_AA, 4)
    grey[:60] = 250
    noisy = grey + RNG(0).normal(0, 2, grey.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("angle", [0.0, 0.5, 1.4, 2.4])
def test_upright_lays_the_part_along_the_rows_and_fills_the_length(angle: float) -> None:
    view = prepare.prepare(rod(angle=angle), prepare.parse(["grey", "upright(length_px=240, height_px=96)"]))
    assert view.array.shape == (96, 240, 1)
    bright = view.array[:, :, 0] > 100
    columns = np.flatnonzero(bright.any(axis=0))
    assert columns[0] == pytest.approx(24, abs=6) and columns[-1] == pytest.approx(216, abs=6)
    assert np.flatnonzero(bright.any(axis=1)).mean() == pytest.approx(48, abs=3)
    ((x, y),) = view.points_to_photo(np.array([[120.0, 48.0]]))
    assert (x, y) == (pytest.approx(1100, abs=3), pytest.approx(700, abs=3))


def test_a_bend_of_one_percent_is_told_from_straight_at_every_angle() -> None:
    calls = prepare.parse(["grey", "upright(length_px=240, height_px=144)", "centre_line"])
    angles = np.linspace(0, np.pi, 7)
    straight = np.array([prepare.prepare(rod(0, a), calls).array for a in angles])
    bent = np.array([prepare.prepare(rod(4.4, a), calls).array for a in angles])
    assert straight.shape == (7, len(centre_line.NAMES)) and straight.dtype == np.float32
    assert (straight.max(axis=0) < bent.min(axis=0)).all(), (straight.max(axis=0), bent.min(axis=0))


def test_bow_is_the_sagitta_in_percent_of_the_length() -> None:
    calls = prepare.parse(["grey", "upright(length_px=240, height_px=144)", "centre_line"])
    bow, kink, wave = prepare.prepare(rod(11.0), calls).array
    assert bow == pytest.approx(5.0, rel=0.15)
    assert kink == pytest.approx(2 * bow * (1 - centre_line.ENDS * 2), rel=0.25) and 0 < wave < bow


def test_a_photo_of_nothing_is_refused_in_one_line() -> None:
    empty = np.full((300, 400, 3), 60, np.uint8)
    assert find_part(empty[:, :, 0]) is None
    with pytest.raises(prepare.PrepareError, match="no part stands out"):
        prepare.prepare(empty, prepare.parse(["upright"]))


def test_steps_map_their_pixels_back_to_the_photo() -> None:
    photo = RNG(1).integers(0, 255, (300, 500, 3)).astype(np.uint8)
    calls = prepare.parse(["crop_centre(side_px=200)", "resize(width_px=100, height_px=50)"])
    view = prepare.prepare(photo, calls)
    assert view.array.shape == (50, 100, 3)
    np.testing.assert_allclose(view.points_to_photo([[0, 0], [100, 50]]), [[150, 50], [350, 250]])
    np.testing.assert_allclose(view.points_from_photo([[150, 50], [350, 250]]), [[0, 0], [100, 50]], atol=1e-9)


def test_bright_crop_follows_the_article_and_stays_inside() -> None:
    photo = np.full((960, 960, 3), 40, np.uint8)
    photo[20:30, 900:940] = 200
    view = prepare.prepare(photo, prepare.parse(["crop_bright(side_px=448, below_maximum=32)"]))
    assert view.array.shape == (448, 448, 3)
    np.testing.assert_allclose(view.points_to_photo([[0, 0]]), [[512, 0]])


def test_clahe_spreads_the_grey_levels_and_keeps_the_shape() -> None:
    ramp = np.tile(np.linspace(100, 120, 64).astype(np.uint8), (64, 1))[:, :, None]
    for photo in (ramp, np.repeat(ramp, 3, axis=2)):
        array = prepare.clahe(prepare.View(photo, np.eye(3)), clip=4.0, tiles=2).array
        assert array.shape == photo.shape and array.std() > 1.5 * photo.std()


def test_every_step_leaves_its_input_as_it_was() -> None:
    photo = rod()
    before = photo.copy()
    steps = ["rgb", "clahe", "crop_centre(side_px=960)", "upright", "resize(width_px=80, height_px=48)", "grey"]
    views = prepare.trace(photo, prepare.parse(steps))
    assert [v.array.shape for v in views[-2:]] == [(48, 80, 3), (48, 80, 1)]
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("upwright", ["unknown step", "'upright'"]),
        ("resize(width_px=0, height_px=3)", ["width_px is 0", "from 1"]),
        ("resize(width_px=10)", ["height_px is missing"]),
        ("resize(width_px=1.5, height_px=3)", ["1.5", "whole number"]),
        ("resize(10, 10)", ["is not a step"]),
        ("clahe(clap=3)", ["unknown parameter 'clap'", "clip"]),
        ("__import__('os').system('true')", ["is not a step"]),
    ],
)
def test_a_wrong_step_is_refused_when_the_recipe_is_read(step: str, words: list[str]) -> None:
    with pytest.raises(DentlineError) as caught:
        recipe.parse({"prepare": {"steps": [step]}})
    assert all(word in str(caught.value) for word in ["[prepare]", *words]), str(caught.value)


def test_a_call_reads_as_it_was_written() -> None:
    texts = ["grey()", "resize(width_px=112, height_px=112)", "clahe(clip=2.5)"]
    assert [str(call) for call in prepare.parse(texts)] == texts


def test_nails_are_told_apart_by_one_measure(shared: Path) -> None:
    calls = prepare.parse(["grey", "upright(length_px=240, height_px=144)", "centre_line"])
    paths = sorted((shared / "data" / "nails").glob("*.jpeg"))[::8]
    wave = np.array([prepare.prepare(cv2.imread(str(p)), calls).array[2] for p in paths])
    bad = np.array([p.stem.endswith("_bad") for p in paths])
    assert wave[~bad].max() < wave[bad].min()
