"""Scoring lists of photos of any length, shard by shard, into CSV files."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from dentline import shards, sources
from dentline.files import replacing, write_text
from dentline.images import ON_DISK, ImageError
from dentline.progress import Progress, silent
from dentline.shards import Task, Way
from deployment import bundle
from deployment.scorer import Scorer

SHARD_PHOTOS = 50
COLUMNS = ("photo", "sha256", "width_px", "height_px", "p", "threshold", "verdict", "n_defects", "defects", "error")
"""Columns of a shard; `defects` is JSON, [[x, y, p], …]; a photo that is refused has its reason in `error` alone."""


@dataclass(frozen=True)
class Scoring:
    """The job: what is scored, by what, and where the rows go; a shard is their part of the table.

    Attributes:
        photos: paths, or URLs that fsspec opens, sorted.
        model: folder of the bundle, where every worker can read it.
        out: folder of the shards.
        shard_photos: photos in a shard.
    """

    photos: Sequence[str]
    model: str
    out: Path
    shard_photos: int
    what: str = "score"

    def __len__(self) -> int:
        return -(-len(self.photos) // self.shard_photos)

    def shard(self, number: int) -> Path:
        return self.out / f"shard-{number:06d}.csv"

    def task(self, number: int) -> Task:
        mine = self.photos[number * self.shard_photos : (number + 1) * self.shard_photos]
        return partial(_score_shard, self.shard(number), self.model, mine)


def plan(names: Iterable[str], model: Path, out: Path) -> Scoring:
    """List the photos and make or go on with a folder of shards.

    Args:
        names: files, folders, globs, or URLs of folders such as ``abfs://container/photos``.

    Raises:
        DentlineError: no photo, or `out` holds shards of another list or another model.
    """
    found = sources.listed(names)
    seen = hashlib.sha256(bundle.load(model).fingerprint.encode())
    for name in found:
        seen.update(b"\n" + name.encode())
    out = out.resolve()
    return Scoring(found, str(model.resolve()), out, shards.begin(out, seen.hexdigest(), SHARD_PHOTOS))


def run(job: Scoring, way: Way = shards.serial, progress: Progress = silent) -> int:
    """Score what is missing, and join the shards to ``scores.csv``; return how many photos it holds."""
    shards.run(job, way, progress)
    with replacing(job.out / "scores.csv") as temporary, temporary.open("wb") as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for number in range(len(job)):
            with job.shard(number).open("rb") as part:
                part.readline()
                shutil.copyfileobj(part, out)
    return len(job.photos)


def _score_shard(shard: Path, model: str, photos: Sequence[str]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    scorer = _scorer(model)
    writer.writerows(_row(scorer, photo) for photo in photos)
    write_text(shard, out.getvalue())


@lru_cache(maxsize=1)
def _scorer(folder: str) -> Scorer:
    scorer = Scorer(bundle.load(Path(folder)), ON_DISK)
    scorer.setup()
    return scorer


def _row(scorer: Scorer, photo: str) -> dict[str, object]:
    try:
        answer, _ = scorer.answer(sources.read(photo), "shard")
    except (ImageError, OSError) as error:
        return {"photo": photo, "error": str(error)}
    pairs = zip(answer.defects.xy.tolist(), answer.defects.p.tolist(), strict=True)
    defects = [[round(x, 2), round(y, 2), round(p, 6)] for (x, y), p in pairs]
    return {
        "photo": photo,
        "sha256": answer.photo_sha256,
        "width_px": answer.width_px,
        "height_px": answer.height_px,
        "p": round(answer.p, 6),
        "threshold": answer.threshold,
        "verdict": answer.verdict,
        "n_defects": len(answer.defects),
        "defects": json.dumps(defects),
    }
