"""Find the photos of the same part in a folder: signatures, candidates, verdicts."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dentline import images
from dentline.progress import Progress, silent
from labeling.background import Background, commonest, shared
from labeling.candidates import candidates
from labeling.likeness import Likeness, compare, signature, tones, working_scale
from labeling.verdicts import Verdict, judge

_SAMPLE = 60
"""Photos looked at for what a fixed camera sees behind them all."""


def find(
    photos: Mapping[str, Path],
    rng: np.random.Generator,
    progress: Progress = silent,
    workers: int = 2,
) -> list[Verdict]:
    """Return what the pixels say about pairs of photos; nothing speaks for a pair that is not named.

    Args:
        photos: file by photo id.
        rng: draws the words of the candidate search.
        progress: told of every photo read and every pair compared.

    Raises:
        ImageError: a photo cannot be read.
    """
    verdicts = (judge(a, b, seen) for a, b, seen in compared(photos, rng, progress, workers))
    return [v for v in verdicts if v is not None]


def compared(
    photos: Mapping[str, Path],
    rng: np.random.Generator,
    progress: Progress = silent,
    workers: int = 2,
) -> list[tuple[str, str, Likeness]]:
    """Return how alike the photos of each candidate pair are, unjudged; arguments as :func:`find`."""
    ids = sorted(photos)
    if len(ids) < 2:
        return []
    sizes = [images.size(photos[i]) for i in ids]
    scale = working_scale(sizes)
    with ThreadPoolExecutor(workers) as pool:
        behind = _behind([photos[i] for i, size in zip(ids, sizes, strict=True) if size == commonest(sizes)], scale)
        signatures = []
        for made in pool.map(lambda i: signature(images.read(photos[i]), scale, behind), ids):
            signatures.append(made)
            progress("looking at photos", len(signatures), len(ids))
        pairs = candidates(signatures, rng)
        found = []
        for i, j, seen in pool.map(lambda p: (*p, compare(signatures[p[0]], signatures[p[1]])), pairs):
            found.append((ids[i], ids[j], seen))
            progress("comparing pairs", len(found), len(pairs))
    return found


def _behind(photos: Sequence[Path], scale: float) -> Background | None:
    """What a sample of photos of one size, evenly spread, shows in common."""
    sample = photos[:: max(1, len(photos) // _SAMPLE)][:_SAMPLE]
    return shared([tones(images.read(p), scale) for p in sample]) if sample else None
