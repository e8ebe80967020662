"""The scores given: scores.db, written and migrated here. An answer is recorded before it leaves.

One SQLite file in WAL mode takes records from several processes. What can be lost:

========== ================== =========================================== ===================
durability the service killed the power cut                               a commit costs
========== ================== =========================================== ===================
``normal`` nothing            the last records, back to the last time     about 0.03 ms
                              SQLite moved its log into the file (1000
                              pages); the file stays whole
``full``   nothing            nothing that was acknowledged               one flush of the disk
========== ================== =========================================== ===================
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from dentline.errors import DentlineError
from deployment.answer import Answer, ids_from
from deployment.drift_check import DriftCheck
from deployment.feedback import Feedback

Durability = Literal["normal", "full"]

VERSION = 1
# `seq` counts the commits: what was recorded after another has a higher one, whatever the clock did.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS score (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, score_id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL, scored_at TEXT NOT NULL, model_id TEXT NOT NULL,
    door TEXT NOT NULL, photo_sha256 TEXT NOT NULL, photo_id TEXT, part_id TEXT, station TEXT,
    width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, p REAL NOT NULL, threshold REAL NOT NULL,
    verdict TEXT NOT NULL, n_defects INTEGER NOT NULL, latency_ms REAL NOT NULL,
    brightness REAL NOT NULL, contrast REAL NOT NULL, sharpness REAL NOT NULL, saturation REAL NOT NULL,
    distance REAL, camera TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS score_scored_at ON score (scored_at);
CREATE TABLE IF NOT EXISTS defect (
    score_id TEXT NOT NULL, number INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL, p REAL NOT NULL,
    PRIMARY KEY (score_id, number)
) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS feedback (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, feedback_id TEXT NOT NULL UNIQUE, score_id TEXT NOT NULL,
    given_at TEXT NOT NULL, truth TEXT NOT NULL, operator TEXT, marks TEXT NOT NULL, was_sampled INTEGER NOT NULL,
    note TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS feedback_score ON feedback (score_id);
CREATE TABLE IF NOT EXISTS drift (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, drift_id TEXT NOT NULL UNIQUE, measured_at TEXT NOT NULL, station TEXT,
    model_id TEXT NOT NULL, period TEXT NOT NULL, measure TEXT NOT NULL, n_photos INTEGER NOT NULL,
    psi REAL NOT NULL, ks REAL NOT NULL, psi_threshold REAL NOT NULL, ks_threshold REAL NOT NULL,
    is_alarm INTEGER NOT NULL, upto_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT OR IGNORE INTO about VALUES ('database_id', lower(hex(randomblob(16))));
"""

_BUSY_S = 2.0
"""How long a commit waits for another process's, before it counts as failed."""


@dataclass(frozen=True)
class ScoreRecord:
    """One row of the table ``score``, with its defects.

    Attributes:
        door: the way in: ``http``, ``v2``, ``azure``, ``command``, ``batch``.
        photo_id, part_id, station: as the caller said; None where it did not.
    """

    answer: Answer
    door: str
    photo_id: str | None = None
    part_id: str | None = None
    station: str | None = None


class RecordsError(DentlineError):
    """The records cannot be written now: the disk is full, the file locked or damaged."""


