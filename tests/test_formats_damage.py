"""Damaged label files: refused in one line that names the file, never a traceback, never half read."""

import copy
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dentline.errors import DentlineError
from labeling import importing
from labeling.annotation import Annotation, Center
from labeling.formats import registry
from labeling.formats.outgoing import Outgoing

JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    float("nan"),
    "",
    "x",
    "a.jpg",
    [],
    [[]],
    {},
    [1, 2],
    {"id": []},
    "1e9",
)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TOLD = (
    Annotation("a.jpg", 64, 48, (Center(10.25, 20.5), Center(30, 40)), "marked", "ann", 1, NOW),
    Annotation("b.jpg", 64, 48, (), "clean", "ann", 1, NOW),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(folder / name), np.zeros((48, 64, 3), np.uint8))
    return {name: folder / name for name in ("a.jpg", "b.jpg")}


def read(source: Path, name: str, photos: Mapping[str, Path]) -> None:
    """Read, or be refused in one line."""
    try:
        importing.read(source, photos, "ann", name)
    except DentlineError as error:
        assert "\n" not in str(error)
        assert source.name in str(error)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def damaged(content: Any, rng: random.Random) -> Any:
    changed = copy.deepcopy(content)
    *way, last = rng.choice([place for place in places(changed) if place])
    node = changed
    for key in way:
        node = node[key]
    if rng.random() < 0.3:
        del node[last]
    else:
        node[last] = rng.choice(JUNK)
    return changed


@pytest.mark.parametrize("name", ["coco", "label-studio", "labelme"])
def test_json_with_any_field_wrong(name: str, photos: Mapping[str, Path], tmp_path: Path) -> None:
    out = tmp_path / ("out" if name == "labelme" else "out.json")
    registry.named(name).write(out, Outgoing(TOLD, photos, {"a.jpg": "P1"}))
    sound = json.loads((out / "a.json" if name == "labelme" else out).read_text())
    rng = random.Random(0)
    for number in range(400):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(damaged(sound, rng)))
        registry.named(name).recognises(path)
        read(path, name, photos)
    for text in ("", "{", "[]", "{}", "null", "[1]", '[{"data": 3}]', "\x00", "[" * 100_000):
        path = tmp_path / "whole.json"
        path.write_text(text)
        registry.named(name).recognises(path)
        read(path, name, photos)


@pytest.mark.parametrize("name", ["csv", "yolo", "cvat"])
def test_text_with_any_bytes_wrong(name: str, photos: Mapping[str, Path], tmp_path: Path) -> None:
    out = tmp_path / {"csv": "out.csv", "cvat": "out.xml", "yolo": "out"}[name]
    registry.named(name).write(out, Outgoing(TOLD, photos))
    files = [out] if out.is_file() else [p for p in out.rglob("*") if p.is_file()]
    rng = random.Random(0)
    for path in files:
        sound = path.read_bytes()
        for _ in range(250):
            data = bytearray(sound)
            for _ in range(rng.randint(1, 3)):
                at = rng.randrange(len(data) + 1)
                data[at : at + rng.randint(0, 4)] = rng.choice(
                    (b"", b"\xff", b"\x00", b"x", b"-", b"1e9", b",", b"\n", b'"', b"<")
                )
            path.write_bytes(data)
            registry.named(name).recognises(out)
            read(out, name, photos)
        path.write_bytes(sound)
