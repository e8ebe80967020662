"""Export of a million answers, Dentline against pandas from SQLite, both doing the same work.

Run: ``python -m benchmarks.export --rows 1000000 --json OUT``. The two take turns, each in a process of its own,
and are compared by CPU seconds and by wall seconds within one run.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks import answers

END = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAYS = 60


def dentline(root: Path) -> None:
    """The export as users run it, into an empty dashboard folder."""
    from dashboards.export import export
    from dentline.workspace import Workspace

    export(Workspace(root), END)


def pandas(root: Path) -> None:
    """The same facts as one would write it with pandas: keys, UTC, no formulas, monthly files, BOM."""
    import hashlib
    import sqlite3

    import pandas as pd

    def key(text: str | None) -> int:
        return 0 if text is None else int(hashlib.md5(text.encode()).hexdigest()[:12], 16)

    def keys(column: "pd.Series[str]") -> "pd.Series[int]":
        return column.map({name: key(name) for name in column.unique()})

    def harmless(column: "pd.Series[str]") -> "pd.Series[str]":
        plain = column.str.replace(r"[\x00-\x1f\x7f]+", " ", regex=True)
        return plain.str.replace("(^|[,;|])([ \"]*)([=+\\-@'＝＋－＠])", r"\1\2'\3", regex=True)

    def finish(frame: pd.DataFrame, name: str, typed: tuple[str, ...]) -> None:
        moment = pd.to_datetime(frame["scored_at_utc"])
        frame["scored_at_utc"] = moment.dt.strftime("%Y-%m-%dT%H:%M:%S")
        frame["date_key"] = moment.dt.year * 10000 + moment.dt.month * 100 + moment.dt.day
        frame["time_key"] = moment.dt.hour * 100 + moment.dt.minute
        for column, source in (("part_key", "part_id"), ("station_key", "station"), ("model_key", "model_id")):
            frame[column] = keys(frame.pop(source))
        for column in typed:
            frame[column] = harmless(frame[column])
        (root / "pandas" / name).mkdir(parents=True, exist_ok=True)
        for month, rows in frame.groupby(moment.dt.strftime("%Y-%m")):
            rows.to_csv(root / "pandas" / name / f"{name}_{month}.csv", index=False, encoding="utf-8-sig")

    with sqlite3.connect(root / "scores.db") as connection:
        scores = pd.read_sql(
            "SELECT score_id, request_id, scored_at AS scored_at_utc, door, photo_id, photo_sha256, width_px, "
            "height_px, p, threshold, verdict <> 'ok' AS is_rejected, n_defects, latency_ms, brightness, contrast, "
            "sharpness, saturation, distance, camera, part_id, station, model_id FROM score",
            connection,
        )
        finish(scores, "fact_score", ("request_id", "photo_id", "camera"))
        defects = pd.read_sql(
            "SELECT d.score_id, d.number AS defect_number, s.scored_at AS scored_at_utc, d.x AS x_px, d.y AS y_px, "
            "d.p, part_id, station, model_id FROM defect d JOIN score s USING (score_id)",
            connection,
        )
        finish(defects, "fact_defect", ())
        given = pd.read_sql(
            "SELECT f.feedback_id, f.score_id, f.given_at AS scored_at_utc, f.operator, f.truth, f.was_sampled, "
            "f.note, s.verdict <> 'ok' AS was_rejected, part_id, station, model_id "
            "FROM feedback f JOIN score s USING (score_id)",
            connection,
        )
        finish(given, "fact_feedback", ("operator",))


def measured(root: Path, what: str) -> dict[str, float]:
    """Run one of the two in a fresh process; return its CPU and wall seconds and its peak memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.export", "--only", what, "--root", str(root)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, print and write the result."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--only", choices=("dentline", "pandas"), help=argparse.SUPPRESS)
    arguments.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.only:
        import shutil

        shutil.rmtree(given.root / ("dashboard" if given.only == "dentline" else "pandas"), ignore_errors=True)
        wall, cpu = time.perf_counter(), time.process_time()
        {"dentline": dentline, "pandas": pandas}[given.only](given.root)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb}))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        models = ("20261001-080000-scratch", "20261101-080000-vgg16")
        answers.fill(root / "scores.db", given.rows, END, DAYS, models, np.random.default_rng(0))
        rounds = [{what: measured(root, what) for what in ("dentline", "pandas")} for _ in range(given.rounds)]
    medians = {
        what: {unit: statistics.median(one[what][unit] for one in rounds) for unit in ("wall_s", "cpu_s", "peak_mb")}
        for what in ("dentline", "pandas")
    }
    result = {
        "rows": given.rows,
        "rounds": given.rounds,
        **medians,
        "times_faster_cpu": statistics.median(one["pandas"]["cpu_s"] / one["dentline"]["cpu_s"] for one in rounds),
        "times_faster_wall": statistics.median(one["pandas"]["wall_s"] / one["dentline"]["wall_s"] for one in rounds),
        "versions": {name: version(name) for name in ("duckdb", "adbc-driver-sqlite", "pandas")},
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
