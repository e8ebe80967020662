"""What a second export may rewrite, and what it repairs, keeps and refuses."""

import fcntl
import sqlite3
from datetime import UTC, datetime

import pytest

from dashboards import cells
from dashboards.export import export
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment.records import Records, ScoreRecord
from tests.export.project import NOVEMBER, answer, record, rows, stamps


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
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == ["1", "2"], "as they were recorded"


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
    assert "fact_score_2026-10.csv" in {path.name for path in kept}, "it may hold what scores.db has forgotten"


def test_export_is_one_moment_while_the_service_writes(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers recorded between two queries of an export are in neither the scores nor the defects of it."""
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.9, 3), "http"))
    original = cells.write_csv
    numbers = iter(range(2, 1000))

    def meanwhile(*args: object) -> int:
        record(project, ScoreRecord(answer(next(numbers), "2026-11-05T11:00:00.000", 0.9, 3), "http"))
        return original(*args)

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


def test_answers_forgotten_within_the_open_month_stay_in_its_file(project: Workspace) -> None:
    """A service may keep fewer days than a month has: what is new is added, not the month written anew."""
    record(project, ScoreRecord(answer(1, "2026-11-02T10:00:00.000"), "http"))
    export(project, NOVEMBER)
    scores = Records(project.scores)
    record(project, ScoreRecord(answer(2, "2026-11-19T10:00:00.000"), "http"))
    assert scores.forget(5, NOVEMBER) == 1
    scores.close()
    assert export(project, NOVEMBER).n_new["fact_score"] == 1
    assert [r["score_id"][-1] for r in rows(project, "fact_score")] == ["1", "2"]


def test_database_that_is_damaged_or_newer_is_named(project: Workspace) -> None:
    project.scores.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(DentlineError, match=r"scores\.db"):
        export(project, NOVEMBER)
    project.scores.unlink()
    Records(project.scores).close()
    connection = sqlite3.connect(project.scores)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DentlineError, match="version 99"):
        export(project, NOVEMBER)


def test_two_exports_at_once_are_refused(project: Workspace) -> None:
    project.dashboard.mkdir(parents=True)
    with (project.dashboard / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(DentlineError, match="another export"):
            export(project, NOVEMBER)
