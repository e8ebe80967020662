"""When more labels have stopped paying: the score after so many photos, carried on by a power law.

The error of a learner falls as ``c + b n^-a`` (Cortes et al., NIPS 1993). The law is fitted to every
measured point at once; how far it may be off is seen by fitting it again to points drawn with replacement.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_POINTS = 4
_EXPONENTS = np.linspace(0.1, 2.0, 39)
_N_RESAMPLES = 200


@dataclass(frozen=True)
class Forecast:
    """What another `n_more` photos would bring.

    Attributes:
        now: the score that the law gives for the photos marked so far.
        gain, low, high: of the score by marking `n_more` photos, with its 95 % interval.
        pays: the gain may still be `worth_it` or more.
        says: the same in words.
    """

    n_marked: int
    n_more: int
    now: float
    gain: float
    low: float
    high: float
    pays: bool
    says: str


def forecast(
    n_marked: NDArray[np.int64],
    score: NDArray[np.float64],
    n_more: int,
    rng: np.random.Generator,
    worth_it: float = 0.01,
) -> Forecast | None:
    """Say whether `n_more` photos are still worth marking; None with fewer than MIN_POINTS different counts.

    Args:
        n_marked: (k,) photos that were marked when each score was measured.
        score: (k,) average precision or any score of at most 1.
        worth_it: least gain that pays for the work.
    """
    if len(np.unique(n_marked)) < MIN_POINTS:
        return None
    count = n_marked.astype(np.float64)
    last = float(count.max())
    gains = []
    for draw in range(_N_RESAMPLES + 1):
        rows = np.arange(len(count)) if draw == 0 else rng.integers(0, len(count), len(count))
        law = _fit(count[rows], score[rows])
        gains.append(_at(law, last + n_more) - _at(law, last))
        if draw == 0:
            now = _at(law, last)
    low, high = np.percentile(gains[1:], [2.5, 97.5])
    low, high = min(low, gains[0]), max(high, gains[0])
    pays = bool(high >= worth_it)
    verb = "may still bring" if pays else "would bring at most"
    says = (
        f"{n_more} more photos {verb} {max(high, 0.0):.3f} ({'go on' if pays else 'more labels have stopped paying'})"
    )
    return Forecast(int(last), n_more, now, gains[0], float(low), float(high), pays, says)


def _fit(count: NDArray[np.float64], score: NDArray[np.float64]) -> tuple[float, float, float]:
    """Least squares of score = top - b count^-a, b at least 0, top at most 1, a on a grid."""
    best = (np.inf, float(score.mean()), 0.0, 1.0)
    for a in _EXPONENTS:
        falls = count**-a
        centred = falls - falls.mean()
        b = max(0.0, -float(centred @ (score - score.mean())) / (float(centred @ centred) + 1e-12))
        top = float(score.mean() + b * falls.mean())
        if top > 1:
            top = 1.0
            b = max(0.0, float(falls @ (1 - score)) / float(falls @ falls))
        error = float(((top - b * falls - score) ** 2).sum())
        best = min(best, (error, top, b, float(a)))
    return best[1:]


def _at(law: tuple[float, float, float], count: float) -> float:
    top, b, a = law
    return float(top - b * count**-a)
