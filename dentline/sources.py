"""Photos wherever they lie: files of this machine, or URLs that fsspec opens (``abfs://`` with adlfs)."""

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.images import ImageError
from dentline.workspace import PHOTO_SUFFIXES, photos_in


@dataclass(frozen=True)
class Source:
    """One photo.

    Attributes:
        name: path or URL.
        mark: changes when the photo does: its size and the time or tag of its last change.
    """

    name: str
    mark: str


def of(path: Path) -> Source:
    """Return a file of this machine.

    Raises:
        ImageError: it cannot be looked at.
    """
    try:
        seen = path.stat()
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error), where=str(path)) from error
    return Source(str(path.resolve()), f"{seen.st_size} {seen.st_mtime_ns}")


def one(name: str) -> Source:
    """Return one file or URL with its mark.

    Raises:
        DentlineError: it is not there.
    """
    if not is_url(name):
        return of(Path(name))
    try:
        import fsspec

        files, path = fsspec.core.url_to_fs(name)
        return _source(files, path, files.info(path))
    except (ImportError, ValueError, OSError) as error:
        raise _cannot(name, error) from error


def below(folder: str) -> dict[str, Source]:
    """Return every photo in and below a folder or URL by its path below it, with forward slashes, sorted.

    Raises:
        DentlineError: there is none, or the URL cannot be opened.
    """
    found = _remote(folder) if is_url(folder) else {k: of(path) for k, path in photos_in(Path(folder)).items()}
    if not found:
        raise DentlineError(folder, "no photo there", f"name a folder of {', '.join(PHOTO_SUFFIXES)}")
    return found


def named(names: Iterable[str]) -> list[Path]:
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


def listed(names: Iterable[str]) -> list[str]:
    """Return the photos that a command line names, each once, sorted, as paths or URLs.

    Args:
        names: files, folders, globs, or URLs of folders.

    Raises:
        DentlineError: a name matches no photo.
    """
    found: set[str] = set()
    for name in names:
        if is_url(name):
            found.update(source.name for source in below(name).values())
        else:
            found.update(str(path.resolve()) for path in named([name]))
    return sorted(found)


def is_url(name: str) -> bool:
    return "://" in name


def read(name: str) -> bytes:
    """Return the bytes of a file or URL.

    Raises:
        OSError: it cannot be read.
    """
    if not is_url(name):
        return Path(name).read_bytes()
    with _open(name) as handle:
        content: bytes = handle.read()
    return content


def pixels(name: str) -> NDArray[np.uint8]:
    """Return a photo's pixels, ``(H, W, 3)`` uint8 RGB.

    Raises:
        ImageError: with the name: it cannot be read or decoded.
    """
    try:
        return images.decode(read(name), images.ON_DISK)
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error), where=name) from error
    except ImageError as error:
        raise ImageError(error.code, error.problem, error.remedy, name) from error


def rows(name: str, start: int, stop: int) -> NDArray[Any]:
    """Return rows of an array in a ``.npy`` file or URL, reading no others.

    Raises:
        OSError, ValueError: it cannot be read, or is no such array.
    """
    if not is_url(name):
        return np.asarray(np.load(name, mmap_mode="r")[start:stop])
    with _open(name) as handle:
        np.lib.format.read_magic(handle)
        shape, _, dtype = np.lib.format.read_array_header_1_0(handle)
        size = dtype.itemsize * int(np.prod(shape[1:]))
        handle.seek(handle.tell() + start * size)
        content = handle.read((stop - start) * size)
    return np.frombuffer(content, dtype).reshape(-1, *shape[1:])


def _open(url: str) -> Any:
    try:
        import fsspec

        return fsspec.open(url, "rb")
    except (ImportError, ValueError) as error:
        raise _cannot(url, error) from error


def _remote(url: str) -> dict[str, Source]:
    try:
        import fsspec

        files, folder = fsspec.core.url_to_fs(url)
        details = files.find(folder, detail=True)
        if not isinstance(details, dict):  # adlfs, where the URL is of a file
            details = {path: files.info(path) for path in details}
    except (ImportError, ValueError, OSError) as error:
        raise _cannot(url, error) from error
    found = {}
    for path, seen in sorted(details.items()):
        name = PurePosixPath(path).name
        below_it = name if path == folder else PurePosixPath(path).relative_to(folder).as_posix()
        if name.lower().endswith(PHOTO_SUFFIXES) and not name.startswith("."):
            found[below_it] = _source(files, path, seen)
    return found


def _source(files: Any, path: str, seen: dict[str, Any]) -> Source:
    changed = next((seen[k] for k in _CHANGES if seen.get(k) is not None), "")
    return Source(str(files.unstrip_protocol(path)), f"{seen.get('size')} {changed}")


_CHANGES = ("etag", "ETag", "md5", "last_modified", "LastModified", "mtime", "created")
"""What file systems call that which changes with a file, the surest first."""


def _cannot(url: str, error: Exception) -> DentlineError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return DentlineError(url, f"cannot be opened: {lines[0]}", "pip install 'dentline[dask,blob]', or mend the URL")
