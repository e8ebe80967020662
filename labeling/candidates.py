"""Which pairs of photos are worth comparing: a few for each photo, not all with all.

Each keypoint is a word, each photo a bag of words; photos whose words are alike by tf-idf are compared
(Sivic and Zisserman, "Video Google", ICCV 2003). The cost is one matrix product over the photos.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeling.likeness import Signature

N_WORDS = 2048
_SHARE = 0.1
"""Most of the keypoints that may be words: where each is its own, no two photos have one in common."""

ALL_PAIRS = 60
"""Up to so many photos every pair is compared."""

N_NEAR = 16
"""Photos compared with each photo: all true pairs of the magnetic tiles lie within 8."""


def candidates(
    signatures: Sequence[Signature], rng: np.random.Generator, n_near: int = N_NEAR
) -> list[tuple[int, int]]:
    """Return index pairs (i, j), i < j, of photos that may show the same part, the likeliest first.

    `rng` draws the words.
    """
    n = len(signatures)
    bags = _bags(signatures, rng)
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, n, 512):
        alike = bags[start : start + 512] @ bags.T
        for row, i in enumerate(range(start, min(start + 512, n))):
            alike[row, i] = -1
            near = np.argpartition(-alike[row], min(n_near, n - 1))[:n_near] if n > ALL_PAIRS else np.arange(n)
            for j in near.tolist():
                if i != j:
                    pairs[min(i, j), max(i, j)] = float(alike[row, j])
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))


def _bags(signatures: Sequence[Signature], rng: np.random.Generator) -> NDArray[np.float32]:
    """(n, N_WORDS) float32, tf-idf rows of unit length; a photo without keypoints is all zero."""
    n_points = np.array([len(s.points) for s in signatures])
    total = int(n_points.sum())
    if not total:
        return np.zeros((len(signatures), 1), np.float32)
    drawn = np.sort(rng.choice(total, min(N_WORDS, max(1, int(total * _SHARE))), replace=False))
    owner = np.repeat(np.arange(len(signatures)), n_points)[drawn]
    within = drawn - np.concatenate([[0], np.cumsum(n_points)])[owner]
    words = np.stack([signatures[i].descriptors[k] for i, k in zip(owner, within, strict=True)])
    counts = np.zeros((len(signatures), len(words)), np.float32)
    for i, s in enumerate(signatures):
        if len(s.points):
            counts[i] = np.bincount((s.descriptors @ words.T).argmax(axis=1), minlength=len(words))
    rarity = np.log((1 + len(signatures)) / (1 + (counts > 0).sum(axis=0)))
    bags = np.sqrt(counts) * rarity
    lengths = np.linalg.norm(bags, axis=1, keepdims=True)
    return np.asarray(bags / np.maximum(lengths, 1e-9), np.float32)
