"""Taking labels back: an earlier revision, or a backup, becomes the newest; nothing is forgotten."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from dentline.errors import DentlineError
from labeling.annotation import Annotation
from labeling.store import Store


def restore_revision(labels: Path, photo_id: str, revision: int, annotator: str) -> Annotation:
    """Save an earlier revision of a photo as its newest and return that.

    Raises:
        DentlineError: the photo has no such revision.
    """
    with Store(labels) as store, store.transaction():
        past = store.history(photo_id)
        found = next((a for a in past if a.revision == revision), None)
        if found is None:
            has = f"has revisions 1 to {len(past)}" if past else "has no revisions"
            raise DentlineError(f"photo {photo_id}", f"{has}, not {revision}", "see: dentline labels log --photo")
        return store.save(replace(found, annotator=annotator), len(past))


def restore_backup(labels: Path, backup: Path, annotator: str) -> list[Annotation]:
    """Make every photo's annotation what it is in a backup, and return those that changed.

    Photos that the backup does not know stay. Where there are no labels yet, the backup becomes them,
    history and second readings included.

    Raises:
        DentlineError: the backup cannot be read.
    """
    if not backup.is_file():
        raise DentlineError(str(backup), "is not there", "name a file that dentline labels backup wrote")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / backup.name
        shutil.copyfile(backup, copy)  # opening a store leaves files beside it
        with Store(copy) as saved:
            wanted = list(saved.latest().values())
            if not labels.exists():
                saved.backup(labels)
                return wanted
    with Store(labels) as store:
        return store.replace_all(replace(a, annotator=annotator) for a in wanted)
