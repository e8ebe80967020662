"""The formats by name, and which of them a file or folder is in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dentline.errors import DentlineError
from labeling.annotation import Annotation
from labeling.formats import dotted, masks, tables
from labeling.formats.draft import Draft


@dataclass(frozen=True)
class Format:
    """One way of keeping labels.

    Attributes:
        recognises: whether a path holds it.
        read: adds what it says to a draft.
        write: writes annotations to a path, given each photo's file and part.
        photos: the folder below the source where its photos lie, the first that is there.
        loses: what it cannot carry.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path, Draft], None]
    write: Callable[[Path, Sequence[Annotation], Mapping[str, Path], Mapping[str, str]], None]
    photos: Callable[[Path], Path | None]
    loses: str


def _beside(source: Path) -> Path | None:
    folder = source if source.is_dir() else source.parent
    return next((folder / name for name in ("images", "photos") if (folder / name).is_dir()), None)


FORMATS: dict[str, Format] = {
    "csv": Format(tables.recognises, tables.read, lambda to, a, _, g: tables.write(to, a, g), _beside, tables.LOSES),
    "dotted": Format(
        dotted.recognises, dotted.read, lambda to, a, p, _: dotted.write(to, a, p), dotted.plain_folder, dotted.LOSES
    ),
    "masks": Format(masks.recognises, masks.read, lambda to, a, *_: masks.write(to, a), _beside, masks.LOSES),
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
