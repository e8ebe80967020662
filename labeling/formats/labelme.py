"""Labels as labelme JSON: a file a photo, a point a dent, a flag for what the photo is as a whole.

Format: that of labelme 5 and 6. The flags ``clean`` and ``skipped`` are labelme's own check boxes for
the whole image (``labelme --flags clean,skipped``); ``annotator`` and ``group`` are kept by it as they are.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling import catalog
from labeling.annotation import Annotation
from labeling.formats.draft import Draft
from labeling.formats.json_fields import load, numbers, sniff, take
from labeling.formats.outgoing import CATEGORY, Outgoing
from labeling.formats.shapes import middle_of_box, middle_of_polygon

LOSES = "earlier revisions and second readings"

_VERSION = "5.5.0"
"""Of the format, as labelme itself writes it since."""
_STATUS_FLAGS = ("clean", "skipped")


def recognises(source: Path) -> bool:
    return any(isinstance(c := sniff(path), dict) and "shapes" in c and "imagePath" in c for path in _files(source)[:1])


def photos(source: Path) -> Path | None:
    """Return where the photos lie: a folder beside the labels, or among them."""
    folder = source if source.is_dir() else source.parent
    return catalog.photos_beside(source) or folder


def read(source: Path, draft: Draft) -> None:
    """Read one file or a folder of them: points, and the middle of circles, rectangles and polygons."""
    for path in _files(source):
        name = path.relative_to(source).as_posix() if source.is_dir() else path.name
        with draft.told(name):
            content = load(path)
            size = take(content, "imageWidth", int, name), take(content, "imageHeight", int, name)
            photo_id = draft.photo(name, take(content, "imagePath", str, name), size)
            draft.annotator(photo_id, take(content, "annotator", str, name, ""))
            draft.group(name, photo_id, take(content, "group", str, name, ""))
            flags = take(content, "flags", dict, name, {})
            for status in _STATUS_FLAGS:
                if flags.get(status) is True:
                    draft.status(name, photo_id, status)
            for number, shape in enumerate(take(content, "shapes", list, name), 1):
                where = f"{name} shape {number}"
                with draft.told(where):
                    if draft.wants(take(shape, "label", str, where)):
                        draft.mark(where, photo_id, *_center(shape, where))


def _center(shape: dict[str, Any], where: str) -> tuple[float, float]:
    kind = take(shape, "shape_type", str, where, "polygon")
    places = [tuple(numbers(point, 2, where)[:2]) for point in take(shape, "points", list, where)]
    points = [(x, y) for x, y in places]
    if kind in ("point", "circle") and points:
        return points[0]
    if kind == "rectangle" and len(points) == 2:
        return middle_of_box(*points[0], *points[1])
    if kind in ("polygon", "rectangle") and len(points) > 2:
        return middle_of_polygon(points)
    raise DentlineError(where, f"is a {kind} of {len(points)} points", "mark dents by points")


def _files(source: Path) -> list[Path]:
    return sorted(source.rglob("*.json")) if source.is_dir() else [source]


def write(target: Path, out: Outgoing) -> None:
    """Write a JSON file for each photo, in folders as the photos are."""
    for a, path in out.label_files(target, ".json", whole=True):
        write_text(path, json.dumps(dict(_content(a, path.parent, out)), indent=2, ensure_ascii=False) + "\n")


def _content(a: Annotation, folder: Path, out: Outgoing) -> Iterator[tuple[str, Any]]:
    yield "version", _VERSION
    yield "flags", {status: a.status == status for status in _STATUS_FLAGS}
    plain: dict[str, Any] = {"group_id": None, "description": "", "shape_type": "point", "flags": {}, "mask": None}
    yield "shapes", [{"label": CATEGORY, "points": [[c.x, c.y]], **plain} for c in a.centers]
    yield "imagePath", out.path_from(folder, a.photo_id)
    yield "imageData", None
    yield "imageHeight", a.height
    yield "imageWidth", a.width
    yield "annotator", a.annotator
    if a.photo_id in out.groups:
        yield "group", out.groups[a.photo_id]
