"""The one owner of labels.db: every revision of every photo's annotation, none ever rewritten.

One SQLite file in WAL mode, one row a save, one transaction a save: a crash leaves the whole row or
none of it. A save is on the disk (``synchronous=FULL``) before it is acknowledged. Any number of
threads and processes may hold a store on the same file.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import replacing
from labeling.annotation import Annotation, Center

_VERSION = 1
_WAIT_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS annotation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id TEXT NOT NULL,
    reader TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    status TEXT NOT NULL,
    centers TEXT NOT NULL,
    annotator TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (photo_id, reader, revision)
) STRICT
"""
_COLUMNS = "photo_id, width, height, centers, status, annotator, revision, updated_at, reader"
_LATEST = "JOIN (SELECT max(id) AS id FROM annotation GROUP BY photo_id, reader) USING (id)"


class Conflict(DentlineError):
    """A save that started from a revision which is no longer the current one; nothing was stored.

    Attributes:
        current: what is stored now, or None where nothing is.
    """

    def __init__(self, photo_id: str, expected_revision: int, current: Annotation | None) -> None:
        self.current = current
        found = f"is at revision {current.revision} by {current.annotator}" if current else "has no revision yet"
        super().__init__(
            f"photo {photo_id}",
            f"the save started from revision {expected_revision} but the photo {found}",
            "look at both and save again from the current one",
        )


@dataclass(frozen=True)
class Entry:
    """One line of the log: a save, its place in the order of all saves, and for which reading."""

    id: int
    annotation: Annotation
    reader: str


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


