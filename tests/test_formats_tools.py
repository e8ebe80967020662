"""Our files in the formats' own tools, and theirs in our readers. A tool that is not installed is skipped.

The environment for development has pycocotools and supervision; the others hold OpenCV below 5, so that all are
run together in an environment of their own: make test-formats.
"""

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import supervision as sv
from pycocotools import coco

from labeling import importing
from labeling.annotation import Annotation, Center
from labeling.formats import registry
from labeling.formats.outgoing import Outgoing

SIZES = {"a.jpg": (640, 480), "b.png": (200, 100), "c.jpg": (300, 300)}
POINTS = np.array([(10.25, 20.5), (320.125, 240.875), (639.5, 479.5)])
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TOLD = (
    Annotation("a.jpg", 640, 480, tuple(Center(x, y) for x, y in POINTS.tolist()), "marked", "ann", 1, NOW),
    Annotation("b.png", 200, 100, (), "clean", "bob", 1, NOW),
    Annotation("c.jpg", 300, 300, (), "skipped", "bob", 1, NOW),
)
GROUPS = {"a.jpg": "part 7"}
INTERFACE = (
    '<View><Image name="image" value="$image"/><KeyPointLabels name="dent" toName="image">'
    '<Label value="dent"/></KeyPointLabels></View>'
)

pytestmark = pytest.mark.filterwarnings("ignore")  # the tools' own


