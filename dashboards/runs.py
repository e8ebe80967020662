"""The training runs as rows: their metrics, curves, confusion and history, as training wrote them."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow

from dashboards import cells
from dashboards.clocks import Clocks
from dashboards.columns import Table
from dashboards.tables import FACT_EVALUATION, FACT_TRAINING_METRIC
from dentline.errors import DentlineError
from dentline.workspace import Workspace

FACTS = (FACT_TRAINING_METRIC, FACT_EVALUATION)


@dataclass(frozen=True)
class Run:
    """A training run that was evaluated. Times are UTC, ``YYYY-MM-DDTHH:MM:SS``."""

    run_id: str
    model: str
    trained_at: str
    threshold: float | None
    weights: str | None
    data_fingerprint: str | None
    metrics: dict[str, Any]
    history: list[dict[str, str]]


def read(workspace: Workspace) -> list[Run]:
    """Read every run that has metrics, oldest first.

    Raises:
        DentlineError: a run's file is damaged.
    """
    return [_run(path.parent) for path in sorted(workspace.runs.glob("*/metrics.json"))]


def _run(folder: Path) -> Run:
    metrics, about = _json(folder / "metrics.json"), _json(folder / "run.json")
    stamp = folder.name[:15]
    history_path = folder / "history.csv"
    history = []
    if history_path.is_file():
        with history_path.open(encoding="utf-8-sig", newline="") as handle:
            history = list(csv.DictReader(handle))
    splits = {k: v for k, v in metrics.items() if k in ("train", "validation", "test")}
    threshold = next((v["threshold"] for v in splits.values() if "threshold" in v), metrics.get("threshold"))
    return Run(
        folder.name,
        str(about.get("model") or folder.name[16:]),
        f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]}",
        threshold,
        about.get("weights"),
        about.get("data_fingerprint"),
        splits,
        history,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "delete the run or train it again") from error
    if not isinstance(content, dict):
        raise DentlineError(str(path), "is not a JSON object", "delete the run or train it again")
    return content


def by_month(found: Sequence[Run], clocks: Clocks) -> dict[Table, dict[str, pyarrow.RecordBatch]]:
    """Return the rows of the facts that runs make, by the month in which the run began, ``YYYY-MM``."""
    facts: dict[Table, dict[str, list[dict[str, Any]]]] = {table: {} for table in FACTS}
    for run in found:
        about = {
            "model_key": cells.key_of(run.run_id),
            "date_key": int(clocks.day(run.trained_at).replace("-", "")),
            "trained_at_utc": run.trained_at,
        }
        for table, rows in ((FACT_TRAINING_METRIC, _metric_rows(run)), (FACT_EVALUATION, _curve_rows(run))):
            facts[table].setdefault(run.trained_at[:7], []).extend(about | row for row in rows)
    return {
        table: {month: cells.of_rows(table, rows) for month, rows in months.items()} for table, months in facts.items()
    }


def _metric_rows(run: Run) -> Iterator[dict[str, Any]]:
    for split, values in run.metrics.items():
        for name, value in values.items():
            if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys():
                measured = {k: _finite(value[k]) for k in ("value", "low", "high")}
                yield {"split": split, "metric": name, **measured, "n": value["n"]}


def _curve_rows(run: Run) -> Iterator[dict[str, Any]]:
    for split, values in run.metrics.items():
        for curve in ("roc", "pr"):
            drawn = values.get(curve, {"x": (), "y": ()})
            for point, (x, y) in enumerate(zip(drawn["x"], drawn["y"], strict=True), 1):
                yield {"split": split, "curve": curve, "point": point, "x": x, "y": y}
        counts = values.get("confusion", {})
        for point, (cell, truth, called) in enumerate((("tn", 0, 0), ("fp", 0, 1), ("fn", 1, 0), ("tp", 1, 1)), 1):
            if cell in counts:
                at = {"split": split, "curve": "confusion", "point": point, "x": truth, "y": called}
                yield {**at, "count": counts[cell]}
    yield from _history_rows(run)


def _history_rows(run: Run) -> Iterator[dict[str, Any]]:
    for point, row in enumerate(run.history, 1):
        for name, text in row.items():
            if name != "epoch" and (value := _finite(text)) is not None:
                split = "validation" if name.startswith("val_") else "train"
                epoch = _finite(row.get("epoch", point))
                yield {"split": split, "curve": name, "point": point, "x": epoch, "y": value}


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
