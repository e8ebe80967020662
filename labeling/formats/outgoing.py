"""What is being written into somebody's format: annotations, and what goes with them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dentline.errors import DentlineError
from dentline.geometry import PATCH_PX
from labeling.annotation import Annotation, Center

CATEGORY = "dent"
"""What a mark is called where a format wants a name."""


@dataclass(frozen=True)
class Outgoing:
    """What one export carries.

    Attributes:
        annotations: of the photos that were looked at: marked, clean or skipped.
        photos: the file of each photo.
        groups: photo id to the part it shows, where that is known.
        images: the folder the photos are copied to, or None where they stay.
    """

    annotations: tuple[Annotation, ...]
    photos: Mapping[str, Path] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    images: Path | None = None

    def reviewed(self) -> list[Annotation]:
        """Return the marked and the clean, for formats that have no word for skipped."""
        return [a for a in self.annotations if a.status in ("marked", "clean")]

    def label_files(self, folder: Path, suffix: str, whole: bool = False) -> Iterator[tuple[Annotation, Path]]:
        """Yield each annotation with a file of its own in `folder`, named as its photo.

        Args:
            whole: also those that are skipped.

        Raises:
            DentlineError: two photos differ in nothing but their suffix.
        """
        seen: dict[Path, str] = {}
        for annotation in self.annotations if whole else self.reviewed():
            path = folder / (str(Path(annotation.photo_id).with_suffix("")) + suffix)
            other = seen.setdefault(path, annotation.photo_id)
            if other != annotation.photo_id:
                problem = f"and {annotation.photo_id} would share one label file"
                raise DentlineError(f"photo {other}", problem, "rename one of them, or take another format")
            yield annotation, path

    def path_from(self, folder: Path, photo_id: str) -> str:
        """Return the path a label file in `folder` names a photo by: to its copy, or else to the photo."""
        path = self.images / photo_id if self.images else self.photos[photo_id]
        return Path(os.path.relpath(path, folder)).as_posix()


def box(annotation: Annotation, center: Center) -> tuple[float, float, float, float]:
    """Return x, y, width, height in pixels of the box for a centre: the patch of 64 px.

    Near the photo's border it shrinks on both sides alike, so that it stays on the photo and its
    middle stays the centre; on the border itself it is 1 px.
    """
    half_w = max(0.5, min(PATCH_PX / 2, center.x, annotation.width - center.x))
    half_h = max(0.5, min(PATCH_PX / 2, center.y, annotation.height - center.y))
    return center.x - half_w, center.y - half_h, 2 * half_w, 2 * half_h
