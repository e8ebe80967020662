"""The stage from somebody's labels to the project's: photos, annotations, groups; all of it or nothing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dentline.errors import DentlineError
from dentline.files import sha256
from dentline.progress import Progress, silent
from dentline.workspace import Workspace, photos_in
from labeling import groups, verdicts
from labeling.annotation import Annotation, Status
from labeling.catalog import Catalog
from labeling.copying import copy_photos
from labeling.formats import registry
from labeling.formats.draft import Draft, Imported
from labeling.groups import Member
from labeling.store import Store


@dataclass(frozen=True)
class Outcome:
    """What an import did.

    Attributes:
        format: the source was in.
        copied: photos copied into the project.
        stored: annotations that are new or changed.
        unchanged: annotations that were already there just so.
        unreviewed: photos the source lists but does not call reviewed.
        grouped: photos whose part the source says.
    """

    format: str
    copied: tuple[str, ...]
    stored: tuple[Annotation, ...]
    unchanged: int
    unreviewed: tuple[str, ...]
    grouped: int


def read(
    source: Path,
    photos: Mapping[str, Path],
    annotator: str,
    format: str,
    empty: Status = "new",
    categories: Collection[str] = (),
) -> Imported:
    """Read labels of a known format that are on `photos`, without storing anything.

    Raises:
        DentlineError: naming every bad row.
    """
    draft = Draft(source, Catalog(photos), annotator, empty, categories)
    try:
        registry.named(format).read(source, draft)
    except DentlineError as error:
        if str(source) in error.where:
            raise
        raise DentlineError(str(source), f"nothing was imported: {error}") from error
    return draft.finish()


def bring_in(
    workspace: Workspace,
    source: Path,
    annotator: str,
    format: str | None = None,
    photos: Path | None = None,
    empty: Status = "new",
    categories: Collection[str] = (),
    replace: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Import labels into a project, with the photos that come with them.

    Nothing is written before everything is read and checked. Annotations are stored in one
    transaction, after the photos: stopped half-way, the same import again completes it.

    Args:
        annotator: who marked, where the source does not say.
        format: or None to recognise it.
        photos: a folder of photos to copy in; None for the one that the format keeps beside it.
        empty: what a photo is that the source lists without marks.
        categories: those whose marks are dents; none for the only one there is.
        replace: whether labels that the project has and that differ get a new revision.

    Raises:
        DentlineError: a bad row; labels or a photo of that name are there and differ.
    """
    name = format or registry.recognise(source)
    folder = photos or registry.named(name).photos(source)
    here = workspace.photo_paths()
    coming = photos_in(folder) if folder else {}
    _refuse_other_photos(coming, here)
    imported = read(source, {**here, **coming}, annotator, name, empty, categories)
    members = _grouped(workspace, imported.groups)
    with Store(workspace.labels) as store:
        if not replace:
            _refuse_other_labels(store.latest(), imported.annotations)
        new = {photo_id: path for photo_id, path in coming.items() if photo_id not in here}
        copy_photos(new, workspace.photos, progress)
        stored = store.replace_all(imported.annotations)
    if imported.groups:
        groups.write(workspace.groups, members)
    unchanged = len(imported.annotations) - len(stored)
    return Outcome(name, tuple(new), tuple(stored), unchanged, imported.unreviewed, len(imported.groups))


def _refuse_other_photos(coming: Mapping[str, Path], here: Mapping[str, Path]) -> None:
    for photo_id, path in coming.items():
        if photo_id in here and sha256(path) != sha256(here[photo_id]):
            raise DentlineError(f"photo {photo_id}", "is in the project with other content", "rename one of the two")


def _refuse_other_labels(latest: Mapping[str, Annotation], coming: Iterable[Annotation]) -> None:
    for new in coming:
        old = latest.get(new.photo_id)
        if old is not None and (old.status, old.centers) != (new.status, new.centers):
            has = f"is {old.status} with {len(old.centers)} centers by {old.annotator}"
            raise DentlineError(
                f"photo {new.photo_id}",
                f"{has} in the project and {new.status} with {len(new.centers)} in the source",
                "to make the source the newest revision of each such photo: --replace",
            )


def _grouped(workspace: Workspace, parts: Mapping[str, str]) -> list[Member]:
    """Join the project's groups anew, with the declared parts beside what the pixels and people said before."""
    here = groups.read(workspace.groups)
    for photo_id, part in parts.items():
        old = here[photo_id].part if photo_id in here else ""
        if old not in ("", part):
            where = f"photo {photo_id}"
            raise DentlineError(where, f"is of {old!r} in the project and of {part!r} in the source", "correct one")
    known = {photo_id: member.part for photo_id, member in here.items()} | dict(parts)
    confirmed = {photo_id: member.group for photo_id, member in here.items() if member.origin == "confirmed"}
    return groups.join(known, known, verdicts.read(workspace.group_proposals), confirmed)
