"""Answers that are recorded, and the rows that an export wrote of them."""

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dentline.workspace import Workspace
from deployment.answer import Answer, Defects, Quality, ids_from
from deployment.records import Records, ScoreRecord

NOVEMBER = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


RUN = "20261018-093000-vgg16"


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
