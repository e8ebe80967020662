"""The one owner of patches/: squares cut around places of a photo, and the table that says what each is."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dentline import sources
from dentline.errors import DentlineError
from dentline.files import replacing_folder, write_text
from dentline.geometry import CONTEXT_PX, PATCH_PX

Origin = Literal["center", "random", "border", "hard"]
"""``center`` of a dent; or a negative: ``random``, at the photo's ``border``, or one a model got wrong (``hard``)."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Patch:
    """One row of the manifest.

    Attributes:
        patch_id: unique, a valid file name, the same for the same place in every cut.
        x, y: the centre in photo pixels, as marked or drawn.
        label: 1 for a dent, 0 for none.
        edge: 1 where the context reaches beyond the photo, whose outermost pixels go on there.
    """

    patch_id: str
    photo_id: str
    group: str
    split: str
    x: float
    y: float
    label: int
    edge: int
    origin: Origin


@dataclass(frozen=True)
class PatchSet:
    """Patches and their contexts, row for row.

    Attributes:
        contexts: (n, 160, 160, 3) uint8 RGB, mapped from the file, read-only.
    """

    patches: tuple[Patch, ...]
    contexts: Pixels

    def __len__(self) -> int:
        return len(self.patches)

    def rows(self, split: str) -> NDArray[np.intp]:
        """Return the row numbers of one split's patches."""
        return np.flatnonzero([patch.split == split for patch in self.patches])

    def labels(self) -> NDArray[np.int8]:
        """Return (n,) int8, 1 for a dent."""
        return np.array([patch.label for patch in self.patches], np.int8)


def corners(centers_xy: NDArray[Any]) -> NDArray[np.intp]:
    """Return (n, 2), the pixel corner nearest to each centre: where it is cut."""
    return np.floor(np.asarray(centers_xy, np.float64).reshape(-1, 2) + 0.5).astype(np.intp)


