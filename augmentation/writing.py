"""The one owner of variants/: every variant as a 64x64 PNG, for whoever wants files.

::

    variants/
      train/positive/<patch_id>-r045.png     turned by 45 degrees counter-clockwise
      train/negative/<patch_id>-m045.png     mirrored, then turned
      validation/…  test/…
      manifest.csv                           one row a file

Training reads none of these: it makes variants from the contexts as it goes, which costs less than
reading them.
"""

import csv
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

from augmentation.dihedral import N_VARIANTS, is_mirrored, turn_deg, variants
from dentline import shards, sources
from dentline.files import replacing, take_place, write_text
from dentline.geometry import PATCH_PX
from dentline.images import encode_png
from dentline.progress import Progress, silent
from dentline.shards import Task, Way
from labeling.patches import Patch

COLUMNS = ("file", "patch_id", "photo_id", "group", "split", "label", "turn_deg", "mirrored")

SHARD_PATCHES = 25


@dataclass(frozen=True)
class Variants:
    """The job: patches dealt into shards; a shard is its part of the table, and what it lists is written.

    Attributes:
        work: folder of the shards, and of ``made``, which becomes the variants folder.
        contexts: file or URL of the patches' contexts.
    """

    work: Path
    contexts: str
    patches: Sequence[Patch]
    shard_patches: int
    what: str = "variants, shards"

    def __len__(self) -> int:
        return -(-len(self.patches) // self.shard_patches)

    def shard(self, number: int) -> Path:
        return self.work / f"part-{number:06d}.csv"

    def task(self, number: int) -> Task:
        start = number * self.shard_patches
        mine = tuple(self.patches[start : start + self.shard_patches])
        return partial(_write_shard, self.shard(number), self.work / "made", self.contexts, start, mine)


def write(
    folder: Path,
    contexts: str,
    patches: Sequence[Patch],
    progress: Progress = silent,
    way: Way = shards.serial,
) -> int:
    """Replace `folder` by the 48 variants of every patch, whole or not at all; return how many files.

    A variant lies in the split of its patch. A run that was killed goes on where it was.

    Args:
        contexts: file or URL of the contexts, (n, 160, 160, 3), row for row with `patches`.
        way: who works: see :func:`dentline.shards.chosen`.
    """
    of = sources.one(contexts)
    seen = hashlib.sha256(repr((of, tuple(patches))).encode()).hexdigest()
    work = shards.beside(folder)
    job = Variants(work, of.name, patches, shards.begin(work, seen, SHARD_PATCHES, own=True))
    shards.run(job, way, progress)
    made = work / "made"
    with replacing(made / "manifest.csv") as temporary, temporary.open("wb") as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for number in range(len(job)):
            with job.shard(number).open("rb") as part:
                shutil.copyfileobj(part, out)
    take_place(made, folder)
    shutil.rmtree(work)
    return len(patches) * N_VARIANTS


def _write_shard(shard: Path, made: Path, contexts: str, start: int, patches: Sequence[Patch]) -> None:
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    for patch, context in zip(patches, sources.rows(contexts, start, start + len(patches)), strict=True):
        kind = made / patch.split / ("positive" if patch.label else "negative")
        kind.mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(variants(context, PATCH_PX)):
            mirrored, turn = is_mirrored(index), turn_deg(index)
            path = kind / f"{patch.patch_id}-{'m' if mirrored else 'r'}{turn:03d}.png"
            path.write_bytes(encode_png(picture))
            file = path.relative_to(made).as_posix()
            whose = (patch.patch_id, patch.photo_id, patch.group, patch.split, patch.label)
            table.writerow((file, *whose, turn, int(mirrored)))
    write_text(shard, text.getvalue())