class Store:
    """The annotations of a project.

    Each photo has one line of revisions, its annotation. A photo that is marked twice for agreement
    has a further line for each blind second reader: the methods take `reader`, ``""`` for the
    annotation itself or the second reader's name.

    Args:
        path: of labels.db; made where there is none.
        clock: tells the time of a save, in UTC.

    Raises:
        DentlineError: the file is no labels.db, or of a later version.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = now) -> None:
        self.path = Path(path)
        self._clock = clock
        self._lock = threading.RLock()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise DentlineError(
                str(path),
                f"cannot be opened: {error}",
                "move it away and take a backup: dentline labels restore --backup FILE",
            ) from error
        except DentlineError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise DentlineError(str(self.path), f"is of version {version}, later than {_VERSION}", "update Dentline")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if version < _VERSION:
            with self.transaction():
                self._db.execute(_SCHEMA)
                self._db.execute(f"PRAGMA user_version={_VERSION}")

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. A store that is never closed loses nothing."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Store every save made inside, or, on an exception, none. May be nested.

        Raises:
            DentlineError: the file cannot be written; nothing is stored.
        """
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    problem = f"cannot be written: {error}"
                    raise DentlineError(str(self.path), problem, "nothing was stored; try again") from error
                raise

    def save(self, annotation: Annotation, expected_revision: int, reader: str = "") -> Annotation:
        """Store one more revision of a photo and return it once it is on the disk.

        A save that is sent twice, because its answer got lost, is stored once.

        Args:
            annotation: its `revision` and `updated_at` are set by the store.
            expected_revision: the one the person started from, 0 for a photo without any.
            reader: the blind second reader, or ``""``.

        Raises:
            Conflict: the photo is at another revision; nothing is stored.
            DentlineError: the annotator has no name.
        """
        if not annotation.annotator.strip():
            raise DentlineError(f"photo {annotation.photo_id}", "the annotator has no name", "say who marks")
        with self.transaction():
            current = self.get(annotation.photo_id, reader)
            stored = replace(annotation, revision=expected_revision + 1, updated_at=self._clock())
            if current and replace(stored, updated_at=current.updated_at) == current:
                return current
            if (current.revision if current else 0) != expected_revision:
                raise Conflict(annotation.photo_id, expected_revision, current)
            self._db.execute(f"INSERT INTO annotation ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", _row(stored, reader))
            return stored

    def replace_all(self, annotations: Iterable[Annotation]) -> list[Annotation]:
        """Store a new revision of each photo on top of whatever is there, all or none.

        A photo whose size, status and centres are as stored keeps its revision.

        Returns:
            what was stored, without the unchanged.
        """
        changed = []
        with self.transaction():
            for annotation in annotations:
                current = self.get(annotation.photo_id)
                if current is None or _content(current) != _content(annotation):
                    changed.append(self.save(annotation, current.revision if current else 0))
        return changed

    def get(self, photo_id: str, reader: str = "") -> Annotation | None:
        """Return the current annotation of a photo, or None where it has none."""
        entries = self._select("WHERE photo_id = ? AND reader = ? ORDER BY revision DESC LIMIT 1", photo_id, reader)
        return entries[0].annotation if entries else None

    def revision(self, photo_id: str, number: int, reader: str = "") -> Annotation | None:
        """Return one revision of a photo, or None where it has no such."""
        entries = self._select("WHERE photo_id = ? AND reader = ? AND revision = ?", photo_id, reader, number)
        return entries[0].annotation if entries else None

    def latest(self) -> dict[str, Annotation]:
        """Return the current annotation of every photo that has one, by photo id, sorted."""
        entries = self._select(f"{_LATEST} WHERE reader = '' ORDER BY photo_id")
        return {entry.annotation.photo_id: entry.annotation for entry in entries}

    def second_readings(self) -> dict[str, list[Annotation]]:
        """Return the current blind second readings of every photo that has any, by photo id."""
        found: dict[str, list[Annotation]] = {}
        for entry in self._select(f"{_LATEST} WHERE reader != '' ORDER BY photo_id, reader"):
            found.setdefault(entry.annotation.photo_id, []).append(entry.annotation)
        return found

    def history(self, photo_id: str, reader: str = "") -> list[Annotation]:
        """Return every revision of a photo, the first one first."""
        entries = self._select("WHERE photo_id = ? AND reader = ? ORDER BY revision", photo_id, reader)
        return [entry.annotation for entry in entries]

    def log(self, after_id: int = 0, limit: int = -1) -> list[Entry]:
        """Return the saves of all photos in the order they were made, those after `after_id`."""
        return self._select("WHERE id > ? ORDER BY id LIMIT ?", after_id, limit)

    def last_id(self) -> int:
        """Return the place of the latest save in the log, 0 where there is none."""
        with self._lock:
            (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM annotation").fetchone()
        return int(last)

    def backup(self, path: Path) -> None:
        """Write everything into one file at `path`, whole or not at all; saves may go on meanwhile."""
        with replacing(path) as temporary, self._lock:
            self._db.execute("VACUUM INTO ?", (str(temporary),))

    def _select(self, what: str, *values: Any) -> list[Entry]:
        with self._lock:
            rows = self._db.execute(f"SELECT id, {_COLUMNS} FROM annotation {what}", values).fetchall()
        return [Entry(id, _annotation(row), row[-1]) for id, *row in rows]


def _content(annotation: Annotation) -> tuple[object, ...]:
    return annotation.width, annotation.height, annotation.status, annotation.centers


def _row(annotation: Annotation, reader: str) -> tuple[Any, ...]:
    centers = json.dumps([[center.x, center.y] for center in annotation.centers])
    return (
        *(annotation.photo_id, annotation.width, annotation.height, centers, annotation.status),
        *(annotation.annotator, annotation.revision, annotation.updated_at.astimezone(UTC).isoformat(), reader),
    )


def _annotation(row: list[Any]) -> Annotation:
    photo_id, width, height, centers, status, annotator, revision, updated_at, _ = row
    return Annotation(
        photo_id=photo_id,
        width=width,
        height=height,
        centers=tuple(Center(x, y) for x, y in json.loads(centers)),
        status=status,
        annotator=annotator,
        revision=revision,
        updated_at=datetime.fromisoformat(updated_at),
    )
