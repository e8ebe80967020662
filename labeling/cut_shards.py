"""The planned patches cut out of their photos, shard by shard, and put in the patches folder's place."""

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dentline import images, shards, sources
from dentline.errors import DentlineError
from dentline.files import replacing, take_place
from dentline.images import Size
from dentline.progress import Progress, silent
from dentline.shards import Task, Way
from dentline.sources import Source
from labeling import patches
from labeling.annotation import Annotation
from labeling.patches import Patch, PatchSet

SHARD_PHOTOS = 20


@dataclass(frozen=True)
class CutPhoto:
    """One photo and the patches to cut out of it.

    Attributes:
        size: that it had when it was marked; None where that is not known.
    """

    photo_id: str
    source: Source
    size: Size | None
    patches: tuple[Patch, ...]


@dataclass(frozen=True)
class Cut:
    """The job: photos dealt into shards; a shard is the contexts of its patches, (n, 160, 160, 3).

    Attributes:
        work: folder of the shards, and of ``made``, which becomes the patches folder.
    """

    work: Path
    photos: tuple[CutPhoto, ...]
    shard_photos: int
    what: str = "cutting"

    def __len__(self) -> int:
        return -(-len(self.photos) // self.shard_photos)

    def shard(self, number: int) -> Path:
        return self.work / f"contexts-{number:06d}.npy"

    def task(self, number: int) -> Task:
        mine = self.photos[number * self.shard_photos : (number + 1) * self.shard_photos]
        return partial(_cut_shard, self.shard(number), self.work / "made", mine)


def cut(
    folder: Path,
    planned: Sequence[Patch],
    photos: Mapping[str, Path | Source],
    progress: Progress = silent,
    way: Way = shards.serial,
    sizes: Mapping[str, Size] | None = None,
) -> PatchSet:
    """Cut what was planned and replace the patches folder by it, whole or not at all.

    A run that was killed goes on where it was, if neither the plan nor a photo changed.

    Args:
        photos: the file or source of each photo.
        way: who works: see :func:`dentline.shards.chosen`.
        sizes: of the photos when they were marked, (width, height).

    Raises:
        DentlineError: a photo is gone, cannot be read, or has another size than when it was marked.
    """
    patches.refuse_leak(planned, str(folder))
    listed = tuple(_photos(planned, photos, sizes or {}))
    seen = hashlib.sha256()
    for photo in listed:
        seen.update(repr((photo.source, photo.size, photo.patches)).encode())
    work = shards.beside(folder)
    job = Cut(work, listed, shards.begin(work, seen.hexdigest(), SHARD_PHOTOS, own=True))
    shards.run(job, way, progress)
    made = work / "made"
    made.mkdir(exist_ok=True)
    patches.complete(made, planned, (np.load(job.shard(number), mmap_mode="r") for number in range(len(job))))
    take_place(made, folder)
    shutil.rmtree(work)
    return patches.read(folder)


def check_there(annotations: Iterable[Annotation], photos: Mapping[str, Path | Source]) -> None:
    """Raise a DentlineError for a photo that was marked and is gone."""
    for annotation in annotations:
        if annotation.photo_id not in photos:
            raise DentlineError(f"photo {annotation.photo_id}", "was marked but is gone", "bring it back to photos/")


def _photos(
    planned: Sequence[Patch], photos: Mapping[str, Path | Source], sizes: Mapping[str, Size]
) -> Iterable[CutPhoto]:
    for photo_id, rows in patches.by_photo(planned):
        if photo_id not in photos:
            raise DentlineError(f"photo {photo_id}", "is gone", "bring it back to photos/")
        found = photos[photo_id]
        source = found if isinstance(found, Source) else sources.of(found)
        yield CutPhoto(photo_id, source, sizes.get(photo_id), tuple(rows))


def _cut_shard(shard: Path, made: Path, photos: Sequence[CutPhoto]) -> None:
    parts = []
    for photo in photos:
        pixels = sources.pixels(photo.source.name)
        height, width = pixels.shape[:2]
        if photo.size is not None and photo.size != (width, height):
            marked = f"{photo.size[0]} x {photo.size[1]}"
            problem = f"is {width} x {height} px but was marked at {marked} px"
            raise DentlineError(f"photo {photo.photo_id}", problem, "mark it anew")
        contexts, _ = patches.cut_contexts(pixels, np.array([(p.x, p.y) for p in photo.patches]))
        patches.write_pictures(made, photo.patches, contexts, images.encode_png)
        parts.append(contexts)
    with replacing(shard) as temporary, temporary.open("wb") as handle:
        np.save(handle, np.concatenate(parts))
