"""Patches as training takes them: rows of contexts with their labels and groups, dealt out in batches."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from augmentation.edges import random_edges
from augmentation.random import Augmenter
from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from labeling.patches import PatchSet, middle

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Examples:
    """Patches of one side of a split, row for row.

    Attributes:
        contexts: (n, 160, 160, 3) uint8 RGB; may be mapped from a file.
        label: (n,) int8, 1 for a dent. group: (n,) str, the part. photo_id, patch_id: (n,) str.
    """

    contexts: Pixels
    label: NDArray[np.int8]
    group: NDArray[np.str_]
    photo_id: NDArray[np.str_]
    patch_id: NDArray[np.str_]

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.contexts, self.label, self.group, self.photo_id, self.patch_id)}
        if len(lengths) != 1:
            raise DentlineError("examples", f"columns have {sorted(lengths)} rows", "give one of each a row")

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def of(cls, patches: PatchSet, split: str) -> "Examples":
        """Return the patches of one split; their contexts are read from the disk.

        Raises:
            DentlineError: the split has no dent or nothing without one, so nothing can be learnt or measured.
        """
        rows = patches.rows(split)
        kept = [patches.patches[i] for i in rows]
        labels = {patch.label for patch in kept}
        if labels != {0, 1}:
            lacks = "no dent" if 1 not in labels else "nothing but dents"
            raise DentlineError(
                f"patches: split {split}", f"has {lacks} among {len(kept)} patches", "mark more photos, then split anew"
            )
        return cls(
            np.asarray(patches.contexts[rows]),
            np.array([patch.label for patch in kept], np.int8),
            np.array([patch.group for patch in kept]),
            np.array([patch.photo_id for patch in kept]),
            np.array([patch.patch_id for patch in kept]),
        )

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Examples":
        """Return some rows."""
        return Examples(
            self.contexts[rows], self.label[rows], self.group[rows], self.photo_id[rows], self.patch_id[rows]
        )

    def fields(self) -> Pixels:
        """Return (n, 112, 112, 3), what a network sees of each patch."""
        return middle(self.contexts, FIELD_PX)


def join(parts: list[Examples]) -> Examples:
    """Return the rows of all parts, one part after the other."""
    return Examples(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("contexts", "label", "group", "photo_id", "patch_id")
        )
    )


def dumps(examples: Examples | None) -> bytes:
    """Return examples as bytes, for another machine; None is empty."""
    if examples is None:
        return b""
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **{f.name: getattr(examples, f.name) for f in fields(examples)})
    return out.getvalue()


def loads(data: bytes) -> Examples | None:
    """Return what :func:`dumps` made bytes of."""
    if not data:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        return Examples(**held)


def folds(label: NDArray[np.int8], group: NDArray[np.str_], n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Deal whole groups to folds, those with a dent and those without apart; return (n,) fold numbers."""
    names, index = np.unique(group, return_inverse=True)
    dented = np.zeros(len(names), bool)
    np.logical_or.at(dented, index, label.astype(bool))
    dealt = np.empty(len(names), np.intp)
    for stratum in (np.flatnonzero(dented), np.flatnonzero(~dented)):
        dealt[rng.permutation(stratum)] = np.arange(len(stratum)) % n_folds
    return dealt[index]


def batches(
    examples: Examples, size: int, positives: float, augment: Augmenter, edges: float, rng: np.random.Generator
) -> Iterator[tuple[Pixels, NDArray[np.float32]]]:
    """Yield batches without end: (size, 112, 112, 3) uint8 fields and (size,) float32 labels.

    Args:
        positives: share of dents in a batch, drawn evenly over the parts that have them; 0 draws
            patches as they come. Negatives are gone through in random order, each once a pass.
        edges: share of the patches that get an edge, with a negative of the batch or a plain surface beyond.
    """
    dents, rest = np.flatnonzero(examples.label == 1), np.flatnonzero(examples.label == 0)
    n_dents = round(size * positives)
    _, part, count = np.unique(examples.group[dents], return_inverse=True, return_counts=True)
    evenly = 1 / (count[part] * len(count))
    order = _endless(rest if n_dents else np.arange(len(examples)), rng)
    while True:
        drawn = rng.choice(dents, n_dents, p=evenly)
        rows = np.concatenate([drawn, [next(order) for _ in range(size - n_dents)]]).astype(np.intp)
        fields, label = augment(examples.contexts[rows], rng, FIELD_PX), examples.label[rows]
        yield random_edges(fields, fields[label == 0], rng, edges), label.astype(np.float32)


def fingerprint(parts: list[Examples]) -> str:
    """Return the SHA-256 of labels and pixels: two runs with one saw the same data."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part.label).tobytes())
        for context in part.contexts:
            digest.update(np.ascontiguousarray(context).tobytes())
    return digest.hexdigest()


def _endless(rows: NDArray[np.intp], rng: np.random.Generator) -> Iterator[np.intp]:
    while True:
        yield from rng.permutation(rows)
