"""Labels as YOLO text files: a line a dent, its box and its centre as a keypoint, in shares of the photo.

Format: https://docs.ultralytics.com/datasets/pose: ``class x y width height px py visible`` in
``labels/``, named as the photo in ``images/``, and ``data.yaml``. A detection file has the first five
only: the middle of the box is the centre. An empty file is a photo without dents; no file, a new one.
"""

from pathlib import Path
from typing import Any

import yaml

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.catalog import photos_beside
from labeling.formats.draft import Draft
from labeling.formats.outgoing import CATEGORY, Outgoing, box
from labeling.formats.shapes import in_pixels

LOSES = "skipped photos, annotators, groups, earlier revisions and second readings"

photos = photos_beside

_BOX = 5
"""Numbers in a line before the keypoints."""


def recognises(source: Path) -> bool:
    return (source / "labels").is_dir() and any((source / "labels").rglob("*.txt"))


def read(source: Path, draft: Draft) -> None:
    """Read a folder with ``labels/`` and perhaps ``data.yaml``."""
    folder = source / "labels" if (source / "labels").is_dir() else source
    names, per_point = _settings(source / "data.yaml")
    for path in sorted(p for p in folder.rglob("*.txt") if p.name != "classes.txt"):
        name = path.relative_to(folder).as_posix()
        photo_id = draft.photo(name, name.removesuffix(".txt"))
        lines = [line.split() for line in _text(path).splitlines()]
        if photo_id is not None and not any(lines):
            draft.status(name, photo_id, "clean")
        for number, words in enumerate(lines, 1):
            where = f"{name} line {number}"
            if words and photo_id is not None and draft.wants(names.get(words[0], words[0])):
                with draft.told(where):
                    _line(draft, where, photo_id, _numbers(words), per_point)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "save it as text") from error


def _line(draft: Draft, where: str, photo_id: str, values: list[float], per_point: int) -> None:
    width, height = draft.catalog.size(photo_id)
    points = values[_BOX:]
    if len(points) <= 1:  # a box, perhaps with its confidence
        draft.mark(where, photo_id, in_pixels(values[1], width), in_pixels(values[2], height))
        return
    per_point = per_point or (3 if len(points) == 3 else 0)
    if not per_point or len(points) % per_point:
        problem = f"has {len(values)} numbers"
        raise DentlineError("line", problem, "write a box (5), or points with kpt_shape in data.yaml")
    for i in range(0, len(points), per_point):
        if per_point == 2 or points[i + 2] > 0:
            draft.mark(where, photo_id, in_pixels(points[i], width), in_pixels(points[i + 1], height))


def _numbers(words: list[str]) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise DentlineError("line", str(error), "write numbers only") from error
    if len(values) < _BOX:
        raise DentlineError("line", f"has {len(values)} numbers", "a box has 5")
    return values


def _settings(path: Path) -> tuple[dict[str, str], int]:
    """Return the class names by their number as text, and how many numbers a keypoint has (0 if unsaid)."""
    if not path.is_file():
        return {}, 0
    try:
        found: Any = yaml.safe_load(_text(path))
        names = found.get("names") or {}
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {str(k): str(v) for k, v in pairs}, int((found.get("kpt_shape") or [0, 0])[1])
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, IndexError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "correct or delete it") from error


def write(target: Path, out: Outgoing) -> None:
    """Write ``data.yaml`` and ``labels/`` in the pose format."""
    settings = {"path": ".", "train": "images", "val": "images", "kpt_shape": [1, 3], "names": {0: CATEGORY}}
    write_text(target / "data.yaml", yaml.safe_dump(settings, sort_keys=False))
    for a, path in out.label_files(target / "labels", ".txt"):
        lines = []
        for center in a.centers:
            _, _, box_w, box_h = box(a, center)
            x, y = center.x / a.width, center.y / a.height
            shares = [x, y, box_w / a.width, box_h / a.height, x, y]
            lines.append(" ".join(["0", *(f"{share:.10f}" for share in shares), "2"]) + "\n")
        write_text(path, "".join(lines))
