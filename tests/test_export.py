"""The dashboard's files: the star's dictionary, FACTS' CSV rules, and what an export may rewrite."""

import csv
import fcntl
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from dashboards import cells, tables
from dashboards.export import export
from dashboards.tables import TABLES, WIDE
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment.answer import Answer, Defects, Quality, ids_from
from deployment.feedback import Feedback, Truth
from deployment.records import Records, ScoreRecord
from tests.conftest import ROOT

NOVEMBER = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
METRICS = {
    "test": {
        "auc": {"value": 0.99, "low": 0.97, "high": 1.0, "n": 40},
        "f1": {"value": 0.9, "low": float("nan"), "high": 1.0, "n": 40},
        "threshold": 0.4,
        "confusion": {"tp": 9, "fp": 1, "fn": 1, "tn": 29},
        "roc": {"x": [0.0, 0.1, 1.0], "y": [0.0, 0.9, 1.0]},
        "pr": {"x": [0.0, 1.0], "y": [1.0, 0.3]},
    }
}
RUN = "20261018-093000-vgg16"


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "my-part")
    run = workspace.run(RUN)
    run.mkdir(parents=True)
    (run / "metrics.json").write_text(json.dumps(METRICS))
    (run / "run.json").write_text(json.dumps({"model": "vgg16", "weights": "imagenet"}))
    (run / "history.csv").write_text("epoch,loss,val_loss\n1,0.9,1.0\n2,0.5,0.6\n")
    return workspace


def answer(number: int, scored_at: str, p: float = 0.1, n_defects: int = 0) -> Answer:
    rng = np.random.default_rng(number)
    defects = Defects(rng.uniform(0, 500, (n_defects, 2)).astype(np.float32), np.full(n_defects, p, np.float32))
    return Answer(
        f"{ids_from(datetime.fromisoformat(scored_at).replace(tzinfo=UTC))}{number:020x}",
        f"request-{number}",
        scored_at,
        RUN,
        hashlib.sha256(str(number).encode()).hexdigest(),
        1024,
        768,
        p,
        0.4,
        "defect" if p >= 0.4 else "ok",
        defects,
        Quality(120.0, 30.0, 200.0, 0.0),
        7.5,
    )


def record(workspace: Workspace, *records: ScoreRecord) -> None:
    scores = Records(workspace.scores)
    scores.add(records)
    scores.close()


def rows(workspace: Workspace, table: str, month: str = "") -> list[dict[str, str]]:
    pattern = f"{table}/{table}_{month}*.csv" if table.startswith("fact") else f"{table}.csv"
    found = []
    for path in sorted(workspace.dashboard.glob(pattern)):
        text = path.read_bytes().decode("utf-8-sig")
        found += list(csv.DictReader(text.splitlines()))
    return found


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.rglob("*.csv")}


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
        found = duckdb.sql(cells.read_csv(table, files[0] if not table.is_fact else files[0].parent / "*.csv"))
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
    assert (ROOT / "docs" / "dashboard-columns.md").read_text(encoding="utf-8") == tables.dictionary()


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


