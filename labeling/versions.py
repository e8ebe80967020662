"""The one owner of versions.json: each state the labels were in when something was made of them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.annotation import Annotation
from labeling.hard import HardPlace


@dataclass(frozen=True)
class Version:
    """One version of the data.

    Attributes:
        number: from 1 on.
        made_at: UTC, ``YYYY-MM-DDTHH:MM:SS``.
        source: what changed: ``labels``, or ``feedback``.
        fingerprint: SHA-256 of every annotation and hard place: the same labels have the same one.
        feedback_ids: the judgements that went in since the version before.
    """

    number: int
    made_at: str
    source: str
    fingerprint: str
    n_photos: int
    n_centers: int
    n_hard: int
    feedback_ids: tuple[str, ...] = ()


def read(path: Path) -> list[Version]:
    """Return the versions, oldest first.

    Raises:
        DentlineError: the file is damaged.
    """
    if not path.is_file():
        return []
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return [Version(**{**one, "feedback_ids": tuple(one["feedback_ids"])}) for one in table]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "restore it from a backup") from error


def note(
    path: Path,
    annotations: Iterable[Annotation],
    hard: Iterable[HardPlace],
    now: datetime,
    source: str = "labels",
    feedback_ids: Iterable[str] = (),
) -> Version:
    """Return the version that these labels are, after adding it to the file if they changed since the last."""
    known = read(path)
    marked = sorted(annotations, key=lambda a: a.photo_id)
    places = sorted(hard)
    content = [(a.photo_id, a.status, [(c.x, c.y) for c in a.centers]) for a in marked]
    digest = hashlib.sha256(json.dumps([content, [asdict(p) for p in places]]).encode()).hexdigest()
    if known and known[-1].fingerprint == digest:
        return known[-1]
    version = Version(
        len(known) + 1,
        now.strftime("%Y-%m-%dT%H:%M:%S"),
        source,
        digest,
        len(marked),
        sum(len(a.centers) for a in marked),
        len(places),
        tuple(feedback_ids),
    )
    write_text(path, json.dumps([asdict(one) for one in (*known, version)], indent=1) + "\n")
    return version
