"""What whole photos go through while a network trains: variants, balance, schedules, the networks themselves."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from augmentation.whole import vary
from dentline import prepare
from dentline.recipe import Augment
from training.models import corners
from training.models.backbones import BACKBONES, model
from training.picture_fit import Batches
from training.pictures import Pictures
from training.schedules import SCHEDULES, constant

ROOT = Path(__file__).resolve().parents[1]


def dotted(xy: np.ndarray, side: int = 96) -> np.ndarray:
    picture = np.full((side, side, 3), 60, np.uint8)
    for number, (x, y) in enumerate(xy):
        cv2.circle(picture, (round(x * 16 - 8), round(y * 16 - 8)), 24, (255, 40 * number, 0), -1, cv2.LINE_AA, 4)
    return picture


def test_corners_move_with_the_pixels_they_mark() -> None:
    xy = np.array([[30.0, 34.0], [62, 34], [62, 60], [30, 60]])
    rng = np.random.default_rng(0)
    augment = Augment(quarter_turns=True, turn_degrees=10, flip=True)
    for _ in range(12):
        varied, moved = vary(dotted(xy), (xy / 96).astype(np.float32).reshape(8), augment, rng)
        assert moved is not None
        for number, (x, y) in enumerate(moved.reshape(4, 2) * 96):
            colour = varied[int(y), int(x)].astype(int)
            assert abs(colour - (255, 40 * number, 0)).max() < 30, (number, colour)


def test_light_stays_within_its_limits_and_noise_within_its_share() -> None:
    picture = np.full((50, 50, 1), 100, np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(20):
        lit, _ = vary(picture, None, Augment(brightness=0.2), rng)
        assert lit.min() >= 79 and lit.max() <= 121
        noisy, _ = vary(picture, None, Augment(noise=0.1), rng)
        assert (noisy != 100).mean() <= 0.13
    assert (picture == 100).all()


def some(n_bad: int, n: int = 40) -> Pictures:
    target = (np.arange(n) < n_bad).astype(np.float32)[:, None]
    inputs = np.zeros((n, 4, 4, 1), np.uint8) + (target[:, :, None, None] * 9).astype(np.uint8)
    return Pictures(inputs, target, np.ones((n, 2), np.float32), np.arange(n).astype(str), np.arange(n).astype(str), ())


def test_both_ways_of_balance_make_the_verdicts_weigh_the_same() -> None:
    rng = np.random.default_rng(0)
    weighed = Batches(some(4), 40, Augment(), "weights", rng)[0]
    assert weighed[2][weighed[1][:, 0] == 1].sum() == pytest.approx(weighed[2][weighed[1][:, 0] == 0].sum())
    assert weighed[1].mean() == pytest.approx(0.1)
    shares = []
    varied = Batches(some(4), 40, Augment(), "variants", rng)
    for _ in range(20):
        shares.append(varied[0][1].mean())
        varied.on_epoch_end()
    assert np.mean(shares) == pytest.approx(0.5, abs=0.08)


def test_schedules_begin_at_the_peak_and_reach_the_lowest_rate() -> None:
    n = 1000
    rates = {
        name: [float(keras.ops.convert_to_numpy(rate(s))) for s in range(0, n + 1, 50)]
        for name, rate in ((name, make(1e-4, 1e-5, n)) for name, make in SCHEDULES.items() if make is not constant)
    }
    assert SCHEDULES["constant"](1e-4, 1e-5, n) == SCHEDULES["plateau"](1e-4, 1e-5, n) == 1e-4
    for name, found in rates.items():
        assert found[0] == pytest.approx(1e-4) and min(found) == pytest.approx(1e-5, rel=0.02), name
    assert sum(b > a for a, b in zip(rates["cyclic"], rates["cyclic"][1:], strict=False)) > 5
    assert sorted(rates["cosine"], reverse=True) == rates["cosine"]


@pytest.mark.parametrize("name", ["tiny_vgg", "resnet18", "mobilenet"])
def test_a_backbone_is_one_flat_graph_of_any_channels(name: str) -> None:
    made = model(name, (64, 64, 1), "random")
    assert not [layer.name for layer in made.layers if isinstance(layer, keras.Model)]
    p = np.asarray(made(np.zeros((2, 64, 64, 1), np.uint8)))
    assert p.shape == (2, 1) and (p >= 0).all() and (p <= 1).all()
    assert BACKBONES[name].side_px >= 64


def test_the_corner_network_is_small_and_answers_inside_the_picture() -> None:
    made = corners.build("corners_s", (64, 64, 3))
    found = np.asarray(made(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8)))
    assert found.shape == (2, 8) and (found > 0).all() and (found < 1).all()
    assert 4 * made.count_params() < 600_000


def test_four_ways_round_a_turned_picture_gives_the_turned_corners() -> None:
    core = corners.build("corners_s", (64, 64, 3))
    made = corners.by_quarters(core)
    pictures = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    expected = np.zeros((3, 4, 2))
    for quarters in range(4):
        xy = np.asarray(core(np.rot90(pictures, quarters, axes=(1, 2)).copy())).reshape(3, 4, 2)
        for _ in range(quarters):
            xy = np.stack([1 - xy[..., 1], xy[..., 0]], axis=-1)
        expected += xy / 4
    upright = np.asarray(made(pictures)).reshape(3, 4, 2)
    np.testing.assert_allclose(upright, expected, atol=1e-5)
    turned = np.asarray(made(np.rot90(pictures, axes=(1, 2)).copy())).reshape(3, 4, 2)
    np.testing.assert_allclose(np.stack([1 - turned[..., 1], turned[..., 0]], axis=-1), upright, atol=1e-5)


def test_the_page_names_every_step_and_its_parameters() -> None:
    page = (ROOT / "docs" / "prepare.md").read_text(encoding="utf-8")
    table = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert set(table) == set(prepare.STEPS)
    for name, step in prepare.STEPS.items():
        declared = [p for p in step.__annotations__ if p not in ("view", "return")]
        assert all(f"`{p}`" in table[name] for p in declared), name
