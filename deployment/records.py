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
from typing import Literal

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
            if defects:
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


def latest_drift(connection: sqlite3.Connection) -> list[DriftCheck]:
    """Return each station's and model's last checks of each measure over its last photos, the short and the long."""
    columns = (
        "drift_id, measured_at, station, model_id, period, measure, n_photos, psi, ks, psi_threshold, ks_threshold, "
        "upto_seq"
    )
    found = connection.execute(
        f"SELECT {columns}, max(seq) FROM drift WHERE period = 'photos' GROUP BY station, model_id, measure, n_photos"
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
