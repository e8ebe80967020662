"""Photos kept because the model was unsure of them: the next ones to label. Off unless a folder is named."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dentline.files import replacing
from dentline.picture_file import parse
from deployment.records import ScoreRecord

MARGIN = 0.2
"""A photo is uncertain when its p lies this near to the threshold."""

MAX_KEPT = 1000

_SUFFIXES = {"jpeg": ".jpg"}


class Keep:
    """A folder of uncertain photos, each once, under its SHA-256, at most 1000: the first ones stay.

    A photo that cannot be kept changes nothing about its answer; it is told on stderr.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n_kept = sum(1 for _ in folder.glob("*")) if folder.is_dir() else 0

    def take(self, records: Sequence[ScoreRecord], files: Sequence[bytes]) -> None:
        """Keep those of a request's files whose scores are uncertain."""
        for record, data in zip(records, files, strict=True):
            answer = record.answer
            if abs(answer.p - answer.threshold) > MARGIN or self._n_kept >= MAX_KEPT:
                continue
            kind = parse(data).format
            path = self._folder / (answer.photo_sha256 + _SUFFIXES.get(kind, f".{kind}"))
            if path.exists():
                continue
            try:
                with replacing(path) as temporary:
                    temporary.write_bytes(data)
                self._n_kept += 1
            except OSError as error:
                print(f"dentline: {path}: cannot be kept: {error.strerror}", file=sys.stderr, flush=True)

    def forget(self, keep_days: float) -> None:
        """Delete photos kept for longer than `keep_days`."""
        oldest = time.time() - keep_days * 86_400
        for path in self._folder.glob("*"):
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
                self._n_kept -= 1
