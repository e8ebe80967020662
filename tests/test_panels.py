"""Generated photos of panels: the same bytes again, the truth where the dent is, the tiles' layout."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dentline.errors import DentlineError
from samples import sheet as sheets
from samples.panels import SIZES, STEEPEST, generate, photos, take


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    made = generate(tmp_path / "a", n_panels=2, photos_per_panel=2, seed=5)
    assert generate(tmp_path / "b", n_panels=2, photos_per_panel=2, seed=5) == made
    generate(tmp_path / "c", n_panels=2, photos_per_panel=2, seed=6)
    names = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(names) == 4 + 2
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a/centers.csv").read_bytes() != (tmp_path / "c/centers.csv").read_bytes()


def test_files_are_laid_out_as_the_benchmarks_read_them(tmp_path: Path) -> None:
    made = generate(tmp_path, n_panels=5, photos_per_panel=3, seed=1)
    images, centers = rows(tmp_path / "images.csv"), rows(tmp_path / "centers.csv")
    assert (made.n_parts, made.n_photos, made.n_points) == (5, len(images), len(centers)) == (5, 15, len(centers))
    assert {r["image"] for r in images} == {p.name for p in (tmp_path / "photos").iterdir()}
    assert len({r["part"] for r in images}) == 5
    dented = {r["image"] for r in images if r["surface"] == "dent"}
    assert {r["image"] for r in centers} == dented
    assert 0 < len(dented) < len(images)
    for row in centers:
        height, width = cv2.imread(str(tmp_path / "photos" / row["image"])).shape[:2]
        assert (width, height) in SIZES
        assert 0 <= float(row["x"]) < width and 0 <= float(row["y"]) < height


def test_a_folder_with_photos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(DentlineError, match="holds files already"):
        generate(tmp_path, 1, 1)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["mine.jpg"]


def test_photos_of_one_panel_differ_in_light_and_place() -> None:
    one, two = (cv2.imdecode(np.frombuffer(p.data, np.uint8), 0).astype(float) for p in photos(1, 2, 7))
    assert one.shape == two.shape
    assert np.abs(one - two).mean() > 5


@pytest.mark.parametrize("seed", range(6))
def test_truth_is_where_the_dent_is(seed: int) -> None:
    """A black disc painted on the sheet at each centre is found there on the photo, to half a pixel."""
    width, height = 640, 480
    sheet = sheets.draw(np.random.default_rng(seed), width, height, 3, STEEPEST)
    shape = sheet.gloss.shape
    paint = np.full((*shape, 3), 0.6, np.float32)
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    for dent in sheet.dents:
        paint[np.hypot(x - dent[0], y - dent[1]) < 7] = 0
    flat = np.zeros(shape, np.float32)
    marked = replace(sheet, paint=paint, gloss=flat, slope_x=flat, slope_y=flat)
    jpeg, dents = take(marked, np.zeros(2), (width, height), np.random.default_rng(seed))
    dark = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 0).astype(float)
    assert len(dents) >= 2
    for dx, dy in dents:
        left, top = round(dx) - 14, round(dy) - 14
        if left < 0 or top < 0 or left + 28 > width or top + 28 > height:
            continue
        window = dark[top : top + 28, left : left + 28]
        weight = np.maximum(window.max() - window - 0.3 * np.ptp(window), 0)
        wy, wx = np.mgrid[:28, :28] + 0.5
        found = np.array([(wx * weight).sum(), (wy * weight).sum()]) / weight.sum() + [left, top]
        assert np.abs(found - [dx, dy]).max() < 0.5


@pytest.mark.parametrize("seed", range(4))
def test_a_dent_changes_the_shape_and_not_the_paint(seed: int) -> None:
    dented = sheets.draw(np.random.default_rng(seed), 640, 480, 2, STEEPEST)
    for x, y in dented.dents.astype(int):
        near = np.hypot(dented.slope_x, dented.slope_y)[y - 12 : y + 12, x - 12 : x + 12]
        assert near.max() > 0.08
    assert sheets.draw(np.random.default_rng(seed), 640, 480, 0, STEEPEST).dents.shape == (0, 2)
