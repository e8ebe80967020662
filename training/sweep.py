"""Which recipe learns best, by cross-validation over groups of the training photos; the test side is not read.

A shard is one fold of one candidate: what its model says of patches (or photos) of groups it never saw.
The validation side stops a training early, as it does in a run.
"""

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import intervals, shards
from dentline import recipe as recipes
from dentline.files import write_text
from dentline.intervals import Value
from dentline.options import toml
from dentline.progress import Progress, silent
from dentline.recipe import Recipe
from dentline.shards import Task, Way
from dentline.workspace import Workspace
from training import folds, metrics
from training.candidates import Candidate

COLUMNS = ("row_id", "group", "label", "score")
MEASURES = {"patch": ("average_precision", 1), "image": ("average_precision", 1), "corners": ("corner_error_px", -1)}
"""What a task's candidates are judged by, and whether more is better (1) or worse (-1)."""


@dataclass(frozen=True)
class Sweep:
    """The job: every fold of every candidate.

    Attributes:
        project: folder, where every worker sees it.
        out: folder of the shards.
    """

    project: Path
    model: str
    candidates: Sequence[Candidate]
    n_folds: int
    seed: int
    out: Path
    what: str = "folds"

    def __len__(self) -> int:
        return len(self.candidates) * self.n_folds

    def shard(self, number: int) -> Path:
        candidate, fold = divmod(number, self.n_folds)
        return self.out / "folds" / f"candidate-{candidate:04d}-fold-{fold}.csv"

    def task(self, number: int) -> Task:
        candidate, fold = divmod(number, self.n_folds)
        recipe = self.candidates[candidate].recipe
        return partial(_fold, self.shard(number), self.project, recipe, self.model, (fold, self.n_folds, self.seed))


@dataclass(frozen=True)
class Row:
    """How well one candidate did.

    Attributes:
        reached: by the task's measure, over all folds together.
        lead: over the recipe as it is, resampled together; more than 0 is better.
    """

    number: int
    candidate: Candidate
    reached: Value
    lead: Value
    n_groups: int


def plan(
    workspace: Workspace, model: str, candidates: Sequence[Candidate], n_folds: int, seed: int, out: Path
) -> Sweep:
    """Check the sweep and make or go on with its folder.

    Raises:
        DentlineError: too few groups, or `out` holds another sweep.
    """
    out = out.resolve()
    material = folds.material(workspace, candidates[0].recipe, model)
    material.dealt(n_folds, seed)
    seen = hashlib.sha256(f"{model} {n_folds} {seed} {material.fingerprint}".encode())
    for candidate in candidates:
        seen.update(recipes.dumps(candidate.recipe).encode())
    shards.begin(out, seen.hexdigest(), 1)
    return Sweep(workspace.root.resolve(), model, candidates, n_folds, seed, out)


def run(job: Sweep, way: Way = shards.serial, progress: Progress = silent) -> list[Row]:
    """Train what is missing, write ``sweep.csv`` and the best ``recipe.toml``, and return the rows, best first."""
    shards.run(job, way, progress)
    measure, sign = MEASURES[job.candidates[0].recipe.task]
    tables = [_read(job, number) for number in range(len(job.candidates))]
    first = tables[0]
    label = first["label"].astype(float) > 0.5
    drawn = intervals.resample(first["group"], label, np.random.default_rng(job.seed))
    reached = [(_reached(measure, t), _reached(measure, t, drawn)) for t in tables]
    rows = []
    for number, (candidate, (value, again)) in enumerate(zip(job.candidates, reached, strict=True)):
        lead = intervals.interval(sign * (value - reached[0][0]), sign * (again - reached[0][1]), len(label))
        found = intervals.interval(value, again, len(label))
        rows.append(Row(number, candidate, found, lead, len(np.unique(first["group"]))))
    rows.sort(key=lambda row: (-sign * row.reached.value, row.number))
    write_text(job.out / "sweep.csv", _csv(rows, measure))
    write_text(job.out / "recipe.toml", recipes.dumps(rows[0].candidate.recipe))
    return rows


def start() -> None:
    """Load TensorFlow with one thread, so that sums are formed in one order wherever a fold is trained."""
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow  # noqa: F401


def _fold(shard: Path, project: Path, recipe: Recipe, model: str, dealt: tuple[int, int, int]) -> None:
    start()
    number, n_folds, seed = dealt
    material = folds.material(Workspace(project), recipe, model)
    fold = material.dealt(n_folds, seed)
    kept, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
    unfinished = shard.with_suffix(".unfinished")
    score = material.learn(model, kept, out, unfinished)
    columns = (material.row_id[out], material.group[out], material.label[out], score)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    write_text(shard, text.getvalue())
    shutil.rmtree(unfinished, ignore_errors=True)


def _read(job: Sweep, candidate: int) -> dict[str, NDArray[Any]]:
    """Return a candidate's rows of all folds as columns, in the order of their ids."""
    rows: list[dict[str, str]] = []
    for fold in range(job.n_folds):
        with job.shard(candidate * job.n_folds + fold).open(newline="", encoding="utf-8") as handle:
            rows += csv.DictReader(handle)
    rows.sort(key=lambda row: row["row_id"])
    found: dict[str, NDArray[Any]] = {name: np.array([row[name] for row in rows]) for name in COLUMNS}
    return found | {name: found[name].astype(float) for name in ("label", "score")}


def _reached(measure: str, table: dict[str, NDArray[Any]], drawn: intervals.Floats | None = None) -> intervals.Floats:
    if measure == "average_precision":
        return metrics.average_precision(table["label"] > 0.5, table["score"], drawn)
    weight = np.ones((1, len(table["score"]))) if drawn is None else drawn
    mean: intervals.Floats = weight @ table["score"] / weight.sum(axis=1)
    return mean


def _csv(rows: Sequence[Row], measure: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name, _ in rows[0].candidate.changes]
    writer.writerow(["candidate", *names, measure, "low", "high", "lead", "lead_low", "lead_high", "n", "n_groups"])
    for row in rows:
        values = [toml(value) if isinstance(value, list) else value for _, value in row.candidate.changes]
        found = [f"{number:.6f}" for one in (row.reached, row.lead) for number in (one.value, one.low, one.high)]
        writer.writerow([row.number, *values, *found, row.reached.n, row.n_groups])
    return out.getvalue()
