"""What a photo that a caller names on a command line is called in the records."""

from pathlib import Path


def photo_id(path: Path, photos: Path) -> str:
    """Return a photo's id: its path below the project's photos, or its name when it lies elsewhere."""
    absolute, folder = path.resolve(), photos.resolve()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else path.name
