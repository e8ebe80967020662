"""The one owner of variants/: every variant as a 64x64 PNG, for whoever wants files.

::

    variants/
      train/positive/<patch_id>-r045.png     turned by 45 degrees counter-clockwise
      train/negative/<patch_id>-m045.png     mirrored, then turned
      validation/…  test/…
      manifest.csv                           one row a file

Training reads none of these: it makes variants from the contexts as it goes, which costs less than
reading them.
"""

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from augmentation.dihedral import N_VARIANTS, Pixels, is_mirrored, turn_deg, variants
from dentline.files import replacing_folder, write_text
from dentline.geometry import PATCH_PX
from labeling.patches import PatchSet

COLUMNS = ("file", "patch_id", "photo_id", "group", "split", "label", "turn_deg", "mirrored")


def write(
    folder: Path, patches: PatchSet, png: Callable[[Pixels], bytes], show: Callable[[str, int, int], None]
) -> int:
    """Replace `folder` by the 48 variants of every patch, whole or not at all; return how many files.

    A variant lies in the split of its patch. `png` encodes a picture; `show` is told how far it is.
    """
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    with replacing_folder(folder) as fresh:
        for done, (patch, context) in enumerate(zip(patches.patches, patches.contexts, strict=True), 1):
            kind = fresh / patch.split / ("positive" if patch.label else "negative")
            kind.mkdir(parents=True, exist_ok=True)
            for index, picture in enumerate(variants(context, PATCH_PX)):
                mirrored, turn = is_mirrored(index), turn_deg(index)
                path = kind / f"{patch.patch_id}-{'m' if mirrored else 'r'}{turn:03d}.png"
                path.write_bytes(png(picture))
                file = path.relative_to(fresh).as_posix()
                whose = (patch.patch_id, patch.photo_id, patch.group, patch.split, patch.label)
                table.writerow((file, *whose, turn, int(mirrored)))
            show("variants", done, len(patches))
        write_text(fresh / "manifest.csv", text.getvalue())
    return len(patches) * N_VARIANTS
