import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dentline.errors import DentlineError
from deployment import records
from deployment.answer import Answer, Defects, Quality, new_id
from deployment.records import Records, RecordsError, ScoreRecord

ROOT = Path(__file__).resolve().parents[1]
ANSWER = Answer(
    score_id=new_id(),
    request_id="r-1",
    scored_at="2026-11-20T10:00:00.000",
    model_id="20260102-030405-tiny",
    photo_sha256="ab" * 32,
    width_px=640,
    height_px=480,
    p=0.9,
    threshold=0.5,
    verdict="defect",
    defects=Defects(np.array([[10.5, 20], [30, 40]], np.float32), np.array([0.9, 0.7], np.float32)),
    quality=Quality(120.0, 20.0, 55.0, 0.0),
    latency_ms=12.5,
)


def record(**changes: object) -> ScoreRecord:
    return ScoreRecord(replace(ANSWER, score_id=new_id(), **changes), "http", "door.jpg", "door-7", None)


def test_ids_sort_by_time_and_differ() -> None:
    ids = [new_id(1e9 + n) for n in range(50)]
    assert ids == sorted(ids)
    assert len({new_id(1.0) for _ in range(100)}) == 100
    assert {len(i) for i in ids} == {32}


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_a_record_is_there_for_another_process_at_once(tmp_path: Path, durability: records.Durability) -> None:
    path = tmp_path / "scores.db"
    writer = Records(path, durability)
    writer.add([record(), record(p=0.1, verdict="ok", defects=Defects(ANSWER.defects.xy[:0], ANSWER.defects.p[:0]))])
    reader = records.open_for_reading(path)
    rows = reader.execute("SELECT part_id, station, p, n_defects, verdict FROM score ORDER BY score_id").fetchall()
    assert sorted(rows) == [("door-7", None, 0.1, 0, "ok"), ("door-7", None, 0.9, 2, "defect")]
    assert reader.execute("SELECT number, x, y FROM defect ORDER BY number").fetchall() == [(1, 10.5, 20), (2, 30, 40)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM score")


def test_all_of_a_request_or_nothing(tmp_path: Path) -> None:
    writer = Records(tmp_path / "scores.db")
    twice = record()
    with pytest.raises(RecordsError, match="UNIQUE"):
        writer.add([record(), twice, twice])
    writer.add([record()])
    assert records.open_for_reading(tmp_path / "scores.db").execute("SELECT count(*) FROM score").fetchone() == (1,)


def test_a_locked_or_full_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BUSY_S", 0.05)
    path = tmp_path / "scores.db"
    writer = Records(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for write in (lambda: writer.add([record()]), writer.check, lambda: writer.forget(1)):
        with pytest.raises(RecordsError, match="locked"):
            write()
    other.execute("ROLLBACK")
    writer.check()
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RecordsError, match="full"):
        for _ in range(500):
            writer.add([record()])
    writer._connection.execute("PRAGMA max_page_count = 100000")
    writer.add([record()])


def test_old_records_are_forgotten_with_their_defects(tmp_path: Path) -> None:
    writer = Records(tmp_path / "scores.db")
    for month in (1, 3):
        made = new_id(datetime(2026, month, 1, tzinfo=UTC).timestamp())
        writer.add([replace(record(), answer=replace(ANSWER, score_id=made))])
    assert writer.forget(30, datetime(2026, 3, 15, tzinfo=UTC)) == 1
    reader = records.open_for_reading(tmp_path / "scores.db")
    assert reader.execute("SELECT count(*) FROM score").fetchone() == (1,)
    assert reader.execute("SELECT count(*) FROM defect").fetchone() == (2,)


def test_missing_or_other_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    with pytest.raises(DentlineError, match="no photo was scored"):
        records.open_for_reading(path)
    sqlite3.connect(path).execute("PRAGMA user_version = 99")
    with pytest.raises(DentlineError, match="version 99"):
        records.open_for_reading(path)
    with pytest.raises(RecordsError, match="version 99"):
        Records(path)


WRITER = """
import sys
from pathlib import Path
from deployment.records import Records
from tests.test_records import record
records = Records(Path(sys.argv[1]))
for number in range(100):
    records.add([record()])
    print(number, flush=True)
"""


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [w.wait(timeout=60) for w in writers] == [0, 0, 0]
    assert records.open_for_reading(path).execute("SELECT count(*) FROM score").fetchone() == (300,)


def test_nothing_acknowledged_is_lost_to_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    n_acknowledged = 0
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert writer.stdout is not None
        for line in writer.stdout:
            n_acknowledged += 1
            if line.strip() == "20":
                writer.kill()
                break
        n_acknowledged += len(writer.stdout.readlines())
        writer.wait()
        writer.stdout.close()
    (n_stored,) = records.open_for_reading(path).execute("SELECT count(*) FROM score").fetchone()
    assert n_stored >= n_acknowledged > 60
