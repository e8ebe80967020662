"""How cost grows: each stage at 1, 10 and 100 times the work, CPU seconds and memory.

``python -m benchmarks.growth [--stage NAME ...] [--json OUT] [--plot OUT.svg]``

Each size runs in a process of its own: once at the smallest size to warm up, then for the figures. Memory is the
largest resident set during the work less the resident set before it. Linear is: CPU a unit stays the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import growth_plot
from benchmarks.harness import machine
from benchmarks.processes import resident_mb
from dentline.files import write_text

TIMES = (1, 10, 100)


@dataclass(frozen=True)
class Job:
    """Work of any size. `make` prepares it in a scratch folder and returns what does `n` units of it."""

    unit: str
    smallest: int
    make: Callable[[Path], Callable[[int], None]]


def variants(folder: Path) -> Callable[[int], None]:
    from augmentation import dihedral

    context = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)

    def run(n: int) -> None:
        for _ in range(n):
            dihedral.variants(context)

    return run


def reading(folder: Path) -> Callable[[int], None]:
    from benchmarks.pixel_stages import texture
    from dentline import images

    path = folder / "photo.png"
    path.write_bytes(images.encode_png(texture(np.random.default_rng(0), 480, 520)))

    def run(n: int) -> None:
        for _ in range(n):
            images.read(path)

    return run


def scoring(folder: Path) -> Callable[[int], None]:
    from dentline import images
    from deployment import bundle, door
    from deployment.records import Records
    from deployment.request import ScoreRequest
    from deployment.scorer import Scorer
    from tests import tiny_model

    scorer = Scorer(bundle.load(tiny_model.write(folder / "bundle").folder))
    scorer.setup()
    records = Records(folder / "scores.db")
    data = images.encode_png(tiny_model.surface(240, 240, [(100.0, 120.0)]))

    def run(n: int) -> None:
        for i in range(n):
            records.add(
                door.score(scorer, ScoreRequest((data,), (f"{i}.png",)), door.request_id(None), "command").records
            )

    return run


def scanning(folder: Path) -> Callable[[int], None]:
    """One photo of ever more pixels."""
    from deployment.engine import OnnxEngine
    from deployment.scan import probabilities
    from tests import tiny_model

    engine = OnnxEngine(tiny_model.model())

    def run(n: int) -> None:
        row = np.random.default_rng(0).integers(90, 130, (1, 1000, 1), np.uint8)
        probabilities(engine, np.broadcast_to(row, (100 * n, 1000, 3)))

    return run


def training(folder: Path) -> Callable[[int], None]:
    import keras

    from training import nodes
    from training.models import scratch

    model, optimizer = scratch.build(), keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    learn = nodes.step(nodes.join(), model, optimizer, keras.losses.binary_crossentropy)
    fields = np.random.default_rng(0).integers(0, 256, (16, 112, 112, 3), np.uint8)
    label = (np.arange(16) % 2).astype(np.float32)

    def run(n: int) -> None:
        for _ in range(n):
            learn(fields, label)

    return run


def exporting(folder: Path) -> Callable[[int], None]:
    from benchmarks import answers
    from benchmarks.export import DAYS, END
    from dashboards.export import export
    from dentline.workspace import Workspace

    def run(n: int) -> None:
        root = folder / f"{time.perf_counter_ns()}"
        root.mkdir()
        answers.fill(root / "scores.db", n, END, DAYS, ("m",), np.random.default_rng(0))
        export(Workspace(root), END)

    return run


JOBS = {
    "48 variants": Job("patches", 20, variants),
    "reading photos": Job("photos", 3, reading),
    "scoring photos": Job("photos", 10, scoring),
    "scanning one photo": Job("bands of 0.1 megapixels", 2, scanning),
    "training scratch": Job("batches of 16", 1, training),
    "writing and exporting answers": Job("answers", 1000, exporting),
}


def measure(job: Job, n: int) -> dict[str, float]:
    """Return CPU seconds and megabytes of `n` units, measured in this process."""
    with tempfile.TemporaryDirectory(prefix="dentline-growth-") as folder:
        run = job.make(Path(folder))
        run(job.smallest)
        before_mb = resident_mb(os.getpid())
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        began = time.process_time()
        run(n)
        spent = time.process_time() - began
        return {"n": n, "cpu_s": spent, "mb": resident_mb(os.getpid(), "VmHWM") - before_mb}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", action="append", choices=sorted(JOBS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--n", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.n:
        print(json.dumps(measure(JOBS[given.stage[0]], given.n)))
        return
    stages: dict[str, Any] = {}
    for name in given.stage or JOBS:
        points = []
        for times in TIMES:
            command = [
                sys.executable,
                "-m",
                "benchmarks.growth",
                "--stage",
                name,
                "--n",
                str(JOBS[name].smallest * times),
            ]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            points.append(json.loads(done.stdout.splitlines()[-1]))
        stages[name] = {"unit": JOBS[name].unit, "points": points}
        told = "  ".join(f"{p['n']}: {p['cpu_s'] / p['n'] * 1e3:.3f} ms each, +{p['mb']:.0f} MB" for p in points)
        print(f"{name} ({JOBS[name].unit}): {told}", flush=True)
    found = {"stages": stages, "machine": machine()}
    if given.json:
        write_text(given.json, json.dumps(found, indent=1) + "\n")
    if given.plot:
        growth_plot.write(given.plot, stages)


if __name__ == "__main__":
    main()
