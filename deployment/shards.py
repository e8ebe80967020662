"""Scoring lists of photos of any length: in shards, by one process, several, or a Dask cluster.

A shard is a slice of the sorted list and becomes one file, written whole or not at all. What is there
is not done again, so a killed run goes on where it was, and the files are the same whatever the number
of workers.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.images import ALL_FORMATS, ImageError, Limits
from dentline.progress import Progress, silent
from dentline.workspace import PHOTO_SUFFIXES
from deployment import bundle, photos
from deployment.scorer import Scorer

SHARD_PHOTOS = 50
COLUMNS = ("photo", "sha256", "width_px", "height_px", "p", "threshold", "verdict", "n_defects", "defects", "error")
"""Columns of a shard; `defects` is JSON, [[x, y, p], …]; a photo that is refused has its reason in `error` alone."""


@dataclass(frozen=True)
class Plan:
    """What is scored, by what, and where the rows go.

    Attributes:
        photos: paths, or URLs that fsspec opens, sorted.
        bundle: folder of the model, where every worker can read it.
        out: folder of the shards.
        fingerprint: of the bundle and the list: what a run must share to go on with another's shards.
        shard_photos: photos in a shard.
    """

    photos: tuple[str, ...]
    bundle: str
    out: str
    fingerprint: str
    shard_photos: int

    def __len__(self) -> int:
        return -(-len(self.photos) // self.shard_photos)

    def part(self, number: int) -> tuple[str, ...]:
        """Return the photos of one shard."""
        return self.photos[number * self.shard_photos : (number + 1) * self.shard_photos]

    def shard(self, number: int) -> Path:
        return Path(self.out) / f"shard-{number:06d}.csv"

    def missing(self) -> list[int]:
        """Return the numbers of the shards that are not there yet."""
        return [number for number in range(len(self)) if not self.shard(number).is_file()]


def plan(names: Iterable[str], model: Path, out: Path) -> Plan:
    """List the photos and make or go on with a folder of shards.

    Args:
        names: files, folders, globs, or URLs of folders such as ``abfs://container/photos``.

    Raises:
        DentlineError: no photo, or `out` holds shards of another list or another model.
    """
    found = tuple(sorted({path for name in names for path in _list(name)}))
    seen = hashlib.sha256("\n".join((bundle.load(model).fingerprint, *found)).encode()).hexdigest()
    made = Plan(found, str(model.resolve()), str(out.resolve()), seen, SHARD_PHOTOS)
    about = out / "plan.json"
    if about.is_file():
        before = json.loads(about.read_text(encoding="utf-8"))
        if before["fingerprint"] != seen:
            raise DentlineError(str(out), "holds shards of other photos or another model", "name another folder")
        made = replace(made, shard_photos=before["shard_photos"])
    elif out.exists() and any(out.iterdir()):
        raise DentlineError(str(out), "is not empty", "name a new folder")
    else:
        write_text(about, json.dumps(asdict(made)) + "\n")
    return made


def score_shard(made: Plan, number: int) -> int:
    """Score one shard and write its file; return its number. Runs on any worker."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    scorer = _scorer(made.bundle)
    writer.writerows(_row(scorer, photo) for photo in made.part(number))
    write_text(made.shard(number), out.getvalue())
    return number


def serial(made: Plan, workers: int) -> Iterator[int]:
    """Score the missing shards here, one after another."""
    yield from (score_shard(made, number) for number in made.missing())


def processes(made: Plan, workers: int) -> Iterator[int]:
    """Score the missing shards on processes of this machine, one ONNX Runtime thread each."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(score_shard, made, number) for number in made.missing()]):
            yield done.result()


def dask(address: str) -> Callable[[Plan, int], Iterator[int]]:
    """Return what scores the missing shards on a Dask cluster, whose workers see the same folders.

    Args:
        address: of the scheduler, ``tcp://host:8786``; ``local`` starts a cluster on this machine.
    """

    def run(made: Plan, workers: int) -> Iterator[int]:
        try:
            from distributed import Client, LocalCluster
            from distributed import as_completed as completed
        except ModuleNotFoundError as error:
            raise DentlineError("--dask", f"needs the package {error.name}", "pip install 'dentline[dask]'") from error
        options: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        try:
            client = Client(LocalCluster(**options) if address == "local" else address, timeout=20)
        except OSError as error:
            raise DentlineError(
                f"--dask {address}", f"no scheduler answers: {error}", "start one, or write local"
            ) from error
        with client:
            futures = client.map(lambda number: score_shard(made, number), made.missing(), pure=False, retries=3)
            for future in completed(futures):
                yield future.result()

    return run


def run(made: Plan, way: Callable[[Plan, int], Iterator[int]], workers: int = 1, progress: Progress = silent) -> int:
    """Score what is missing, and join the shards to ``scores.csv``; return how many photos it holds."""
    done = len(made) - len(made.missing())
    progress("score", done, len(made))
    for _ in way(made, workers):
        done += 1
        progress("score", done, len(made))
    texts = (made.shard(number).read_text(encoding="utf-8").partition("\n")[2] for number in range(len(made)))
    write_text(Path(made.out) / "scores.csv", ",".join(COLUMNS) + "\n" + "".join(texts))
    return len(made.photos)


def _list(name: str) -> Iterator[str]:
    if "://" not in name:
        yield from (str(path.resolve()) for path in photos.find([name]))
        return
    import fsspec

    files, folder = fsspec.core.url_to_fs(name)
    scheme = name.partition("://")[0]
    matched = [path for path in files.find(folder) if Path(path).suffix.lower() in PHOTO_SUFFIXES]
    if not matched:
        raise DentlineError(name, "no photo there", f"name a folder of {', '.join(PHOTO_SUFFIXES)}")
    yield from (f"{scheme}://{path}" for path in matched)


def _bytes(photo: str) -> bytes:
    if "://" not in photo:
        return Path(photo).read_bytes()
    import fsspec

    with fsspec.open(photo, "rb") as handle:
        content: bytes = handle.read()
    return content


@lru_cache(maxsize=1)
def _scorer(folder: str) -> Scorer:
    scorer = Scorer(bundle.load(Path(folder)), Limits(max_bytes=1_000_000_000, formats=ALL_FORMATS))
    scorer.setup()
    return scorer


def _row(scorer: Scorer, photo: str) -> dict[str, object]:
    try:
        answer, _ = scorer.answer(_bytes(photo), "shard")
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
