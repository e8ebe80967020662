"""Photos copied whole, one after the other."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dentline.files import replacing
from dentline.progress import Progress, silent


def copy_photos(photos: Mapping[str, Path], folder: Path, progress: Progress = silent) -> None:
    """Copy each photo to its id below `folder`; one that is there is replaced.

    Stopped half-way, every photo that is there is whole.
    """
    for done, (photo_id, path) in enumerate(photos.items(), 1):
        with replacing(folder / photo_id) as temporary:
            shutil.copyfile(path, temporary)
        progress("copying photos", done, len(photos))
