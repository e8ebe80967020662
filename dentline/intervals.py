"""A number with its 95 % interval, by bootstrap over groups.

Photos of one part are near copies of each other, so the unit that is drawn again is the group. Groups
with a positive and groups without are drawn apart, which keeps every resample defined and the share of
positives as it was. A resample is a row of weights: how often each sample was drawn.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]

N_RESAMPLES = 1000


@dataclass(frozen=True)
class Value:
    """A number, its 95 % interval, and how many samples it rests on."""

    value: float
    low: float
    high: float
    n: int


def resample(group: NDArray[Any], label: Labels, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Floats:
    """Draw groups with replacement; return how often each sample was drawn, (n_resamples, n).

    Groups with a positive and groups without are drawn apart, as many as there are.
    """
    names, index = np.unique(group, return_inverse=True)
    dented = np.zeros(len(names), bool)
    np.logical_or.at(dented, index, label)
    drawn = np.zeros((n_resamples, len(names)))
    for stratum in (np.flatnonzero(dented), np.flatnonzero(~dented)):
        if len(stratum):
            share = np.full(len(stratum), 1 / len(stratum))
            drawn[:, stratum] = rng.multinomial(len(stratum), share, size=n_resamples)
    return drawn[:, index]


def interval(value: Floats, resampled: Floats, n: int) -> Value:
    """Join a value (1,) and its resamples (B,) to a Value with the 2.5 and 97.5 percentiles."""
    kept = resampled[np.isfinite(resampled)]
    low, high = np.percentile(kept, [2.5, 97.5]) if len(kept) else (np.nan, np.nan)
    return Value(float(value[0]), float(low), float(high), n)


def widened(found: Value) -> Value:
    """Widen a proportion's interval to Wilson's (1927) for `n` independent samples.

    Where every sample is right so is every resample, and the bootstrap alone would claim certainty.
    """
    if not found.n:
        return found
    z2 = 1.96**2
    centre = (found.value + z2 / (2 * found.n)) / (1 + z2 / found.n)
    spread = np.sqrt(z2 * (found.value * (1 - found.value) / found.n + z2 / (4 * found.n**2))) / (1 + z2 / found.n)
    low, high = max(0.0, centre - spread), min(1.0, centre + spread)
    return Value(found.value, float(min(found.low, low)), float(max(found.high, high)), found.n)