@pytest.fixture
def photos(tmp_path: Path) -> Mapping[str, Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, (width, height) in SIZES.items():
        cv2.imwrite(str(folder / name), np.zeros((height, width, 3), np.uint8))
    return {name: folder / name for name in SIZES}


def write(name: str, target: Path, photos: Mapping[str, Path]) -> Path:
    registry.named(name).write(target, Outgoing(TOLD, photos, GROUPS, photos["a.jpg"].parent))
    return target


def read(name: str, source: Path, photos: Mapping[str, Path], **more: Any) -> dict[str, Annotation]:
    return {a.photo_id: a for a in importing.read(source, photos, "import", name, **more).annotations}


def xy(annotation: Annotation) -> Any:
    return np.array([(c.x, c.y) for c in annotation.centers])


def test_pycocotools_finds_points_boxes_and_the_clean_photo(photos: Mapping[str, Path], tmp_path: Path) -> None:
    loaded = coco.COCO(str(write("coco", tmp_path / "coco.json", photos)))
    marks = loaded.loadAnns(loaded.getAnnIds())
    assert np.array_equal([mark["keypoints"][:2] for mark in marks], POINTS)
    boxes = np.array([mark["bbox"] for mark in marks])
    assert np.allclose(boxes[:, :2] + boxes[:, 2:] / 2, POINTS)
    assert {i["file_name"]: len(loaded.getAnnIds(i["id"])) for i in loaded.loadImgs(loaded.getImgIds())} == {
        "a.jpg": 3,
        "b.png": 0,
        "c.jpg": 0,
    }


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_supervision_reads_ours_and_we_read_its(name: str, photos: Mapping[str, Path], tmp_path: Path) -> None:
    folder = str(photos["a.jpg"].parent)
    out = write(name, tmp_path / ("coco.json" if name == "coco" else "yolo"), photos)
    if name == "coco":
        dataset = sv.DetectionDataset.from_coco(folder, str(out))
        dataset.as_coco(annotations_path=str(tmp_path / "theirs.json"))
        theirs, empty = tmp_path / "theirs.json", "clean"
    else:
        dataset = sv.DetectionDataset.from_yolo(folder, str(out / "labels"), str(out / "data.yaml"))
        theirs, empty = tmp_path / "theirs", "new"
        dataset.as_yolo(annotations_directory_path=str(theirs / "labels"), data_yaml_path=str(theirs / "data.yaml"))
    found = {Path(path).name: detections.xyxy for path, _, detections in dataset}
    assert np.allclose((found["a.jpg"][:, :2] + found["a.jpg"][:, 2:]) / 2, POINTS, atol=0.01)
    assert len(found["b.png"]) == 0
    back = read(name, theirs, photos, empty=empty)
    assert np.allclose(xy(back["a.jpg"]), POINTS, atol=0.01)
    assert back["b.png"].status == "clean"


def test_labelme_loads_ours_and_saves_what_we_read(photos: Mapping[str, Path], tmp_path: Path) -> None:
    label_file = pytest.importorskip("labelme._label_file", reason="labelme is not installed here: make test-formats")
    out = write("labelme", tmp_path / "labelme", photos)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for path in sorted(out.glob("*.json")):
        loaded = label_file.LabelFile(str(path))
        if path.stem == "a":
            assert np.array_equal([shape["points"][0] for shape in loaded.shapes], POINTS)
            assert {shape["shape_type"] for shape in loaded.shapes} == {"point"}
        assert loaded.flags == {"clean": path.stem == "b", "skipped": path.stem == "c"}
        width, height = SIZES[loaded.image_path.rpartition("/")[2]]
        loaded.save(
            filename=str(theirs / path.name),
            shapes=[{k: v for k, v in shape.items() if k != "other_data"} for shape in loaded.shapes],
            image_path=loaded.image_path,
            image_height=height,
            image_width=width,
            image_data=None,
            other_data=loaded.other_data,
            flags=loaded.flags,
        )
    back = importing.read(theirs, photos, "import", "labelme")
    assert [(a.status, a.annotator) for a in back.annotations] == [
        ("marked", "ann"),
        ("clean", "bob"),
        ("skipped", "bob"),
    ]
    assert back.groups == GROUPS


def test_label_studio_reads_our_tasks(photos: Mapping[str, Path], tmp_path: Path) -> None:
    converter = pytest.importorskip(
        "label_studio_sdk.converter", reason="label-studio-sdk is not installed here: make test-formats"
    )
    out = write("label-studio", tmp_path / "tasks.json", photos)
    tool = converter.Converter(INTERFACE, project_dir=str(tmp_path), download_resources=False)
    tool.convert_to_json_min(str(out), str(tmp_path / "theirs"), is_dir=False)
    by_name = {Path(t["image"]).name: t for t in json.loads((tmp_path / "theirs" / "result.json").read_text())}
    marks = by_name["/data/local-files/?d=a.jpg".rpartition("/")[2]]["dent"]
    assert np.allclose([(m["x"] * 6.4, m["y"] * 4.8) for m in marks], POINTS, atol=0.01)
    assert {m["keypointlabels"][0] for m in marks} == {"dent"}


def test_label_studio_imports_our_coco_and_we_read_that(photos: Mapping[str, Path], tmp_path: Path) -> None:
    imports = pytest.importorskip(
        "label_studio_sdk.converter.imports.coco", reason="label-studio-sdk is not installed here: make test-formats"
    )
    out = write("coco", tmp_path / "coco.json", photos)
    imports.convert_coco_to_ls(str(out), str(tmp_path / "tasks.json"), out_type="annotations")
    back = read("label-studio", tmp_path / "tasks.json", photos)
    assert np.allclose(xy(back["a.jpg"]), POINTS, atol=0.01)
    assert back["b.png"].status == "clean"


def test_datumaro_reads_our_keypoints(photos: Mapping[str, Path], tmp_path: Path) -> None:
    dm = pytest.importorskip("datumaro", reason="datumaro is not installed here: make test-formats")
    write("coco", tmp_path / "annotations" / "person_keypoints_train.json", photos)
    loaded = dm.Dataset.import_from(str(tmp_path), "coco_person_keypoints")
    found = [
        mark.points for item in loaded if item.id == "a" for mark in item.annotations if hasattr(mark, "visibility")
    ]
    assert np.allclose(sorted(found), POINTS, atol=0.01)


def test_datumaro_reads_our_cvat_and_we_read_its(photos: Mapping[str, Path], tmp_path: Path) -> None:
    dm = pytest.importorskip("datumaro", reason="datumaro is not installed here: make test-formats")
    (tmp_path / "cvat").mkdir()
    shutil.copytree(photos["a.jpg"].parent, tmp_path / "cvat" / "images")
    write("cvat", tmp_path / "cvat" / "annotations.xml", photos)
    loaded = dm.Dataset.import_from(str(tmp_path / "cvat"), "cvat")
    by_id = {item.id: item.annotations for item in loaded}
    assert np.allclose([mark.points for mark in by_id["a"]], POINTS, atol=0.01)
    names = [label.name for label in loaded.categories()[dm.AnnotationType.label]]
    assert [names[mark.label] for i in "bc" for mark in by_id[i]] == ["clean", "skipped"]
    loaded.export(str(tmp_path / "theirs"), "cvat", save_media=False)
    (theirs,) = (tmp_path / "theirs").glob("*.xml")
    back = read("cvat", theirs, photos)
    assert np.allclose(xy(back["a.jpg"]), POINTS, atol=0.01)
    assert [back[name].status for name in ("b.png", "c.jpg")] == ["clean", "skipped"]
