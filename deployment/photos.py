"""The photos a caller names on a command line: files, folders or globs."""

import glob
from collections.abc import Iterable
from pathlib import Path

from dentline.errors import DentlineError
from dentline.workspace import PHOTO_SUFFIXES


def find(names: Iterable[str]) -> list[Path]:
    """Return each photo once, in order: a file as named, the photos below a folder, what a glob matches.

    Raises:
        DentlineError: a name matches nothing.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            matched = sorted(p for p in path.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
        elif path.is_file():
            matched = [path]
        else:
            matched = sorted(Path(p) for p in glob.glob(name, recursive=True) if Path(p).is_file())  # noqa: PTH207
        if not matched:
            raise DentlineError(name, "no photo there", f"name files, folders or globs of {', '.join(PHOTO_SUFFIXES)}")
        found.update(dict.fromkeys(matched))
    return list(found)


def photo_id(path: Path, photos: Path) -> str:
    """Return a photo's id: its path below the project's photos, or its name when it lies elsewhere."""
    absolute, folder = path.resolve(), photos.resolve()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else path.name
