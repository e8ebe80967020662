import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from training import metrics


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(4, 60))
    label = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    label[:2] = [True, False]
    p = np.array(draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))) / 9
    return label, p


@given(scored(), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_values_are_those_of_scikit_learn(case: tuple[np.ndarray, np.ndarray], threshold: float) -> None:
    label, p = case
    verdict = p >= threshold
    assert metrics.auc(label, p)[0] == pytest.approx(reference.roc_auc_score(label, p))
    assert metrics.average_precision(label, p)[0] == pytest.approx(reference.average_precision_score(label, p))
    assert metrics.f1(label, verdict)[0] == pytest.approx(reference.f1_score(label, verdict, zero_division=0))
    precision = reference.precision_score(label, verdict, zero_division=0)
    assert metrics.precision(label, verdict)[0] == pytest.approx(precision)
    assert metrics.recall(label, verdict)[0] == pytest.approx(reference.recall_score(label, verdict))


@given(scored(), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_weight_is_a_sample_drawn_that_often(case: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    label, p = case
    weights = np.random.default_rng(seed).integers(0, 4, size=(3, len(p))).astype(float)
    weights[:, :2] += 1
    for row in weights:
        often = row.astype(int)
        repeated = np.repeat(label, often), np.repeat(p, often)
        assert metrics.auc(label, p, row[None])[0] == pytest.approx(metrics.auc(*repeated)[0])
        assert metrics.average_precision(label, p, row[None])[0] == pytest.approx(
            metrics.average_precision(*repeated)[0]
        )


def test_resampling_draws_whole_groups_and_keeps_dented_ones() -> None:
    group = np.repeat(np.arange(12), 5)
    label = (group < 3) & (np.arange(60) % 5 == 0)
    drawn = metrics.resample(group, label, np.random.default_rng(0), 200).reshape(200, 12, 5)
    assert (drawn == drawn[:, :, :1]).all()
    assert (drawn[:, :3, 0].sum(axis=1) == 3).all() and (drawn[:, 3:, 0].sum(axis=1) == 9).all()


def test_interval_is_wider_when_photos_of_a_part_repeat_each_other() -> None:
    rng = np.random.default_rng(1)
    label, score = rng.random(40) < 0.4, rng.random(40)
    score = score + 0.4 * label
    label, score, part = np.repeat(label, 10), np.repeat(score, 10), np.repeat(np.arange(40), 10)
    by_part = metrics.measure(label, score, part, 0.7, np.random.default_rng(2)).values["auc"]
    by_patch = metrics.measure(label, score, np.arange(400), 0.7, np.random.default_rng(2)).values["auc"]
    assert by_part.high - by_part.low > 2 * (by_patch.high - by_patch.low)
    assert by_part.low <= by_part.value <= by_part.high


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(3), 0
    for _ in range(60):
        group = np.repeat(np.arange(60), 2)
        label = np.repeat(np.arange(60) % 2 == 0, 2)
        score = label + np.repeat(rng.normal(size=60), 2)
        drawn = metrics.resample(group, label, rng, 200)
        value = metrics.interval(metrics.auc(label, score), metrics.auc(label, score, drawn), 120)
        covered += value.low <= 0.7602 <= value.high
    assert covered >= 50


def test_threshold_lies_in_the_gap_and_reaches_the_best_f1() -> None:
    label = np.array([0, 0, 0, 1, 1])
    threshold = metrics.best_threshold(label, np.array([0.01, 0.1, 0.2, 0.8, 0.9]))
    assert 0.3 < threshold < 0.7
    noisy = np.array([0.1, 0.6, 0.2, 0.5, 0.9])
    best = max(reference.f1_score(label, noisy >= t) for t in noisy)
    assert reference.f1_score(label, noisy >= metrics.best_threshold(label, noisy)) == pytest.approx(best)
    assert metrics.best_threshold(np.zeros(3), np.ones(3)) == 0.5


def test_curves_end_where_they_must_and_hold_the_area() -> None:
    rng = np.random.default_rng(4)
    label = rng.random(300) < 0.3
    p = np.round(rng.random(300) + 0.3 * label, 2)
    roc, pr = metrics.curves(label, p)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert pr.x[-1] == 1 and pr.y[-1] == pytest.approx(label.mean(), abs=1e-6)
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(metrics.auc(label, p)[0], abs=2e-3)