def test_values_are_written_as_power_bi_reads_them(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-10-31T23:59:59.999", 0.1, 1), "http", 'ä,"b".jpg', "door-7"))
    export(project, NOVEMBER)
    (score,) = rows(project, "fact_score")
    assert score["scored_at_utc"] == "2026-10-31T23:59:59"
    assert (score["date_key"], score["time_key"]) == ("20261031", "2359")
    assert (score["p"], score["is_rejected"], score["photo_id"]) == ("0.1", "0", 'ä,"b".jpg')
    assert score["station_key"] == "0"
    assert rows(project, "fact_score", "2026-10") == [score]
    auc, f1 = rows(project, "fact_training_metric")
    assert (auc["metric"], auc["value"], auc["n"], auc["date_key"]) == ("auc", "0.99", "40", "20261018")
    assert f1["low"] == "", "what is not a number is null"
    curves = rows(project, "fact_evaluation")
    assert [r["count"] for r in curves if r["curve"] == "confusion"] == ["29", "1", "1", "9"]
    assert [r["y"] for r in curves if r["curve"] == "val_loss"] == ["1", "0.6"]
    days = rows(project, "dim_date")
    assert (days[0]["date"], days[-1]["date"], len(days)) == ("2026-01-01", "2026-12-31", 365)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r\n=1+1",
        " =1+1",
        "a;=1+1;b",
        'a,=cmd|"/c calc"!A1',
        "＝1+1",
        "'=1",
    ],
)
def test_no_text_runs_as_a_formula(project: Workspace, text: str) -> None:
    record(project, ScoreRecord(answer(1, "2026-11-03T10:00:00.000"), "http", text, text, text))
    export(project, NOVEMBER, wide=True)
    cells_found = [rows(project, "fact_score")[0]["photo_id"], rows(project, "wide")[0]["part_id"]]
    cells_found += [r[n] for t, n in (("dim_part", "part_id"), ("dim_station", "station")) for r in rows(project, t)]
    for found in cells_found:
        for separator in (",", ";", "\t", "|"):
            for piece in found.split(separator):
                assert piece.strip(' "')[:1] not in set("=+-@\t\r\n＝＋－＠"), found
        assert found.isprintable()


