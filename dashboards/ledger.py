"""What an export has already written: owns dashboard/export.json, by which the next one adds only what is new."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dashboards.tables import TABLES
from dentline.files import write_text

FORMAT = hashlib.sha256(repr([(t.name, t.columns) for t in TABLES]).encode()).hexdigest()
"""Changes with any column, so that no file keeps the columns of an older Dentline."""


@dataclass
class Ledger:
    """The state between two exports.

    Attributes:
        database: identity of the scores.db it speaks of; another database starts anew.
        clocks: by which days and minutes were told; other clocks start anew.
        rows: the count, in scores.db, up to which each fact was exported.
        sizes, n_rows: bytes and rows of each fact file written, by its path below the dashboard folder.
        parts, stations, models: every name met so far.
        first_day, last_day: of any row, as ``YYYY-MM-DD``.
        exported_at: UTC, ``YYYY-MM-DDTHH:MM:SS``; months before its month are closed. A clock set back does not
            move it back.
    """

    database: str = ""
    clocks: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    n_rows: dict[str, int] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    stations: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    first_day: str = ""
    last_day: str = ""
    exported_at: str = ""

    def is_closed(self, month: str) -> bool:
        """Whether a month, ``YYYY-MM``, was over when the last export ran."""
        return month < self.exported_at[:7]

    def is_intact(self, folder: Path, name: str) -> bool:
        """Whether a file is there with the size it was written with."""
        path = folder / name
        return name in self.sizes and path.is_file() and path.stat().st_size == self.sizes[name]


def load(path: Path) -> Ledger:
    """Read the ledger; one that is missing, damaged or of another format is empty, and all is written anew."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return Ledger(**table["ledger"]) if table["format"] == FORMAT else Ledger()
    except (OSError, ValueError, KeyError, TypeError):
        return Ledger()


def save(path: Path, ledger: Ledger) -> None:
    """Write the ledger, last of all files of an export."""
    write_text(path, json.dumps({"format": FORMAT, "ledger": asdict(ledger)}, indent=1, ensure_ascii=False) + "\n")
