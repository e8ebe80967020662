"""Labels as CSV: a row a centre, and beside it, where there is more to say, a row a photo.

``centers.csv`` has ``image,x,y``; a row without x and y says that the photo was reviewed and has no
dent. ``images.csv``, optional and beside it, has ``image`` and any of ``status``, ``surface`` (``free``
is reviewed without dents), ``annotator``, and the part that the photo shows (``group``, ``part`` or
``tile``). A photo listed there without centres was reviewed and has none, unless it says otherwise.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import get_args

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.annotation import Status
from labeling.catalog import photos_beside
from labeling.formats.draft import Draft
from labeling.formats.outgoing import Outgoing

LOSES = "earlier revisions and second readings; a single .csv also loses skipped photos, annotators and groups"

photos = photos_beside

_NAMES = {
    "image": ("image", "photo_id", "photo", "file", "filename", "file_name", "name"),
    "x": ("x", "x_px", "cx", "center_x"),
    "y": ("y", "y_px", "cy", "center_y"),
    "status": ("status",),
    "surface": ("surface",),
    "annotator": ("annotator",),
    "group": ("group", "part", "tile"),
}
"""Columns, by the names they go by."""

_STATUS = {**{status: status for status in get_args(Status)}, "free": "clean"}


def recognises(source: Path) -> bool:
    return source.suffix.lower() == ".csv" or (source / "centers.csv").is_file()


def read(source: Path, draft: Draft) -> None:
    """Read one CSV file, or a folder with ``centers.csv`` and perhaps ``images.csv``."""
    centers = source / "centers.csv" if source.is_dir() else source
    for where, row in _rows(centers, ("image", "x", "y")):
        photo_id = draft.photo(where, row["image"])
        if row["x"] or row["y"]:
            draft.mark(where, photo_id, row["x"], row["y"])
        else:
            draft.status(where, photo_id, "clean")
    listed = centers.with_name("images.csv")
    if listed.is_file() and listed != centers:
        for where, row in _rows(listed, ("image",)):
            photo_id = draft.photo(where, row["image"])
            draft.group(where, photo_id, row.get("group", ""))
            draft.annotator(photo_id, row.get("annotator", ""))
            _review(draft, where, photo_id, row)


def _review(draft: Draft, where: str, photo_id: str | None, row: Mapping[str, str]) -> None:
    said = (row.get("status") or row.get("surface") or "").lower()
    if said in _STATUS or row.get("status"):
        draft.status(where, photo_id, _STATUS.get(said, said))
    elif photo_id is not None and not said and not draft.marked(photo_id):
        draft.status(where, photo_id, "clean")


def write(target: Path, out: Outgoing) -> None:
    """Write one CSV file, or, where `target` is no .csv, a folder with ``centers.csv`` and ``images.csv``."""
    marks = [[a.photo_id, c.x, c.y] for a in out.annotations for c in a.centers]
    if target.suffix.lower() == ".csv":
        clean = [[a.photo_id, "", ""] for a in out.annotations if a.status == "clean"]
        write_text(target, _csv(["image", "x", "y"], [*marks, *clean]))
        return
    write_text(target / "centers.csv", _csv(["image", "x", "y"], marks))
    rows = [[a.photo_id, a.status, out.groups.get(a.photo_id, ""), a.annotator] for a in out.annotations]
    write_text(target / "images.csv", _csv(["image", "status", "group", "annotator"], rows))


def _csv(names: list[str], rows: Sequence[Sequence[object]]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row with the place to call it by, its columns under our names, cells stripped."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "save it as CSV in UTF-8") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip().lower() for name in next(reader, [])]
    columns = _columns(header)
    missing = [name for name in needed if name not in columns]
    if missing:
        raise DentlineError(f"{path}: row 1", f"has no column {missing[0]!r}", "the columns are image,x,y")
    for number, cells in enumerate(reader, 2):
        where = f"{path.name} row {number}"
        if len(cells) not in (0, len(header)):
            raise DentlineError(
                f"{path}: row {number}", f"has {len(cells)} cells, the header {len(header)}", "correct it"
            )
        if any(cell.strip() for cell in cells):
            yield where, _row(cells, columns, delimiter)


def _row(cells: Sequence[str], columns: Mapping[str, int], delimiter: str) -> dict[str, str]:
    row = {name: cells[i].strip() for name, i in columns.items()}
    if delimiter == ";":  # where a comma is the decimal point
        row.update({name: row[name].replace(",", ".") for name in ("x", "y") if name in row})
    return row


def _columns(header: Sequence[str]) -> dict[str, int]:
    found = {name: next((header.index(n) for n in names if n in header), None) for name, names in _NAMES.items()}
    return {name: i for name, i in found.items() if i is not None}
