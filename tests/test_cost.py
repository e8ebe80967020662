"""The threshold in money, on simulated lines whose best threshold is known."""

import numpy as np
import pytest

from training import cost

COSTS = cost.Costs(escape=200, false_reject=5, parts_per_day=1000, defect_rate=0.02)


def simulated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits of good parts around -2, of defective ones around 2, spread 1: p = sigmoid(logit)."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.5).astype(np.int8)
    logit = rng.normal(np.where(label == 1, 2.0, -2.0), 1.0)
    return label, 1 / (1 + np.exp(-logit)), np.arange(n).astype(str)


def optimum(costs: cost.Costs) -> float:
    """The logit where both kinds of error cost the same: densities in the ratio of the costs."""
    ratio = (1 - costs.defect_rate) * costs.false_reject / (costs.defect_rate * costs.escape)
    return float(1 / (1 + np.exp(-np.log(ratio) / 4)))


@pytest.mark.parametrize("escape", [20.0, 200.0, 20_000.0])
def test_known_optimum_is_recovered(escape: float) -> None:
    costs = cost.Costs(escape, 5, 1000, 0.02)
    label, p, group = simulated(4_000, 0)
    choice = cost.choose(label, p, group, costs, np.random.default_rng(0))
    assert choice.threshold.low <= optimum(costs) <= choice.threshold.high
    assert choice.threshold.value == pytest.approx(optimum(costs), abs=0.1)
    assert choice.cost_per_day.value == choice.costs_per_day.min()


def test_interval_covers_the_true_cost_about_as_often_as_it_says() -> None:
    label, p, _ = simulated(200_000, 1)
    covered = 0
    for seed in range(60):
        few = simulated(400, 100 + seed)
        choice = cost.choose(*few, COSTS, np.random.default_rng(seed))
        at = choice.threshold.value
        escapes = COSTS.defect_rate * COSTS.escape * np.mean(p[label == 1] < at)
        rejects = (1 - COSTS.defect_rate) * COSTS.false_reject * np.mean(p[label == 0] >= at)
        truth = COSTS.parts_per_day * (escapes + rejects)
        covered += choice.cost_per_day.low <= truth <= choice.cost_per_day.high
    assert covered >= 48


def test_calibration_undoes_a_distortion_and_keeps_the_order() -> None:
    rng = np.random.default_rng(2)
    logit = rng.normal(0, 2, 20_000)
    label = (rng.random(20_000) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    distorted = 1 / (1 + np.exp(-(3 * logit + 2)))
    calibration = cost.calibrate(label, distorted)
    assert calibration.slope == pytest.approx(1 / 3, abs=0.02) and calibration.intercept == pytest.approx(
        -2 / 3, abs=0.05
    )
    after = calibration.p(distorted)
    assert cost.brier(label, after) < cost.brier(label, distorted) - 0.01
    assert (np.diff(after[np.argsort(distorted)]) >= 0).all()
    mean, share, count = cost.reliability(label, after)
    assert np.abs(mean - share).max() < 0.04 and count.sum() == 20_000


def test_perfectly_parted_samples_calibrate_without_running_away() -> None:
    calibration = cost.calibrate(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.2, 0.8, 0.9]))
    assert 0 < calibration.slope < 20


def test_too_few_defects_are_told_plainly() -> None:
    assert cost.most_missed(0, 30) == pytest.approx(1 - 0.05 ** (1 / 30))
    words = cost.warning(0, 30, COSTS)
    assert "0 missed of 30 still allows 10%" in words
    assert cost.warning(0, 1000, COSTS) == ""
    assert cost.most_missed(30, 30) == 1


def test_costs_decide_the_extremes() -> None:
    label, p, group = simulated(300, 3)
    rng = np.random.default_rng(0)
    never = cost.choose(label, p, group, cost.Costs(0, 5, 10, 0.1), rng)
    assert never.false_rejects == 0 and never.cost_per_day.value == 0
    always = cost.choose(label, p, group, cost.Costs(1e9, 5, 10, 0.1), rng)
    assert always.missed == 0
