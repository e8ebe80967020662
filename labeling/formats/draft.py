"""What is being read from somebody's labels: every mark checked, all that is wrong told, then all or nothing."""

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from dentline.errors import DentlineError
from labeling.annotation import Annotation, Center, Status
from labeling.catalog import Catalog

_TOLD = 8
"""How many bad rows one error names."""


@dataclass(frozen=True)
class Imported:
    """What a source said, checked.

    Attributes:
        annotations: of the photos that were reviewed, with revision 0.
        unreviewed: photos that the source lists without saying whether they were looked at.
        groups: photo id to the name of the part, for the photos where the source says it.
    """

    annotations: tuple[Annotation, ...]
    unreviewed: tuple[str, ...] = ()
    groups: dict[str, str] = field(default_factory=dict)


class Draft:
    """Collects the marks of one source.

    Every method takes `where`, what to call the place in the source (``"row 7"``). Whatever is wrong
    is kept and told at the end, all at once.

    Args:
        source: the file or folder, for the errors.
        catalog: the photos that marks may be on.
        annotator: who marked, where the source does not say.
        empty: what a photo is that the source lists without any mark.
        categories: those whose marks are dents; none for the only one there is.
    """

    def __init__(
        self,
        source: Path,
        catalog: Catalog,
        annotator: str,
        empty: Status = "new",
        categories: Collection[str] = (),
    ) -> None:
        self.source, self.catalog = source, catalog
        self._annotator, self._empty = annotator, empty
        self._centers: dict[str, dict[Center, str]] = {}
        self._status: dict[str, tuple[Status, str]] = {}
        self._annotators: dict[str, str] = {}
        self._groups: dict[str, tuple[str, str]] = {}
        self._problems: list[str] = []
        self._chosen, self._categories = set(categories), set[str]()

    @contextmanager
    def told(self, where: str) -> Iterator[None]:
        """Turn an error about one row into one of the problems told at the end."""
        try:
            yield
        except DentlineError as error:
            self._problems.append(f"{where}: {error}")

    def wants(self, category: str) -> bool:
        """Return whether marks of a category are dents. With none chosen, the source may have but one."""
        self._categories.add(category)
        return not self._chosen or category in self._chosen

    def photo(self, where: str, name: str, size: tuple[float, float] | None = None) -> str | None:
        """Note that the source lists a photo, and return its id.

        Args:
            size: width and height the source believes it has; None where it does not say.

        Returns:
            the photo's id, or None where the row is bad.
        """
        with self.told(where):
            photo_id = self.catalog.find(name)
            actual = self.catalog.size(photo_id)
            if size is not None and tuple(size) != actual:
                raise DentlineError(
                    f"photo {photo_id}",
                    f"was labelled at {size[0]:g} x {size[1]:g} px but is {actual[0]} x {actual[1]} px",
                    "label the photo as it is, or scale the labels",
                )
            self._centers.setdefault(photo_id, {})
            return photo_id
        return None

    def mark(self, where: str, photo_id: str | None, x: object, y: object) -> None:
        """Note a centre, in photo pixels."""
        if photo_id is None:
            return
        with self.told(where):
            center = Center(_number("x", x), _number("y", y))
            width, height = self.catalog.size(photo_id)
            if not (0 <= center.x < width and 0 <= center.y < height):
                at = f"has a center at ({center.x:g}, {center.y:g}) but is {width} x {height} px"
                raise DentlineError(f"photo {photo_id}", at, "move or delete it")
            first = self._centers[photo_id].get(center)
            if first is not None:
                raise DentlineError(f"photo {photo_id}", f"has the same center in {first}", "delete one")
            self._centers[photo_id][center] = where

    def marked(self, photo_id: str) -> bool:
        """Return whether the photo has a centre so far."""
        return bool(self._centers.get(photo_id))

    def status(self, where: str, photo_id: str | None, status: str) -> None:
        """Note what the source says of the photo as a whole."""
        if photo_id is None:
            return
        with self.told(where):
            if status not in get_args(Status):
                raise DentlineError("status", f"is {status!r}", "write " + ", ".join(get_args(Status)))
            before, there = self._status.setdefault(photo_id, (cast(Status, status), where))
            if before != status:
                raise DentlineError(f"photo {photo_id}", f"is {status} here and {before} in {there}", "keep one")

    def annotator(self, photo_id: str | None, name: str) -> None:
        """Note who marked the photo."""
        if photo_id is not None and name.strip():
            self._annotators[photo_id] = name.strip()

    def group(self, where: str, photo_id: str | None, group: str) -> None:
        """Note which part the photo shows."""
        if photo_id is None or not group.strip():
            return
        with self.told(where):
            before, there = self._groups.setdefault(photo_id, (group.strip(), where))
            if before != group.strip():
                raise DentlineError(
                    f"photo {photo_id}", f"is of {group!r} here and of {before!r} in {there}", "keep one"
                )

    def finish(self) -> Imported:
        """Return what was read.

        Raises:
            DentlineError: anything was wrong; names each bad row.
        """
        annotations = []
        for photo_id in sorted(self._centers):
            marks = self._centers[photo_id]
            status, where = self._status.get(photo_id, ("marked" if marks else self._empty, ""))
            with self.told(where):
                if bool(marks) != (status == "marked"):
                    problem = f"is said to be {status} but has {len(marks)} centers"
                    raise DentlineError(f"photo {photo_id}", problem, "correct one")
                if status != "new":
                    annotations.append(self._annotation(photo_id, tuple(marks), status))
        if not self._chosen and len(self._categories) > 1:
            self._problems.append(
                f"marks are of {', '.join(sorted(self._categories))}: say which are dents: --category"
            )
        if self._problems:
            told = " | ".join(self._problems[:_TOLD])
            more = f" | and {len(self._problems) - _TOLD} more" if len(self._problems) > _TOLD else ""
            raise DentlineError(str(self.source), f"nothing was imported: {told}{more}")
        reviewed = {annotation.photo_id for annotation in annotations}
        return Imported(
            tuple(annotations),
            tuple(photo_id for photo_id in sorted(self._centers) if photo_id not in reviewed),
            {photo_id: group for photo_id, (group, _) in sorted(self._groups.items())},
        )

    def _annotation(self, photo_id: str, centers: tuple[Center, ...], status: Status) -> Annotation:
        width, height = self.catalog.size(photo_id)
        annotator = self._annotators.get(photo_id, self._annotator)
        return Annotation(photo_id, width, height, centers, status, annotator, 0, datetime.now(UTC))


def _number(name: str, value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DentlineError(name, f"is {value!r}, not a number", "correct it")
    return number
