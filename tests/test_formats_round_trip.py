"""Each format, out and in again: every point to 0.01 px, and every fact it does not say it loses."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dentline.errors import DentlineError
from labeling import exporting, importing, projects
from labeling.annotation import Annotation, Center
from labeling.formats import registry
from labeling.formats.outgoing import Outgoing, box
from labeling.store import Store

EXACT = [name for name in registry.FORMATS if name not in ("masks", "dotted")]
"""The formats that keep a point's place; the others are pictures."""
FILE = {"csv": "out.csv", "coco": "out.json", "cvat": "out.xml", "label-studio": "out.json"}
"""What each is written to, where it is no folder."""
SIZES = {"a.jpg": (640, 480), "sub dir/b ü.png": (33, 77), "sub dir/c.jpg": (1200, 900), "d.jpg": (64, 64)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    for name, (width, height) in SIZES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, np.zeros((height, width), np.uint8))[1].tobytes())
    return {name: folder / name for name in SIZES}


def annotation(photo: str, centers: tuple[Center, ...], status: Any, who: str = "import") -> Annotation:
    return Annotation(photo, *SIZES[photo], centers, status, who, 0, datetime(2026, 11, 20, tzinfo=UTC))


@st.composite
def annotations(draw: st.DrawFn) -> tuple[Annotation, ...]:
    told = []
    for photo in sorted(draw(st.sets(st.sampled_from(sorted(SIZES)), min_size=1))):
        width, height = SIZES[photo]
        within = [st.floats(0, side, exclude_max=True, allow_subnormal=False) for side in (width, height)]
        centers = draw(st.lists(st.builds(Center, *within), max_size=6, unique_by=lambda c: (round(c.x), round(c.y))))
        status = "marked" if centers else draw(st.sampled_from(["clean", "skipped"]))
        told.append(annotation(photo, tuple(centers), status))
    return tuple(told)


def round_trip(
    name: str, told: tuple[Annotation, ...], photos: Mapping[str, Path], **more: Any
) -> dict[str, Annotation]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / FILE.get(name, "out")
        registry.named(name).write(target, Outgoing(told, photos, **more))
        if target.exists():
            assert registry.recognise(target) == name or not told
        return {a.photo_id: a for a in importing.read(target, photos, "import", name).annotations}


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=annotations())
def test_every_point_and_status_comes_back(name: str, photos: Mapping[str, Path], told: tuple[Annotation, ...]) -> None:
    loses_skipped = "skipped" in registry.named(name).LOSES
    kept = [a for a in told if not (loses_skipped and a.status == "skipped")]
    back = round_trip(name, tuple(kept), photos) if kept else {}
    assert set(back) == {a.photo_id for a in kept}
    for sent in kept:
        got = back[sent.photo_id]
        assert got.status == sent.status
        assert (got.width, got.height) == (sent.width, sent.height)
        assert len(got.centers) == len(sent.centers)
        for a, b in zip(sent.centers, got.centers, strict=True):
            assert abs(a.x - b.x) < 0.01 and abs(a.y - b.y) < 0.01


@given(st.floats(0.5, 639.5), st.floats(0.5, 479.5))
def test_box_lies_on_the_photo_with_the_center_in_its_middle(x: float, y: float) -> None:
    left, top, width, height = box(annotation("a.jpg", (Center(x, y),), "marked"), Center(x, y))
    assert np.allclose((left + width / 2, top + height / 2), (x, y))
    assert left >= -1e-9 and top >= -1e-9 and left + width <= 640 + 1e-9 and top + height <= 480 + 1e-9
    assert width == 64 or np.isclose(width, 2 * min(x, 640 - x))


@pytest.mark.parametrize("name", EXACT)
def test_point_at_the_very_border_stays_on_the_photo(name: str, photos: Mapping[str, Path]) -> None:
    ends = tuple(Center(x, y) for x in (0.0, np.nextafter(640, 0)) for y in (0.0, np.nextafter(480, 0)))
    back = round_trip(name, (annotation("a.jpg", ends, "marked"),), photos)["a.jpg"]
    assert np.allclose([(c.x, c.y) for c in back.centers], [(c.x, c.y) for c in ends], atol=0.01)


@pytest.mark.parametrize("name", EXACT)
def test_format_keeps_what_it_does_not_say_it_loses(name: str, photos: Mapping[str, Path], tmp_path: Path) -> None:
    told = (annotation("a.jpg", (Center(1, 2),), "marked", "ann"), annotation("d.jpg", (), "clean", "bob"))
    target = tmp_path / ("out" if name == "csv" else FILE.get(name, "out"))
    known = registry.named(name)
    known.write(target, Outgoing(told, photos, {"a.jpg": "part 7", "d.jpg": "part 8"}))
    back = importing.read(target, photos, "import", name)
    keeps = known.LOSES.split(";")[0]
    assert ([a.annotator for a in back.annotations] == ["ann", "bob"]) == ("annotators" not in keeps)
    assert (back.groups == {"a.jpg": "part 7", "d.jpg": "part 8"}) == ("groups" not in keeps)


