"""Export of a million answers, Dentline against pandas from SQLite, both writing the same rows of the same columns.

Run: ``python -m benchmarks.export --rows 1000000 --json OUT``. The two take turns, each in a process of its own,
and are compared by CPU seconds and by wall seconds within one run, imports counted. Before that, every value of
the facts that pandas wrote is held against Dentline's. Dentline also writes the dimensions; pandas does not.
"""

import argparse
import json
import os
import platform
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
from benchmarks.processes import resident_mb
from dashboards.tables import BY_NAME

END = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAYS = 60
FACTS = ("fact_score", "fact_defect", "fact_feedback")


def dentline(root: Path) -> None:
    """The export as users run it, into an empty dashboard folder."""
    from dashboards.export import export
    from dentline.workspace import Workspace

    export(Workspace(root), END)


def pandas(root: Path) -> None:
    """The facts as one would write them with pandas: keys, UTC, no formulas, monthly files, byte order mark."""
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

    def finish(frame: pd.DataFrame, name: str, instant: str, typed: tuple[str, ...]) -> None:
        filed = pd.to_datetime(frame[instant])
        moment = pd.to_datetime(frame.pop("moment")) if "moment" in frame else filed
        frame[instant] = filed.dt.strftime("%Y-%m-%dT%H:%M:%S")
        frame["date_key"] = moment.dt.year * 10000 + moment.dt.month * 100 + moment.dt.day
        frame["time_key"] = moment.dt.hour * 100 + moment.dt.minute
        for column, source in (("part_key", "part_id"), ("station_key", "station"), ("model_key", "model_id")):
            frame[column] = keys(frame.pop(source))
        for column in typed:
            frame[column] = harmless(frame[column])
        columns = [c.name for c in BY_NAME[name].columns]
        (root / "pandas" / name).mkdir(parents=True, exist_ok=True)
        for month, rows in frame.groupby(filed.dt.strftime("%Y-%m")):
            path = root / "pandas" / name / f"{name}_{month}.csv"
            rows.to_csv(path, columns=columns, index=False, encoding="utf-8-sig")

    with sqlite3.connect(root / "scores.db") as connection:
        scores = pd.read_sql(
            "SELECT score_id, request_id, scored_at AS scored_at_utc, door, photo_id, photo_sha256, width_px, "
            "height_px, p, threshold, verdict <> 'ok' AS is_rejected, n_defects, latency_ms, brightness, contrast, "
            "sharpness, saturation, distance, camera, part_id, station, model_id FROM score",
            connection,
        )
        finish(scores, "fact_score", "scored_at_utc", ("request_id", "photo_id", "camera"))
        defects = pd.read_sql(
            "SELECT d.score_id, d.number AS defect_number, s.scored_at AS scored_at_utc, d.x AS x_px, d.y AS y_px, "
            "d.p, part_id, station, model_id FROM defect d JOIN score s USING (score_id)",
            connection,
        )
        finish(defects, "fact_defect", "scored_at_utc", ())
        given = pd.read_sql(
            "SELECT f.feedback_id, f.score_id, f.given_at AS given_at_utc, f.operator, f.truth, f.was_sampled, "
            "json_array_length(f.marks) AS n_marked, f.note, s.verdict <> 'ok' AS was_rejected, "
            "s.scored_at AS moment, part_id, station, model_id "
            "FROM feedback f JOIN score s USING (score_id) ORDER BY f.seq",
            connection,
        )
        before = given.groupby("score_id")["truth"].shift()
        given["n_judged"] = before.isna().astype(int)
        for column, truth, rejected in (("n_escapes", "dent", 0), ("n_false_rejects", "clean", 1)):
            wrong = given["was_rejected"] == rejected
            given[column] = ((given["truth"] == truth) & wrong).astype(int) - ((before == truth) & wrong).astype(int)
        finish(given, "fact_feedback", "given_at_utc", ("operator",))


def differing(root: Path) -> dict[str, int]:
    """Return of how many rows of each fact any value differs between the two, numbers as 32-bit floats."""
    from dashboards import readback

    connection, found = readback.connect(), {}
    for name in FACTS:
        table = BY_NAME[name]
        ours, theirs = (readback.rows(table, root / folder / name / "*.csv") for folder in ("dashboard", "pandas"))
        same = " AND ".join(f"a.{c.name} IS NOT DISTINCT FROM b.{c.name}" for c in table.columns)
        keys = " AND ".join(f"a.{column} = b.{column}" for column in table.key)
        ((count,),) = connection.execute(
            f"SELECT count(*) FROM ({ours}) a FULL JOIN ({theirs}) b ON {keys} WHERE NOT ({same})"
        ).fetchall()
        found[name] = count
    return found


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
        peak_mb = resident_mb(os.getpid(), "VmHWM")
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb}))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        models = ("20261001-080000-scratch", "20261101-080000-vgg16")
        answers.fill(root / "scores.db", given.rows, END, DAYS, models, np.random.default_rng(0))
        for what in ("dentline", "pandas"):
            measured(root, what)
        differ = differing(root)
        if any(differ.values()):
            raise SystemExit(f"the two wrote different rows, so nothing is compared: {differ}")
        rounds = [{what: measured(root, what) for what in ("dentline", "pandas")} for _ in range(given.rounds)]
    medians = {
        what: {unit: statistics.median(one[what][unit] for one in rounds) for unit in ("wall_s", "cpu_s", "peak_mb")}
        for what in ("dentline", "pandas")
    }
    result = {
        "rows": given.rows,
        "rounds": given.rounds,
        "rows_that_differ": differ,
        **medians,
        "times_faster_cpu": statistics.median(one["pandas"]["cpu_s"] / one["dentline"]["cpu_s"] for one in rounds),
        "times_faster_wall": statistics.median(one["pandas"]["wall_s"] / one["dentline"]["wall_s"] for one in rounds),
        "versions": {name: version(name) for name in ("pyarrow", "adbc-driver-sqlite", "pandas")},
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
