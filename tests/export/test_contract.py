"""The star's contract: its dictionary, its keys, every row there, the same in every format."""

import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import pytest

from benchmarks import answers
from benchmarks.export import measured
from dashboards import dictionary, readback
from dashboards.export import export
from dashboards.tables import TABLES, WIDE
from dentline.workspace import Workspace
from deployment.answer import Answer
from deployment.feedback import Feedback, Truth
from deployment.records import Records, ScoreRecord
from tests.conftest import ROOT
from tests.export.project import NOVEMBER, answer, record, rows


def test_files_are_what_the_dictionary_says(project: Workspace) -> None:
    record(
        project,
        ScoreRecord(answer(1, "2026-10-31T23:59:59.999", 0.9, 2), "http", "a.jpg", "door-7", "line 1"),
        ScoreRecord(answer(2, "2026-11-01T00:00:00.000"), "http"),
    )
    export(project, NOVEMBER, wide=True)
    for table in (*TABLES, WIDE):
        files = list(project.dashboard.glob(f"{table.name}/*.csv" if table.is_fact else f"{table.name}.csv"))
        assert files, table.name
        for path in files:
            data = path.read_bytes()
            assert data.startswith(b"\xef\xbb\xbf") and b"\r" not in data
            header = data.decode("utf-8-sig").splitlines()[0]
            assert header == ",".join(c.name for c in table.columns)
        found = duckdb.sql(readback.rows(table, files[0] if not table.is_fact else files[0].parent / "*.csv"))
        for column in table.columns:
            missing = found.filter(f"{column.name} IS NULL").count("*").fetchall()
            assert column.optional or missing == [(0,)], f"{table.name}.{column.name}"
        ((n_rows, n_keys),) = found.aggregate(f"count(*), count(DISTINCT ({', '.join(table.key)}))").fetchall()
        assert n_rows == n_keys, table.name
    strangers = (
        {p.name for p in project.dashboard.iterdir()} - {t.name for t in TABLES} - {f"{t.name}.csv" for t in TABLES}
    )
    assert strangers == {"wide.csv", "export.json", ".lock"}


def test_written_dictionary_is_the_one_in_the_docs() -> None:
    assert (ROOT / "docs" / "dashboard-columns.md").read_text(encoding="utf-8") == dictionary.dictionary()


def test_every_key_resolves(project: Workspace) -> None:
    record(
        project,
        ScoreRecord(answer(1, "2026-10-31T23:59:59.999", 0.9, 2), "http", "a.jpg", "door-7", "line 1"),
        ScoreRecord(answer(2, "2026-11-01T00:00:00.000"), "http", None, "Door-7", None),
    )
    export(project, NOVEMBER)
    for table in TABLES:
        if table.is_fact:
            for column in table.columns:
                if column.refers:
                    known = {row[column.name] for row in rows(project, column.refers)}
                    used = {row[column.name] for row in rows(project, table.name)}
                    assert used <= known, f"{table.name}.{column.name}"
    assert {row["part_id"] for row in rows(project, "dim_part")} == {"(not given)", "door-7", "Door-7"}


@pytest.mark.slow
def test_a_million_answers_are_all_there_in_bounded_memory(tmp_path: Path) -> None:
    n = 1_000_000
    answers.fill(tmp_path / "scores.db", n, NOVEMBER, 60, ("a", "b"), np.random.default_rng(0))
    peak_mb = measured(tmp_path, "dentline")["peak_mb"]
    assert peak_mb < 400, "what is held does not grow with what is exported: the facts alone are 300 MB"
    connection, folder = readback.connect(), tmp_path / "dashboard"
    for table in TABLES:
        path = folder / table.name / "*.csv" if table.is_fact else folder / f"{table.name}.csv"
        connection.execute(f"CREATE VIEW {table.name} AS {readback.rows(table, path)}")
    with sqlite3.connect(tmp_path / "scores.db") as scores:
        expected = scores.execute("SELECT count(*), count(DISTINCT score_id), sum(p), sum(latency_ms) FROM score")
        found = connection.execute("SELECT count(*), count(DISTINCT score_id), sum(p), sum(latency_ms) FROM fact_score")
        assert found.fetchall()[0] == pytest.approx(expected.fetchall()[0], rel=1e-6)
        ((n_defects,),) = scores.execute("SELECT count(*) FROM defect").fetchall()
    assert connection.execute("SELECT count(*) FROM fact_defect").fetchall() == [(n_defects,)]
    for table in (one for one in TABLES if one.is_fact):
        for column in (one for one in table.columns if one.refers):
            lost = f"SELECT count(*) FROM {table.name} ANTI JOIN {column.refers} USING ({column.name})"
            assert connection.execute(lost).fetchall() == [(0,)], f"{table.name}.{column.name}"


def test_a_correction_adds_the_difference(project: Workspace) -> None:
    passed, flagged = answer(1, "2026-11-05T10:00:00.000"), answer(2, "2026-11-05T10:00:00.000", 0.9)
    record(project, ScoreRecord(passed, "http"), ScoreRecord(flagged, "http"))
    said: list[tuple[Answer, Truth]] = [(passed, "dent"), (passed, "clean"), (passed, "dent"), (flagged, "clean")]
    scores = Records(project.scores)
    for number, (about, truth) in enumerate(said):
        scores.judge([Feedback(f"{number:032x}", about.score_id, "2026-11-06T08:00:00.000", truth)])
    scores.close()
    export(project, NOVEMBER, wide=True)
    given = rows(project, "fact_feedback")
    assert [r["n_escapes"] for r in given] == ["1", "-1", "1", "0"]
    assert [r["n_judged"] for r in given] == ["1", "0", "0", "1"]
    assert [r["n_false_rejects"] for r in given] == ["0", "0", "0", "1"]
    assert {r["date_key"] for r in given} == {"20261105"}, "a judgement counts on the day of its answer"
    wide = {r["score_id"]: r for r in rows(project, "wide")}
    assert (wide[passed.score_id]["truth"], wide[passed.score_id]["is_escape"]) == ("dent", "1")


def test_parquet_holds_what_the_csv_holds(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.9, 2), "http", "a.jpg"))
    export(project, NOVEMBER, parquet=True)
    for table in TABLES:
        name = f"{table.name}/*" if table.is_fact else table.name
        typed = duckdb.sql(readback.rows(table, project.dashboard / f"{name}.csv")).fetchall()
        assert duckdb.sql(f"FROM '{project.dashboard}/parquet/{name}.parquet'").fetchall() == typed


def test_empty_project_has_every_file_with_its_header(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    export(workspace, NOVEMBER)
    assert (
        (workspace.dashboard / "fact_score" / "fact_score_2026-11.csv").read_text("utf-8-sig").startswith("score_id,")
    )
    assert rows(workspace, "fact_score") == [] and len(rows(workspace, "dim_time")) == 1440
