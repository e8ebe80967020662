"""Labels as CVAT XML ("CVAT for images 1.1"): points on images, tags for what an image is as a whole.

Format: https://docs.cvat.ai/docs/manual/advanced/xml_format. The task needs a label ``dent`` of points
and, to keep them, tags ``clean`` and ``skipped``.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from dentline.errors import DentlineError
from dentline.files import write_text
from labeling.catalog import photos_beside
from labeling.formats.draft import Draft
from labeling.formats.outgoing import CATEGORY, Outgoing
from labeling.formats.shapes import middle_of_box, middle_of_polygon

LOSES = "annotators, groups, earlier revisions and second readings"

photos = photos_beside

_STATUS_TAGS = ("clean", "skipped")


def recognises(source: Path) -> bool:
    if source.suffix.lower() != ".xml" or not source.is_file():
        return False
    with source.open("rb") as handle:
        return b"<annotations" in handle.read(1000)


def read(source: Path, draft: Draft) -> None:
    """Read points, and the middle of boxes, ellipses and polygons."""
    root = _parse(source)
    images = root.findall("image")
    if not images:
        raise DentlineError(str(source), "has no images", 'export it as "CVAT for images 1.1"')
    for image in images:
        name = image.get("name", "")
        where = f"image {name}"
        with draft.told(where):
            size = _number(image, "width"), _number(image, "height")
            photo_id = draft.photo(where, name, size)
            for number, shape in enumerate(image, 1):
                label = shape.get("label", "")
                if shape.tag == "tag" and label in _STATUS_TAGS:
                    draft.status(where, photo_id, label)
                elif shape.tag != "tag" and draft.wants(label):
                    place = f"{where} shape {number}"
                    with draft.told(place):
                        for x, y in _points(shape):
                            draft.mark(place, photo_id, x, y)


def _parse(source: Path) -> ET.Element:
    try:
        content = source.read_bytes()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise DentlineError(str(source), "declares entities", "export it again: CVAT writes none")
        return ET.fromstring(content)
    except (OSError, ET.ParseError) as error:
        raise DentlineError(str(source), f"is no XML: {error}", "export it again") from error


def _points(shape: ET.Element) -> Iterator[tuple[float, float]]:
    if shape.tag in ("points", "polygon"):
        pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
        if any(len(pair) != 2 for pair in pairs):
            raise DentlineError(shape.tag, f"has points {shape.get('points')!r}", "write x,y;x,y")
        places = [(_float(x), _float(y)) for x, y in pairs]
        yield from places if shape.tag == "points" else [middle_of_polygon(places)]
    elif shape.tag == "box":
        yield middle_of_box(*(_number(shape, name) for name in ("xtl", "ytl", "xbr", "ybr")))
    elif shape.tag == "ellipse":
        yield _number(shape, "cx"), _number(shape, "cy")
    else:
        raise DentlineError(shape.tag, "has no one centre", "mark dents by points")


def _number(element: ET.Element, name: str) -> float:
    return _float(element.get(name, ""))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DentlineError("value", f"is {text!r}, not a number", "correct it") from None


def write(target: Path, out: Outgoing) -> None:
    """Write one XML file."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    labels = ET.SubElement(ET.SubElement(ET.SubElement(root, "meta"), "task"), "labels")
    for name, kind in ((CATEGORY, "points"), *((tag, "tag") for tag in _STATUS_TAGS)):
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        ET.SubElement(label, "type").text = kind
        ET.SubElement(label, "attributes")
    for number, a in enumerate(out.annotations):
        size = {"width": str(a.width), "height": str(a.height)}
        image = ET.SubElement(root, "image", {"id": str(number), "name": a.photo_id, **size})
        if a.status in _STATUS_TAGS:
            ET.SubElement(image, "tag", {"label": a.status, "source": "manual"})
        for center in a.centers:
            place = {"points": f"{float(center.x)!r},{float(center.y)!r}", "z_order": "0"}
            ET.SubElement(image, "points", {"label": CATEGORY, "source": "manual", "occluded": "0", **place})
    ET.indent(root)
    write_text(target, '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")
