"""The one owner of runs/<run>/: what a training left, file by file.

::

    runs/20261120-101112-scratch/
      recipe.toml      the recipe as it was read, every field written out
      run.json         which data, weights, code and seed; when, how long
      history.csv      one row an epoch
      predictions.csv  one row a patch of validation and test
      metrics.json     for validation and test: each metric with its interval and n, curves, confusion
      places.json      for validation and test photos: how well their dents were found
      report.html      the same to look at
      bundle/          what is served
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.recipe import Recipe

HistoryRow = Mapping[str, float]


@dataclass(frozen=True)
class Record:
    """Where a run comes from.

    Attributes:
        data_fingerprint: SHA-256 over the labels and pixels it learnt from and was judged on.
        weights, weights_sha256: the pretrained weights; ``none`` and empty for a model from nothing.
        started_at: UTC, ``YYYY-MM-DDTHH:MM:SS``.
        n_train, n_validation, n_test: patches, or whole photos.
        n_unseen: of those of training, how many the threshold was chosen on too, each scored without its group.
        data_version: number of the version of the labels in versions.json; 0 where none was noted.
        code_sha256: over the Python files that trained it. environment_sha256: of environment.yml.
    """

    run_id: str
    task: str
    model: str
    weights: str
    weights_sha256: str
    data_fingerprint: str
    code_version: str
    packages: Mapping[str, str]
    seed: int
    started_at: str
    duration_s: float
    n_parameters: int
    n_train: int
    n_validation: int
    n_test: int
    data_version: int = 0
    code_sha256: str = ""
    environment_sha256: str = ""
    n_unseen: int = 0


@dataclass(frozen=True)
class Predictions:
    """Scores of patches that were not learnt from, row for row.

    Attributes:
        patch_id, photo_id, group, split: (n,) str. label: (n,) int8. p: (n,) float64.
    """

    patch_id: NDArray[np.str_]
    photo_id: NDArray[np.str_]
    group: NDArray[np.str_]
    split: NDArray[np.str_]
    label: NDArray[np.int8]
    p: NDArray[np.float64]

    def of(self, split: str) -> "Predictions":
        """Return the rows of one split."""
        rows = self.split == split
        return Predictions(*(getattr(self, name)[rows] for name in _COLUMNS))


_COLUMNS = ("patch_id", "photo_id", "group", "split", "label", "p")


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk."""

    folder: Path
    record: Record
    history: tuple[HistoryRow, ...]
    predictions: Predictions
    metrics: Mapping[str, Any]
    places: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return self.record.run_id


def write(
    folder: Path,
    recipe: Recipe,
    record: Record,
    history: Sequence[HistoryRow],
    predictions: Any,
    metrics: Mapping[str, Any],
    places: Mapping[str, Any] | None = None,
) -> None:
    """Write a run's files; ``run.json`` last, so that a run that has it is whole.

    Args:
        predictions: a dataclass of columns (n,), :class:`Predictions` or that of another task.
        metrics: of each split, with ``as_json``.
    """
    write_text(folder / "recipe.toml", recipes.dumps(recipe))
    write_text(folder / "history.csv", _csv(list(history[0]) if history else ["epoch"], [r.values() for r in history]))
    columns = [column.name for column in fields(predictions)]
    rows = zip(*(getattr(predictions, name).tolist() for name in columns), strict=True)
    write_text(folder / "predictions.csv", _csv(columns, rows))
    write_text(folder / "metrics.json", _json({split: measured.as_json() for split, measured in metrics.items()}))
    if places:
        write_text(folder / "places.json", _json(places))
    write_text(folder / "run.json", _json(asdict(record)))


def read(folder: Path) -> Run:
    """Read a run.

    Raises:
        DentlineError: it is not whole, or a file is damaged.
    """
    try:
        record = Record(**json.loads((folder / "run.json").read_text(encoding="utf-8")))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        history = tuple({k: float(v) for k, v in row.items()} for row in _rows(folder / "history.csv"))
        rows = _rows(folder / "predictions.csv")
        seen = folder / "places.json"
        places = json.loads(seen.read_text(encoding="utf-8")) if seen.is_file() else {}
        columns = {name: np.array([row[name] for row in rows]) for name in _COLUMNS[:4]}
        label = np.array([int(row["label"]) for row in rows], np.int8)
        p = np.array([float(row["p"]) for row in rows])
    except FileNotFoundError as error:
        where = f"run {folder.name}"
        raise DentlineError(where, f"lacks {Path(error.filename).name}", "train it again, or delete it") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DentlineError(f"run {folder.name}", f"is damaged: {error}", "train it again, or delete it") from error
    return Run(folder, record, history, Predictions(**columns, label=label, p=p), metrics, places)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _csv(names: Any, rows: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()


def _json(table: Any) -> str:
    return json.dumps(table, indent=1) + "\n"
