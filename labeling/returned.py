"""Judged photos into the project: their marks as centres, false alarms as hard negatives, clean ones as clean."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dentline import images
from dentline.errors import DentlineError
from dentline.files import replacing, sha256
from dentline.workspace import Workspace
from labeling import groups, hard, versions
from labeling.annotation import Annotation, Center, Status
from labeling.groups import Member
from labeling.hard import HardPlace
from labeling.store import Store
from labeling.versions import Version

FOLDER = "feedback"
"""Below ``photos/``: where photos that came back from the service lie."""


@dataclass(frozen=True)
class Judged:
    """A photo that an operator judged.

    Attributes:
        photo: its file, as the service kept it.
        part: what it shows; photos of one part are of one group. Empty where nobody said.
        has_dent: as the operator saw it.
        marks: the dents' centres, photo pixels; those the operator marked.
        called: the places that the model called dents.
    """

    feedback_id: str
    photo: Path
    photo_sha256: str
    part: str
    has_dent: bool
    marks: tuple[tuple[float, float], ...]
    called: tuple[tuple[float, float], ...]
    operator: str


@dataclass(frozen=True)
class Returned:
    """What came back.

    Attributes:
        copied: photos new to the project.
        stored: annotations that are new or changed.
        n_hard: hard places now known.
        unmarked: photos with a dent that nobody has marked yet: open them on the labeling page.
    """

    version: Version
    copied: tuple[str, ...]
    stored: int
    n_hard: int
    unmarked: tuple[str, ...]


def bring_back(workspace: Workspace, judged: Iterable[Judged], now: datetime) -> Returned:
    """Store what operators said as labels of the project, in a new version of the data.

    Where a dent was seen but not marked and the model had called exactly one, its place is the centre; otherwise
    the photo is copied and left to be marked. The photos come first, then all annotations in one transaction: stopped
    half-way, the same call completes it.

    Raises:
        DentlineError: a kept photo cannot be read, or is not what was scored.
    """
    here = workspace.photo_paths()
    by_content = {sha256(path): photo_id for photo_id, path in here.items()}
    copied, unmarked, annotations, used = [], [], [], []
    members = groups.read(workspace.groups)
    places = set(hard.read(workspace.hard))
    for one in judged:
        photo_id = by_content.get(one.photo_sha256)
        if photo_id is None:
            photo_id = _copy(workspace, one)
            by_content[one.photo_sha256] = photo_id
            copied.append(photo_id)
            alike = (m.group for m in members.values() if one.part and m.part == one.part)
            group = next(alike, f"{FOLDER}-{one.part or one.photo_sha256[:12]}")
            members[photo_id] = Member(photo_id, group, one.part, "declared")
        centers = one.marks or (one.called if one.has_dent and len(one.called) == 1 else ())
        if one.has_dent and not centers:
            unmarked.append(photo_id)
            continue
        used.append(one.feedback_id)
        annotations.append(_annotation(workspace.photos / photo_id, photo_id, one, centers, now))
        if not one.has_dent:
            places |= {HardPlace(photo_id, x, y, f"feedback:{one.feedback_id}") for x, y in one.called}
    with Store(workspace.labels) as store:
        stored = store.replace_all(annotations)
        if copied:
            groups.write(workspace.groups, members.values())
        hard.write(workspace.hard, places)
        version = versions.note(
            workspace.versions, store.latest().values(), places, now, "feedback" if used else "labels", used
        )
    return Returned(version, tuple(copied), len(stored), len(places), tuple(unmarked))


def _copy(workspace: Workspace, one: Judged) -> str:
    if sha256(one.photo) != one.photo_sha256:
        raise DentlineError(str(one.photo), "is not the photo that was scored: its SHA-256 differs", "delete it")
    photo_id = f"{FOLDER}/{one.photo_sha256[:16]}{one.photo.suffix}"
    with replacing(workspace.photos / photo_id) as temporary:
        shutil.copyfile(one.photo, temporary)
    return photo_id


def _annotation(
    path: Path, photo_id: str, one: Judged, centers: tuple[tuple[float, float], ...], now: datetime
) -> Annotation:
    width, height = images.size(path)
    status: Status = "marked" if one.has_dent else "clean"
    places = tuple(Center(x, y) for x, y in centers)
    return Annotation(photo_id, width, height, places, status, f"feedback:{one.operator or 'operator'}", 1, now)
