"""What a split by file would have claimed: the same cheap model, judged on known parts and on unknown ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dentline.progress import Progress, silent
from labeling.patches import Pixels

_CELL_PX = 8
_N_BINS = 9
_N_FOLDS = 5


@dataclass(frozen=True)
class Claims:
    """Scores of every patch by a model that did not see its photo, or not its whole group.

    Attributes:
        by_file, by_group: (n,) float64, the higher the more a dent.
    """

    by_file: NDArray[np.float64]
    by_group: NDArray[np.float64]


def claims(
    patches: Pixels,
    label: NDArray[np.int8],
    photos: Sequence[str],
    groups: Sequence[str],
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Claims | None:
    """Cross-validate HOG and a linear SVM (Dalal and Triggs, 2005), folds by photo and folds by group.

    Args:
        patches: (n, 64, 64, 3) uint8 RGB.
        label: (n,) 1 for a dent.
        photos, groups: what each patch was cut from.

    Returns:
        None where there are not two groups with a dent and two photos without: nothing to learn from.
    """
    features = hog(patches)
    seed = int(rng.integers(2**31))
    by = {"judging by file": photos, "judging by group": groups}
    found = [_cross_validated(features, label, np.asarray(unit), seed, what, progress) for what, unit in by.items()]
    return None if found[0] is None or found[1] is None else Claims(found[0], found[1])


def hog(patches: Pixels) -> NDArray[np.float32]:
    """Return (n, d) float32: histograms of oriented gradients in 8x8 cells, normalised in blocks of 2x2."""
    grey = patches.astype(np.float32).mean(axis=3)
    dy, dx = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(dx, dy)
    angle = np.mod(np.arctan2(dy, dx), np.pi) / np.pi * _N_BINS
    cells = np.stack([_cell_sums(strength * _share(angle, b)) for b in range(_N_BINS)], axis=-1)
    blocks = np.concatenate([cells[:, i : i - 1 or None, j : j - 1 or None] for i in (0, 1) for j in (0, 1)], axis=-1)
    norm = np.linalg.norm(blocks, axis=-1, keepdims=True)
    return np.asarray((blocks / (norm + 1.0)).reshape(len(patches), -1), np.float32)


def _share(angle: NDArray[np.float32], bin: int) -> NDArray[np.float32]:
    """How much of a gradient falls to a bin: linear between the two nearest, around the half circle."""
    apart = np.abs(np.mod(angle - bin - 0.5 + _N_BINS / 2, _N_BINS) - _N_BINS / 2)
    return np.asarray(np.maximum(0, 1 - apart), np.float32)


def _cell_sums(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    n, height, width = pixels.shape
    cells = pixels.reshape(n, height // _CELL_PX, _CELL_PX, width // _CELL_PX, _CELL_PX)
    return np.asarray(cells.sum(axis=(2, 4)), np.float32)


def _cross_validated(
    features: NDArray[np.float32],
    label: NDArray[np.int8],
    unit: NDArray[np.str_],
    seed: int,
    what: str,
    progress: Progress,
) -> NDArray[np.float64] | None:
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.svm import LinearSVC

    n_folds = min(_N_FOLDS, len(set(unit[label == 1])), len(set(unit[label == 0])))
    if n_folds < 2:
        return None
    scores = np.zeros(len(label))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (train, test) in enumerate(folds.split(features, label, unit), 1):
        progress(what, fold, n_folds)
        if len(set(label[train])) < 2:
            return None
        model = LinearSVC(C=0.1, class_weight="balanced", random_state=seed, max_iter=5000)
        scores[test] = model.fit(features[train], label[train]).decision_function(features[test])
    return scores
