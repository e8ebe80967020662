"""From a score to a probability: two numbers on the logit, kept in the bundle."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """p -> sigmoid(slope * logit(p) + intercept). Source: Platt, 1999, on the logit."""

    slope: float
    intercept: float

    def p(self, p: NDArray[Any]) -> Floats:
        """Return calibrated probabilities; their order stays where the slope is positive."""
        return sigmoid(self.slope * logit(p) + self.intercept)


def logit(p: NDArray[Any]) -> Floats:
    """Return log odds, of probabilities kept 1e-7 off 0 and 1."""
    kept = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    result: Floats = np.log(kept / (1 - kept))
    return result


def sigmoid(x: Floats) -> Floats:
    """Return the probabilities of log odds."""
    result: Floats = 1 / (1 + np.exp(-np.clip(x, -60, 60)))
    return result
