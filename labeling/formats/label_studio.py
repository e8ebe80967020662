"""Labels as Label Studio JSON: a task a photo, its annotation the points, in hundredths of the photo.

Format: https://labelstud.io/guide/task_format and /guide/export. An annotation without results is a
photo without dents, one that was cancelled a skipped photo, a task without annotations a new one.
Labeling interface: ``<View><Image name="image" value="$image"/><KeyPointLabels name="dent"
toName="image"><Label value="dent"/></KeyPointLabels></View>``.
"""

import json
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.workspace import PHOTO_SUFFIXES
from labeling.annotation import Annotation
from labeling.catalog import photos_beside
from labeling.formats.draft import Draft
from labeling.formats.json_fields import load, numbers, sniff, take
from labeling.formats.outgoing import CATEGORY, Outgoing
from labeling.formats.shapes import in_pixels, middle_of_polygon

LOSES = "earlier revisions and second readings"

photos = photos_beside

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""
_SAME_PX = 0.05


def recognises(source: Path) -> bool:
    found = sniff(source)
    first = found[0] if isinstance(found, list) and found else None
    return isinstance(first, dict) and "data" in first and "annotations" in first


def read(source: Path, draft: Draft) -> None:
    """Read tasks with at most one annotation each: key points, and the middle of other regions."""
    tasks = load(source)
    if not isinstance(tasks, list):
        raise DentlineError(str(source), "is not a list of tasks", 'export it as "JSON"')
    for number, task in enumerate(tasks, 1):
        where = f"task {number}"
        with draft.told(where):
            data = take(task, "data", dict, where)
            annotations = take(task, "annotations", list, where, [])
            kept = [a for a in annotations if not take(a, "was_cancelled", bool, where, False)]
            regions = [r for a in kept for r in take(a, "result", list, where) if _is_region(r, where)]
            size = _size(regions[0], where) if regions else None
            photo_id = draft.photo(where, _name(task, data, draft), size)
            draft.group(where, photo_id, take(data, "group", str, where, ""))
            draft.annotator(photo_id, take(data, "annotator", str, where, "") or _author(kept))
            if len(kept) > 1:
                raise DentlineError(f"photo {photo_id}", f"has {len(kept)} annotations", "keep one of them")
            if annotations and not kept:
                draft.status(where, photo_id, "skipped")
            elif kept and not regions:
                draft.status(where, photo_id, "clean")
            if photo_id is None:
                continue
            points: list[tuple[float, float]] = []
            for i, region in sorted(
                enumerate(regions, 1), key=lambda r: not str(r[1].get("type")).startswith("keypoint")
            ):
                _region(draft, f"{where} region {i}", photo_id, region, points)


def _region(draft: Draft, where: str, photo_id: str, region: dict[str, Any], points: list[tuple[float, float]]) -> None:
    """Mark the centre of a region; a shape around one of `points`, the key points so far, is the same mark."""
    kind = take(region, "type", str, where)
    value = take(region, "value", dict, where)
    if not any(draft.wants(str(label)) for label in take(value, kind, list, where, [""])):
        return
    with draft.told(where):
        if region.get("image_rotation"):
            raise DentlineError("region", "is on a rotated image", "turn the photo itself")
        center = _center(kind.removesuffix("labels"), value, _size(region, where))
        if kind.startswith("keypoint"):
            points.append(center)
        elif any(math.dist(center, point) < _SAME_PX for point in points):
            return
        draft.mark(where, photo_id, *center)


def _is_region(result: Any, where: str) -> bool:
    """Return whether a result is a place on the photo, and not a word on it as a whole."""
    value = take(result, "value", dict, where, {})
    return "original_width" in result or "x" in value or "points" in value


def _size(region: dict[str, Any], where: str) -> tuple[int, int]:
    return take(region, "original_width", int, where), take(region, "original_height", int, where)


def _center(kind: str, value: dict[str, Any], size: tuple[int, int]) -> tuple[float, float]:
    """Return the centre of a region in pixels; its values are in hundredths of the photo's width and height."""
    scale_x, scale_y = size[0] / 100, size[1] / 100
    if kind == "polygon":
        corners = [numbers(point, 2, kind) for point in take(value, "points", list, kind)]
        return middle_of_polygon([(x * scale_x, y * scale_y) for x, y, *_ in corners])
    if kind not in ("keypoint", "rectangle", "ellipse"):
        raise DentlineError("region", f"is of type {kind}, which has no one centre", "mark dents by key points")
    x, y = numbers([value.get("x"), value.get("y")], 2, kind)
    if kind != "rectangle":
        return in_pixels(x / 100, size[0]), in_pixels(y / 100, size[1])
    width, height, turn = numbers([value.get("width"), value.get("height"), value.get("rotation") or 0], 3, kind)
    half_w, half_h, angle = width * scale_x / 2, height * scale_y / 2, math.radians(turn)  # about the top-left corner
    return (
        x * scale_x + half_w * math.cos(angle) - half_h * math.sin(angle),
        y * scale_y + half_w * math.sin(angle) + half_h * math.cos(angle),
    )


def _name(task: dict[str, Any], data: dict[str, Any], draft: Draft) -> str:
    """Return the photo's name: the path in its address, or for an uploaded file the name it had."""
    address = data.get("image") or next((v for v in data.values() if _is_photo(v)), None)
    if not isinstance(address, str):
        raise DentlineError(f"task {task.get('id')}", "names no photo in its data", 'put it into "image"')
    parts = urlsplit(address)
    name = unquote(parse_qs(parts.query).get("d", [parts.path])[0])
    folder, _, last = name.rpartition("/")
    if "/upload/" in f"{folder}/" and _UPLOADED.match(last) and not draft.catalog.has(last):
        return _UPLOADED.sub("", last)
    return name


def _is_photo(value: object) -> bool:
    return isinstance(value, str) and Path(urlsplit(value).path).suffix.lower() in PHOTO_SUFFIXES


def _author(annotations: list[dict[str, Any]]) -> str:
    by = annotations[-1].get("completed_by") if annotations else None
    return str(by.get("email") or "") if isinstance(by, dict) else ""


def write(target: Path, out: Outgoing) -> None:
    """Write tasks with annotations; the photos are named as local files below ``photos/``."""
    tasks = [_task(number, a, out.groups.get(a.photo_id)) for number, a in enumerate(out.annotations, 1)]
    write_text(target, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")


def _task(number: int, a: Annotation, group: str | None) -> dict[str, Any]:
    data = {"image": "/data/local-files/?d=" + quote(a.photo_id), "annotator": a.annotator}
    regions = [
        {
            "id": f"{number}-{i}",
            "type": "keypointlabels",
            "from_name": CATEGORY,
            "to_name": "image",
            "original_width": a.width,
            "original_height": a.height,
            "image_rotation": 0,
            "value": {"x": c.x / a.width * 100, "y": c.y / a.height * 100, "width": 0.5, "keypointlabels": [CATEGORY]},
        }
        for i, c in enumerate(a.centers, 1)
    ]
    annotation = {"result": regions, "was_cancelled": a.status == "skipped", "ground_truth": False}
    return {"id": number, "data": data | ({"group": group} if group else {}), "annotations": [annotation]}
