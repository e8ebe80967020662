"""Edges where there were none: a part ends somewhere, and what lies beyond says nothing about a dent.

Dents beside the edge of a part or a photo are few, negatives there are many; a network learns from that
that beside an edge there is no dent. So some patches of a batch, dents as well as negatives, get a straight
edge, and beyond it another surface or a plain one.
"""

import numpy as np

from augmentation.dihedral import Pixels

NEAREST_PX = 12
"""No edge nearer to the patch's middle: most of a small dent stays."""

_MOST = 2


def random_edges(fields: Pixels, others: Pixels, rng: np.random.Generator, share: float) -> Pixels:
    """Return fields of which some end at one or two straight edges, at any angle.

    Args:
        fields: (n, side, side, C) uint8, what the patches show; not changed.
        others: (m, side, side, C) uint8, what may lie beyond an edge: fields with no dent in the middle.
        share: of the fields that get an edge, 0 to 1.
    """
    made = fields.copy()
    if not len(others):
        return made
    half = fields.shape[1] / 2
    across = np.arange(fields.shape[1]) + 0.5 - half
    for row in np.flatnonzero(rng.random(len(fields)) < share):
        for _ in range(rng.integers(1, _MOST + 1)):
            angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(NEAREST_PX, half)
            beyond = np.cos(angle) * across + np.sin(angle) * across[:, None] > away
            if rng.random() < 0.5:
                made[row][beyond] = others[rng.integers(len(others))][beyond]
            else:
                made[row][beyond] = rng.uniform(0, 255) * rng.uniform()  # more often dark: a part lies on something
    return made
