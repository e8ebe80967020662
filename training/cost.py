"""The threshold in money: probabilities that mean what they say, and the threshold of least expected cost.

A threshold is chosen on photos or parts that the model did not learn from. What it costs a day follows
from how often it misses a defect and rejects a good part there, weighed with the defect rate of the
line, which is not that of the photos somebody chose to label.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dentline.intervals import Floats, Labels, Value, resample
from deployment.calibration import Calibration, logit, sigmoid


@dataclass(frozen=True)
class Costs:
    """What verdicts cost on a line.

    Attributes:
        escape: of a defective part that passes. false_reject: of a good part that is rejected.
        parts_per_day: that are inspected. defect_rate: share of them that is defective.
    """

    escape: float
    false_reject: float
    parts_per_day: float
    defect_rate: float


LEAST_SLOPE = 1e-3
"""A calibration never turns the order round: on a handful of photos a slope below 0 would be chance."""


def calibrate(label: NDArray[np.int8], p: Floats) -> Calibration:
    """Fit the two numbers by Newton's method on the cross-entropy, with Platt's softened targets.

    Args:
        label, p: (n,), of samples the model did not learn from.
    """
    truth = label.astype(bool)
    n_true, n_false = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    x = np.stack([logit(p), np.ones(len(p))], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(100):
        now = sigmoid(x @ found)
        slope = x.T @ (now - target) + 1e-3 * (found - [1, 0])
        curvature = (x * (now * (1 - now))[:, None]).T @ x + 1e-3 * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        found = found - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(max(float(found[0]), LEAST_SLOPE), float(found[1]))


def brier(label: NDArray[np.int8], p: Floats) -> float:
    """Return the mean squared difference of probability and truth: 0 is perfect."""
    return float(np.mean((p - label) ** 2))


def reliability(label: NDArray[np.int8], p: Floats, n_bins: int = 10) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return each filled bin's mean probability, its share of defects, and how many samples it holds."""
    index = np.minimum((p * n_bins).astype(int), n_bins - 1)
    count = np.bincount(index, minlength=n_bins)
    kept = count > 0
    mean = np.bincount(index, p, n_bins)[kept] / count[kept]
    share = np.bincount(index, label.astype(float), n_bins)[kept] / count[kept]
    return mean, share, count[kept]


@dataclass(frozen=True)
class Choice:
    """The threshold of least expected cost.

    Attributes:
        threshold, cost_per_day: with 95 % intervals by bootstrap over groups.
        thresholds, costs_per_day: the whole curve.
        missed, n_defective: on the samples it was chosen on; false_rejects, n_good likewise.
        warning: why the samples are too few to promise it; empty where they are not.
    """

    threshold: Value
    cost_per_day: Value
    thresholds: Floats
    costs_per_day: Floats
    missed: int
    n_defective: int
    false_rejects: int
    n_good: int
    warning: str


def choose(
    label: NDArray[np.int8], p: Floats, group: NDArray[np.str_], costs: Costs, rng: np.random.Generator
) -> Choice:
    """Return the threshold whose verdicts (``p >= threshold`` is defective) are expected to cost least.

    Among equal costs the middle of the widest gap between two scores is taken.
    """
    truth = label.astype(bool)
    edges = np.concatenate([[0.0], np.unique(p), [1.0]])
    thresholds = np.unique(np.append((edges[1:] + edges[:-1]) / 2, [0.0, 1.0]))
    curve = _expected(truth, p, thresholds, costs, None)[0]
    best = _least(curve, thresholds, edges)
    drawn = resample(group, truth, rng)
    curves = _expected(truth, p, thresholds, costs, drawn)
    chosen = np.array([thresholds[_least(row, thresholds, edges)] for row in curves])
    low, high = np.percentile(chosen, [2.5, 97.5])
    cheap, dear = np.percentile(curves[:, best], [2.5, 97.5])
    verdict = p >= thresholds[best]
    missed, n_defective = int(np.sum(truth & ~verdict)), int(truth.sum())
    return Choice(
        Value(float(thresholds[best]), float(low), float(high), len(p)),
        Value(float(curve[best]), float(cheap), float(dear), len(p)),
        thresholds,
        curve,
        missed,
        n_defective,
        int(np.sum(~truth & verdict)),
        int((~truth).sum()),
        warning(missed, n_defective, costs),
    )


def most_missed(missed: int, n: int, confidence: float = 0.95) -> float:
    """Return the largest share that `missed` of `n` still allows: the one-sided Clopper-Pearson bound."""
    from scipy.stats import beta

    return 1.0 if missed >= n else float(beta.ppf(confidence, missed + 1, n - missed))


def warning(missed: int, n_defective: int, costs: Costs) -> str:
    """Say what the number of defective samples leaves open, where that could cost more than rejecting does."""
    worst = most_missed(missed, n_defective)
    at_risk = costs.parts_per_day * costs.defect_rate * worst * costs.escape
    if worst <= 0.02 or at_risk <= 0:
        return ""
    return (
        f"{missed} missed of {n_defective} still allows {worst:.0%}: up to {at_risk:,.0f} a day in escaped defects; "
        f"judge on more defective parts before you rely on this threshold"
    )


def _expected(truth: Labels, p: Floats, thresholds: Floats, costs: Costs, drawn: Floats | None) -> Floats:
    """Return the expected cost a day (B, k) at each threshold."""
    weights = np.ones((1, len(p))) if drawn is None else drawn
    order = np.argsort(p, kind="stable")
    below = np.searchsorted(p[order], thresholds, side="left")

    def passed(of: Labels) -> Floats:
        total = np.cumsum(weights[:, order] * of[order], axis=1)
        share = np.concatenate([np.zeros((len(weights), 1)), total], axis=1) / np.maximum(total[:, -1:], 1e-12)
        result: Floats = share[:, below]
        return result

    escapes = costs.defect_rate * costs.escape * passed(truth)
    rejects = (1 - costs.defect_rate) * costs.false_reject * (1 - passed(~truth))
    result: Floats = costs.parts_per_day * (escapes + rejects)
    return result


def _least(curve: Floats, thresholds: Floats, edges: Floats) -> int:
    ties = np.flatnonzero(curve <= curve.min() * (1 + 1e-12) + 1e-12)
    at = np.searchsorted(edges, thresholds[ties], side="left").clip(1, len(edges) - 1)
    return int(ties[np.argmax(edges[at] - edges[at - 1])])
