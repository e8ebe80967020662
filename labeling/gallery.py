"""The photos a page may show: the only way from a name in a request to a file."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dentline import images
from dentline.errors import DentlineError
from dentline.workspace import Workspace

_RESCAN_S = 2.0
_RESCAN_SHARE = 0.02
"""Looking at the folder takes at most this share of the time, however many photos are in it."""


class NoSuchPhoto(DentlineError):
    """A photo id that is none of the project's."""

    def __init__(self, photo_id: str) -> None:
        super().__init__(f"photo {photo_id[:200]!r}", "is not among the project's photos", "reload the page")


@dataclass(frozen=True)
class Photo:
    """A photo file as it was when looked up.

    Attributes:
        version: changes when the file does.
        width, height: in pixels, after the EXIF turn.
    """

    id: str
    path: Path
    version: str
    width: int
    height: int


class Gallery:
    """The photos of a project by id.

    A name is looked up in the list of the files found below ``photos/`` and never made into a path, so
    that no other file can be asked for. A link that leads out of ``photos/`` is not listed.
    """

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspace = workspace
        self._clock = clock
        self._lock = threading.Lock()
        self._paths: dict[str, Path] = {}
        self._scan_again_at = float("-inf")

    def ids(self) -> list[str]:
        """Return the ids of all photos, sorted; looks at the folder again when called after a while."""
        return list(self._scan())

    def photo(self, photo_id: str) -> Photo:
        """Return the photo with this id.

        Raises:
            NoSuchPhoto: none has it.
            ImageError: its header cannot be read.
        """
        path = self._paths.get(photo_id) or self._scan().get(photo_id)
        if path is None or not path.is_file():
            raise NoSuchPhoto(photo_id)
        stat = path.stat()
        width, height = images.size(path)
        return Photo(photo_id, path, f"{stat.st_mtime_ns:x}-{stat.st_size:x}", width, height)

    def _scan(self) -> dict[str, Path]:
        with self._lock:
            begun = self._clock()
            if begun >= self._scan_again_at:
                inside = self._workspace.photos.resolve()
                found = self._workspace.photo_paths()
                self._paths = {id: path for id, path in found.items() if path.resolve().is_relative_to(inside)}
                now = self._clock()
                self._scan_again_at = now + max(_RESCAN_S, (now - begun) / _RESCAN_SHARE)
            return self._paths
