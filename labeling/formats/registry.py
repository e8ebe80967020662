"""The formats by name, and which of them a file or folder is in."""

from pathlib import Path
from typing import Protocol

from dentline.errors import DentlineError
from labeling.formats import coco, cvat, dotted, label_studio, labelme, masks, tables, yolo
from labeling.formats.draft import Draft
from labeling.formats.outgoing import Outgoing


class Format(Protocol):
    """What a module of this folder offers: one way of keeping labels."""

    LOSES: str
    """What it cannot carry."""

    def recognises(self, source: Path) -> bool:
        """Return whether a file or folder is in this format, from its name or its first bytes."""

    def photos(self, source: Path) -> Path | None:
        """Return the folder where the photos of a source lie, if it brings them."""

    def read(self, source: Path, draft: Draft) -> None:
        """Add to a draft what a source says."""

    def write(self, target: Path, out: Outgoing) -> None:
        """Write a file or folder."""


FORMATS: dict[str, Format] = {
    "csv": tables,
    "coco": coco,
    "yolo": yolo,
    "cvat": cvat,
    "label-studio": label_studio,
    "labelme": labelme,
    "dotted": dotted,
    "masks": masks,
}


def named(name: str) -> Format:
    """Return a format by name, or raise a DentlineError that lists them."""
    if name not in FORMATS:
        raise DentlineError("format", f"is {name!r}", "known are: " + ", ".join(FORMATS))
    return FORMATS[name]


def recognise(source: Path) -> str:
    """Return the name of the format that `source` is in.

    Raises:
        DentlineError: there is nothing, or it may be none or several.
    """
    if not source.exists():
        raise DentlineError(str(source), "is not there", "check the path")
    found = [name for name, known in FORMATS.items() if known.recognises(source)]
    if len(found) != 1:
        problem = "may be " + " or ".join(found) if found else "is in no format that tells itself"
        raise DentlineError(str(source), problem, "say which: --format " + "|".join(found or FORMATS))
    return found[0]
