"""The training runs as rows: their metrics, curves, confusion and history, as training wrote them."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow

from dashboards import cells
from dashboards.tables import FACT_EVALUATION, FACT_TRAINING_METRIC, Kind, Table
from dentline.errors import DentlineError
from dentline.workspace import Workspace

FACTS = (FACT_TRAINING_METRIC, FACT_EVALUATION)
_ARROW: dict[Kind, pyarrow.DataType] = {
    "text": pyarrow.string(),
    "integer": pyarrow.int64(),
    "number": pyarrow.float64(),
    "date": pyarrow.string(),
    "time": pyarrow.string(),
}


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


def load(connection: duckdb.DuckDBPyConnection, found: Sequence[Run]) -> None:
    """Put the runs' facts into `connection` as tables named ``run_<fact>``."""
    for table, rows in ((FACT_TRAINING_METRIC, _metric_rows(found)), (FACT_EVALUATION, _curve_rows(found))):
        register(connection, f"run_{table.name}", table, list(rows))


def register(connection: duckdb.DuckDBPyConnection, name: str, table: Table, rows: list[dict[str, Any]]) -> None:
    """Put `rows` into `connection` as a table: a fact's columns, its keys, and the ``moment`` of its date."""
    fields = {"moment": pyarrow.string()} | {c.name: _ARROW[c.kind] for c in table.columns}
    connection.register("rows", pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(list(fields.items()))))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * REPLACE (moment::TIMESTAMP AS moment) FROM rows"
    )
    connection.unregister("rows")


def months(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """Return the months in which runs were trained."""
    found = connection.execute(f"SELECT DISTINCT strftime(moment, '%Y-%m') FROM run_{table.name}").fetchall()
    return [month for (month,) in found]


def rows(table: Table, month: str) -> str:
    """Return a query for a month's rows of a fact."""
    source = f"(SELECT * FROM run_{table.name} WHERE strftime(moment, '%Y-%m') = '{month}')"
    return cells.projection(table, source)


def _metric_rows(found: Sequence[Run]) -> Iterator[dict[str, Any]]:
    for run in found:
        for split, values in run.metrics.items():
            for name, value in values.items():
                if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys():
                    measured = {k: _finite(value[k]) for k in ("value", "low", "high")}
                    yield {**_about(run), "split": split, "metric": name, **measured, "n": value["n"]}


def _curve_rows(found: Sequence[Run]) -> Iterator[dict[str, Any]]:
    for run in found:
        for split, values in run.metrics.items():
            for curve in ("roc", "pr"):
                drawn = values.get(curve, {"x": (), "y": ()})
                for point, (x, y) in enumerate(zip(drawn["x"], drawn["y"], strict=True), 1):
                    yield {**_about(run), "split": split, "curve": curve, "point": point, "x": x, "y": y}
            counts = values.get("confusion", {})
            for point, (cell, truth, called) in enumerate((("tn", 0, 0), ("fp", 0, 1), ("fn", 1, 0), ("tp", 1, 1)), 1):
                if cell in counts:
                    at = {"split": split, "curve": "confusion", "point": point, "x": truth, "y": called}
                    yield {**_about(run), **at, "count": counts[cell]}
        yield from _history_rows(run)


def _history_rows(run: Run) -> Iterator[dict[str, Any]]:
    for point, row in enumerate(run.history, 1):
        for name, text in row.items():
            if name != "epoch" and (value := _finite(text)) is not None:
                split = "validation" if name.startswith("val_") else "train"
                epoch = _finite(row.get("epoch", point))
                yield {**_about(run), "split": split, "curve": name, "point": point, "x": epoch, "y": value}


def _about(run: Run) -> dict[str, Any]:
    return {"model_key": cells.key_of(run.run_id), "moment": run.trained_at, "trained_at_utc": run.trained_at}


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
