"""Find the photos of the same part in a folder: signatures, candidates, verdicts."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dentline import images
from labeling.background import Background, commonest, shared
from labeling.candidates import candidates
from labeling.likeness import compare, signature, tones, working_scale
from labeling.verdicts import Verdict, judge

_SAMPLE = 60
"""Photos looked at for what a fixed camera sees behind them all."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, of how many."""


def find(
    photos: Mapping[str, Path],
    rng: np.random.Generator,
    progress: Progress = lambda what, done, total: None,
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
        verdicts = []
        for done, (i, j, seen) in enumerate(
            pool.map(lambda p: (*p, compare(signatures[p[0]], signatures[p[1]])), pairs), 1
        ):
            verdicts.append(judge(ids[i], ids[j], seen))
            progress("comparing pairs", done, len(pairs))
    return [v for v in verdicts if v is not None]


def _behind(photos: Sequence[Path], scale: float) -> Background | None:
    """What a sample of photos of one size, evenly spread, shows in common."""
    sample = photos[:: max(1, len(photos) // _SAMPLE)][:_SAMPLE]
    return shared([tones(images.read(p), scale) for p in sample]) if sample else None