@pytest.mark.parametrize("name", ["yolo", "labelme", "masks", "dotted"])
def test_photos_that_would_share_a_file_are_refused(name: str, photos: Mapping[str, Path], tmp_path: Path) -> None:
    twin = {**photos, "a.png": photos["a.jpg"]}
    told = (annotation("a.jpg", (), "clean"), replace(annotation("a.jpg", (), "clean"), photo_id="a.png"))
    with pytest.raises(DentlineError, match=r"a\.jpg.*a\.png would share"):
        registry.named(name).write(tmp_path / "out", Outgoing(told, twin))


@pytest.mark.parametrize("name", list(registry.FORMATS))
def test_project_goes_out_with_photos_and_into_another(name: str, photos: Mapping[str, Path], tmp_path: Path) -> None:
    one = projects.make(tmp_path / "one", photos=photos["a.jpg"].parent)
    told = [
        annotation("a.jpg", (Center(100, 200.5), Center(300.25, 40)), "marked"),
        annotation("sub dir/b ü.png", (), "clean"),
        annotation("sub dir/c.jpg", (Center(1199, 1),), "marked"),
    ]
    with Store(one.labels) as store:
        store.replace_all(told)
    target = tmp_path / "out" / FILE.get(name, "labels")
    exporting.send_out(one, name, target, with_photos=True)
    with pytest.raises(DentlineError, match="there already"):
        exporting.send_out(one, name, target)
    two = projects.make(tmp_path / "two")
    done = importing.bring_in(two, target, "ann", format=None)
    assert sorted(done.copied) == ["a.jpg", "sub dir/b ü.png", "sub dir/c.jpg"]
    with Store(two.labels) as store:
        latest = store.latest()
    assert {p: (a.status, len(a.centers)) for p, a in latest.items()} == {
        "a.jpg": ("marked", 2),
        "sub dir/b ü.png": ("clean", 0),
        "sub dir/c.jpg": ("marked", 1),
    }


def coco(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "images": [{"id": 5, "file_name": "train2017/a.jpg", "width": 640, "height": 480}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 2, "bbox": [10, 20, 30, 40]}],
        "categories": [{"id": 2, "name": "pit"}],
    }
    return plain | changes


def read_json(content: object, photos: Mapping[str, Path], name: str, **more: Any) -> dict[str, Annotation]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.json"
        path.write_text(json.dumps(content))
        return {a.photo_id: a for a in importing.read(path, photos, "import", name, **more).annotations}


def test_coco_of_others_by_its_boxes(photos: Mapping[str, Path]) -> None:
    assert read_json(coco(), photos, "coco")["a.jpg"].centers == (Center(25, 40),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"images": [{"id": 5, "file_name": "a.jpg", "width": 480, "height": 640}]},
            r"a\.jpg: was labelled at 480 x 640",
        ),
        ({"images": [{"id": 5, "file_name": "z.jpg", "width": 640, "height": 480}]}, r"images\[0\]: photo z\.jpg"),
        ({"images": [{"id": 5, "width": 640, "height": 480}]}, r"images\[0\]: has no 'file_name'"),
        ({"annotations": [{"image_id": 5, "bbox": [1, 2, 3]}]}, r"annotations\[0\]: .*list of 4 numbers"),
        ({"annotations": [{"image_id": 6, "bbox": [1, 2, 3, 4]}]}, "image 6, which is not listed"),
        (
            {"annotations": [{"image_id": 5, "bbox": [700, 2, 3, 4]}]},
            r"annotations\[0\]: photo a\.jpg: has a center at",
        ),
        ({"images": {}}, "images is {}, not a list"),
    ],
)
def test_bad_coco_says_where(photos: Mapping[str, Path], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DentlineError, match=words):
        read_json(coco(**changes), photos, "coco")


def test_several_categories_need_a_choice(photos: Mapping[str, Path]) -> None:
    two = coco(
        categories=[{"id": 2, "name": "pit"}, {"id": 3, "name": "scratch"}],
        annotations=[
            {"image_id": 5, "category_id": 2, "bbox": [10, 20, 30, 40]},
            {"image_id": 5, "category_id": 3, "bbox": [50, 20, 30, 40]},
        ],
    )
    with pytest.raises(DentlineError, match="pit, scratch: say which are dents: --category"):
        read_json(two, photos, "coco")
    assert read_json(two, photos, "coco", categories=["pit"])["a.jpg"].centers == (Center(25, 40),)


