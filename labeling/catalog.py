"""Which photos there are: what a name in somebody's label file means, and how large the photo is."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from dentline import images
from dentline.errors import DentlineError


def photos_beside(source: Path) -> Path | None:
    """Return the folder ``images`` or ``photos`` in a source, or beside it if it is a file."""
    folder = source if source.is_dir() else source.parent
    return next((folder / name for name in ("images", "photos") if (folder / name).is_dir()), None)


class Catalog:
    """Photos by id, found by the names that label files use for them.

    Args:
        paths: photo id (a path with forward slashes) to the file.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = dict(paths)
        self._tails: dict[str, list[str]] = defaultdict(list)
        for photo_id in self.paths:
            pure = PurePosixPath(photo_id)
            for name in (pure, pure.with_suffix("")):
                for start in range(len(name.parts)):
                    self._tails["/".join(name.parts[start:])].append(photo_id)
        self._size = cache(lambda photo_id: images.size(self.paths[photo_id]))

    def find(self, name: str) -> str:
        """Return the id of the photo that `name` means: its id, or the end of its path, with or without suffix.

        A name from another machine is tried without its leading folders, one after the other.

        Raises:
            DentlineError: no photo has that name, or several have.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        tails = ["/".join(parts[start:]) for start in range(len(parts))]
        if tails and tails[0] in self.paths:
            return tails[0]
        for tail in tails:
            found = self._tails.get(tail, [])
            if len(found) == 1:
                return found[0]
            if found:
                raise DentlineError(f"photo {name}", f"may be {found[0]} or {found[1]}", "name it with its folder")
        raise DentlineError(f"photo {name}", "is not among the photos", "add it or correct the name")

    def has(self, name: str) -> bool:
        """Return whether exactly one photo goes by `name`."""
        try:
            self.find(name)
        except DentlineError:
            return False
        return True

    def size(self, photo_id: str) -> tuple[int, int]:
        """Return a photo's width and height in pixels after the EXIF turn."""
        return self._size(photo_id)