def test_second_export_adds_what_is_new_and_leaves_the_rest(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-10-05T10:00:00.000"), "http"))
    record(project, ScoreRecord(answer(2, "2026-11-05T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    before = stamps(project.dashboard)
    assert export(project, NOVEMBER).written == []
    assert stamps(project.dashboard) == before
    record(project, ScoreRecord(answer(3, "2026-11-06T10:00:00.000"), "http"))
    done = export(project, NOVEMBER)
    assert done.written == ["fact_score/fact_score_2026-11.csv"] and done.n_new["fact_score"] == 1
    after = stamps(project.dashboard)
    assert {name for name in after if after[name] != before.get(name)} == set(done.written)
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == ["1", "2", "3"]


def test_month_boundary_opens_a_new_file_and_closes_the_old(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-11-30T23:59:59.990"), "http"))
    export(project, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    record(project, ScoreRecord(answer(2, "2026-11-30T23:59:59.999"), "http"))
    record(project, ScoreRecord(answer(3, "2026-12-01T00:00:00.000"), "http"))
    export(project, datetime(2026, 12, 1, 0, 0, 5, tzinfo=UTC))
    assert [len(rows(project, "fact_score", month)) for month in ("2026-11", "2026-12")] == [2, 1]
    november = stamps(project.dashboard)["fact_score/fact_score_2026-11.csv"]
    record(project, ScoreRecord(answer(4, "2026-12-02T00:00:00.000"), "http"))
    export(project, datetime(2026, 12, 2, tzinfo=UTC))
    assert stamps(project.dashboard)["fact_score/fact_score_2026-11.csv"] == november


def test_clock_set_back_loses_nothing_and_rewrites_nothing_closed(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-10-05T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    october = stamps(project.dashboard)["fact_score/fact_score_2026-10.csv"]
    record(project, ScoreRecord(answer(2, "2026-10-05T09:00:00.000"), "http"))
    export(project, datetime(2026, 10, 5, 9, 0, tzinfo=UTC))
    assert stamps(project.dashboard)["fact_score/fact_score_2026-10.csv"] == october
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == ["1", "2"]
    assert (project.dashboard / "fact_score" / "fact_score_2026-10_late_2.csv").is_file()


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_file_cut_in_the_middle_is_written_again(project: Workspace, month: str, harm: str) -> None:
    for number, at in enumerate(("2026-10-05", "2026-10-06", "2026-11-05", "2026-11-06"), 1):
        record(project, ScoreRecord(answer(number, f"{at}T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    path = project.dashboard / "fact_score" / f"fact_score_{month}.csv"
    whole = path.read_bytes()
    if harm == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.unlink()
    assert export(project, NOVEMBER).repaired == [f"fact_score/fact_score_{month}.csv"]
    assert path.read_bytes() == whole


def test_repairing_a_closed_month_takes_its_late_rows_in(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-10-05T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    record(project, ScoreRecord(answer(2, "2026-10-05T09:00:00.000"), "http"))
    export(project, NOVEMBER)
    (project.dashboard / "fact_score" / "fact_score_2026-10.csv").unlink()
    export(project, NOVEMBER)
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == ["2", "1"], "in the order of their time"


@pytest.mark.parametrize("harm", ["lost ledger", "other database"])
def test_starting_anew_leaves_no_row_of_before(project: Workspace, harm: str) -> None:
    record(project, ScoreRecord(answer(1, "2026-10-05T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    if harm == "lost ledger":
        (project.dashboard / "export.json").write_text("{")
        expected = "1"
    else:
        for path in project.root.glob("scores.db*"):
            path.unlink()
        record(project, ScoreRecord(answer(2, "2026-11-05T10:00:00.000"), "http"))
        expected = "2"
    export(project, NOVEMBER)
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == [expected]
    kept = list(project.dashboard.glob("replaced-*/fact_score/*.csv"))
    assert len(kept) == (harm == "other database"), "what is replaced is kept aside"


def test_export_is_one_moment_while_the_service_writes(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers recorded between two queries of an export are in neither the scores nor the defects of it."""
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.9, 3), "http"))
    original = cells.write_csv
    numbers = iter(range(2, 1000))

    def meanwhile(*args: object) -> int:
        record(project, ScoreRecord(answer(next(numbers), "2026-11-05T11:00:00.000", 0.9, 3), "http"))
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(cells, "write_csv", meanwhile)
    export(project, NOVEMBER)
    assert len(rows(project, "fact_score")) == 1 and len(rows(project, "fact_defect")) == 3
    monkeypatch.undo()
    export(project, NOVEMBER)
    scores, defects = rows(project, "fact_score"), rows(project, "fact_defect")
    assert len(scores) == next(numbers) - 1 and len(defects) == 3 * len(scores)


def test_old_answers_that_were_forgotten_stay_in_their_files(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-08-05T10:00:00.000"), "http"))
    record(project, ScoreRecord(answer(2, "2026-11-05T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    scores = Records(project.scores)
    assert scores.forget(30, NOVEMBER) == 1
    scores.close()
    record(project, ScoreRecord(answer(3, "2026-11-06T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == ["1", "2", "3"]
    (project.dashboard / "fact_score" / "fact_score_2026-08.csv").write_text("cut")
    with pytest.raises(DentlineError, match=r"fact_score_2026-08.csv.*no longer"):
        export(project, NOVEMBER)


def test_german_reader_with_the_documented_settings_reads_the_numbers(project: Workspace) -> None:
    """pandas, told what the model tells Power BI: UTF-8, comma, dot decimals; no locale enters."""
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.125), "http", "Tür-ß.jpg"))
    export(project, NOVEMBER)
    frame = pd.read_csv(
        project.dashboard / "fact_score" / "fact_score_2026-11.csv", parse_dates=["scored_at_utc"], encoding="utf-8-sig"
    )
    assert frame.p[0] == 0.125 and frame.photo_id[0] == "Tür-ß.jpg" and frame.scored_at_utc[0].day == 5


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
        typed = duckdb.sql(cells.read_csv(table, project.dashboard / f"{name}.csv")).fetchall()
        assert duckdb.sql(f"FROM '{project.dashboard}/parquet/{name}.parquet'").fetchall() == typed


def test_empty_project_has_every_file_with_its_header(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    export(workspace, NOVEMBER)
    assert (
        (workspace.dashboard / "fact_score" / "fact_score_2026-11.csv").read_text("utf-8-sig").startswith("score_id,")
    )
    assert rows(workspace, "fact_score") == [] and len(rows(workspace, "dim_time")) == 1440


def test_two_exports_at_once_are_refused(project: Workspace) -> None:
    project.dashboard.mkdir(parents=True)
    with (project.dashboard / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(DentlineError, match="another export"):
            export(project, NOVEMBER)
