"""The stage from the project's labels to somebody else's format."""

from pathlib import Path

from dentline.errors import DentlineError
from dentline.progress import Progress, silent
from dentline.workspace import Workspace
from labeling import groups
from labeling.copying import copy_photos
from labeling.formats import registry
from labeling.formats.outgoing import Outgoing
from labeling.store import Store


def send_out(
    workspace: Workspace, format: str, target: Path, with_photos: bool = False, progress: Progress = silent
) -> Outgoing:
    """Write the labels of every photo that was looked at.

    Args:
        target: a file or folder, as the format has it; it must not be there yet.
        with_photos: copy the photos into ``images/`` in the folder, or beside the file.

    Raises:
        DentlineError: the target is there, or a photo is gone.
    """
    known = registry.named(format)
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise DentlineError(str(target), "is there already", "name a new file or folder")
    photos = workspace.photo_paths()
    with Store(workspace.labels) as store:
        annotations = tuple(a for a in store.latest().values() if a.status != "new")
    gone = next((a.photo_id for a in annotations if a.photo_id not in photos), None)
    if gone:
        raise DentlineError(f"photo {gone}", "was marked but is gone", "bring it back to photos/")
    folder = target.parent if target.suffix else target
    images = folder / "images" if with_photos else None
    parts = {p: member.group for p, member in groups.read(workspace.groups).items()}
    out = Outgoing(annotations, photos, parts, images)
    if images:
        copy_photos({a.photo_id: photos[a.photo_id] for a in annotations}, images, progress)
    known.write(target, out)
    return out
