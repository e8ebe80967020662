"""The one owner of proposals.csv: places that a model guessed on photos before anybody marked them."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.annotation import Center
from labeling.proposals import Proposals

_COLUMNS = ("photo_id", "x", "y", "p", "model_id")


def write(path: Path, found: Mapping[str, Proposals]) -> None:
    """Write what was guessed on each photo; one on which nothing was has one row without a place."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for photo_id in sorted(found):
        guess = found[photo_id]
        for center, p in zip(guess.centers, guess.p, strict=True):
            table.writerow((photo_id, f"{center.x:.1f}", f"{center.y:.1f}", f"{p:.4f}", guess.model_id))
        if not guess.p:
            table.writerow((photo_id, "", "", "", guess.model_id))
    write_text(path, text.getvalue())


def read(path: Path) -> dict[str, Proposals]:
    """Read it back; nothing where there is no file.

    Raises:
        DentlineError: the file is damaged.
    """
    if not path.is_file():
        return {}
    rows: dict[str, list[dict[str, str]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                rows.setdefault(row["photo_id"], []).append(row)
        return {photo_id: _proposals(found) for photo_id, found in rows.items()}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DentlineError(str(path), f"is damaged: {error}", "guess again with: dentline propose") from error


def ordered(ids: Sequence[str], guessed: Mapping[str, Proposals]) -> list[str]:
    """Return the same ids, the photo with the surest guess first; those not asked keep their order at the end."""
    return sorted(ids, key=lambda photo_id: -max(guessed[photo_id].p, default=0.0) if photo_id in guessed else 1.0)


def _proposals(rows: list[dict[str, str]]) -> Proposals:
    placed = [row for row in rows if row["x"]]
    centers = tuple(Center(float(row["x"]), float(row["y"])) for row in placed)
    return Proposals(rows[0]["model_id"], centers, tuple(float(row["p"]) for row in placed))
