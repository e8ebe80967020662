"""The linear classifier on frozen features: strength chosen by group, then folded into one convolution."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from training import metrics
from training.data import folds

STRENGTHS = (1e-2, 1e-1, 1.0)
"""Inverse regularisation tried, on features of unit variance."""


@dataclass(frozen=True)
class Head:
    """p = sigmoid(features @ kernel + bias), on the features as the network gives them.

    Attributes:
        kernel: (f,) float64. bias: intercept. strength: inverse regularisation it was fitted with.
    """

    kernel: NDArray[np.float64]
    bias: float
    strength: float

    def p(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (n,) probabilities for (n, f) features."""
        logit = features.astype(np.float64) @ self.kernel + self.bias
        result: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
        return result


def fit(
    features: NDArray[np.float32], label: NDArray[np.int8], strength: float, weight: NDArray[np.float64] | None = None
) -> Head:
    """Fit a logistic regression on standardised features, both classes weighing the same.

    Args:
        features: (n, f). label: (n,) 0 or 1. weight: (n,) of each sample within its class.
    """
    mean, spread = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-6 * np.abs(mean) + 1e-12, 1 / np.maximum(spread, 1e-12), 0.0)
    scaled = ((features - mean) * scale).astype(np.float64)
    weights = np.ones(len(label)) if weight is None else weight.astype(np.float64)
    for kind in (0, 1):
        chosen = label == kind
        weights = np.where(chosen, weights * (len(label) / 2 / weights[chosen].sum()), weights)
    model = LogisticRegression(C=strength, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaled, label, sample_weight=weights)
    kernel = model.coef_[0] * scale
    return Head(kernel, float(model.intercept_[0] - mean @ kernel), strength)


@dataclass(frozen=True)
class CrossFit:
    """A head and the scores its choice rests on.

    Attributes:
        p: (n,) each sample scored by a head that never saw its group: what the threshold is chosen on. NaN where
            none could be fitted, because all of one kind are in that group's fold.
    """

    head: Head
    p: NDArray[np.float64]


def crossfit(
    features: NDArray[np.float32],
    label: NDArray[np.int8],
    group: NDArray[np.str_],
    rng: np.random.Generator,
    source: NDArray[np.intp] | None = None,
    n_folds: int = 5,
    strengths: tuple[float, ...] = STRENGTHS,
) -> CrossFit:
    """Choose the strength by average precision over groups left out, then fit on everything.

    Args:
        features: (m, f), m >= n: rows from n on may be variants of the first n.
        label: (n,). group: (n,).
        source: (m,) which of the n each row shows; by default row i shows i.
    """
    n = len(label)
    shows = np.arange(n) if source is None else source
    dented = len(np.unique(group[label == 1]))
    fold = folds(label, group, max(2, min(n_folds, dented)), rng)
    weight = 1 / np.bincount(shows, minlength=n)[shows]
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for strength in strengths:
        p = np.full(n, np.nan)
        for number in np.unique(fold):
            kept, out = fold[shows] != number, fold == number
            if len(np.unique(label[shows[kept]])) == 2:
                p[out] = fit(features[kept], label[shows[kept]], strength, weight[kept]).p(features[:n][out])
        reached = float(metrics.average_precision(label.astype(bool), np.nan_to_num(p))[0])
        if best is None or reached > best[0] + 1e-3:
            best = (reached, strength, p)
    assert best is not None
    return CrossFit(fit(features, label[shows], best[1], weight), best[2])
