"""The one owner of hard.csv: places that a model called dents and a person did not. They are cut as negatives."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dentline.errors import DentlineError
from dentline.files import write_text


@dataclass(frozen=True, order=True)
class HardPlace:
    """A place without a dent. `origin` says which judgement it came from: ``feedback:<feedback_id>``."""

    photo_id: str
    x: float
    y: float
    origin: str


_HEADER = ["photo_id", "x", "y", "origin"]


def read(path: Path) -> list[HardPlace]:
    """Return the places, none where the file is not there.

    Raises:
        DentlineError: naming the row that is wrong.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as handle:
        table = csv.DictReader(handle)
        if table.fieldnames != _HEADER:
            raise DentlineError(str(path), f"has the columns {table.fieldnames}", f"they must be {_HEADER}")
        return [_place(row, f"{path} row {number}") for number, row in enumerate(table, 2)]


def write(path: Path, places: Iterable[HardPlace]) -> None:
    """Write the places, sorted, each once."""
    out = StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_HEADER)
    table.writerows((p.photo_id, f"{p.x:g}", f"{p.y:g}", p.origin) for p in sorted(set(places)))
    write_text(path, out.getvalue())


def _place(row: dict[str, str], where: str) -> HardPlace:
    try:
        return HardPlace(row["photo_id"], float(row["x"]), float(row["y"]), row["origin"])
    except (TypeError, ValueError) as error:
        raise DentlineError(where, f"is {row}", "give photo_id, x, y, origin") from error
