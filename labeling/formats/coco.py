"""Labels as COCO JSON: a keypoint a centre, and around it the box that will be cut.

Format: https://cocodataset.org/#format-data. COCO counts pixels from the photo's top-left corner, as a
Center does. An image without annotations may be clean or never looked at: here its ``status`` says
which, a field of our own, as ``annotator`` and ``group`` are; other tools drop them when they save.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.catalog import photos_beside
from labeling.formats.draft import Draft
from labeling.formats.json_fields import load, numbers, sniff, take
from labeling.formats.outgoing import CATEGORY, Outgoing, box

LOSES = "earlier revisions and second readings"

photos = photos_beside


def recognises(source: Path) -> bool:
    found = sniff(source)
    return isinstance(found, dict) and "images" in found and "annotations" in found


def read(source: Path, draft: Draft) -> None:
    """Read a COCO file: each visible keypoint is a centre; without keypoints, the middle of each box."""
    content = load(source)
    categories = {
        take(c, "id", int, "categories"): take(c, "name", str, "categories")
        for c in take(content, "categories", list, str(source), [])
    }
    marks = defaultdict(list)
    for number, annotation in enumerate(take(content, "annotations", list, str(source))):
        where = f"annotations[{number}]"
        marks[take(annotation, "image_id", int, where)].append((where, annotation))
    for number, image in enumerate(take(content, "images", list, str(source))):
        where = f"images[{number}]"
        image_id = take(image, "id", int, where)
        size = take(image, "width", int, where), take(image, "height", int, where)
        photo_id = draft.photo(where, take(image, "file_name", str, where), size)
        draft.annotator(photo_id, take(image, "annotator", str, where, ""))
        draft.group(where, photo_id, take(image, "group", str, where, ""))
        if status := take(image, "status", str, where, ""):
            draft.status(where, photo_id, status)
        for place, annotation in marks.pop(image_id, []):
            with draft.told(place):
                if draft.wants(categories.get(take(annotation, "category_id", int, place, -1), "")):
                    for x, y in _points(annotation, place):
                        draft.mark(place, photo_id, x, y)
    if marks:
        place, annotation = next(iter(marks.values()))[0]
        raise DentlineError(f"{source}: {place}", f"is on image {annotation['image_id']}, which is not listed")


def _points(annotation: dict[str, Any], where: str) -> Iterator[tuple[float, float]]:
    keypoints = annotation.get("keypoints")
    if keypoints:
        flat = numbers(keypoints, 3, where)
        yield from ((x, y) for x, y, seen in zip(flat[::3], flat[1::3], flat[2::3], strict=False) if seen > 0)
    else:
        x, y, width, height = numbers(annotation.get("bbox"), 4, where)[:4]
        yield x + width / 2, y + height / 2


def write(target: Path, out: Outgoing) -> None:
    """Write a COCO file with keypoints and boxes."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, a in enumerate(out.annotations, 1):
        image = {"id": image_id, "file_name": a.photo_id, "width": a.width, "height": a.height}
        images.append({**image, "status": a.status, "annotator": a.annotator, "group": out.groups.get(a.photo_id)})
        for center in a.centers:
            around = box(a, center)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "keypoints": [center.x, center.y, 2],
                    "num_keypoints": 1,
                    "bbox": around,
                    "area": around[2] * around[3],
                    "iscrowd": 0,
                    "segmentation": [],
                }
            )
    category = {"id": 1, "name": CATEGORY, "supercategory": "", "keypoints": ["center"], "skeleton": []}
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": [category]}
    write_text(target, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
