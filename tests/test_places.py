"""Places in whole photos, against cases worked by hand."""

import numpy as np
import pytest

from deployment.answer import Defects
from training import places


def found(*rows: tuple[float, float, float]) -> Defects:
    table = np.array(rows, np.float32).reshape(-1, 3)
    return Defects(table[:, :2], table[:, 2])


def centers(*rows: tuple[float, float]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 2)


CASE = places.match(
    [
        found((100, 100, 0.9), (104, 100, 0.8), (300, 300, 0.6)),  # hit, the same dent again, hit
        found((50, 50, 0.7)),  # a false alarm on a clean photo
        found((20, 37, 0.5), (20, 30, 0.4)),  # 17 px away: none; 10 px: hit
        found(),
    ],
    [centers((101, 101), (310, 300)), centers(), centers((20, 20)), centers()],
    ["a", "b", "c", "d"],
)


def test_each_centre_is_hit_once_within_16_px() -> None:
    assert CASE.p.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert CASE.hit.tolist() == [True, False, False, True, False, True]
    assert CASE.n_centers.tolist() == [2, 0, 1, 0]


def test_figures_worked_by_hand() -> None:
    assert places.average_precision(CASE)[0] == pytest.approx((1 / 1 + 2 / 4 + 3 / 6) / 3)
    assert places.recall_at(CASE, 0.1)[0] == pytest.approx(1 / 3)
    assert places.recall_at(CASE, 0.5)[0] == pytest.approx(2 / 3)
    assert places.recall_at(CASE, 0.75)[0] == 1
    alarms, recall = places.froc(CASE)
    assert alarms.tolist() == [0, 0, 0.25, 0.5, 0.5, 0.75, 0.75]
    assert recall.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    # photos by their surest place: dents 0.9 and 0.5, clean 0.7 and 0: three of four pairs in order
    assert places.photo_auroc(CASE)[0] == 0.75
    assert places.threshold_at(CASE, 0.5) == pytest.approx(0.5 + 0.1)
    assert places.threshold_at(CASE, 0) == pytest.approx(0.9)


def test_equal_scores_count_together_in_any_order() -> None:
    for order in ((0, 1), (1, 0)):
        rows = [(10.0, 10.0, 0.5), (200.0, 200.0, 0.5)]
        tied = places.match([found(*(rows[i] for i in order))], [centers((10, 10))], ["a"])
        assert places.average_precision(tied)[0] == 0.5
        assert places.recall_at(tied, 0.1)[0] == 0


def test_nothing_found_is_zero_and_bounds_hold() -> None:
    empty = places.match([found(), found()], [centers((1, 1)), centers()], ["a", "b"])
    assert places.average_precision(empty)[0] == 0 and places.recall_at(empty, 1)[0] == 0
    assert places.photo_auroc(empty)[0] == 0.5
    assert places.threshold_at(empty, 1) == 1


def test_a_weight_is_a_photo_drawn_that_often() -> None:
    twice = places.match(
        [
            found((100, 100, 0.9), (104, 100, 0.8), (300, 300, 0.6)),
            found((100, 100, 0.9), (104, 100, 0.8), (300, 300, 0.6)),
            found((20, 37, 0.5), (20, 30, 0.4)),
            found(),
        ],
        [centers((101, 101), (310, 300)), centers((101, 101), (310, 300)), centers((20, 20)), centers()],
        list("aacd"),
    )
    weights = np.array([[2.0, 0, 1, 1]])
    assert places.average_precision(CASE, weights) == pytest.approx(places.average_precision(twice))
    assert places.recall_at(CASE, 0.3, weights) == pytest.approx(places.recall_at(twice, 0.3))
    assert places.photo_auroc(CASE, weights) == pytest.approx(places.photo_auroc(twice))


def test_measures_carry_interval_and_n() -> None:
    measured = places.measure(CASE, np.random.default_rng(0))
    assert set(measured) == {"average_precision", "recall_at_0.1", "photo_auroc"}
    assert [measured[name].n for name in measured] == [3, 3, 4]
    assert all(value.low <= value.value <= value.high for value in measured.values())
