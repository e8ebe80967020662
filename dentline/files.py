"""Whole-file writes that a crash leaves either old or new, and the fingerprint of a file."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it over `path`.

    On an exception the temporary file is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new empty folder beside `folder`; on success put it in `folder`'s place.

    On an exception the new folder is removed and `folder` stays as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        yield fresh
        take_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def take_place(fresh: Path, folder: Path) -> None:
    """Put a whole folder in `folder`'s place, on the same disk, and remove what was there."""
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as before:
        if folder.exists():
            folder.rename(Path(before) / folder.name)
        fresh.rename(folder)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write `text` to `path` atomically, with ``\\n`` line ends as given."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode(encoding))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of bytes already read, in hex."""
    return hashlib.sha256(data).hexdigest()