def test_photo_listed_without_marks_is_new_unless_said(photos: Mapping[str, Path]) -> None:
    assert read_json(coco(annotations=[]), photos, "coco") == {}
    assert read_json(coco(annotations=[]), photos, "coco", empty="clean")["a.jpg"].status == "clean"


def test_label_studio_regions_uploads_and_cancelled(photos: Mapping[str, Path]) -> None:
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0, "to_name": "image", "from_name": "x"}
    turned = {"x": 50, "y": 50, "width": 10, "height": 20, "rotation": 90, "rectanglelabels": ["dent"]}
    polygon = {"points": [[0, 0], [10, 0], [10, 10], [0, 10]], "polygonlabels": ["dent"]}
    tasks = [
        {
            "data": {"image": "/data/upload/3/0a1b2c3d-a.jpg"},
            "annotations": [
                {
                    "completed_by": {"email": "ann@example.org"},
                    "result": [
                        {"type": "rectanglelabels", "value": turned, **size},
                        {"type": "polygonlabels", "value": polygon, **size},
                    ],
                }
            ],
        },
        {"data": {"photo": "s3://bucket/sub%20dir/c.jpg"}, "annotations": [{"result": [], "was_cancelled": True}]},
        {"data": {"image": "http://host/d.jpg?x=1"}, "annotations": []},
    ]
    found = read_json(tasks, photos, "label-studio")
    a = found["a.jpg"]
    assert np.allclose([(c.x, c.y) for c in a.centers], [(320 - 48, 240 + 32), (32, 24)])
    assert a.annotator == "ann@example.org"
    assert found["sub dir/c.jpg"].status == "skipped"
    assert "d.jpg" not in found
    tasks[0]["annotations"] *= 2
    with pytest.raises(DentlineError, match=r"task 1: photo a\.jpg: has 2 annotations"):
        read_json(tasks, photos, "label-studio")


def test_labelme_shapes(photos: Mapping[str, Path]) -> None:
    def shape(kind: str, *points: tuple[float, float]) -> dict[str, Any]:
        return {"label": "dent", "shape_type": kind, "points": points}

    shapes = [
        shape("point", (1, 2)),
        shape("circle", (10, 20), (15, 20)),
        shape("rectangle", (40, 50), (20, 70)),
        shape("polygon", (100, 100), (110, 100), (110, 110), (100, 110)),
    ]
    content = {"imagePath": "..\\photos\\a.jpg", "imageWidth": 640, "imageHeight": 480, "shapes": shapes}
    found = read_json(content, photos, "labelme")["a.jpg"]
    assert [(c.x, c.y) for c in found.centers] == [(1, 2), (10, 20), (30, 60), (105, 105)]
    content["shapes"] = [shape("linestrip", (1, 2), (3, 4))]
    with pytest.raises(DentlineError, match=r"shape 1: is a linestrip of 2 points"):
        read_json(content, photos, "labelme")


def test_cvat_shapes_and_no_entities(photos: Mapping[str, Path], tmp_path: Path) -> None:
    image = '<image id="0" name="a.jpg" width="640" height="480">'
    path = tmp_path / "in.xml"
    path.write_text(
        f'<?xml version="1.0"?><annotations>{image}<points label="dent" points="1.50,2.50;3,4"/>'
        '<box label="dent" xtl="10" ytl="20" xbr="30" ybr="40"/><ellipse label="dent" cx="50" cy="60" rx="1" ry="1"/>'
        "</image></annotations>"
    )
    found = importing.read(path, photos, "import", "cvat").annotations[0]
    assert [(c.x, c.y) for c in found.centers] == [(1.5, 2.5), (3, 4), (20, 30), (50, 60)]
    path.write_text('<!DOCTYPE x [<!ENTITY a "aaaa">]><annotations>&a;</annotations>')
    with pytest.raises(DentlineError, match="declares entities"):
        importing.read(path, photos, "import", "cvat")


def test_yolo_lines(photos: Mapping[str, Path], tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    labels = tmp_path / "labels" / "a.txt"
    labels.write_text("0 0.5 0.25 0.1 0.1\n0 0.1 0.1 0.1 0.1 0.9\n0 0.5 0.5 0.1 0.1 0.75 0.5 2\n")
    found = importing.read(tmp_path, photos, "import", "yolo").annotations[0]
    assert np.allclose([(c.x, c.y) for c in found.centers], [(320, 120), (64, 48), (480, 240)])
    for line, words in (
        ("0 0.5 0.5 0.1", "4 numbers"),
        ("0 1.5 0.5 0.1 0.1", "at"),
        ("0 x 0 0 0", "could not convert"),
    ):
        labels.write_text(f"0 0.5 0.25 0.1 0.1\n{line}\n")
        with pytest.raises(DentlineError, match=rf"a\.txt line 2.*{words}"):
            importing.read(tmp_path, photos, "import", "yolo")