def leaves_photo(x: int, y: int, width: int, height: int, half: int = CONTEXT_PX // 2) -> bool:
    """Return whether the square around the pixel corner (x, y) reaches beyond the photo."""
    return bool(x < half or y < half or x + half > width or y + half > height)


def continued(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Return the indices start..stop of an axis, those off it at its first or last pixel.

    As ``numpy.pad(mode="edge")`` and OpenCV's ``BORDER_REPLICATE`` do. Mirroring instead makes a twin of
    a dent near the edge, and a whole round blob of half a dark spot on it.
    """
    return np.clip(np.arange(start, stop), 0, size - 1)


def cut_contexts(photo: Pixels, centers_xy: NDArray[Any], side: int = CONTEXT_PX) -> tuple[Pixels, NDArray[np.bool_]]:
    """Cut the square around each centre.

    Args:
        photo: (H, W, C) uint8.
        centers_xy: (n, 2) in photo pixels. A square is cut around the pixel corner nearest to it, so
            that the centre falls on the corner between the square's pixels side/2 - 1 and side/2.
        side: of the square, even.

    Returns:
        (n, side, side, C) uint8, and (n,) bool: whether it reaches beyond the photo.
    """
    height, width = photo.shape[:2]
    half = side // 2
    places = corners(centers_xy)
    contexts = np.empty((len(places), side, side, photo.shape[2]), np.uint8)
    edge = np.empty(len(places), np.bool_)
    for i, (x, y) in enumerate(places):
        edge[i] = leaves_photo(x, y, width, height, half)
        if edge[i]:
            rows, columns = continued(y - half, y + half, height), continued(x - half, x + half, width)
            contexts[i] = photo[rows[:, None], columns]
        else:
            contexts[i] = photo[y - half : y + half, x - half : x + half]
    return contexts, edge


def middle(contexts: Pixels, side: int = PATCH_PX) -> Pixels:
    """Return the middle (..., side, side, C) of contexts (..., S, S, C), as a view."""
    margin = (contexts.shape[-2] - side) // 2
    return contexts[..., margin : margin + side, margin : margin + side, :]


def read(folder: Path) -> PatchSet:
    """Read a patches folder; the contexts stay on the disk until they are used.

    Raises:
        DentlineError: there is none, it is damaged, or a group's patches lie in two splits.
    """
    patches, name = at(str(folder))
    manifest = folder / "manifest.csv"
    try:
        contexts = np.load(name, mmap_mode="r")
    except FileNotFoundError as error:
        raise DentlineError(str(folder), "has no patches", "cut them with: dentline cut") from error
    except (OSError, ValueError) as error:
        raise DentlineError(str(manifest), f"is damaged: {error}", "cut again with: dentline cut") from error
    if contexts.shape != (len(patches), CONTEXT_PX, CONTEXT_PX, 3) or contexts.dtype != np.uint8:
        problem = f"has {len(patches)} rows but contexts.npy is {contexts.dtype} {contexts.shape}"
        raise DentlineError(str(manifest), problem, "cut again with: dentline cut")
    return PatchSet(patches, contexts)


def at(folder: str) -> tuple[tuple[Patch, ...], str]:
    """Return the rows of a patches folder, here or at a URL, and the name of their contexts, which are not read.

    Raises:
        DentlineError: as :func:`read`.
    """
    manifest = f"{folder.rstrip('/')}/manifest.csv"
    try:
        text = sources.read(manifest).decode("utf-8")
        patches = tuple(_patch(row) for row in csv.DictReader(StringIO(text)))
    except FileNotFoundError as error:
        raise DentlineError(folder, "has no patches", "cut them with: dentline cut") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DentlineError(manifest, f"is damaged: {error}", "cut again with: dentline cut") from error
    refuse_leak(patches, manifest)
    return patches, f"{folder.rstrip('/')}/contexts.npy"


def write(
    folder: Path,
    patches: Sequence[Patch],
    cut: Callable[[str, NDArray[np.float64]], Pixels],
    png: Callable[[Pixels], bytes],
) -> PatchSet:
    """Replace a patches folder by a new one, whole or not at all.

    Args:
        patches: sorted so that each photo's stand together.
        cut: given a photo id and its (n, 2) centres, the (n, 160, 160, 3) contexts.
        png: encodes an (64, 64, 3) picture for positive/ and negative/.
    """
    refuse_leak(patches, str(folder))
    with replacing_folder(folder) as fresh:

        def parts() -> Iterator[Pixels]:
            for photo_id, rows in by_photo(patches):
                contexts = cut(photo_id, np.array([(p.x, p.y) for p in rows]))
                write_pictures(fresh, rows, contexts, png)
                yield contexts

        complete(fresh, patches, parts())
    return read(folder)


def write_pictures(fresh: Path, rows: Sequence[Patch], contexts: Pixels, png: Callable[[Pixels], bytes]) -> None:
    """Write the middle of each context to ``positive/`` or ``negative/`` of a folder in the making."""
    kinds = {1: fresh / "positive", 0: fresh / "negative"}
    for kind in kinds.values():
        kind.mkdir(parents=True, exist_ok=True)
    for patch, picture in zip(rows, middle(contexts), strict=True):
        (kinds[patch.label] / f"{patch.patch_id}.png").write_bytes(png(picture))


def complete(fresh: Path, patches: Sequence[Patch], parts: Iterable[Pixels]) -> None:
    """Write the contexts, part after part, and the manifest of a folder whose pictures are written."""
    shape = (len(patches), CONTEXT_PX, CONTEXT_PX, 3)
    contexts = np.lib.format.open_memmap(fresh / "contexts.npy", "w+", np.uint8, shape)
    start = 0
    for part in parts:
        contexts[start : start + len(part)] = part
        start += len(part)
    contexts.flush()
    del contexts
    for kind in ("positive", "negative"):
        (fresh / kind).mkdir(exist_ok=True)
    write_text(fresh / "manifest.csv", _csv(patches))


def refuse_leak(patches: Iterable[Patch], where: str) -> None:
    """Raise a DentlineError naming two photos of one group whose patches lie in different splits."""
    seen: dict[str, Patch] = {}
    for patch in patches:
        first = seen.setdefault(patch.group, patch)
        if first.split != patch.split:
            raise DentlineError(
                where,
                f"photos {first.photo_id} ({first.split}) and {patch.photo_id} ({patch.split}) "
                f"show the same part {patch.group!r}: a leak",
                "split anew with: dentline split --again",
            )


def by_photo(patches: Iterable[Patch]) -> Iterator[tuple[str, list[Patch]]]:
    """Yield each photo and its rows, which stand together."""
    for photo_id, group in groupby(patches, key=lambda patch: patch.photo_id):
        yield photo_id, list(group)


def _csv(patches: Sequence[Patch]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in fields(Patch)]
    writer.writerow(names)
    writer.writerows([getattr(patch, name) for name in names] for patch in patches)
    return out.getvalue()


def _patch(row: dict[str, Any]) -> Patch:
    return Patch(
        **{**row, "x": float(row["x"]), "y": float(row["y"]), "label": int(row["label"]), "edge": int(row["edge"])}
    )
