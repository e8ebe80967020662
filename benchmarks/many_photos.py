"""Long lists beside the plain loop: ``python -m benchmarks.many_photos --json OUT``.

The same 2,000 photos through ``dentline score-many``: one process, two processes, two workers of Dask. What is
counts are CPU seconds of the command with all its processes, start-up included, and the largest process' peak
memory; each way runs with 200 photos too, to see whether memory grows with the list. Then what a photo costs to
cut and a patch to augment, for docs/scale.md.

Takes about five minutes on two cores. Nothing but time is measured of the model: ``scratch``, not trained.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from augmentation import writing
from benchmarks.harness import cpu_s, machine
from dentline import recipe as recipes
from dentline.files import write_text
from dentline.workspace import Workspace
from deployment import bundle, champion, photo_list
from deployment.bundle import Golden
from deployment.engine import OnnxEngine
from labeling import cut_shards, cutting, patches
from labeling.annotation import Annotation, Center
from labeling.split import Assignment
from tests import tiny_model

ROOT = Path(__file__).resolve().parents[1]
SIZE_PX, LARGE_PX = (320, 240), (1280, 800)
"""Photos of the long list, small so that overhead shows; and those that costs are told of."""

N_DISTINCT = 40
WAYS: dict[str, tuple[str, ...]] = {
    "serial": (),
    "processes": ("--workers", "2"),
    "dask": ("--workers", "2", "--dask", "local"),
}
MOST = {"processes": 1.15, "dask": 1.6}
"""How many times the serial loop's CPU a way may take."""

_WATCH = (
    "import resource, subprocess, sys; rc = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(rc, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)"
)


@dataclass(frozen=True)
class Seen:
    """One command.

    Attributes:
        cpu_s: of all its processes. peak_mib: resident memory of the largest of them.
    """

    way: str
    n_photos: int
    cpu_s: float
    wall_s: float
    peak_mib: float


def project(folder: Path) -> Workspace:
    """Write a project whose champion is the ``scratch`` network as it begins, with 15 proposals a photo."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    from training import export
    from training.models import scratch

    keras.utils.set_random_seed(0)
    workspace = Workspace(folder)
    write_text(workspace.recipe, recipes.dumps(recipes.Recipe()))
    made = export.onnx(scratch.build())
    fields = tiny_model.golden(tiny_model.model()).images
    contract = replace(tiny_model.CONTRACT, model="scratch", scan_threshold=0.99, n_proposals=15)
    golden = Golden(fields, OnnxEngine(made).run(fields).reshape(-1))
    bundle.write(workspace.bundle(contract.run_id), made, contract, golden, {})
    champion.promote(workspace, contract.run_id)
    return workspace


def album(folder: Path, n: int, size_px: tuple[int, int] = SIZE_PX) -> Path:
    """Write `n` JPEGs of 40 surfaces with some dents."""
    folder.mkdir()
    width, height = size_px
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(min(n, N_DISTINCT)):
        dents = [(float(x), float(y)) for x, y in rng.uniform(60, height - 60, (number % 4, 2))]
        surface = tiny_model.surface(height, width, dents, seed=number)
        pictures.append(cv2.imencode(".jpg", surface, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    for number in range(n):
        (folder / f"{number:06d}.jpg").write_bytes(pictures[number % len(pictures)])
    return folder


def score(way: str, workspace: Workspace, photos: Path, out: Path, n: int) -> Seen:
    """Run ``dentline score-many`` and return what it took."""
    command = [sys.executable, "-m", "commands.app", "score-many", str(workspace.root), str(photos)]
    command += ["--out", str(out), *WAYS[way]]
    began = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, "-c", _WATCH, *command], env=environment, capture_output=True, text=True, check=True
    )
    code, cpu, peak = told.stdout.split()[-3:]
    assert code == "0", told.stderr[-2000:]
    return Seen(way, n, float(cpu), time.perf_counter() - began, float(peak))


def costs(folder: Path, model: Path) -> dict[str, float]:
    """Return CPU seconds and bytes of scoring, cutting (9 patches) and augmenting (48 files a patch) large photos."""
    photos = album(folder / "large", N_DISTINCT, LARGE_PX)
    paths = {path.name: path for path in sorted(photos.iterdir())}
    when = datetime(2026, 1, 1, tzinfo=UTC)
    notes = [Annotation(name, *LARGE_PX, (Center(640.0, 400.0),), "marked", "bench", 1, when) for name in paths]
    planned = cutting.plan(notes, {name: Assignment(name, "train") for name in paths}, recipes.Patches())
    cut = _spent(lambda: cut_shards.cut(folder / "patches", planned, paths))
    rows, contexts = patches.at(str(folder / "patches"))
    some = rows[:100]
    augment = _spent(lambda: writing.write(folder / "variants", contexts, some))
    job = photo_list.plan([str(photos)], model, folder / "scores")
    photo_list._scorer(job.model)
    scoring = _spent(lambda: photo_list.run(job))
    return {
        "score_cpu_s_per_photo": scoring / len(paths),
        "row_bytes": (folder / "scores" / "scores.csv").stat().st_size / len(paths),
        "photo_bytes": _bytes(photos) / len(paths),
        "cut_cpu_s_per_photo": cut / len(paths),
        "cut_bytes_per_photo": _bytes(folder / "patches") / len(paths),
        "patches_per_photo": len(rows) / len(paths),
        "augment_cpu_s_per_patch": augment / len(some),
        "augment_bytes_per_patch": _bytes(folder / "variants") / len(some),
    }


def _spent(work: Callable[[], object]) -> float:
    began = cpu_s()
    work()
    return cpu_s() - began


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="photos; a tenth of them is the short list")
    parser.add_argument("--ways", default=",".join(WAYS), help="of serial, processes, dask")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    given = parser.parse_args()
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        workspace = project(folder / "project")
        for n in (given.n // 10, given.n):
            photos = album(folder / f"photos-{n}", n)
            rows = set()
            for way in given.ways.split(","):
                out = folder / f"{way}-{n}"
                seen.append(score(way, workspace, photos, out, n))
                rows.add((out / "scores.csv").read_bytes())
                shutil.rmtree(out)
                print(seen[-1], flush=True)
            assert len(rows) == 1, "the ways gave different rows"
        found = costs(folder, workspace.bundle(champion.current(workspace).run_id))
    of = {(one.way, one.n_photos): one for one in seen}
    ratios = {
        way: of[way, given.n].cpu_s / of["serial", given.n].cpu_s
        for way in MOST
        if {(way, given.n), ("serial", given.n)} <= of.keys()
    }
    for way, ratio in ratios.items():
        verdict = "holds" if ratio <= MOST[way] else "does not hold"
        print(f"{way}: {ratio:.2f} times the serial loop's CPU; at most {MOST[way]}: {verdict}")
    for way in given.ways.split(","):
        short, long = of[way, given.n // 10], of[way, given.n]
        print(f"{way}: {short.peak_mib:.0f} MiB for {short.n_photos} photos, {long.peak_mib:.0f} for {long.n_photos}")
    table = {"seen": [asdict(one) for one in seen], "ratios": ratios, "costs": found, "large_px": LARGE_PX}
    for name, value in found.items():
        print(f"{name}: {value:.6g}")
    if given.json:
        write_text(given.json, json.dumps(table | {"machine": machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
