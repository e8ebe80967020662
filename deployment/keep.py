"""Photos kept for people to judge or label: flagged, uncertain, or drawn as a sample. Off unless a folder is named.

Which of the answers belong to the sample is a matter of their ids alone, so everybody who looks draws the same.
"""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dentline.files import replacing
from dentline.picture_file import parse
from deployment.records import ScoreRecord

MARGIN = 0.2
"""A photo is uncertain when its p lies this near to the threshold."""

MAX_KEPT = 10_000

_SUFFIXES = {"jpeg": ".jpg"}


def sample_bound(share: float) -> str:
    """Return the text that the random part of an id sorts before, for this share of ids."""
    return f"{int(share * 0x10000):04x}" if share < 1 else "g"


def is_sampled(score_id: str, share: float) -> bool:
    """Whether an answer belongs to the sample of its share; the first 12 digits of its id are its time."""
    return score_id[12:16] < sample_bound(share)


def find(folder: Path, photo_sha256: str) -> Path | None:
    """Return a kept photo, None where it was not kept."""
    if not re.fullmatch(r"[0-9a-f]{64}", photo_sha256):
        return None
    return next(folder.glob(f"{photo_sha256}.*"), None)


class Keep:
    """A folder of photos, each once, under its SHA-256, at most 10,000: the first ones stay.

    A photo that cannot be kept changes nothing about its answer; it is told on stderr.
    """

    def __init__(self, folder: Path, share: float = 0) -> None:
        self._folder, self._share = folder, share
        self._n_kept = sum(1 for _ in folder.glob("*")) if folder.is_dir() else 0

    def take(self, records: Sequence[ScoreRecord], files: Sequence[bytes]) -> None:
        """Keep those of a request's files that were flagged, are uncertain, or belong to the sample."""
        for record, data in zip(records, files, strict=True):
            answer = record.answer
            wanted = answer.p >= answer.threshold - MARGIN or is_sampled(answer.score_id, self._share)
            if not wanted or self._n_kept >= MAX_KEPT:
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