class Records:
    """scores.db, open for writing. Safe to share between threads; each process opens its own."""

    def __init__(self, path: Path, durability: Durability = "normal") -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise RecordsError(
                    str(path), f"has version {version}, this Dentline writes {VERSION}", "update Dentline"
                )
            if version == 0:
                self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {durability.upper()}")
            if version == 0:
                self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        except (OSError, sqlite3.Error) as error:
            raise RecordsError(str(path), f"cannot be opened: {error}", "check the disk and its rights") from error

    def add(self, records: Sequence[ScoreRecord]) -> None:
        """Write the records of one request, all or none, and return when they are committed.

        Raises:
            RecordsError: they are not stored; no answer may leave.
        """
        scores = [_score_row(record) for record in records]
        defects = [row for record in records for row in _defect_rows(record)]
        with self._transaction() as connection:
            connection.executemany(_INSERT_SCORE, scores)
            connection.executemany("INSERT INTO defect VALUES (?, ?, ?, ?, ?)", defects)

    def judge(self, judgements: Sequence[Feedback]) -> None:
        """Write judgements of answers, all or none, and return when they are committed.

        Raises:
            DentlineError: one judges an answer that is not here, or marks a place off its photo.
            RecordsError: they are not stored.
        """
        with self._transaction() as connection:
            for one in judgements:
                size = connection.execute(
                    "SELECT width_px, height_px FROM score WHERE score_id = ?", (one.score_id,)
                ).fetchone()
                if size is None:
                    raise DentlineError("feedback", f"no answer has the id {one.score_id!r}", "give a score_id")
                if any(x >= size[0] or y >= size[1] for x, y in one.marks):
                    raise DentlineError(f"feedback on {one.score_id}", f"marks off the photo of {size[0]} x {size[1]}")
            connection.executemany(
                "INSERT INTO feedback VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", map(_feedback_row, judgements)
            )

    def note_drift(self, checks: Sequence[DriftCheck]) -> None:
        """Write checks for drift; one that is here already is left as it is.

        Raises:
            RecordsError: they are not stored.
        """
        with self._transaction() as connection:
            connection.executemany(
                f"INSERT OR IGNORE INTO drift VALUES (NULL, {', '.join('?' * 13)})", map(_drift_row, checks)
            )

    def check(self) -> None:
        """Prove that a record could be written now, by writing what is there already.

        Raises:
            RecordsError: it could not.
        """
        with self._transaction() as connection:
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def forget(self, keep_days: float, now: datetime | None = None) -> int:
        """Delete scores older than `keep_days` with their defects, and return how many there were."""
        oldest = ids_from((now or datetime.now(UTC)) - timedelta(days=keep_days))
        with self._transaction() as connection:
            connection.execute("DELETE FROM defect WHERE score_id < ?", (oldest,))
            connection.execute("DELETE FROM feedback WHERE score_id < ?", (oldest,))
            n_gone = connection.execute("DELETE FROM score WHERE score_id < ?", (oldest,)).rowcount
        with self._lock:
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
        return n_gone

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except DentlineError:
                self._connection.execute("ROLLBACK")
                raise
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise RecordsError(str(self.path), f"cannot be written: {error}", "free the disk or lock") from error


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Return a read-only connection; a service may go on writing meanwhile.

    Raises:
        DentlineError: there is no such file, or it is of another version.
    """
    if not path.is_file():
        raise DentlineError(str(path), "no photo was scored yet", "run: dentline score PHOTOS, or dentline serve")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise DentlineError(str(path), f"cannot be read: {error}") from error
    if version != VERSION:
        raise DentlineError(str(path), f"has version {version}, this Dentline reads {VERSION}", "update Dentline")
    return connection


def to_judge(connection: sqlite3.Connection, sample_bound: str, most: int) -> list[dict[str, Any]]:
    """Return the newest answers that nobody judged: flagged ones, and those of the drawn sample.

    Args:
        sample_bound: what the random part of a sampled answer's id sorts before.
    """
    columns = "score_id, scored_at, model_id, photo_sha256, photo_id, part_id, station, width_px, height_px, p, verdict"
    found = connection.execute(
        f"SELECT {columns} FROM score s WHERE (verdict <> 'ok' OR substr(score_id, 13, 4) < ?) "
        "AND NOT EXISTS (SELECT 1 FROM feedback f WHERE f.score_id = s.score_id) ORDER BY seq DESC LIMIT ?",
        (sample_bound, most),
    ).fetchall()
    places = "SELECT x, y, p FROM defect WHERE score_id = ? ORDER BY number"
    return [
        dict(zip(columns.split(", "), row, strict=True))
        | {"defects": [{"x": x, "y": y, "p": p} for x, y, p in connection.execute(places, (row[0],))]}
        for row in found
    ]


def judgements(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the last judgement of each judged answer with what the answer was, in the order they were given."""
    columns = (
        "f.feedback_id, f.given_at, f.truth, f.operator, f.marks, s.score_id, s.photo_sha256, s.photo_id, s.part_id"
    )
    names = [name.split(".")[1] for name in columns.split(", ")]
    found = connection.execute(
        f"SELECT {columns}, s.verdict, s.model_id FROM feedback f JOIN score s USING (score_id) "
        "WHERE f.seq = (SELECT max(seq) FROM feedback l WHERE l.score_id = f.score_id) ORDER BY f.seq"
    ).fetchall()
    rows = [dict(zip([*names, "verdict", "model_id"], row, strict=True)) for row in found]
    places = "SELECT x, y FROM defect WHERE score_id = ? ORDER BY number"
    for row in rows:
        row["marks"] = [tuple(mark) for mark in json.loads(row["marks"])]
        row["called"] = connection.execute(places, (row["score_id"],)).fetchall()
    return rows


def latest_drift(connection: sqlite3.Connection) -> list[DriftCheck]:
    """Return each station's and model's last check of each measure over its last photos."""
    columns = (
        "drift_id, measured_at, station, model_id, period, measure, n_photos, psi, ks, psi_threshold, ks_threshold, "
        "upto_seq"
    )
    found = connection.execute(
        f"SELECT {columns}, max(seq) FROM drift WHERE period = 'photos' GROUP BY station, model_id, measure"
    )
    return [DriftCheck(*row[:-1]) for row in found]


_SCORE_COLUMNS = 22
_INSERT_SCORE = f"INSERT INTO score VALUES (NULL, {', '.join('?' * _SCORE_COLUMNS)})"


def _score_row(record: ScoreRecord) -> tuple[object, ...]:
    answer, quality = record.answer, record.answer.quality
    return (
        answer.score_id,
        answer.request_id,
        answer.scored_at,
        answer.model_id,
        record.door,
        answer.photo_sha256,
        record.photo_id,
        record.part_id,
        record.station,
        answer.width_px,
        answer.height_px,
        answer.p,
        answer.threshold,
        answer.verdict,
        len(answer.defects),
        answer.latency_ms,
        quality.brightness,
        quality.contrast,
        quality.sharpness,
        quality.saturation,
        quality.distance,
        quality.camera,
    )


def _defect_rows(record: ScoreRecord) -> Iterable[tuple[object, ...]]:
    defects = record.answer.defects
    for number, ((x, y), p) in enumerate(zip(defects.xy.tolist(), defects.p.tolist(), strict=True), 1):
        yield record.answer.score_id, number, x, y, p


def _feedback_row(one: Feedback) -> tuple[object, ...]:
    marks = json.dumps(one.marks)
    return (
        one.feedback_id,
        one.score_id,
        one.given_at,
        one.truth,
        one.operator,
        marks,
        int(one.was_sampled),
        one.note,
    )


def _drift_row(check: DriftCheck) -> tuple[object, ...]:
    return (
        check.drift_id,
        check.measured_at,
        check.station,
        check.model_id,
        check.period,
        check.measure,
        check.n_photos,
        check.psi,
        check.ks,
        check.psi_threshold,
        check.ks_threshold,
        int(check.is_alarm),
        check.upto_seq,
    )
