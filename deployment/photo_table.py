"""The table that ``dentline call --csv`` writes: one row a photo. UTF-8 with BOM, as Excel reads it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dentline.files import write_text
from deployment.client import Photo


@dataclass(frozen=True)
class Row:
    """One scored photo. `defects` is ``x y p`` of each, in pixels, joined by ``;``."""

    path: str
    score_id: str
    scored_at_utc: str
    model_id: str
    verdict: str
    p: float
    threshold: float
    n_defects: int
    defects: str

    @classmethod
    def of(cls, path: Path, photo: Photo) -> "Row":
        return cls(
            path=str(path),
            score_id=photo.score_id,
            scored_at_utc=photo.scored_at,
            model_id=photo.model_id,
            verdict=photo.verdict,
            p=photo.p,
            threshold=photo.threshold,
            n_defects=len(photo.defects),
            defects=";".join(f"{d.x:.1f} {d.y:.1f} {d.p:.4f}" for d in photo.defects),
        )


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write the table, with its header, atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Row)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(path, text.getvalue(), "utf-8-sig")
