"""How well patches are told apart: values, curves, and 95 % intervals by bootstrap over groups.

Every function takes `weights` (B, n), how often each sample was drawn in each of B
resamples, and returns (B,): one pass over the sorted scores serves all resamples.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline.intervals import Floats, Labels, interval, resample, widened
from dentline.intervals import Value as Value


@dataclass(frozen=True)
class Confusion:
    """Counts at a threshold: true and false positives and negatives."""

    tp: int
    fp: int
    fn: int
    tn: int


@dataclass(frozen=True)
class Curve:
    """A curve's points: (false positive rate, recall) for ROC, (recall, precision) for PR."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Metrics:
    """What was measured on one split at one threshold."""

    values: dict[str, Value]
    threshold: float
    confusion: Confusion
    roc: Curve
    pr: Curve
    n: int
    n_positive: int
    n_groups: int

    def as_json(self) -> dict[str, Any]:
        """Return the content of a split in ``metrics.json``: the values first, then what they rest on."""
        rest = asdict(self)
        return {**rest.pop("values"), **rest}


def auc(label: Labels, p: Floats, weights: Floats | None = None) -> Floats:
    """Area under the ROC curve (ties count half); NaN where a resample has only one class."""
    tp, fp = _swept(label, p, weights)
    with np.errstate(invalid="ignore"):
        area = np.sum(np.diff(fp, axis=1) * (tp[:, 1:] + tp[:, :-1]) / 2, axis=1)
        result: Floats = area / (tp[:, -1] * fp[:, -1])
    return result


def average_precision(label: Labels, p: Floats, weights: Floats | None = None) -> Floats:
    """Sum of precision times the step in recall, without interpolation; NaN without positives."""
    tp, fp = _swept(label, p, weights)
    with np.errstate(invalid="ignore"):
        precision = tp[:, 1:] / np.maximum(tp[:, 1:] + fp[:, 1:], 1e-12)
        result: Floats = np.sum(np.diff(tp, axis=1) * precision, axis=1) / tp[:, -1]
    return result


def precision(label: Labels, verdict: Labels, weights: Floats | None = None) -> Floats:
    """Share of the flagged that are dents; 0 where nothing is flagged."""
    tp, fp, _ = _counted(label, verdict, weights)
    return tp / np.maximum(tp + fp, 1e-12)


def recall(label: Labels, verdict: Labels, weights: Floats | None = None) -> Floats:
    """Share of the dents that are flagged; 0 where there is no dent."""
    tp, _, fn = _counted(label, verdict, weights)
    return tp / np.maximum(tp + fn, 1e-12)


def accuracy(label: Labels, verdict: Labels, weights: Floats | None = None) -> Floats:
    """Share of the verdicts that are right."""
    drawn = np.ones((1, len(label))) if weights is None else weights
    result: Floats = drawn @ (label == verdict) / np.maximum(drawn.sum(axis=1), 1e-12)
    return result


def f1(label: Labels, verdict: Labels, weights: Floats | None = None) -> Floats:
    """Harmonic mean of precision and recall; 0 where no dent was flagged."""
    tp, fp, fn = _counted(label, verdict, weights)
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1e-12)


RANKED: dict[str, Callable[..., Floats]] = {"auc": auc, "average_precision": average_precision}
DECIDED: dict[str, Callable[..., Floats]] = {"accuracy": accuracy, "f1": f1, "precision": precision, "recall": recall}


def measure(
    label: NDArray[Any], p: NDArray[Any], group: NDArray[Any], threshold: float, rng: np.random.Generator
) -> Metrics:
    """Measure scores against labels.

    Args:
        label: (n,) 1 for a dent. p: (n,) probabilities. group: (n,) the part each sample shows.
        threshold: ``p >= threshold`` is a dent; it must come from other data.
    """
    truth, score = label.astype(bool), p.astype(np.float64)
    verdict = score >= threshold
    weights = resample(group, truth, rng)
    n = {"precision": int(verdict.sum()), "recall": int(truth.sum())}
    values = {k: interval(f(truth, score), f(truth, score, weights), len(truth)) for k, f in RANKED.items()}
    for name, function in DECIDED.items():
        resampled = function(truth, verdict, weights)
        found = interval(function(truth, verdict), resampled, n.get(name, len(truth)))
        values[name] = found if name == "f1" else widened(found)
    roc, pr = curves(truth, score)
    return Metrics(
        values, threshold, confusion(truth, verdict), roc, pr, len(truth), int(truth.sum()), len(np.unique(group))
    )


def confusion(label: Labels, verdict: Labels) -> Confusion:
    """Count what was flagged against what is a dent."""
    return Confusion(
        tp=int(np.sum(label & verdict)),
        fp=int(np.sum(~label & verdict)),
        fn=int(np.sum(label & ~verdict)),
        tn=int(np.sum(~label & ~verdict)),
    )


def curves(label: Labels, p: Floats, most: int = 400) -> tuple[Curve, Curve]:
    """Return the ROC and the PR curve, thinned to about `most` points at corners that matter."""
    tp, fp = (side[0] for side in _swept(label, p, None))
    corner = np.ones(len(tp), bool)
    corner[1:-1] = (np.diff(tp)[:-1] > 0) != (np.diff(tp)[1:] > 0)
    kept = np.flatnonzero(corner)
    kept = kept[np.unique(np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int))]
    tp, fp = tp[kept], fp[kept]
    hit, alarm = tp / max(tp[-1], 1), fp / max(fp[-1], 1)
    exact = np.where(tp + fp > 0, tp / np.maximum(tp + fp, 1), 1.0)
    return _curve(alarm, hit), _curve(hit, exact)


def best_threshold(label: NDArray[Any], p: NDArray[Any]) -> float:
    """Return the threshold of the highest F1, in the middle of the gap of logits it lies in.

    Meant for validation scores. Among equal F1 the widest gap wins; 0.5 where there is no dent or
    nothing else.
    """
    truth, score = label.astype(bool), p.astype(np.float64)
    if truth.all() or not truth.any():
        return 0.5
    levels = np.unique(score)[::-1]
    tp, fp = (side[0, 1:] for side in _swept(truth, score, None))
    reached = 2 * tp / (tp + fp + truth.sum())
    logit = np.log(np.clip(levels, 1e-9, 1 - 1e-9) / (1 - np.clip(levels, 1e-9, 1 - 1e-9)))
    gap = np.append(-np.diff(logit), 0.0)
    ties = np.flatnonzero(reached >= reached.max() - 1e-12)
    at = ties[np.argmax(gap[ties])]
    middle = logit[at] - gap[at] / 2
    return float(min(1 / (1 + np.exp(-middle)), levels[at]))


def _swept(label: Labels, p: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    """Return true and false positives (B, k + 1) as the threshold falls through the k distinct scores."""
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    drawn = np.ones((1, len(p))) if weights is None else weights
    sides = []
    for of in (label, ~label):
        total = np.cumsum(drawn[:, order] * of[order], axis=1)[:, ends]
        sides.append(np.concatenate([np.zeros((len(total), 1)), total], axis=1))
    return sides[0], sides[1]


def _counted(label: Labels, verdict: Labels, weights: Floats | None) -> tuple[Floats, Floats, Floats]:
    drawn = np.ones((1, len(label))) if weights is None else weights
    return drawn @ (label & verdict), drawn @ (~label & verdict), drawn @ (label & ~verdict)


def _curve(x: Floats, y: Floats) -> Curve:
    return Curve(tuple(np.round(x, 6).tolist()), tuple(np.round(y, 6).tolist()))
