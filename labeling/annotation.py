"""What a person said about a photo: pure data, checked once at construction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dentline.errors import DentlineError

Status = Literal["new", "marked", "clean", "skipped"]
"""``marked`` has dents; ``clean`` was reviewed and has none; ``skipped`` was seen and left open."""


@dataclass(frozen=True, order=True)
class Center:
    """The centre of a dent in photo pixels.

    The origin is the photo's top-left corner after the EXIF turn; pixel (column i, row j) covers
    [i, i+1) x [j, j+1), so the middle of the first pixel is (0.5, 0.5).
    """

    x: float
    y: float


@dataclass(frozen=True)
class Annotation:
    """One revision of one photo's centres.

    Attributes:
        photo_id: path below ``photos/``, forward slashes.
        width, height: of the photo in pixels, after the EXIF turn.
        centers: empty unless `status` is ``marked``.
        revision: 1 for the first save, one more for each after.
        updated_at: UTC.

    Raises:
        DentlineError: a centre lies off the photo, or status and centres disagree.
    """

    photo_id: str
    width: int
    height: int
    centers: tuple[Center, ...]
    status: Status
    annotator: str
    revision: int
    updated_at: datetime

    def __post_init__(self) -> None:
        for number, center in enumerate(self.centers, 1):
            if not (0 <= center.x < self.width and 0 <= center.y < self.height):
                raise DentlineError(
                    f"photo {self.photo_id}",
                    f"center {number} is at ({center.x:g}, {center.y:g}) but the photo is "
                    f"{self.width} x {self.height} px",
                    "move or delete it",
                )
        if (self.status == "marked") != bool(self.centers):
            raise DentlineError(
                f"photo {self.photo_id}", f"status {self.status!r} with {len(self.centers)} centers", "mark or clear it"
            )
